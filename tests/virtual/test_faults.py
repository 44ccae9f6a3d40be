"""Faults on demand: read, made on a real phone, seen by a real adb, and undone."""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from farm import virtual
from farm.cli import app
from farm.errors import DeadlineError, DeviceGoneError, JobError
from farm.virtual import faults, switch
from farm.virtual.trouble import noise
from tests.conftest import ROOT

from .bench import Adb, Bench, receive, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

PLACE = "/data/local/tmp"


@pytest.fixture
def sick(adb: Adb, lab: Path) -> Bench:
    (phone,) = virtual.up(lab, owner_pid=os.getpid(), reboot_s=0.5)
    adb.connect(phone)
    return Bench(adb, phone)


@pytest.fixture(scope="module")
def patient(adb: Adb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A phone for faults that leave the connection alone; cleared by each test."""
    folder = tmp_path_factory.mktemp("patient")
    (phone,) = virtual.up(folder, owner_pid=os.getpid(), storage_bytes=64 << 20)
    adb.connect(phone)
    yield Bench(adb, phone)
    virtual.down(folder)


def _well(bench: Bench) -> None:
    assert virtual.fault(bench.phone, "clear") == []
    wait_until(lambda: bench.adb.state(bench.phone) == "device", 40)
    assert bench.shell("echo well") == "well\n"


@given(
    st.text(max_size=20),
    st.dictionaries(st.text(max_size=10), st.floats() | st.text(max_size=10), max_size=3),
    st.floats(),
)
def test_any_request_is_a_fault_or_the_users_error(name: str, options: dict[str, object], for_s: float) -> None:
    for wanted in (name, *faults.KINDS):
        with contextlib.suppress(JobError):
            fault = faults.read(wanted, options, for_s)
            assert fault.for_s is not None
            assert 0 <= fault.for_s <= faults.MAX_SECONDS
            assert all(math.isfinite(value) for value in fault.options.values())


def test_errors_say_what_was_meant() -> None:
    with pytest.raises(JobError) as caught:
        faults.read("freez", {})
    assert caught.value.remedy == "did you mean 'freeze'?"
    with pytest.raises(JobError, match="no option 'levle'") as caught:
        faults.read("low-battery", {"levle": 3})
    assert "level" in caught.value.remedy
    with pytest.raises(JobError, match="no number from 0 to 100"):
        faults.read("low-battery", {"level": "101"})
    with pytest.raises(JobError, match="takes no time"):
        faults.read("reset", {}, 3)


def test_every_fault_and_option_is_documented() -> None:
    page = (ROOT / "docs" / "virtual.md").read_text(encoding="utf-8")
    for name, kind in faults.KINDS.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        for key, option in kind.options.items():
            assert f"`{key}={option.default:g}`".replace("1.04858e+06", "1048576") in row


def test_the_switch_is_its_owners_only(patient: Bench) -> None:
    mode = (patient.phone.root.parent / switch.NAME).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) & 0o077 == 0
    assert patient.run("shell", f"find / -name {switch.NAME} -type s 2>/dev/null | grep .").returncode != 0


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"{", b"[]", b'{"fault": 3}', b'{"fault":"hot","options":3}', b"x" * 100_000]
)
def test_nonsense_on_the_switch_harms_nobody(patient: Bench, line: bytes) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as channel, switch._path(patient.phone.root.parent) as path:
        channel.connect(path)
        channel.settimeout(20)
        with contextlib.suppress(BrokenPipeError):
            channel.sendall(line + b"\n")
        answer = channel.recv(4096)
    assert not answer or "error" in json.loads(answer)
    _well(patient)


def test_freeze_for_a_while(sick: Bench) -> None:
    assert virtual.fault(sick.phone, "freeze", for_s=1.5) == ["freeze"]
    time.sleep(0.2)
    client = sick.start("shell", "echo thawed")
    with pytest.raises(subprocess.TimeoutExpired):
        client.wait(0.5)
    assert client.communicate(timeout=20)[0] == b"thawed\n"
    virtual.fault(sick.phone, "freeze")
    virtual.fault(sick.phone, "thaw")
    _well(sick)


def test_a_frozen_phone_does_not_hear_the_switch(sick: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "DEADLINE_S", 0.5)
    virtual.fault(sick.phone, "freeze")
    with pytest.raises(DeadlineError) as caught:
        virtual.fault(sick.phone, "slow")
    assert caught.value.remedy == f"farm virtual fault {sick.phone.name} clear"
    _well(sick)


def test_kill(sick: Bench) -> None:
    virtual.fault(sick.phone, "kill")
    for name in ("slow", "clear", "freeze"):
        with pytest.raises(DeviceGoneError):
            virtual.fault(sick.phone, name)


def test_reset_and_mute(sick: Bench) -> None:
    client = sick.start("shell", "sleep 60")
    wait_until(lambda: sick.run("shell", "pgrep sleep").returncode == 0)
    assert virtual.fault(sick.phone, "reset") == []
    client.communicate(timeout=20)
    assert client.returncode != 0
    wait_until(lambda: sick.adb.state(sick.phone) == "device")
    assert virtual.fault(sick.phone, "mute") == ["mute"]
    wait_until(lambda: sick.adb.state(sick.phone) == "offline")
    time.sleep(0.5)
    assert sick.adb.state(sick.phone) == "offline"
    _well(sick)


def test_a_pulled_cable_with_a_command_in_flight(sick: Bench) -> None:
    client = sick.start("shell", "read x; echo got $x")
    with contextlib.closing(sick.open("shell,v2,raw:cat")) as stream:
        stream.sendall(b"\0\4\0\0\0one\n")
        assert receive(stream, 9)[5:] == b"one\n"
        assert virtual.fault(sick.phone, "drop") == ["drop"]
        stream.sendall(b"\0\4\0\0\0two\n")
        stream.settimeout(1)
        with pytest.raises(TimeoutError):
            stream.recv(1)
        assert sick.adb.state(sick.phone) == "device", "the state is no proof of life"
        assert virtual.fault(sick.phone, "clear") == []
        stream.settimeout(30)
        assert receive(stream, 9)[5:] == b"two\n", "what was sent meanwhile arrives"
    client.kill()
    client.communicate()
    _well(sick)


def test_unauthorized_and_late(sick: Bench) -> None:
    virtual.fault(sick.phone, "unauthorized", for_s=2)
    wait_until(lambda: sick.adb.state(sick.phone) == "unauthorized")
    assert b"unauthorized" in sick.run("shell", "true").stderr
    wait_until(lambda: sick.adb.state(sick.phone) == "device")
    virtual.fault(sick.phone, "unauthorized")
    wait_until(lambda: sick.adb.state(sick.phone) == "unauthorized")
    _well(sick)


def test_slow(patient: Bench, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(os.urandom(400_000))
    virtual.fault(patient.phone, "slow", bytes_s=200_000, latency_s=0)
    began = time.monotonic()
    patient.run("push", str(tmp_path / "here"), f"{PLACE}/slow")
    assert time.monotonic() - began > 1, "two seconds of bytes, less what the sockets hold"
    virtual.fault(patient.phone, "slow", bytes_s=1, latency_s=60)
    client = patient.start("shell", "echo out")
    time.sleep(0.3)
    virtual.fault(patient.phone, "clear")
    assert client.communicate(timeout=20)[0] == b"out\n", "who waits is not kept waiting"
    _well(patient)


def test_stuck_shell(patient: Bench, tmp_path: Path) -> None:
    virtual.fault(patient.phone, "stuck-shell")
    client = patient.start("shell", "echo late")
    with pytest.raises(subprocess.TimeoutExpired):
        client.wait(0.5)
    (tmp_path / "here").write_text("file")
    assert patient.run("push", str(tmp_path / "here"), f"{PLACE}/file").returncode == 0
    _well(patient)
    assert client.communicate(timeout=20)[0] == b"late\n"


@pytest.mark.parametrize("kind", ["disk", "memory"])
def test_storage(sick: Bench, patient: Bench, tmp_path: Path, kind: str) -> None:
    bench = patient if kind == "memory" else sick
    bench.shell(f"echo kept > {PLACE}/kept")
    before = bench.shell(f"ls -ld {PLACE}")
    (tmp_path / "here").write_bytes(bytes(200_000))
    for name, text in (("storage-full", "No space left on device"), ("storage-read-only", "Read-only file system")):
        virtual.fault(bench.phone, name)
        done = bench.run("push", str(tmp_path / "here"), f"{PLACE}/new")
        assert (done.returncode, text in done.stderr.decode()) == (1, True), done
        assert text in bench.run("shell", f"head -c 99999 /dev/zero > {PLACE}/more").stderr.decode()
        assert bench.shell(f"cat {PLACE}/kept") == "kept\n"
        if name == "storage-full":
            assert "100% " in bench.shell(f"df {PLACE}")
    _well(bench)
    assert bench.run("push", str(tmp_path / "here"), f"{PLACE}/new").returncode == 0
    assert bench.shell(f"ls -ld {PLACE}").split()[:4] == before.split()[:4]
    bench.shell(f"rm -f {PLACE}/*")


def test_what_a_phone_says_of_itself(patient: Bench) -> None:
    battery, heat, now = "dumpsys battery", "dumpsys thermalservice", "date +%s"
    virtual.fault(patient.phone, "low-battery", level=3)
    assert "  level: 3\n" in patient.shell(battery)
    virtual.fault(patient.phone, "hot", status=5, battery_celsius=51.5)
    assert "Thermal Status: 5\n" in patient.shell(heat)
    assert "  temperature: 515\n" in patient.shell(battery)
    virtual.fault(patient.phone, "clock-jump", seconds=-86_400)
    assert abs(int(patient.shell(now)) + 86_400 - time.time()) < 60
    assert patient.shell("date -u -d @0 +%Y") == "1970\n"
    active = virtual.fault(patient.phone, "garbage")
    assert active == ["clock-jump", "garbage", "hot", "low-battery"]
    assert patient.run("shell", "getprop").stdout == noise()
    assert patient.run("shell", "getprop ro.product.model").stdout == noise()
    _well(patient)
    wait_until(lambda: "  level: 3\n" not in patient.shell(battery))  # the model writes once in a while
    assert "[ro.farm.virtual]: [1]\n" in patient.shell("getprop")


def test_reboot(sick: Bench) -> None:
    virtual.fault(sick.phone, "reboot", down_s=0.2)
    wait_until(lambda: sick.adb.state(sick.phone) != "device")
    _well(sick)


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "farm.toml").write_text(f'data = "{tmp_path / "data"}"\n[adb]\nport = 1\n')
    (phone,) = virtual.up(tmp_path / "data" / "virtual", owner_pid=os.getpid())

    def farm(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["--config", str(tmp_path / "farm.toml"), "virtual", "fault", *arguments])

    try:
        done = farm(phone.serial, "low-battery", "level=7", "--for", "600", "--json")
        assert json.loads(done.stdout) == {"name": phone.name, "serial": phone.serial, "active": ["low-battery"]}
        assert (phone.root / "data/virtual/override/battery/level").read_text() == "7\n"
        assert farm(phone.name, "clear").stdout == f"{phone.name}: no fault lasts\n"
        done = farm("virtual-9", "slow")
        assert (done.exit_code, "virtual-9" in done.stderr, phone.name in done.stderr) == (2, True, True)
        done = farm(phone.name, "slwo", "--json")
        assert done.exit_code == 2
        assert "slow" in json.loads(done.stdout)["error"]["remedy"]
    finally:
        virtual.down(tmp_path / "data" / "virtual")
