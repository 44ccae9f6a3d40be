"""Whether a device may be measured as it is: every gate, in words and on a virtual phone."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm import virtual
from farm.android.commands import kernel, thermal
from farm.android.commands.battery import Battery
from farm.android.commands.thermal import STATUS as THERMAL_STATUS
from farm.errors import ConditionsError, InfrastructureError
from farm.run.conditions import gates, reading, settle
from farm.run.conditions.reading import Reading
from farm.sections.devices import Conditions
from tests.recordings import recording as recorded
from tests.virtual.bench import wait_until

if TYPE_CHECKING:
    from farm.fleet.adb import AdbDevice, AdbServer
    from farm.virtual import VirtualPhone

FINE = Reading(
    Battery(60, "discharging", 30.0, frozen=False), "none", awake=True, locked=False, doze="ACTIVE", free_bytes=8 << 30,
    load=0.1,
)  # fmt: skip


def battery(**changes: Any) -> Reading:
    return replace(FINE, battery=replace(FINE.battery, **changes))


@pytest.mark.parametrize(
    ("found", "limits", "words", "passes"),
    [
        (battery(level=14), {}, "battery at 14 %, at least 15 %", False),
        (battery(level=81), {"battery_max": 80}, "battery at 81 %, at most 80 %", False),
        (battery(status="charging"), {"charging": "refuse"}, "external power (charging)", False),
        (battery(status="full"), {"charging": "refuse"}, "external power (full)", False),
        (battery(temperature_c=40.1), {}, "battery at 40.1 C, at most 40 C", True),
        (battery(frozen=True), {}, "froze its battery service", False),
        (replace(FINE, thermal="moderate"), {}, "thermal status moderate, at most light", True),
        (replace(FINE, thermal_overridden=True), {}, "by hand", False),
        (replace(FINE, free_bytes=15 << 20), {}, "15 MiB are free", False),
        (replace(FINE, awake=False), {"screen": "on"}, "its screen is off, and must be on", False),
        (replace(FINE, locked=True), {"screen": "on"}, "on, locked", False),
        (FINE, {"screen": "off"}, "its screen is on, and must be off", False),
        (replace(FINE, doze="IDLE"), {}, "deep Doze (IDLE)", False),
        (replace(FINE, load=0.9), {}, "others use 90 % of its CPUs", True),
    ],
)
def test_each_gate_says_what_how_much_and_what_to_do(
    found: Reading, limits: dict[str, Any], words: str, passes: bool
) -> None:
    (one,) = gates.unmet(found, Conditions(**limits))
    assert words in one.what
    assert one.remedy
    assert one.passes == passes
    error = gates.refusal((one,), "R5CT", 12)
    assert words in str(error)
    assert "R5CT" in str(error)
    assert "12 s" in str(error)
    assert error.remedy == one.remedy


def test_a_sound_phone_and_one_that_tells_nothing_pass() -> None:
    assert gates.unmet(FINE, Conditions()) == ()
    assert gates.unmet(Reading(), Conditions(screen="on", charging="refuse")) == ()


def test_what_is_allowed_is_marked() -> None:
    assert "charging" in gates.marks(battery(status="charging"), Conditions())
    assert "dozing" in gates.marks(replace(FINE, doze="IDLE"), Conditions(doze="mark"))
    assert gates.unmet(replace(FINE, doze="IDLE"), Conditions(doze="mark")) == ()
    assert gates.marks(FINE, Conditions()) == {}


@given(
    level=st.none() | st.integers(0, 100),
    celsius=st.none() | st.floats(-20, 80),
    thermal=st.none() | st.sampled_from(sorted(THERMAL_STATUS.values())),
    load=st.none() | st.floats(0, 1),
)
def test_worse_never_passes_where_better_does_not(
    level: int | None, celsius: float | None, thermal: str | None, load: float | None
) -> None:
    found = replace(FINE, battery=Battery(level, "discharging", celsius, frozen=False), thermal=thermal, load=load)
    worse = replace(
        found,
        battery=replace(found.battery, level=None if level is None else level // 2,
                        temperature_c=None if celsius is None else celsius + 5),
        load=None if load is None else min(1.0, load + 0.2),
    )  # fmt: skip
    limits = Conditions()
    assert len(gates.unmet(worse, limits)) >= len(gates.unmet(found, limits))


@given(st.dictionaries(st.sampled_from(["battery", "thermal", "power", "keyguard", "doze", "storage", "cpus", "load1",
                                        "load2", "up1", "up2", "nodes"]), st.text()), st.booleans())  # fmt: skip
def test_whatever_it_prints_is_read_without_an_error(said: dict[str, str], is_virtual: bool) -> None:
    found = reading.read(said, virtual=is_virtual)
    assert found.load is None or 0 <= found.load <= 1
    found.words()


def test_load_is_the_busy_share_between_two_looks() -> None:
    assert kernel.parse_load("cpu  100 0 50 800 50 0 0 0", "cpu  150 0 75 870 55 0 0 0") == pytest.approx(0.5)
    assert kernel.parse_load("cpu  1 0 0 1", "cpu  1 0 0 1") is None
    assert kernel.parse_load("", "cpu  1 0 0 1") is None
    one = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 30 12 0 0\n"
    assert kernel.parse_processes(one + "nonsense\n8 (x) R") == {7: 42}


def test_the_hottest_skin_sensor_of_real_phones() -> None:
    assert thermal.parse_skin(recorded("thermalservice-xiaomi-13t-pro-hot")) == 50.77
    assert thermal.parse_skin("nothing") is None


@pytest.fixture
def device(adb: AdbServer, phone: VirtualPhone) -> AdbDevice:
    return adb.device(phone.serial)


def none(*_: object) -> None:
    """Nobody follows."""


def test_a_virtual_phone_passes_with_the_defaults(device: AdbDevice) -> None:
    found = settle.ready(device, Conditions(), virtual=True, tell=none)
    assert found.battery.level == 100
    assert found.thermal == "none"
    assert found.doze == "ACTIVE"
    assert found.load is not None
    assert found.nodes == {"power", "zones", "clocks"}
    assert found.free_bytes is not None
    assert {"battery", "battery_temperature", "thermal_status", "free_storage", "load"} <= found.words().keys()


def test_a_busy_phone_is_waited_for_then_refused(device: AdbDevice) -> None:
    busy = " & ".join(["while :; do :; done"] * 3)

    def work() -> None:
        with contextlib.suppress(InfrastructureError):
            device.script(busy, 60)

    threading.Thread(target=work, daemon=True).start()
    wait_until(lambda: (reading.look(device, virtual=True).load or 0) > 0.05)
    seen: list[tuple[str, int, int]] = []
    with pytest.raises(ConditionsError, match="of its CPUs"):
        settle.ready(device, Conditions(load_max=0.01, cooldown_s=1), virtual=True, tell=lambda *s: seen.append(s))
    assert seen
    assert {s[0] for s in seen} == {settle.STAGE}


def test_a_hot_phone_is_waited_for_until_it_is_cool(device: AdbDevice, phone: VirtualPhone) -> None:
    virtual.fault(phone, "hot", celsius=60, battery_celsius=48, status=3)

    def cure(*_: object) -> None:
        virtual.fault(phone, "clear")

    found = settle.ready(device, Conditions(load_max=1), virtual=True, tell=cure)
    assert found.thermal == "none"
    virtual.fault(phone, "hot", celsius=60, battery_celsius=48, status=3)
    with pytest.raises(ConditionsError, match=r"battery at 48\.0 C.*thermal status severe"):
        settle.ready(device, Conditions(load_max=1, cooldown_s=0), virtual=True, tell=none)


def test_an_empty_battery_is_not_waited_for(device: AdbDevice, phone: VirtualPhone) -> None:
    virtual.fault(phone, "low-battery", level=5)
    with pytest.raises(ConditionsError, match="battery at 5 %"):
        settle.ready(device, Conditions(load_max=1), virtual=True, tell=lambda *_: pytest.fail("it waited"))


def test_doze_and_a_frozen_battery_are_seen(device: AdbDevice) -> None:
    device.shell(["dumpsys", "deviceidle", "force-idle"], 10)
    with pytest.raises(ConditionsError, match="deep Doze"):
        settle.ready(device, Conditions(load_max=1), virtual=True, tell=none)
    device.shell(["dumpsys", "deviceidle", "unforce"], 10)
    device.shell(["dumpsys", "battery", "set", "level", "50"], 10)
    with pytest.raises(ConditionsError, match="froze its battery service"):
        settle.ready(device, Conditions(load_max=1), virtual=True, tell=none)


def test_cooling_down_goes_back_to_the_start(device: AdbDevice, phone: VirtualPhone) -> None:
    start = reading.look_at_heat(device)
    virtual.fault(phone, "hot", celsius=39, battery_celsius=39, status=1)
    wait_until(lambda: (reading.look_at_heat(device).celsius or 0) >= 39)
    limits = Conditions(cooldown_s=0.5)
    _, note = settle.cooled(device, start, limits, tell=none)
    assert "above the run's start" in note

    def cure(*_: object) -> None:
        virtual.fault(phone, "clear")

    now, note = settle.cooled(device, start, Conditions(), tell=cure)
    assert now.celsius is not None
    assert start.celsius is not None
    assert now.celsius <= start.celsius + limits.cool_within_c
