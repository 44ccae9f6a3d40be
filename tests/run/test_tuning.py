"""Settings made for a run: read back, noted, undone; also after kill -9, and when a device comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.daemon import Daemon
from farm.errors import InfrastructureError
from farm.fleet.device import Device
from farm.run.conditions import journal, tuning
from farm.run.conditions.journal import Change, Journal
from farm.run.conditions.reading import Reading
from farm.run.conditions.restorer import Restorer
from farm.sections.devices import Conditions, Fleet
from farm.settings import Adb, Settings
from tests.virtual.bench import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.fleet.adb import AdbDevice, AdbServer
    from farm.virtual import VirtualPhone

AWAKE = Conditions(awake=True)
RUN = """
import sys, time
from pathlib import Path
from farm.fleet.adb import AdbServer
from farm.run.conditions import tuning
from farm.run.conditions.reading import Reading
from farm.sections.devices import Conditions, Fleet
from farm.settings import Adb, Settings
from tests.virtual.bench import wait_until
port, serial, data = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
device = AdbServer("127.0.0.1", port).device(serial)
with tuning.applied(device, serial, data, Conditions(awake=True), Reading(), fixed_performance=False):
    print("made", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def device(adb: AdbServer, phone: VirtualPhone) -> AdbDevice:
    return adb.device(phone.serial)


def told(device: AdbDevice, table: str, key: str) -> str:
    return device.shell(["settings", "get", table, key], 10).text


def state(device: AdbDevice) -> tuple[str, str]:
    return told(device, "global", "stay_on_while_plugged_in"), told(device, "system", "screen_off_timeout")


def test_settings_are_read_back_and_undone(device: AdbDevice, tmp_path: Path) -> None:
    device.shell(["settings", "put", "system", "screen_off_timeout", "30000"], 10)
    with tuning.applied(device, "s", tmp_path, AWAKE, Reading(), fixed_performance=True) as notes:
        assert state(device) == ("15", "1800000")
        assert notes["stay_on_while_plugged_in"] == "15"
        assert notes["screen_off_timeout"] == "1800000"
        assert notes["fixed_performance"].startswith("refused: Failed to set FIXED_PERFORMANCE mode")
        assert journal.waiting(tmp_path) == ["s"]
    assert state(device) == ("null", "30000")
    assert journal.waiting(tmp_path) == []


def test_nothing_asked_for_touches_nothing(device: AdbDevice, tmp_path: Path) -> None:
    with tuning.applied(device, "s", tmp_path, Conditions(), Reading(), fixed_performance=False) as notes:
        assert notes == {}
        assert journal.waiting(tmp_path) == []


def test_an_error_inside_undoes_it_too(device: AdbDevice, tmp_path: Path) -> None:
    with (
        pytest.raises(InfrastructureError),
        tuning.applied(device, "s", tmp_path, AWAKE, Reading(), fixed_performance=False),
    ):
        raise InfrastructureError("the run broke off")
    assert state(device) == ("null", "null")


def test_what_somebody_changed_meanwhile_stays(device: AdbDevice, tmp_path: Path) -> None:
    with tuning.applied(device, "s", tmp_path, AWAKE, Reading(), fixed_performance=False):
        device.shell(["settings", "put", "system", "screen_off_timeout", "60000"], 10)
    assert state(device) == ("null", "60000")


@pytest.fixture
def killed(adb: AdbServer, phone: VirtualPhone, tmp_path: Path) -> AdbDevice:
    """A phone whose run was killed in its middle."""
    device = adb.device(phone.serial)
    device.shell(["settings", "put", "system", "screen_off_timeout", "30000"], 10)
    command = [sys.executable, "-c", RUN, str(adb.port), phone.serial, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "made\n"
        assert tuning.restore(device, phone.serial, tmp_path) == (), "the run is there, and undoes it itself"
        os.kill(run.pid, signal.SIGKILL)
    assert state(device) == ("15", "1800000")
    return device


def test_the_next_run_undoes_what_a_killed_one_left(killed: AdbDevice, tmp_path: Path) -> None:
    with tuning.applied(killed, killed.serial, tmp_path, Conditions(), Reading(), fixed_performance=False) as notes:
        assert state(killed) == ("null", "30000")
        assert notes["restored"] == "screen_off_timeout, stay_on_while_plugged_in"


def test_the_daemon_undoes_it_once_the_device_is_there_and_idle(killed: AdbDevice, tmp_path: Path) -> None:
    there: list[Device] = []
    leased: set[str] = set()
    restorer = Restorer(
        tmp_path, devices=lambda: there, leased=lambda: frozenset(leased), handle=lambda _: killed,
        report_bug=lambda _name, text: pytest.fail(text),
    )  # fmt: skip
    restorer.step()
    assert state(killed) == ("15", "1800000")
    there.append(Device(killed.serial, "device"))
    leased.add(killed.serial)
    restorer.step()
    assert state(killed) == ("15", "1800000")
    leased.clear()
    restorer.step()
    assert state(killed) == ("null", "30000")
    assert journal.waiting(tmp_path) == []


def test_a_daemon_that_starts_puts_it_right(killed: AdbDevice, adb: AdbServer, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, adb=Adb(port=adb.port), fleet=Fleet(golden=False))
    daemon = Daemon(settings)
    daemon.start(0)
    try:
        wait_until(lambda: state(killed) == ("null", "30000"), 60)
        wait_until(lambda: journal.waiting(tmp_path) == [])
    finally:
        daemon.stop()


def test_a_device_that_left_is_put_right_when_it_is_back(
    adb: AdbServer, make_phone: Callable[[], VirtualPhone], tmp_path: Path
) -> None:
    phone = make_phone()
    device = adb.device(phone.serial)
    with tuning.applied(device, phone.serial, tmp_path, AWAKE, Reading(), fixed_performance=False):
        virtual.fault(phone, "reset")
        virtual.fault(phone, "unauthorized")
    assert journal.waiting(tmp_path) == [phone.serial]
    virtual.fault(phone, "clear")
    adb.disconnect(phone.serial)
    adb.connect(phone.serial)
    assert set(tuning.restore(device, phone.serial, tmp_path)) == {"stay_on_while_plugged_in", "screen_off_timeout"}
    assert state(device) == ("null", "null")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"serial": 1}', "\x00"])
def test_a_journal_that_cannot_be_read_holds_nothing(tmp_path: Path, text: str) -> None:
    folder = tmp_path / journal.FOLDER
    folder.mkdir()
    (folder / "s.json").write_text(text)
    assert Journal(tmp_path, "s").read() == ()


def test_serials_of_all_shapes_are_files(tmp_path: Path) -> None:
    serials = ["127.0.0.1:5555", "R5CT20@shelf", "../up", "adb-1._adb-tls._tcp.", "a b/c"]
    for serial in serials:
        Journal(tmp_path, serial).add(Change(kind="screen"))
    assert journal.waiting(tmp_path) == sorted(serials)
    assert {p.parent for p in tmp_path.rglob("*.json")} == {tmp_path / journal.FOLDER}
