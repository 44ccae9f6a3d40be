"""Apps: whether one is there, how it starts, whether it lives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.android.command import Command, Said, argv, of_text, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

LAUNCHER = "android.intent.category.LAUNCHER"
WRONG = ("Error", "java.lang.", "Exception")
"""How `am start` begins a line that says what went wrong; its exit status need not tell."""
_APP = "dev.exray.bench"


@dataclass(frozen=True)
class Refused:
    """What `pm` says of what it did not do."""

    code: str
    """Android's word: INSTALL_FAILED_VERSION_DOWNGRADE, ...; its number where it tells that alone; empty without either."""
    words: str


def parse_done(said: Said) -> Refused | None:
    """None where `pm install` or `pm uninstall` did it: a line says Success. Its exit status tells nothing on Android 7."""
    text = f"{said.text}\n{said.error}".strip()
    found = re.search(r"Failure \[(?:-\d{1,4} )?([A-Z_0-9]{3,80}|-\d{1,4})(?:: ?(.*?))?\]\s*$", text, re.DOTALL)
    if found is not None:
        return Refused(found[1], (found[2] or "").strip())
    if "Success" in text.splitlines():
        return None
    return Refused("", text or f"exit code {said.status}")


def parse_instrumented(text: str) -> int | None:
    """The last INSTRUMENTATION_CODE: -1 is Activity.RESULT_OK; None where it did not come to that."""
    found = re.findall(r"^INSTRUMENTATION_CODE: (-?\d{1,9})\s*$", text, re.MULTILINE)
    return int(found[-1]) if found else None


def parse_paths(text: str) -> tuple[str, ...]:
    """The package's files, its base first; none where `pm path` does not know it."""
    rows = (line.strip().removeprefix("package:") for line in text.splitlines() if line.startswith("package:"))
    return tuple(row for row in rows if row)


@dataclass(frozen=True)
class Details:
    """What the package manager knows of an app. Empty, None: not told."""

    version_name: str
    version_code: int | None
    debuggable: bool


def parse_details(text: str) -> Details:
    """Read `dumpsys package NAME`."""
    name = re.search(r"^\s*versionName=(\S{1,200})", text, re.MULTILINE)
    code = re.search(r"^\s*versionCode=(\d{1,18})", text, re.MULTILINE)
    debuggable = re.search(r"\b(?:pkgFlags|flags)=\[[^]]*\bDEBUGGABLE\b", text) is not None
    return Details(name[1] if name else "", int(code[1]) if code else None, debuggable)


def parse_launcher(text: str) -> str:
    """The last line: PACKAGE/ACTIVITY, or why there is none."""
    return text.strip().rpartition("\n")[2]


def parse_started(said: Said) -> str:
    """Why `am start` did not start it, in its own words; empty where it did."""
    lines = [line.strip() for line in f"{said.text}\n{said.error}".splitlines()]
    bad = [line for line in lines if line.startswith(WRONG)]
    if not bad and not said.status:
        return ""
    return " ".join(bad)[:300] or f"am ended with {said.status}"


def parse_pid(text: str) -> int | None:
    """The first of pidof's numbers; None where there is none."""
    first = text.partition(" ")[0]
    return int(first) if first.isascii() and first.isdigit() else None


def _path(package: str) -> str:
    return argv("pm", "path", package)


def _details(package: str) -> str:
    return argv("dumpsys", "package", package)


def _launcher(package: str) -> str:
    return argv("cmd", "package", "resolve-activity", "--brief", "-c", LAUNCHER, package)


def _start(component: str, extras: Mapping[str, str]) -> str:
    words = [word for name, value in extras.items() for word in ("--es", name, value)]
    return argv("am", "start", "-S", "-W", "-n", component, *words)


def _stop(package: str) -> str:
    return argv("am", "force-stop", package)


def _pid(*processes: str) -> str:
    return argv("pidof", *processes)


def _install(path: str, *options: str) -> str:
    return argv("pm", "install", *options, path)


def _uninstall(package: str) -> str:
    return argv("pm", "uninstall", package)


def _instrument(runner: str, extras: Mapping[str, str]) -> str:
    words = [word for name, value in extras.items() for word in ("-e", name, value)]
    return argv("am", "instrument", "-w", "-r", *words, runner)


paths = Command(
    "packages.paths", _path, of_text(parse_paths), source="PackageManagerShellCommand", example=(_APP,),
    recorded=("pm-path-nexus-6", "pm-path-xiaomi-mi-4c", "pm-path-nexus-5x-splits"),
)  # fmt: skip
launcher = Command(
    "packages.launcher", _launcher, of_text(parse_launcher), source="PackageManagerShellCommand", example=(_APP,),
    recorded=("resolve-activity",),
)  # fmt: skip
details = Command(
    "packages.details", _details, of_text(parse_details), source="Settings.dumpPackagesLPr of the package manager",
    example=(_APP,), recorded=("package-nexus-6p", "package-unknown"),
)  # fmt: skip
start = Command(
    "packages.start", _start, parse_started, source="ActivityManagerShellCommand",
    example=(f"{_APP}/.Main", {"exray.run": "1"}), recorded=("am-start-wait", "am-start", "am-start-launcher"),
)  # fmt: skip
stop = Command("packages.stop", _stop, refusal, source="ActivityManagerShellCommand", example=(_APP,), prints=False)
pid = Command("packages.pid", _pid, of_text(parse_pid), source="toybox: pidof", example=(_APP,), recorded=("pidof",))
install = Command(
    "packages.install", _install, parse_done, source="PackageManagerShellCommand",
    example=("/data/local/tmp/farm/cache/a", "-r", "-t"),
    recorded=(
        "pm-install", "pm-install-unreadable", "pm-install-signature", "pm-install-signature-newer", "pm-install-downgrade",
        "pm-install-provider", "pm-install-user-restricted", "pm-install-storage",
    ),
)  # fmt: skip
uninstall = Command(
    "packages.uninstall", _uninstall, parse_done, source="PackageManagerShellCommand", example=(_APP,),
    recorded=("pm-uninstall",),
)  # fmt: skip
instrument = Command(
    # Who runs it follows the lines as they come; this reads how it ended.
    "packages.instrument", _instrument, of_text(parse_instrumented), source="frameworks/base/cmds/am: Instrument",
    example=(f"{_APP}/.Runner", {"command": "run", "pass": "latency"}), recorded=("am-instrument-raw", "am-instrument"),
)  # fmt: skip
