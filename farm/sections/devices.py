"""Devices: their health, the conditions under which they are measured, what is sampled, power and ports."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from farm.sections.base import Section


class Fleet(Section):
    """When a device is good for work, and when it is left alone."""

    probe_s: float = Field(default=15.0, gt=0)
    """Between two signs of life asked of an idle device."""
    answer_s: float = Field(default=5.0, gt=0)
    """A device that does not answer a probe for so long is offline, whatever adb says."""
    vitals_s: float = Field(default=60.0, gt=0)
    """Between two looks at an idle device's battery and heat."""
    debounce_s: float = Field(default=3.0, ge=0)
    """A device that is back within so many seconds was not away."""
    battery_min: int = Field(default=20, ge=0, le=100)
    """Percent; below it a device only charges."""
    battery_ready: int = Field(default=30, ge=0, le=100)
    """Percent at which a charging device works again; at least `battery_min`."""
    battery_max_c: float = Field(default=42.0, gt=0)
    """Degrees Celsius of the battery; above it a device only cools."""
    battery_cool_c: float = Field(default=38.0, gt=0)
    """Degrees at which a cooling device works again; at most `battery_max_c`."""
    thermal_max: Literal["none", "light", "moderate", "severe", "critical", "emergency"] = "light"
    """Android's thermal status; above it a device only cools."""
    quarantine_after: int = Field(default=3, ge=1)
    """Infrastructure errors in a row that put a device into quarantine."""
    golden: bool = True
    """Prove at enrolment that the device computes the bundled model as the reference does."""

    @model_validator(mode="after")
    def _bounds_are_in_order(self) -> Fleet:
        if self.battery_ready < self.battery_min:
            raise ValueError("battery_ready must not be below battery_min")
        if self.battery_cool_c > self.battery_max_c:
            raise ValueError("battery_cool_c must not be above battery_max_c")
        return self


Thermal = Literal["none", "light", "moderate", "severe", "critical", "emergency"]


class App(Section):
    """The farm's own app, for runs with `--context app`."""

    apk: str = ""
    """File of another build than the farm's own, say one signed by the lab; empty: the farm's."""


class Conditions(Section):
    """What a device must be like to be measured, and what is done when it is not (docs/measuring.md)."""

    battery_min: int = Field(default=15, ge=0, le=100)
    """Percent."""
    battery_max: int = Field(default=100, ge=0, le=100)
    """Percent; many chargers heat a battery most near its end."""
    charging: Literal["mark", "refuse"] = "mark"
    battery_max_c: float = Field(default=40.0, gt=0)
    """Degrees Celsius of the battery."""
    thermal_max: Thermal = "light"
    storage_min_mb: int = Field(default=16, ge=0)
    """Free in /data/local/tmp beside what the run itself needs, MiB."""
    screen: Literal["any", "on", "off"] = "any"
    """on: awake and not locked."""
    doze: Literal["mark", "refuse"] = "refuse"
    """Of deep Doze."""
    load_max: float = Field(default=0.5, gt=0, le=1)
    """Share of all CPUs that others may use."""
    cooldown_s: float = Field(default=60.0, ge=0)
    """On the lease, for heat and load to pass: before the first pass, and before each further one that measures."""
    cool_within_c: float = Field(default=2.0, gt=0)
    """Kelvin above the temperature at the run's start that count as cooled down."""
    fixed_performance: bool = False
    """Ask for Android's fixed-performance mode (11 and later) while a run lasts."""
    awake: bool = False
    """Keep the screen on while a run lasts."""
    throttled: Literal["mark", "again"] = "mark"
    again: int = Field(default=1, ge=1, le=10)
    """How often a throttled pass is taken again, with `throttled = "again"`."""
    drift: float = Field(default=0.1, gt=0)
    """Of latency from the first invocation to the last, as a share, from which a significant trend counts as throttling."""
    host_cpu_lock: bool = True
    """Virtual phones and references measure one at a time on this computer."""

    @model_validator(mode="after")
    def _battery_is_in_order(self) -> Conditions:
        if self.battery_max < self.battery_min:
            raise ValueError("battery_max must not be below battery_min")
        return self


class Samples(Section):
    """What is read beside the frames."""

    period_ms: int = Field(default=200, ge=0, le=60_000)
    """Of the agent's sampler; 0: none."""
    idle_s: float = Field(default=1.0, ge=0, le=600)
    """Of doing nothing before the latency pass, for the idle power; 0: no energy."""
    pss: bool = False
    """Also proportional memory, which walks all pages."""
    host: Literal["needed", "always", "never"] = "needed"
    """Ask dumpsys over adb beside the agent: for what the agent cannot read, always, or never."""
    host_s: float = Field(default=1.0, ge=0.2, le=60)
    """Between two such questions."""


class Trace(Section):
    """Perfetto traces, where a submission asks for them."""

    size_mb: int = Field(default=64, ge=1, le=1024)
    """Largest file, MiB; a trace that is full ends, its pass does not."""
    poll_ms: int = Field(default=250, ge=100, le=60_000)
    """Between two readings of rails and battery."""


class Meter(Section):
    """An external power meter."""

    command: tuple[str, ...] = ()
    """Prints lines `UNIX_SECONDS WATTS` as long as it runs; {serial} is the device's."""


class Hub(Section):
    """Switchable USB ports, and how full batteries are kept."""

    command: tuple[str, ...] = ()
    """Switches a port: {port} is the device's, {action} `on` or `off`."""
    charge_from: int = Field(default=30, ge=0, le=100)
    """Percent at which charging begins ..."""
    charge_to: int = Field(default=80, ge=0, le=100)
    """... and at which it ends."""
    rest_s: float = Field(default=3600.0, gt=0)
    """A port that was off for so long is switched on to look."""
    look_s: float = Field(default=60.0, gt=0)
    """Between two looks."""
    deadline_s: float = Field(default=15.0, gt=0)
    """Of the command."""

    @model_validator(mode="after")
    def _window_is_open(self) -> Hub:
        if self.charge_to <= self.charge_from:
            raise ValueError("charge_to must be above charge_from")
        return self


class Host(Section):
    """A further adb server; its devices are called SERIAL@NAME."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    host: str = "127.0.0.1"
    port: int = Field(default=5037, ge=1, le=65535)


class DeviceNote(Section):
    """What the lab calls a device."""

    serial: str = Field(min_length=1, max_length=200)
    name: str = Field(default="", max_length=60)
    pool: str = Field(default="", max_length=60)
    labels: tuple[str, ...] = ()
    port: str = Field(default="", max_length=60)
    """Of the switchable hub, as `hub.command` is told it."""


class Avd(Section):
    """An emulator that lives as long as the daemon."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")
    port: int | None = Field(default=None, ge=5554, le=5682, multiple_of=2)
    """Of its console; adb calls it emulator-PORT. Left out: 5554, 5556, ... in order."""
    args: tuple[str, ...] = ()
    """More arguments of the `emulator` program."""
