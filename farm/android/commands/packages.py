"""Apps: whether one is there, how it starts, whether it lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.android.command import Command, Said, argv, of_text, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

LAUNCHER = "android.intent.category.LAUNCHER"
WRONG = ("Error", "java.lang.", "Exception")
"""How `am start` begins a line that says what went wrong; its exit status does not tell before Android 12."""
_APP = "dev.exray.bench"


def parse_installed(text: str) -> bool:
    """Whether `pm path` knows the package."""
    return text.startswith("package:")


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


def _launcher(package: str) -> str:
    return argv("cmd", "package", "resolve-activity", "--brief", "-c", LAUNCHER, package)


def _start(component: str, extras: Mapping[str, str]) -> str:
    words = [word for name, value in extras.items() for word in ("--es", name, value)]
    return argv("am", "start", "-S", "-W", "-n", component, *words)


def _stop(package: str) -> str:
    return argv("am", "force-stop", package)


def _pid(*processes: str) -> str:
    return argv("pidof", *processes)


installed = Command(
    "packages.installed", _path, of_text(parse_installed), source="PackageManagerShellCommand", example=(_APP,),
    recorded=("pm-path",),
)  # fmt: skip
launcher = Command(
    "packages.launcher", _launcher, of_text(parse_launcher), source="PackageManagerShellCommand", example=(_APP,),
    recorded=("resolve-activity",),
)  # fmt: skip
start = Command(
    "packages.start", _start, parse_started, source="ActivityManagerShellCommand",
    example=(f"{_APP}/.Main", {"exray.run": "1"}), recorded=("am-start-wait", "am-start", "am-start-launcher"),
)  # fmt: skip
stop = Command("packages.stop", _stop, refusal, source="ActivityManagerShellCommand", example=(_APP,), prints=False)
pid = Command("packages.pid", _pid, of_text(parse_pid), source="toybox: pidof", example=(_APP,), recorded=("pidof",))
