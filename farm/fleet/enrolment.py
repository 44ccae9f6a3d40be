"""What a device is and what can be measured on it, asked once and kept: one shell script, pure parsers of what it prints.

Sources: AOSP's `dumpsys` and `cmd`, Linux's Documentation/ABI/testing/sysfs-class-power and cpufreq.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from farm.errors import AdbError
from farm.fleet.health import parse_battery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.fleet.adb import AdbDevice

DEADLINE_S = 45.0
MARK = "==farm=="
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
QUESTIONS = {
    "cpus": "ls /sys/devices/system/cpu; cat /sys/devices/system/cpu/possible",
    "clusters": "for p in /sys/devices/system/cpu/cpufreq/policy*; do"
    " echo \"$p|$(cat $p/related_cpus 2>/dev/null)|$(cat $p/cpuinfo_max_freq 2>/dev/null)"
    "|$(cat $p/cpuinfo_min_freq 2>/dev/null)|$(cat $p/scaling_governor 2>/dev/null)"
    "|$(cat $p/scaling_cur_freq 2>/dev/null)\"; done",
    "memory": "cat /proc/meminfo",
    "battery": "dumpsys battery",
    "current_cmd": "cmd battery get -f current_now",
    "current_sysfs": "for f in /sys/class/power_supply/*/current_now; do echo \"$f|$(cat $f 2>/dev/null)\"; done",
    "rails": "dumpsys powerstats",
    "thermal": "dumpsys thermalservice",
    "zones": "for z in /sys/class/thermal/thermal_zone*; do"
    " echo \"$(cat $z/type 2>/dev/null)|$(cat $z/temp 2>/dev/null)\"; done",
    "smaps": "cat /proc/self/smaps_rollup",
    "taskset": "command -v taskset",
    "screen": "wm size; wm density",
    "storage": "df -k /data/local/tmp",
    # Set and put back at once: a mode that is refused says so, and one that is taken is not left on.
    "fixed": "cmd power set-fixed-performance-mode-enabled true; echo \"exit $?\";"
    " cmd power set-fixed-performance-mode-enabled false",
}  # fmt: skip
"""By section: a command line whose failure tells something too."""

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
    script = "\n".join(f"echo; echo '{MARK}{name}'; {{ {command}; }} 2>&1" for name, command in QUESTIONS.items())
    said = sections(device.script(script, DEADLINE_S).text)
    if not said:
        raise AdbError(
            "answered nothing that can be read", where=device.serial, remedy="try: adb shell dumpsys battery"
        )
    return read(said, properties)


def sections(text: str) -> dict[str, str]:
    """What was printed, by question."""
    found = {}
    for part in f"\n{text}".split(f"\n{MARK}")[1:]:
        name, _, said = part.partition("\n")
        found[name.strip()] = said.strip("\n")
    return found


def read(said: Mapping[str, str], properties: Mapping[str, str]) -> Enrolment:
    """What the sections say; what cannot be read is not known, never an error."""
    clusters = parse_clusters(said.get("clusters", ""))
    free, total = parse_df(said.get("storage", ""))
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
        cpus=count_cpus(said.get("cpus", "")) or sum(len(c.cpus) for c in clusters),
        clusters=clusters,
        memory=parse_memory(said.get("memory", "")),
        storage_free=free,
        storage_total=total,
        capabilities=Capabilities(
            battery_current=parse_current(
                said.get("current_cmd", ""), said.get("current_sysfs", ""), said.get("battery", "")
            ),
            power_rails=parse_rails(said.get("rails", "")),
            thermal_service="Thermal Status:" in said.get("thermal", ""),
            thermal_zones=parse_zones(said.get("zones", "")),
            smaps_rollup=re.search(r"^Pss:\s+\d+ kB", said.get("smaps", ""), re.MULTILINE) is not None,
            governor=any(c.governor for c in clusters),
            clocks=any(c.clock_readable for c in clusters),
            taskset="taskset" in said.get("taskset", "").partition("\n")[0] and "not found" not in said["taskset"],
            fixed_performance="exit 0" in said.get("fixed", "").splitlines(),
            screen=parse_screen(said.get("screen", "")),
        ),
    )


def count_cpus(text: str) -> int:
    """The CPUs there are: of /sys/devices/system/cpu's `possible`, else its folders."""
    ranges = re.findall(r"^(\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*)$", text, re.MULTILINE)
    if ranges:
        pairs = [part.split("-") for part in ranges[-1].split(",")]
        return sum(max(0, int(pair[-1]) - int(pair[0]) + 1) for pair in pairs)
    return len(set(re.findall(r"(?<!\w)cpu\d{1,4}(?!\w)", text)))


def parse_clusters(text: str) -> tuple[Cluster, ...]:
    """Lines PATH|CPUS|MAX|MIN|GOVERNOR|NOW, in kHz, from the slowest to the fastest."""
    found = []
    for line in text.splitlines():
        fields = line.split("|")
        cpus = tuple(int(c) for c in re.findall(r"\d{1,4}", fields[1])) if len(fields) == 6 else ()
        if cpus:
            most, least, now = (_number(fields[i]) for i in (2, 3, 5))
            governor = fields[4].strip() if re.fullmatch(r"[a-z_]{1,40}", fields[4].strip()) else ""
            found.append(
                Cluster(cpus=cpus, max_khz=most, min_khz=least, governor=governor, clock_readable=now is not None)
            )
    return tuple(sorted(found, key=lambda c: (c.max_khz or 0, c.cpus)))


def parse_current(command: str, sysfs: str, battery: str) -> BatteryCurrent:
    """From `cmd battery get current_now`, lines PATH|VALUE of /sys, and `dumpsys battery` of the same moment."""
    told = [("cmd battery", command.strip())]
    told += [(path, value.strip()) for path, _, value in (line.partition("|") for line in sysfs.splitlines())]
    readable = [(source, int(value)) for source, value in told if re.fullmatch(r"-?\d{1,12}", value)]
    if not readable:
        return BatteryCurrent()
    # A battery's own node before a charger's; one that is not always 0 before one that is.
    source, value = min(
        readable, key=lambda r: (r[1] == 0, r[0] != "cmd battery", not re.search(r"/(battery|bms|bat\w*)/", r[0]), r[0])
    )
    status = parse_battery(battery).status
    sign = UNKNOWN
    if value and status in {"charging", "discharging"}:
        sign = "positive charges" if (value > 0) == (status == "charging") else "positive discharges"
    return BatteryCurrent(
        readable=True, source=source, unit="uA" if abs(value) >= PLAINLY_MICRO else UNKNOWN, sign=sign
    )


def parse_rails(text: str) -> tuple[str, ...]:
    """The meter's channels, out of `dumpsys powerstats` (Android 12 and later)."""
    found = re.findall(r"ChannelId: \d{1,4}, ChannelName: ([^,\n]{1,80})(?:, ChannelSubsystem: ([^,\n]{1,80}))?", text)
    return tuple(dict.fromkeys(f"{subsystem.strip()}/{name.strip()}".lstrip("/") for name, subsystem in found))


def parse_zones(text: str) -> tuple[str, ...]:
    """Types of the zones whose temperature is a number: lines TYPE|MILLIDEGREES."""
    rows = (line.partition("|") for line in text.splitlines())
    return tuple(kind for kind, _, value in rows if kind and _number(value.strip().removeprefix("-")) is not None)


def parse_memory(text: str) -> int | None:
    """Bytes of memory, out of /proc/meminfo."""
    found = re.search(r"^MemTotal:\s+(\d{1,15}) kB", text, re.MULTILINE)
    return int(found[1]) << 10 if found else None


def parse_df(text: str) -> tuple[int | None, int | None]:
    """Free and total bytes, out of the last line of `df -k`."""
    numbers = re.search(r"\s(\d{1,15})\s+(\d{1,15})\s+(\d{1,15})\s+\d{1,3}%", text)
    return (int(numbers[3]) << 10, int(numbers[1]) << 10) if numbers else (None, None)


def parse_screen(text: str) -> str:
    """`1080x2400 at 420 dpi`, out of `wm size` and `wm density`; an override counts."""
    sizes = re.findall(r"^\w+ size: (\d{1,5}x\d{1,5})", text, re.MULTILINE)
    densities = re.findall(r"^\w+ density: (\d{1,5})", text, re.MULTILINE)
    return f"{sizes[-1]}{f' at {densities[-1]} dpi' if densities else ''}" if sizes else ""


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else None
