"""The floor plan: who may import whom, and what has to be written down."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from farm.assess.assertion import discover
from farm.cli import app
from tests.conftest import ROOT

FARM = ROOT / "farm"
PURE = (
    "assess", "bundles", "capture", "compare", "gate", "history", "model", "notify", "pages", "reference", "report",
    "schedule", "store", "trend", "virtual", "work",
)  # fmt: skip
DEVICES = ("api", "cli", "client", "daemon", "executor", "fleet", "queue", "run")
ALLOWED = {
    ("pages", "fleet.device"),
    ("store", "fleet.device"),
}  # a value that says what a device is, not how to talk to it


def imports(path: Path) -> set[str]:
    """Modules of ours that a file imports at run time or for types."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return found


def files(*rooms: str) -> list[Path]:
    return sorted(p for room in rooms for p in (FARM / room).rglob("*.py") if p.name != "exray_pb2.py")


@pytest.mark.parametrize("path", files(*PURE), ids=lambda p: str(p.relative_to(FARM)))
def test_rooms_that_work_on_stored_data_know_no_devices(path: Path) -> None:
    room = path.relative_to(FARM).parts[0]
    upward = {
        module
        for module in imports(path)
        for device in DEVICES
        if re.fullmatch(rf"farm\.{device}(\..*)?", module)
        and not any(room == r and module.startswith(f"farm.{allowed}") for r, allowed in ALLOWED)
    }
    assert not upward


def test_the_daemon_never_imports_tensorflow() -> None:
    program = "import farm.daemon, farm.run.perform, farm.client, sys; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_help_does_not_load_what_it_does_not_need() -> None:
    slow = ("fastapi", "scipy", "sqlite_utils", "pyarrow", "duckdb", "apprise", "apscheduler")
    program = f"import farm.cli, sys; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")

    def names(command: object, prefix: str) -> list[str]:
        inner: dict[str, object] = getattr(command, "commands", {})
        return [n for name, c in inner.items() for n in names(c, f"{prefix} {name}")] or [prefix]

    missing = [name for name in names(get_command(app), "farm") if f"`{name}" not in page]
    assert not missing


def test_every_assertion_is_documented() -> None:
    page = (ROOT / "docs" / "assertions.md").read_text(encoding="utf-8")
    assert not [a.name for a in discover() if f"`{a.name}`" not in page]


def test_no_path_of_one_machine_is_in_the_tree() -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout, or no git")
    tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    home = str(ROOT.parent) + "/"
    guilty = [
        name
        for name in tracked.split("\0")
        if name and (ROOT / name).is_file() and len(home) > 2 and home.encode() in (ROOT / name).read_bytes()
    ]
    assert not guilty
