"""`farm device` as people and scripts use it: a real program, a real lab, a virtual phone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from farm.api.messages import DeviceView
from farm.cli import device_render
from farm.fleet.device import Device, Standing

if TYPE_CHECKING:
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.virtual import VirtualPhone


@pytest.fixture
def farm_toml(adb: AdbServer, tmp_path: Path) -> Path:
    file = tmp_path / "farm.toml"
    file.write_text(f'data = "data"\n[adb]\nport = {adb.port}\n[fleet]\ngolden = false\n')
    return file


@pytest.mark.slow
def test_commands_for_one_device(farm_toml: Path, phone: VirtualPhone) -> None:
    def farm(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "farm", "--config", str(farm_toml), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    (listed,) = json.loads(farm("device", "list", "--json").stdout)
    assert (listed["serial"], listed["kind"], listed["condition"]) == (phone.serial, "virtual", "ready")
    assert farm("device", "set", phone.serial, "--name", "bob", "+new", "-old").stdout == "bob name bob, labels new\n"
    assert farm("device", "set", "bob", "new").returncode == 2
    assert "is yours for 1h" in farm("device", "reserve", "bob", "--for", "1h").stdout
    assert "no length of time" in farm("device", "reserve", "bob", "--for", "soon").stderr
    told = farm("device", "shell", "bob", "--", "sh", "-c", "echo 'a  b'; echo err >&2; exit 3")
    assert (told.returncode, told.stdout, told.stderr) == (3, "a  b\n", "err\n")
    shown = farm("device", "show", "bob").stdout
    for word in (phone.serial, "reserved", "virtual"):
        assert word in shown
    assert json.loads(farm("device", "heal", "bob", "--json").stdout)["enrolment"]["cpus"] > 0
    gone = farm("device", "show", "nobody", "--json")
    assert (gone.returncode, json.loads(gone.stdout)["error"]["code"]) == (2, "not-found")


def _table(*devices: Device) -> str:
    console = Console(file=io.StringIO(), width=160)
    device_render.devices(console, [DeviceView.of(d, 7 if d.name else None) for d in devices], now=4000.0)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_tells_state_reason_and_what_to_do() -> None:
    plain = Device("a", "device", standing=Standing("ready", since=3990.0), battery=80, battery_c=31.4)
    weird = Device(
        "[b]", "unauthorized", name="s24", pool="nightly", labels=frozenset({"x", "y"}), holder="eve",
        standing=Standing("unauthorized", "it does not know this computer's key", 400.0, "unlock it"),
    )  # fmt: skip
    text = _table(plain, weird)
    for word in ("10s", "1h", "80 %", "31.4 C", "s24", "nightly", "x y", "eve", "7", "[b]", "s24: unlock it", "key"):
        assert word in text
    assert "pool" not in _table(plain), "columns that nobody fills are not there"
    assert "farm virtual up" in _table()


def test_a_view_is_the_device_again() -> None:
    standing = Standing("charging", "3 %", 5.0, "wait")
    device = Device("a", "device", {"ro.product.cpu.abi": "x86"}, standing=standing, battery=3, labels=frozenset({"x"}))
    assert DeviceView.model_validate_json(DeviceView.of(device).model_dump_json()).device() == device
    bare = Device("a", "offline")
    assert DeviceView.of(bare).device() == bare


@pytest.mark.parametrize(("at", "text"), [(0, ""), (3999, "1s"), (3880, "2m"), (400, "1h"), (5000, "0s")])
def test_ages(at: float, text: str) -> None:
    assert device_render.ago(at, 4000) == text
