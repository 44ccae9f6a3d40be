"""farm.toml: the lab's settings. Every one has a default; the file and docs/settings.md list them all."""

from __future__ import annotations

import datetime
import ipaddress
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from farm import tomlfile
from farm.assess.limits import LIMITS, Limits
from farm.errors import SettingsError

FILE = "farm.toml"
VARIABLE = "FARM_CONFIG"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Api(_Section):
    """Where the daemon listens, and how much it takes."""

    tls_cert: str = ""
    """PEM file of the certificate and those that lead to its signer; with it the daemon speaks https only."""
    tls_key: str = Field(default="", validate_default=True)
    """PEM file of its key, without a passphrase."""
    host: str = "127.0.0.1"
    port: int = Field(default=8377, ge=1, le=65535)
    names: tuple[str, ...] = ()
    """Under which other machines reach it: names or addresses, with `:PORT` where that is not `port`."""
    artifact_limit_mb: int = Field(default=4096, ge=1)
    """Largest single file a client may upload, MiB."""
    connections: int = Field(default=256, ge=1, le=10_000)
    """At once; one more is told to come again."""
    read_timeout_s: float = Field(default=30.0, gt=0)
    """A request that does not go on for so long is ended."""
    disk_floor_mb: int = Field(default=1024, ge=0)
    """Less free space than this, MiB, is told by /api/ready."""

    @field_validator("tls_key")
    @classmethod
    def _both(cls, key: str, info: ValidationInfo) -> str:
        if bool(key) != bool(info.data.get("tls_cert")):
            raise ValueError("tls_cert and tls_key go together")
        return key

    @field_validator("host")
    @classmethod
    def _loopback(cls, host: str, info: ValidationInfo) -> str:
        try:
            inside = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            inside = False
        if not inside and not info.data.get("tls_key"):
            raise ValueError(
                "must be a loopback address; set tls_cert and tls_key, or reach other machines through an SSH tunnel"
            )
        return host


class ClientSide(_Section):
    """How commands reach a lab on another machine."""

    ca: str = ""
    """PEM file of who signed its certificate; empty: whom this computer trusts anyway."""


class Adb(_Section):
    """The adb server that holds the devices."""

    host: str = "127.0.0.1"
    port: int = Field(default=5037, ge=1, le=65535)
    deadline_s: float = Field(default=15.0, gt=0)
    """Wall clock around one small adb request."""
    poll_s: float = Field(default=2.0, gt=0)
    """Between two attempts to get devices on TCP back, and two looks for virtual phones."""


class Runs(_Section):
    """How often a run is tried, and how long things may be silent."""

    attempts: int = Field(default=2, ge=1, le=10)
    lease_s: float = Field(default=120.0, gt=0)
    """A run that gives no sign of life for so long beyond its pass timeout loses its device."""
    device_wait_s: float = Field(default=90.0, gt=0)
    """A queued run whose device is away for so long fails."""
    retry_s: float = Field(default=5.0, ge=0)
    """Before a run is tried again; doubled with each attempt."""
    drain_s: float = Field(default=60.0, ge=0)
    """What runs may take so long to end once the daemon is asked to."""
    conditions_retry_s: float = Field(default=30.0, gt=0)
    """Before a run that found its device too hot, charging or busy looks again."""
    conditions_wait_s: float = Field(default=3600.0, ge=0)
    """A run that waited so long for conditions fails."""


class Retention(_Section):
    """How long files are kept. What was measured and concluded stays for ever; 0 is no limit."""

    disk_gb: float = Field(default=100.0, ge=0)
    """Of all artifacts together, 10^9 bytes: captures go first, then tensors, evidence, models and frames."""
    capture_days: float = Field(default=0.0, ge=0)
    """Age at which a capture goes."""
    tensor_days: float = Field(default=30.0, ge=0)
    """Age at which goes what was computed from captures and models, and can be again."""
    evidence_days: float = Field(default=0.0, ge=0)
    """Age at which the evidence of a failed run goes."""
    model_days: float = Field(default=0.0, ge=0)
    """Age at which a model or a frame goes, once no capture of its jobs is kept."""
    every_h: float = Field(default=6.0, gt=0)
    """Hours between two looks."""


class Log(_Section):
    """What `farm up` writes down of what it does."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"
    """On stderr: for people, or one JSON object a line."""
    file: bool = False
    """Also JSON lines in data/logs, rotated."""


class Queue(_Section):
    """What users are owed."""

    fairness: float = Field(default=1.0, ge=0)
    """Seconds that a second of device time had lately puts a user's runs back."""
    window_s: float = Field(default=6 * 3600.0, gt=0)
    """How long device time counts."""


class Sentinel(_Section):
    """One golden model on every device every night."""

    at: str = Field(default="03:30", pattern=r"^(|[01]\d:[0-5]\d|2[0-3]:[0-5]\d)$")
    """Local time, HH:MM; empty: never."""

    @property
    def time(self) -> datetime.time | None:
        """`at`, as a time of day."""
        return datetime.time.fromisoformat(self.at) if self.at else None


class User(_Section):
    """A user's share and limits."""

    name: str = Field(min_length=1)
    share: float = Field(default=1.0, gt=0)
    """2: device time counts half."""
    devices: int | None = Field(default=None, ge=1)
    """At once."""
    runs: int | None = Field(default=None, ge=1)
    """Waiting or running."""


class Fleet(_Section):
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


class Conditions(_Section):
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


class Samples(_Section):
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


class Meter(_Section):
    """An external power meter."""

    command: tuple[str, ...] = ()
    """Prints lines `UNIX_SECONDS WATTS` as long as it runs; {serial} is the device's."""


class Hub(_Section):
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


class Host(_Section):
    """A further adb server; its devices are called SERIAL@NAME."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
    host: str = "127.0.0.1"
    port: int = Field(default=5037, ge=1, le=65535)


class DeviceNote(_Section):
    """What the lab calls a device."""

    serial: str = Field(min_length=1, max_length=200)
    name: str = Field(default="", max_length=60)
    pool: str = Field(default="", max_length=60)
    labels: tuple[str, ...] = ()
    port: str = Field(default="", max_length=60)
    """Of the switchable hub, as `hub.command` is told it."""


class Avd(_Section):
    """An emulator that lives as long as the daemon."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")
    port: int | None = Field(default=None, ge=5554, le=5682, multiple_of=2)
    """Of its console; adb calls it emulator-PORT. Left out: 5554, 5556, ... in order."""
    args: tuple[str, ...] = ()
    """More arguments of the `emulator` program."""


def _data() -> Path:
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path("~/.local/share").expanduser()) / "farm"


class Settings(_Section):
    """All settings."""

    data: Path = Field(default_factory=_data)
    """Folder of everything that lasts; absolute once loaded."""
    api: Api = Api()
    client: ClientSide = ClientSide()
    adb: Adb = Adb()
    run: Runs = Runs()
    queue: Queue = Queue()
    assertions: Limits = LIMITS
    retention: Retention = Retention()
    log: Log = Log()
    user: tuple[User, ...] = ()
    sentinel: Sentinel = Sentinel()
    fleet: Fleet = Fleet()
    conditions: Conditions = Conditions()
    samples: Samples = Samples()
    meter: Meter = Meter()
    hub: Hub = Hub()
    host: tuple[Host, ...] = ()
    device: tuple[DeviceNote, ...] = ()
    avd: tuple[Avd, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> Settings:
        for key, names in (
            ("host", [h.name for h in self.host]),
            ("device", [d.serial for d in self.device]),
            ("device", [d.name for d in self.device if d.name]),
            ("avd", [a.port for a in self.avd if a.port is not None]),
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"two [[{key}]] have one name, serial or port")
        return self


def load(path: Path | None = None) -> Settings:
    """The settings of `path`, else of $FARM_CONFIG, else of ./farm.toml where it is there, else the defaults.

    Raises:
        SettingsError: the file cannot be read or is wrong (file, line and key).
    """
    file = find(path)
    if file is None:
        return Settings()
    settings = tomlfile.load(file, Settings, SettingsError)
    api, client = settings.api, settings.client
    files = {
        "tls_cert": _beside(api.tls_cert, "api.tls_cert", file),
        "tls_key": _beside(api.tls_key, "api.tls_key", file),
    }
    return settings.model_copy(
        update={
            "data": _absolute(settings.data, "data", file),
            "api": api.model_copy(update=files),
            "client": client.model_copy(update={"ca": _beside(client.ca, "client.ca", file)}),
        }
    )


def find(path: Path | None = None) -> Path | None:
    """The file that `load` reads; None where the defaults hold."""
    named = os.environ.get(VARIABLE)
    file = path or (Path(named) if named else None)
    if file is None and Path(FILE).is_file():
        return Path(FILE)
    return file


def _beside(name: str, key: str, file: Path) -> str:
    return str(_absolute(Path(name), key, file)) if name else ""


def _absolute(path: Path, key: str, file: Path) -> Path:
    try:
        return (file.absolute().parent / path.expanduser()).resolve()
    except RuntimeError as e:  # ~nobody
        raise SettingsError(f"{key}: {e}", where=str(file), remedy="write the folder in full") from e
