"""The fleet at work, on virtual phones behind real adb servers: phones come, go, freeze and lie."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

import psutil
import pytest

from farm import virtual
from farm.errors import AdbError, DeviceGoneError, InfrastructureError, JobError
from farm.fleet.enrolment import Enrolment, Golden
from farm.fleet.private import private_adb_server
from farm.fleet.track import parse
from farm.report.document import Failure
from farm.sections.devices import DeviceNote, Host
from tests.fleet.kit import at_work, settings, stands, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbDevice, AdbServer
    from farm.fleet.fleet import Fleet
    from farm.settings import Settings
    from farm.virtual import VirtualPhone


@pytest.fixture
def lab(adb: AdbServer, tmp_path: Path) -> Settings:
    return settings(tmp_path / "data", adb)


@pytest.fixture
def fleet(lab: Settings, phone: VirtualPhone) -> Iterator[Fleet]:
    """At work with one phone, which is ready."""
    with at_work(lab) as at:
        stands(at, phone.serial, "ready")
        yield at


def test_a_phone_that_comes_is_enrolled_and_ready_and_one_that_ended_is_forgotten(
    lab: Settings, adb: AdbServer, make_phone: Callable[..., VirtualPhone]
) -> None:
    changes: list[int] = []
    with at_work(lab, changed=lambda: changes.append(1)) as fleet:
        phone = make_phone()
        device = stands(fleet, phone.serial, "ready")
        assert device.kind == "virtual"
        assert device.battery == 100
        row = fleet.store.get(phone.serial)
        assert row is not None
        assert Enrolment.model_validate_json(row.enrolment or "").abis == (phone.abi,)
        assert changes, "whoever waits for devices is told"
        virtual.kill(phone)
        stands(fleet, phone.serial, "offline")
        until(lambda: fleet.store.events(phone.serial, 1)[0].kind == "offline")
        adb.disconnect(phone.serial)  # or adb itself keeps it for a minute
        until(lambda: fleet.device(phone.serial) is None)
        kinds = [event.kind for event in fleet.store.events(phone.serial, 10)]
        assert kinds[:2] == ["forgotten", "offline"]
        assert {"appeared", "enrolled"} <= set(kinds)


def test_a_frozen_phone_is_offline_though_adb_says_device(fleet: Fleet, adb: AdbServer, phone: VirtualPhone) -> None:
    virtual.freeze(phone)
    device = stands(fleet, phone.serial, "offline")
    assert adb.states()[phone.serial] == "device"
    assert device.state == "unresponsive"
    assert device.standing is not None
    assert "answers nothing" in device.standing.reason
    virtual.thaw(phone)
    assert stands(fleet, phone.serial, "ready").state == "device"


def test_a_leased_phone_is_asked_nothing(lab: Settings, phone: VirtualPhone) -> None:
    leased: set[str] = set()
    with at_work(lab, leased=leased) as fleet:
        stands(fleet, phone.serial, "ready")
        leased.add(phone.serial)
        assert stands(fleet, phone.serial, "busy").state == "device"
        virtual.freeze(phone)
        fleet.refresh()
        assert stands(fleet, phone.serial, "busy").state == "device", "nobody asked, so nobody noticed"
        virtual.thaw(phone)
        leased.clear()
        stands(fleet, phone.serial, "ready")


def test_phones_that_adb_forgot_are_connected_again(
    fleet: Fleet, adb: AdbServer, make_phone: Callable[..., VirtualPhone], phone: VirtualPhone
) -> None:
    other = make_phone()
    for each in (phone, other):
        stands(fleet, each.serial, "ready")
        adb.disconnect(each.serial)
    for each in (phone, other):
        until(functools.partial(_attached, adb, each.serial))
        stands(fleet, each.serial, "ready")


def test_a_phone_on_wifi_that_was_here_once_is_connected_again(lab: Settings, adb: AdbServer, tmp_path: Path) -> None:
    """A physical phone's part is played by a virtual one whose stored properties do not say so."""
    (phone,) = virtual.up(tmp_path / "elsewhere", owner_pid=os.getpid())
    try:
        with at_work(lab, start=False) as fleet:
            fleet.store.seen(phone.serial, "", {"ro.product.cpu.abi": "x86_64"})
        with at_work(lab) as fleet:
            stands(fleet, phone.serial, "ready")
            assert _attached(adb, phone.serial)
    finally:
        virtual.down(tmp_path / "elsewhere")
        adb.disconnect(phone.serial)


def _attached(adb: AdbServer, serial: str) -> bool:
    return adb.states().get(serial) == "device"


def test_a_moments_absence_is_no_absence(adb: AdbServer, tmp_path: Path, phone: VirtualPhone) -> None:
    with at_work(settings(tmp_path / "data", adb, poll_s=3600.0, debounce_s=3600.0)) as fleet:
        before = stands(fleet, phone.serial, "ready").standing
        happened = fleet.store.events(phone.serial, 10)
        adb.disconnect(phone.serial)
        until(lambda: (d := fleet.device(phone.serial)) is not None and d.state == "offline")
        device = fleet.device(phone.serial)
        assert device is not None
        assert device.standing == before
        assert not device.ready, "no run starts there meanwhile"
        adb.connect(phone.serial)
        until(lambda: (d := fleet.device(phone.serial)) is not None and d.ready)
        assert stands(fleet, phone.serial, "ready").standing == before
        assert fleet.store.events(phone.serial, 10) == happened


def test_a_weak_battery_charges_and_a_hot_phone_cools(fleet: Fleet, phone: VirtualPhone) -> None:
    virtual.fault(phone, "low-battery")
    charging = stands(fleet, phone.serial, "charging")
    assert not charging.ready
    assert charging.standing is not None
    assert "5 %" in charging.standing.reason
    virtual.fault(phone, "hot")
    cooling = stands(fleet, phone.serial, "cooling").standing
    assert cooling is not None
    assert "48.0 C" in cooling.reason
    virtual.fault(phone, "clear")
    stands(fleet, phone.serial, "ready")


def test_noise_from_one_phone_stops_nobody(
    lab: Settings, make_phone: Callable[..., VirtualPhone], phone: VirtualPhone
) -> None:
    virtual.fault(phone, "garbage")
    with at_work(lab) as fleet:
        stands(fleet, make_phone().serial, "ready")
        device = stands(fleet, phone.serial, "offline")
        assert device.standing is not None
        assert "getprop" in device.standing.reason
        virtual.fault(phone, "clear")
        stands(fleet, phone.serial, "ready")


def test_who_refuses_the_key_is_unauthorized_until_it_says_yes(lab: Settings, adb: AdbServer) -> None:
    folder = lab.data / "virtual"
    (shy,) = virtual.up(folder, owner_pid=os.getpid(), auth="refuse")
    try:
        with at_work(lab) as fleet:
            device = stands(fleet, shy.serial, "unauthorized")
            assert device.standing is not None
            assert device.standing.remedy == "unlock the phone and allow this computer"
    finally:
        virtual.down(folder)
        adb.disconnect(shy.serial)


def test_an_adb_server_that_was_killed_is_started_again(tmp_path: Path) -> None:
    with private_adb_server() as server:
        lab = settings(tmp_path / "data", server)
        (phone,) = virtual.up(lab.data / "virtual", owner_pid=os.getpid())
        try:
            with at_work(lab) as fleet:
                stands(fleet, phone.serial, "ready")
                _server_process(server.port).kill()
                stands(fleet, phone.serial, "offline")
                assert stands(fleet, phone.serial, "ready").state == "device", "a new server knew no phone"
        finally:
            virtual.down(lab.data / "virtual")
            _server_process(server.port).kill()  # the one that the fleet started; nobody else knows its port


def _server_process(port: int) -> psutil.Process:
    listening = (
        c for c in psutil.net_connections("tcp") if c.laddr and c.laddr.port == port and c.status == psutil.CONN_LISTEN
    )
    return psutil.Process(next(c.pid for c in listening if c.pid))


def test_a_second_adb_server_has_names_of_its_own(adb: AdbServer, tmp_path: Path) -> None:
    with private_adb_server() as far:
        lab = settings(tmp_path / "data", adb).model_copy(
            update={"host": (Host(name="shelf", port=far.port), Host(name="gone", host="127.0.0.2", port=1))}
        )
        (phone,) = virtual.up(tmp_path / "elsewhere", owner_pid=os.getpid())
        far.connect(phone.serial)
        try:
            with at_work(lab) as fleet:
                name = f"{phone.serial}@shelf"
                device = stands(fleet, name, "ready")
                assert device.host == "shelf"
                assert fleet.handle(name).shell(["echo", "there"], 10).text == "there"
                with pytest.raises((AdbError, DeviceGoneError)):
                    fleet.handle(phone.serial).shell(["true"], 10)
        finally:
            virtual.down(tmp_path / "elsewhere")


def _failure(error: Exception) -> Failure:
    return Failure.of(error)  # type: ignore[arg-type]  # a FarmError


def test_errors_in_a_row_end_in_quarantine_which_a_restart_keeps_and_healing_ends(
    lab: Settings, phone: VirtualPhone
) -> None:
    cable = _failure(DeviceGoneError("the cable", where=phone.serial))
    with at_work(lab) as fleet:
        stands(fleet, phone.serial, "ready")
        fleet.fault(phone.serial, cable)
        fleet.fault(phone.serial, _failure(JobError("the user's")))
        fleet.sound(phone.serial)
        fleet.fault(phone.serial, cable)
        stands(fleet, phone.serial, "ready")
        fleet.fault(phone.serial, cable)
        standing = stands(fleet, phone.serial, "quarantined").standing
        assert standing is not None
        assert "2 infrastructure errors in a row, the last:" in standing.reason
        assert "the cable" in standing.reason
    with at_work(lab) as fleet:
        again = stands(fleet, phone.serial, "quarantined")
        assert not again.ready
        assert again.standing is not None
        assert again.standing.since == pytest.approx(standing.since, abs=60)
        enrolled = fleet.store.rows()[phone.serial].enrolled
        fleet.heal(phone.serial)
        stands(fleet, phone.serial, "ready")
        row = fleet.store.rows()[phone.serial]
        assert row.faults == 0
        assert row.enrolled != enrolled, "it was enrolled anew"


def test_what_only_a_person_can_mend_needs_one(fleet: Fleet, phone: VirtualPhone) -> None:
    fleet.fault(phone.serial, _failure(InfrastructureError("Failure [INSTALL_FAILED_USER_RESTRICTED]")))
    standing = stands(fleet, phone.serial, "needs-human").standing
    assert standing is not None
    assert "Install via USB" in standing.remedy
    fleet.heal(phone.serial)
    stands(fleet, phone.serial, "ready")


def test_another_system_is_enrolled_anew(adb: AdbServer, tmp_path: Path, phone: VirtualPhone) -> None:
    with at_work(settings(tmp_path / "data", adb, debounce_s=0.0)) as fleet:
        stands(fleet, phone.serial, "ready")
        before = fleet.store.rows()[phone.serial].enrolled
        properties = phone.root / "system" / "build.prop"
        properties.write_text(properties.read_text().replace("/VIRTUAL/1:", "/VIRTUAL/2:"))
        adb.disconnect(phone.serial)
        until(lambda: fleet.store.rows()[phone.serial].enrolled != before)
        assert "VIRTUAL/2" in (fleet.store.rows()[phone.serial].enrolment or "")
        stands(fleet, phone.serial, "ready")


@pytest.mark.parametrize("parity", ["differs", "crashed"])
def test_a_phone_that_computes_wrongly_needs_a_human(
    adb: AdbServer, tmp_path: Path, phone: VirtualPhone, parity: str
) -> None:
    answers = [Golden(parity=parity, detail="an output is off"), Golden(parity="equal")]  # type: ignore[arg-type]

    def prove(_device: AdbDevice, abi: str, is_virtual: bool, _check: Callable[[], None]) -> Golden:
        assert (abi, is_virtual) == (phone.abi, True)
        return answers.pop(0)

    with at_work(settings(tmp_path / "data", adb, golden=True), prove=prove) as fleet:
        standing = stands(fleet, phone.serial, "needs-human").standing
        assert standing is not None
        assert standing.reason == "golden model: an output is off"
        assert "cannot be trusted" in standing.remedy
        fleet.heal(phone.serial)
        stands(fleet, phone.serial, "ready")


def test_an_enrolment_that_failed_is_tried_again(adb: AdbServer, tmp_path: Path, phone: VirtualPhone) -> None:
    tries: list[int] = []

    def prove(*_: object) -> Golden:
        tries.append(1)
        if len(tries) < 3:
            raise InfrastructureError("the disk is full", where="here", remedy="free some")
        return Golden(parity="equal")

    with at_work(settings(tmp_path / "data", adb, golden=True), prove=prove) as fleet:
        standing = stands(fleet, phone.serial, "needs-human").standing
        assert standing is not None
        assert "the disk is full" in standing.reason
        stands(fleet, phone.serial, "ready")
    assert len(tries) == 3


def test_a_look_alone_enrols_nobody(lab: Settings, phone: VirtualPhone) -> None:
    with at_work(lab, start=False) as fleet:
        (device,) = fleet.refresh()
        assert device.ready
        assert device.standing is not None
        assert device.standing.reason == "not enrolled yet"
        assert fleet.store.rows()[phone.serial].enrolment is None


def test_farm_toml_names_and_a_device_that_left_stays_listed(
    adb: AdbServer, tmp_path: Path, phone: VirtualPhone
) -> None:
    """A physical phone's part is played by a row of one that was here once."""
    note = DeviceNote(serial="R58", name="s24", pool="nightly", labels=("new",))
    lab = settings(tmp_path / "data", adb).model_copy(update={"device": (note,)})
    with at_work(lab, start=False) as fleet:
        fleet.store.seen("R58", "", {"ro.product.model": "SM-S921B", "ro.product.cpu.abi": "arm64-v8a"})
    with at_work(lab) as fleet:
        away = stands(fleet, "R58", "offline")
        assert (away.name, away.pool, away.labels, away.model) == ("s24", "nightly", frozenset({"new"}), "SM-S921B")
        assert away.last_seen > 0
        assert away.standing is not None
        assert away.standing.reason == "not attached"
        fleet.forget("R58")
        assert fleet.device("R58") is None


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("a\tdevice\nb\toffline\n", {"a": "device", "b": "offline"}),
        ("a\nno tab\n\tdevice\n\n", {}),
        ("x\tno permissions; see [http://developer.android.com/tools/device.html]\n",
         {"x": "no permissions; see [http://developer.android.com/tools/device.html]"}),
    ],
)  # fmt: skip
def test_lines_of_track_devices(text: str, states: dict[str, str]) -> None:
    assert parse(text) == states
