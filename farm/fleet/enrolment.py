"""What a device is and what can be measured on it, asked once and kept: several of the catalogue's commands in one line,
and what their answers mean together."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from farm.android.commands import battery, files, kernel, power, thermal, window
from farm.android.script import together
from farm.errors import AdbError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.android.command import Line
    from farm.fleet.adb import AdbDevice

DEADLINE_S = 45.0
UNKNOWN = "unknown until calibrated"
PLAINLY_MICRO = 20_000
"""No phone draws 20 A: a current of so many units is in uA. The spec says uA always; some makers report mA."""
KEPT = (
    "ro.board.platform", "ro.build.fingerprint", "ro.build.id", "ro.build.type", "ro.build.version.release",
    "ro.build.version.sdk", "ro.build.version.security_patch", "ro.farm.virtual", "ro.hardware", "ro.kernel.qemu", "ro.boot.qemu",
    "ro.product.brand", "ro.product.cpu.abi", "ro.product.cpu.abilist", "ro.product.device", "ro.product.manufacturer",
    "ro.product.model", "ro.serialno", "ro.soc.manufacturer", "ro.soc.model",
)  # fmt: skip
"""The properties that say what a device is."""
QUESTIONS: Mapping[str, Line[Any]] = {
    "cpus": kernel.cpus(),
    "clusters": kernel.policies(),
    "memory": kernel.memory(),
    "battery": battery.dump(),
    "current_cmd": battery.current(),
    "current_sysfs": kernel.currents(),
    "rails": power.rails(),
    "thermal": thermal.dump(),
    "zones": kernel.zones(),
    "smaps": kernel.smaps(),
    "taskset": kernel.taskset(),
    "screen": window.screen(),
    "storage": files.free(files.FOLDER),
    "fixed": power.try_fixed_performance(),
}
"""By section: a command whose failure tells something too."""

Parity = Literal["equal", "differs", "crashed", "no-agent", "not-run"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # an older record may have more


class Cluster(_Model):
    """CPUs behind one clock. kHz; None: not readable."""

    cpus: tuple[int, ...]
    max_khz: int | None = None
    min_khz: int | None = None
    governor: str = ""
    """Empty: not readable."""
    clock_readable: bool = False


class BatteryCurrent(_Model):
    """Where the battery's current can be read, and in what unit and sign as far as one look tells."""

    readable: bool = False
    source: str = ""
    """`cmd battery` or a path under /sys; empty when nothing tells."""
    unit: str = UNKNOWN
    """`uA` when the figure cannot be anything else."""
    sign: str = UNKNOWN
    """`positive charges` or `positive discharges`, from one look while it did."""


class Capabilities(_Model):
    """What can be measured and set there, as the shell user."""

    battery_current: BatteryCurrent = BatteryCurrent()
    power_rails: tuple[str, ...] = ()
    """Channels of an on-device meter (`dumpsys powerstats`), SUBSYSTEM/NAME."""
    thermal_service: bool = False
    thermal_zones: tuple[str, ...] = ()
    """Types of the zones in /sys whose temperature is readable."""
    smaps_rollup: bool = False
    governor: bool = False
    clocks: bool = False
    taskset: bool = False
    fixed_performance: bool = False
    screen: str = ""
    """WIDTHxHEIGHT at DENSITY dpi; empty without one."""


class Golden(_Model):
    """Whether the device computes the bundled model as the reference does."""

    parity: Parity = "not-run"
    detail: str = ""
    max_abs: float | None = None
    """Largest difference of an output, absolute."""
    seconds: float | None = None


class Enrolment(_Model):
    """All that is known of a device. `at` in Unix seconds, sizes in bytes."""

    at: float
    fingerprint: str
    manufacturer: str = ""
    model: str = ""
    soc: str = ""
    android: str = ""
    sdk: int | None = None
    security_patch: str = ""
    abis: tuple[str, ...] = ()
    cpus: int = 0
    clusters: tuple[Cluster, ...] = ()
    memory: int | None = None
    storage_free: int | None = None
    storage_total: int | None = None
    capabilities: Capabilities = Capabilities()
    golden: Golden = Golden()


def ask(device: AdbDevice, properties: Mapping[str, str]) -> Enrolment:
    """Ask a device that has nothing else to do; the golden model is not part of it.

    Raises:
        AdbError: it answered nothing that can be read. Also DeadlineError, DeviceGoneError.
    """
    said = device.ask(together(QUESTIONS), DEADLINE_S)
    if not said:
        raise AdbError(
            "answered nothing that can be read", where=device.serial, remedy="try: adb shell dumpsys battery"
        )
    return read(said, properties)


def read(said: Mapping[str, str], properties: Mapping[str, str]) -> Enrolment:
    """What the sections say; what cannot be read is not known, never an error."""
    clusters = clusters_of(said.get("clusters", ""))
    free, total = files.parse_df(said.get("storage", ""))
    sdk = properties.get("ro.build.version.sdk", "")
    abis = properties.get("ro.product.cpu.abilist") or properties.get("ro.product.cpu.abi", "")
    return Enrolment(
        at=time.time(),
        fingerprint=properties.get("ro.build.fingerprint", ""),
        manufacturer=properties.get("ro.product.manufacturer", ""),
        model=properties.get("ro.product.model", ""),
        soc=properties.get("ro.soc.model", "") or properties.get("ro.board.platform", ""),
        android=properties.get("ro.build.version.release", ""),
        sdk=int(sdk) if sdk.isascii() and sdk.isdigit() and len(sdk) < 5 else None,
        security_patch=properties.get("ro.build.version.security_patch", ""),
        abis=tuple(abi.strip() for abi in abis.split(",") if abi.strip()),
        cpus=kernel.count_cpus(said.get("cpus", "")) or sum(len(c.cpus) for c in clusters),
        clusters=clusters,
        memory=kernel.parse_memory(said.get("memory", "")),
        storage_free=free,
        storage_total=total,
        capabilities=Capabilities(
            battery_current=parse_current(
                said.get("current_cmd", ""), said.get("current_sysfs", ""), said.get("battery", "")
            ),
            power_rails=power.parse_rails(said.get("rails", "")),
            thermal_service="Thermal Status:" in said.get("thermal", ""),
            thermal_zones=kernel.parse_zones(said.get("zones", "")),
            smaps_rollup=kernel.parse_smaps(said.get("smaps", "")),
            governor=any(c.governor for c in clusters),
            clocks=any(c.clock_readable for c in clusters),
            taskset=kernel.parse_taskset(said.get("taskset", "")),
            fixed_performance=power.parse_try(said.get("fixed", "")),
            screen=window.parse_screen(said.get("screen", "")),
        ),
    )


def clusters_of(text: str) -> tuple[Cluster, ...]:
    """The clusters that `kernel.policies` tells of, from the slowest to the fastest."""
    return tuple(
        Cluster(
            cpus=p.cpus, max_khz=p.max_khz, min_khz=p.min_khz, governor=p.governor, clock_readable=p.now_khz is not None
        )
        for p in kernel.parse_policies(text)
    )


def parse_current(command: str, sysfs: str, dumped: str) -> BatteryCurrent:
    """From `cmd battery get current_now`, lines PATH|VALUE of /sys, and `dumpsys battery` of the same moment."""
    asked = battery.parse_current(command)
    readable = [] if asked is None else [("cmd battery", asked)]
    readable += kernel.parse_currents(sysfs).items()
    if not readable:
        return BatteryCurrent()
    # A battery's own node before a charger's; one that is not always 0 before one that is.
    source, value = min(
        readable, key=lambda r: (r[1] == 0, r[0] != "cmd battery", not re.search(r"/(battery|bms|bat\w*)/", r[0]), r[0])
    )
    status = battery.parse_battery(dumped).status
    sign = UNKNOWN
    if value and status in {"charging", "discharging"}:
        sign = "positive charges" if (value > 0) == (status == "charging") else "positive discharges"
    return BatteryCurrent(
        readable=True, source=source, unit="uA" if abs(value) >= PLAINLY_MICRO else UNKNOWN, sign=sign
    )
