"""What people do with devices, through REST and the client, against a real daemon and a virtual phone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from farm.api.messages import NotFoundError
from farm.client import connect
from farm.client.devices import DeviceClient
from farm.daemon import Daemon
from farm.errors import AdbError, DeadlineError, JobError, NoDeviceError
from farm.store.devices import Reservation
from tests.daemon import lab
from tests.fleet.kit import settings, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.client import Client
    from farm.fleet.adb import AdbServer
    from farm.virtual import VirtualPhone


@pytest.fixture
def daemon(adb: AdbServer, tmp_path: Path, phone: VirtualPhone) -> Iterator[Daemon]:
    """A lab with one virtual phone, whose runs do what their model's name says."""
    made = Daemon(
        settings(tmp_path / "data", adb),
        perform=lab.perform,
        preflight=lab.preflight,
        write_report=lab.write_report,
    )
    made.artifacts.put(lab.MODEL)
    made.artifacts.put(lab.FRAME)
    made.start(port=0)
    try:
        until(lambda: made.desk.find(phone.serial) is not None and made.devices()[0].condition == "ready")
        yield made
    finally:
        made.stop()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    with connect(daemon.settings) as made:
        yield made


@pytest.fixture
def at(client: Client) -> DeviceClient:
    return DeviceClient(client)


def test_a_device_is_named_shown_and_forgotten(at: DeviceClient, client: Client, phone: VirtualPhone) -> None:
    named = at.name(phone.serial, name="bob", pool="nightly", add=("new", "fast")).device
    assert (named.name, named.pool, named.labels) == ("bob", "nightly", ("fast", "new"))
    assert at.name("bob", remove=("fast",)).device.labels == ("new",)
    shown = at.show("bob")
    assert shown.device.serial == phone.serial
    assert shown.device.kind == "virtual"
    assert shown.enrolment is not None
    assert shown.enrolment.abis == (phone.abi,)
    assert {e.kind for e in shown.events} >= {"appeared", "enrolled"}
    for wrong in ("two words", "a/b"):
        with pytest.raises(JobError, match="no word"):
            at.name("bob", add=(wrong,))
    with pytest.raises(NotFoundError):
        at.show("nobody")
    at.forget("bob")
    until(lambda: at.show(phone.serial).enrolment is not None)
    assert at.show(phone.serial).device.name == "", "it is met as if for the first time"
    assert [v.serial for v in client.devices()] == [phone.serial]


def test_a_reserved_device_is_its_holders(at: DeviceClient, daemon: Daemon, phone: VirtualPhone) -> None:
    found = at.reserve(phone.serial, 3600, reason="debugging")
    me = found.device.holder
    assert me
    assert found.reservation is not None
    assert found.reservation.reason == "debugging"
    at.reserve(phone.serial, 60)
    at.release(phone.serial)
    assert at.show(phone.serial).device.holder == ""
    daemon._fleet.store.reserve(phone.serial, Reservation("somebody", time.time(), time.time() + 60, "mine"))  # type: ignore[attr-defined]
    for refused in (
        lambda: at.reserve(phone.serial, 60),
        lambda: at.release(phone.serial),
        lambda: at.forget(phone.serial),
        lambda: at.shell(phone.serial, "true", out=bytes, err=bytes),
        lambda: at.reboot(phone.serial),
    ):
        with pytest.raises(JobError, match=r"reserved by somebody until .*\(mine\)"):
            refused()
    assert at.shell(phone.serial, "exit 4", force=True, out=bytes, err=bytes) == 4
    at.release(phone.serial, force=True)
    daemon._fleet.store.reserve(phone.serial, Reservation("somebody", 1, 2))  # type: ignore[attr-defined]
    assert at.show(phone.serial).device.holder == "", "a reservation ends by itself"
    assert at.reserve(phone.serial, 60).device.holder == me


def test_a_run_is_not_disturbed(
    at: DeviceClient, client: Client, daemon: Daemon, phone: VirtualPhone, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    job = client.submit(lab.submission(f"until {go}"))
    until(lambda: at.show(phone.serial).device.run is not None)
    assert at.show(phone.serial).device.condition == "busy"
    refused: list[Callable[[], object]] = [
        lambda: at.reserve(phone.serial, 60),
        lambda: at.heal(phone.serial),
        lambda: at.forget(phone.serial),
        lambda: at.reboot(phone.serial),
        lambda: at.logcat(phone.serial, out=bytes, err=bytes),
    ]
    for ask in refused:
        with pytest.raises(JobError, match="run 1 is there"):
            ask()
    daemon.desk.reserve(phone.serial, "somebody", 60, wait=True)
    go.touch()
    assert client.wait(job.job).status == "done", "it goes on to its end"
    assert at.show(phone.serial).device.holder == "somebody"
    daemon.desk.release(phone.serial, "somebody")
    assert at.reserve(phone.serial, 60, wait=True).device.run is None


def test_quarantine_and_healing(at: DeviceClient, client: Client, phone: VirtualPhone) -> None:
    found = at.quarantine(phone.serial, "it smells").device
    assert (found.condition, found.reason) == ("quarantined", "it smells")
    assert "heal" in found.remedy
    healed = at.heal(phone.serial)
    assert healed.device.condition == "ready"
    assert [e.kind for e in healed.events][:2] == ["released", "enrolled"]


def test_commands_come_back_as_they_were_printed(at: DeviceClient, phone: VirtualPhone) -> None:
    out, err = bytearray(), bytearray()
    command = "head -c 300000 /dev/zero; echo oops >&2; exit 9"
    assert at.shell(phone.serial, command, out=out.extend, err=err.extend) == 9
    assert (len(out), bytes(err)) == (300000, b"oops\n")
    with pytest.raises(DeadlineError):
        at.shell(phone.serial, "sleep 60", timeout_s=0.5, out=bytes, err=bytes)
    with pytest.raises(AdbError, match="printed more than"):
        at.shell(phone.serial, "cat /dev/zero", out=bytes, err=bytes)
    at.shell(phone.serial, "log -t farm one; log -t farm two", out=bytes, err=bytes)
    log = bytearray()
    assert at.logcat(phone.serial, lines=1, out=log.extend, err=err.extend) == 0
    assert b"two" in log
    assert b"one" not in log
    with pytest.raises(AdbError, match="no picture"):
        at.screenshot(phone.serial)


class _EnoughError(Exception):
    pass


def test_a_log_is_followed_until_nobody_reads(at: DeviceClient, phone: VirtualPhone, adb: AdbServer) -> None:
    listing = adb.device(phone.serial)

    def enough(data: bytes) -> None:
        if b"said late" in data:
            assert "logcat" in listing.shell(["ps", "-A"], 10).text
            raise _EnoughError
        listing.shell(["log", "said late"], 10)

    with pytest.raises(_EnoughError):
        at.logcat(phone.serial, follow=True, out=enough, err=bytes)
    until(lambda: "logcat" not in listing.shell(["ps", "-A"], 10).text, "the command ended on the phone, too")


def test_a_reboot_waits_for_the_boot_and_keeps_the_reservation(
    at: DeviceClient, phone: VirtualPhone, adb: AdbServer
) -> None:
    at.reserve(phone.serial, 3600)
    adb.device(phone.serial).shell(["settings", "put", "global", "x", "1"], 10)
    found = at.reboot(phone.serial)
    assert found.events[0].kind in {"rebooted", "enrolled", "ready"}
    assert "rebooted" in {e.kind for e in found.events}
    assert found.device.holder
    assert adb.device(phone.serial).shell(["echo", "up"], 10).text == "up"


def test_a_device_that_is_away_says_so(at: DeviceClient, daemon: Daemon, phone: VirtualPhone) -> None:
    daemon._fleet.store.seen("R58", "", {"ro.product.model": "SM"})  # type: ignore[attr-defined]
    daemon._fleet.forget("R58")  # type: ignore[attr-defined]
    with pytest.raises(NotFoundError):
        at.heal("R58")
    from farm import virtual

    virtual.freeze(phone)
    until(lambda: at.show(phone.serial).device.condition == "offline")
    with pytest.raises(DeadlineError):
        at.shell(phone.serial, "true", timeout_s=0.5, out=bytes, err=bytes)
    virtual.thaw(phone)
    with pytest.raises(NoDeviceError):
        daemon.desk.handle("R59", "me")
