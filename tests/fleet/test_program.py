"""Which adb is run, whatever else lies in PATH."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from farm.errors import AdbError
from farm.fleet.private import private_adb_server
from farm.fleet.program import BUNDLED, VARIABLE, adb_program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another adb in a folder of its own, which leaves a mark where it is run."""
    program = tmp_path / "bin" / "adb"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\nexec '{BUNDLED}' \"$@\"\n")
    program.chmod(0o755)
    return program


def test_the_bundled_one_goes_before_paths(other: Path) -> None:
    assert adb_program({"PATH": str(other.parent)}) == str(BUNDLED)
    told = subprocess.run([adb_program(), "version"], capture_output=True, text=True, check=True).stdout
    assert "Version 36." in told


def test_paths_where_none_is_bundled(other: Path, tmp_path: Path) -> None:
    assert adb_program({"PATH": str(other.parent)}, tmp_path / "none") == str(other)
    with pytest.raises(AdbError, match="no adb program"):
        adb_program({"PATH": str(tmp_path)}, tmp_path / "none")


def test_the_variable_decides(other: Path) -> None:
    assert adb_program({VARIABLE: str(other), "PATH": ""}) == str(other)
    with pytest.raises(AdbError, match="no program"):
        adb_program({VARIABLE: str(other.parent)})


def test_a_server_is_the_programs_that_was_decided(other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = other.parent.parent / "ran"
    monkeypatch.setenv("PATH", str(other.parent), prepend=":")
    monkeypatch.delenv(VARIABLE, raising=False)
    with private_adb_server():
        assert not mark.exists(), "PATH's adb is not ours"
    monkeypatch.setenv(VARIABLE, str(other))
    with private_adb_server():
        assert mark.exists()
