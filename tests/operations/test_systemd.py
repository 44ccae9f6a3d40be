"""The unit that `farm systemd` prints: its command is run, and ends as systemd would end it."""

from __future__ import annotations

import configparser
import json
import os
import shlex
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from farm.cli import app
from farm.cli.systemd import quoted
from farm.store.integrity import check

if TYPE_CHECKING:
    from pathlib import Path

    from farm.fleet.adb import AdbServer


def test_the_units_command_is_a_daemon_that_ends_on_sigterm(tmp_path: Path, adb: AdbServer) -> None:
    folder = tmp_path / "my lab"
    folder.mkdir()
    config = folder / "farm.toml"
    config.write_text(
        f"data = 'data'\n[adb]\nport = {adb.port}\n[api]\nport = {_free_port()}\n[log]\nformat = 'json'\n"
    )
    text = CliRunner().invoke(app, ["--config", str(config), "systemd"]).stdout
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    service = parser["Service"]
    assert service["WorkingDirectory"] == str(folder)
    assert int(service["TimeoutStopSec"]) > 60, "longer than run.drain_s"
    process = subprocess.Popen(
        shlex.split(service["ExecStart"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=service["WorkingDirectory"], env=dict(os.environ) | dict([service["Environment"].split("=", 1)]),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "farm is up at" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        _, logged = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    assert all("at" in json.loads(line) for line in logged.splitlines())
    assert check(folder / "data").problems == ()
    assert adb.states() == {}, "the adb server is not the daemon's to end"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_systemd_itself_has_nothing_to_say_against_it(tmp_path: Path) -> None:
    config = tmp_path / "farm.toml"
    config.write_text("data = 'data'\n")
    file = tmp_path / "farm.service"
    file.write_text(CliRunner().invoke(app, ["--config", str(config), "systemd"]).stdout)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(file)], capture_output=True, text=True, timeout=60, check=False,
        env=dict(os.environ) | {"XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "farm.service" in line] == []


@given(st.text("ab %$\\\"';\t", max_size=12))
def test_a_word_reads_back_as_it_was(word: str) -> None:
    text = quoted(word).replace("%%", "%").replace("$$", "$")
    assert shlex.split(text) == [word]


def _free_port() -> int:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
