"""What the kernel tells in /proc and /sys: proc(5), Documentation/ABI/testing, Documentation/admin-guide/pm/cpufreq.rst."""

from __future__ import annotations

import re
from dataclasses import dataclass

from farm.android.command import Command, as_is, fixed, of_text


@dataclass(frozen=True)
class Policy:
    """CPUs behind one clock. kHz; None: not readable."""

    cpus: tuple[int, ...]
    max_khz: int | None
    min_khz: int | None
    governor: str
    """Empty: not readable."""
    now_khz: int | None


def count_cpus(text: str) -> int:
    """The CPUs there are: of /sys/devices/system/cpu's `possible`, else its folders."""
    ranges = re.findall(r"^(\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?)*)$", text, re.MULTILINE)
    if ranges:
        pairs = [part.split("-") for part in ranges[-1].split(",")]
        return sum(max(0, int(pair[-1]) - int(pair[0]) + 1) for pair in pairs)
    return len(set(re.findall(r"(?<!\w)cpu\d{1,4}(?!\w)", text)))


def parse_policies(text: str) -> tuple[Policy, ...]:
    """Lines PATH|CPUS|MAX|MIN|GOVERNOR|NOW, in kHz, from the slowest to the fastest."""
    found = []
    for line in text.splitlines():
        fields = line.split("|")
        cpus = tuple(int(c) for c in re.findall(r"\d{1,4}", fields[1])) if len(fields) == 6 else ()
        if cpus:
            most, least, now = (_number(fields[i]) for i in (2, 3, 5))
            governor = fields[4].strip() if re.fullmatch(r"[a-z_]{1,40}", fields[4].strip()) else ""
            found.append(Policy(cpus, most, least, governor, now))
    return tuple(sorted(found, key=lambda p: (p.max_khz or 0, p.cpus)))


def parse_currents(text: str) -> dict[str, int]:
    """Lines PATH|VALUE, of those that are a number."""
    rows = (line.partition("|") for line in text.splitlines())
    return {path: int(value) for path, _, value in rows if re.fullmatch(r"-?\d{1,12}", value.strip())}


def parse_zones(text: str) -> tuple[str, ...]:
    """Types of the zones whose temperature is a number: lines TYPE|MILLIDEGREES."""
    rows = (line.partition("|") for line in text.splitlines())
    return tuple(kind for kind, _, value in rows if kind and _number(value.strip().removeprefix("-")) is not None)


def parse_memory(text: str) -> int | None:
    """Bytes of memory, out of /proc/meminfo."""
    found = re.search(r"^MemTotal:\s+(\d{1,15}) kB", text, re.MULTILINE)
    return int(found[1]) << 10 if found else None


def parse_smaps(text: str) -> bool:
    """Whether a process is told its proportional share."""
    return re.search(r"^Pss:\s+\d+ kB", text, re.MULTILINE) is not None


def parse_ticks(line: str) -> tuple[int, ...]:
    """The ticks of all CPUs since boot, in the order of proc(5): user, nice, system, idle, ...; empty where they are not told."""
    return tuple(int(n) for n in re.findall(r" (\d{1,18})", line)[:8]) if line[:4] == "cpu " else ()


def parse_load(before: str, after: str) -> float | None:
    """The busy share of all CPUs between two first lines of /proc/stat; None when they tell nothing."""
    rows = [row for row in map(parse_ticks, (before, after)) if row]
    if len(rows) != 2 or min(map(len, rows)) < 4:
        return None
    passed = [b - a for a, b in zip(*rows, strict=False)]
    whole = sum(passed)
    if whole <= 0:
        return None
    idle = passed[3] + (passed[4] if len(passed) > 4 else 0)
    return float(min(1.0, max(0.0, 1 - idle / whole)))


def parse_processes(text: str) -> dict[int, int]:
    """CPU ticks by process, out of /proc/PID/stat."""
    found = {}
    for line in text.splitlines():
        fields = line.rpartition(")")[2].split()
        pid = line.partition(" ")[0]
        numbers = fields[11:13]
        if pid.isascii() and pid.isdigit() and len(numbers) == 2 and all(n.isascii() and n.isdigit() for n in numbers):
            found[int(pid[:9])] = sum(int(n[:18]) for n in numbers)
    return found


def parse_uptime(text: str) -> float | None:
    """Seconds since boot."""
    found = re.match(r"(\d{1,12}\.\d\d) ", text)
    return float(found[1]) if found else None


def parse_count(text: str) -> int | None:
    """A number alone."""
    told = text.strip()
    return int(told) if re.fullmatch(r"[0-9]{1,4}", told) else None


def parse_nodes(text: str) -> frozenset[str]:
    """Which kinds of nodes were readable, from their paths."""
    kinds = {"power": ("current_now", "power_now"), "zones": ("/temp",), "clocks": ("scaling_cur_freq",)}
    paths = text.splitlines()
    return frozenset(kind for kind, ends in kinds.items() if any(path.strip().endswith(ends) for path in paths))


def parse_taskset(text: str) -> bool:
    """Whether there is such a program."""
    return "taskset" in text.partition("\n")[0] and "not found" not in text


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else None


cpus = Command(
    "kernel.cpus", fixed("ls /sys/devices/system/cpu; cat /sys/devices/system/cpu/possible"), of_text(count_cpus),
    source="Linux, sysfs-devices-system-cpu", recorded=("cpu-folder-generic-x86-64", "cpu-folder-oneplus-6"),
)  # fmt: skip
policies = Command(
    "kernel.policies",
    fixed(
        "for p in /sys/devices/system/cpu/cpufreq/policy*; do"
        " echo \"$p|$(cat $p/related_cpus 2>/dev/null)|$(cat $p/cpuinfo_max_freq 2>/dev/null)"
        "|$(cat $p/cpuinfo_min_freq 2>/dev/null)|$(cat $p/scaling_governor 2>/dev/null)"
        "|$(cat $p/scaling_cur_freq 2>/dev/null)\"; done"
    ),
    of_text(parse_policies), source="Linux, cpufreq",
)  # fmt: skip
memory = Command(
    "kernel.memory", fixed("cat /proc/meminfo"), of_text(parse_memory), source="Linux, proc(5)",
    recorded=("proc-meminfo",),
)  # fmt: skip
pressure = Command(
    "kernel.pressure", fixed("cat /proc/meminfo /proc/loadavg"), as_is,
    source="Linux, proc(5); kept as it is printed", recorded=("proc-meminfo",),
)  # fmt: skip
processes_now = Command(
    "kernel.ps", fixed("ps -A"), as_is, source="toybox: ps; kept as it is printed", since=26, recorded=("ps",)
)
currents = Command(
    "kernel.currents",
    fixed("for f in /sys/class/power_supply/*/current_now; do echo \"$f|$(cat $f 2>/dev/null)\"; done"),
    of_text(parse_currents), source="Linux, sysfs-class-power",
)  # fmt: skip
zones = Command(
    "kernel.zones",
    fixed(
        "for z in /sys/class/thermal/thermal_zone*; do"
        " echo \"$(cat $z/type 2>/dev/null)|$(cat $z/temp 2>/dev/null)\"; done"
    ),
    of_text(parse_zones), source="Linux, sysfs-class-thermal",
)  # fmt: skip
nodes = Command(
    "kernel.nodes",
    fixed(
        "for f in /sys/class/power_supply/*/current_now /sys/class/power_supply/*/power_now"
        " /sys/class/thermal/thermal_zone*/temp /sys/devices/system/cpu/cpufreq/policy*/scaling_cur_freq; do"
        ' read -r v < "$f" && echo "$f"; done 2>/dev/null'
    ),
    of_text(parse_nodes), source="the farm's own loop over sysfs",
)  # fmt: skip
smaps = Command(
    "kernel.smaps", fixed("cat /proc/self/smaps_rollup"), of_text(parse_smaps),
    source="Linux 4.14, procfs-smaps_rollup", recorded=("smaps-rollup",),
)  # fmt: skip
taskset = Command(
    "kernel.taskset", fixed("command -v taskset"), of_text(parse_taskset), source="mksh: command; toybox: taskset"
)
ticks = Command(
    "kernel.ticks", fixed("head -1 /proc/stat"), of_text(parse_ticks), source="Linux, proc(5)",
    recorded=("proc-stat",),
)  # fmt: skip
processes = Command(
    # A virtual phone's /proc/stat is its computer's; its processes are its own.
    "kernel.processes", fixed("cat /proc/[0-9]*/stat 2>/dev/null"), of_text(parse_processes),
    source="Linux, proc(5); asked of virtual phones alone", recorded=("proc-pid-stat",),
)  # fmt: skip
uptime = Command(
    "kernel.uptime", fixed("cat /proc/uptime"), of_text(parse_uptime), source="Linux, proc(5)",
    recorded=("proc-uptime",),
)  # fmt: skip
cpu_count = Command(
    "kernel.cpu-count", fixed("grep -c '^cpu[0-9]' /proc/stat"), of_text(parse_count), source="Linux, proc(5)"
)
