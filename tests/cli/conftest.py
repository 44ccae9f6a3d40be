from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from farm import virtual
from farm.cli import app
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbServer


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Lab:
    """A data folder, settings, an adb server; commands run as a user types them."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "farm", "--config", str(self.folder / "farm.toml"), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder,
        )  # fmt: skip

    def farm(self, *arguments: str) -> Result:
        """In this process: a process of its own costs two seconds of imports."""
        done = CliRunner().invoke(app, ["--config", str(self.folder / "farm.toml"), *arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Result(done.exit_code, done.stdout, done.stderr)

    def submit(self, *arguments: str, model: str = str(DEMO / "model.tflite")) -> Result:
        return self.farm("submit", model, "--inputs", str(DEMO / "inputs"), "--wait", *arguments)


def make_lab(folder: Path, adb: AdbServer) -> Lab:
    (folder / "farm.toml").write_text(f'data = "data"\n[adb]\nport = {adb.port}\n[run]\ndevice_wait_s = 3.0\n')
    return Lab(folder)


@pytest.fixture(scope="module")
def lab(adb: AdbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with one virtual phone."""
    lab = make_lab(tmp_path_factory.mktemp("lab"), adb)
    phones = virtual.up(lab.data / "virtual", 1, owner_pid=os.getpid())
    for phone in phones:
        adb.connect(phone.serial)
    yield lab
    for phone in virtual.down(lab.data / "virtual"):
        adb.disconnect(phone.serial)


@pytest.fixture
def empty_lab(adb: AdbServer, tmp_path: Path) -> Lab:
    """A lab without a device of its own; selectors keep it apart from the others' on the same adb server."""
    return make_lab(tmp_path, adb)
