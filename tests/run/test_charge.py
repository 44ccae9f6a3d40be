"""Batteries within their window: the decision, and a small program as the hub."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import InfrastructureError
from farm.fleet.device import Device
from farm.run.conditions import charge
from farm.run.conditions.charge import Care, Port, decide
from farm.sections.devices import DeviceNote, Hub
from farm.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LIMITS = Hub(rest_s=100)
ON, OFF = Port("on", 0.0), Port("off", 0.0)


def device(level: int | None, state: str = "device") -> Device:
    return Device("s", state, battery=level)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("of", "port", "now", "action"),
    [
        (device(80), ON, 1, "off"),
        (device(79), ON, 1, None),
        (device(30), OFF, 1, "on"),
        (device(31), OFF, 1, None),
        (device(95), None, 1, "off"),
        (device(50), None, 1, "on"),
        (device(None), None, 1, "on"),
        (device(90), OFF, 1, None),
        (device(10), ON, 1, None),
        (None, OFF, 99, None),
        (None, OFF, 100, "on"),
        (device(90, "offline"), OFF, 100, "on"),
        (None, ON, 1e6, None),
    ],
)
def test_the_window(of: Device | None, port: Port | None, now: float, action: str | None) -> None:
    found = decide(of, port, LIMITS, now)
    assert (found.action if found else None) == action
    assert decide(of, port, LIMITS, now, leased=True) is None, "nothing is switched under a run"


def test_a_device_that_a_run_waits_for_gets_its_power_back() -> None:
    found = decide(None, OFF, LIMITS, 1, wanted=True)
    assert found is not None
    assert (found.action, found.reason) == ("on", "a run waits for it")
    assert decide(device(90), OFF, LIMITS, 1, wanted=True) is None, "it answers: adb over Wi-Fi"


@given(level=st.none() | st.integers(0, 100), action=st.sampled_from(["on", "off"]), now=st.floats(0, 1e6),
       there=st.booleans(), wanted=st.booleans())  # fmt: skip
def test_a_switch_is_never_followed_by_its_opposite(
    level: int | None, action: charge.Action, now: float, there: bool, wanted: bool
) -> None:
    of = device(level) if there else None
    found = decide(of, Port(action, 0.0), LIMITS, now, wanted=wanted)
    if found is not None:
        assert found.action != action
        assert decide(of, Port(found.action, now), LIMITS, now, wanted=wanted) is None


@pytest.fixture
def hub(tmp_path: Path) -> tuple[str, ...]:
    """A program that writes down what it is asked, and fails for the port `bad`."""
    program = tmp_path / "hub.py"
    program.write_text(
        "import sys, time\n"
        "port, action = sys.argv[1:]\n"
        "if port == 'bad': sys.exit('no such port')\n"
        "if port == 'slow': time.sleep(60)\n"
        f"open({str(tmp_path / 'log')!r}, 'a').write(f'{{port}} {{action}}\\n')\n"
    )
    return (sys.executable, str(program), "{port}", "{action}")


def test_the_command_is_told_port_and_action_and_no_shell_reads_them(hub: tuple[str, ...], tmp_path: Path) -> None:
    charge.run(hub, "1-1; touch x $(id)", "off", 30)
    assert (tmp_path / "log").read_text() == "1-1; touch x $(id) off\n"


@pytest.mark.parametrize(("port", "words"), [("bad", "no such port"), ("slow", "no end after")])
def test_a_hub_that_fails_says_how(hub: tuple[str, ...], port: str, words: str) -> None:
    with pytest.raises(InfrastructureError, match=words):
        charge.run(hub, port, "on", 0.5 if port == "slow" else 30)
    with pytest.raises(InfrastructureError, match="No such file"):
        charge.run(("/nowhere/hub",), port, "on", 1)


def test_care_looks_switches_notes_and_leaves_all_on(hub: tuple[str, ...], tmp_path: Path) -> None:
    settings = Settings(
        data=tmp_path,
        hub=Hub(command=hub),
        device=(DeviceNote(serial="a", port="1"), DeviceNote(serial="b", port="bad"), DeviceNote(serial="c")),
    )
    seen = {"a": Device("a", "device", battery=85), "b": Device("b", "device", battery=10)}
    happened: list[tuple[str, str, str]] = []

    def note(rows: Iterable[tuple[str, str, str]]) -> None:
        happened.extend(rows)

    care = Care(
        settings, devices=lambda: list(seen.values()), leased=frozenset, wanted=set, note=note,
        report_bug=lambda _name, text: pytest.fail(text),
    )  # fmt: skip
    care.step()
    care.step()
    assert (tmp_path / "log").read_text() == "1 off\n"
    seen["a"] = replace(seen["a"], battery=29)
    care.step()
    seen["a"] = replace(seen["a"], battery=80)
    care.step()
    care.start()
    care.stop(5)
    assert (tmp_path / "log").read_text().splitlines() == ["1 off", "1 on", "1 off", "1 on"]
    kinds = [(serial, kind) for serial, kind, _ in happened]
    assert kinds.count(("b", "hub failed")) == 1, "once, not every minute"
    assert kinds.count(("a", "power off")) == 2


def test_without_a_hub_nothing_is_switched(tmp_path: Path) -> None:
    care = Care(
        Settings(data=tmp_path, device=(DeviceNote(serial="a", port="1"),)),
        devices=lambda: [Device("a", "device", battery=100)],
        leased=frozenset,
        wanted=set,
        note=lambda _: pytest.fail("something was switched"),
        report_bug=lambda _name, text: pytest.fail(text),
    )
    care.step()
    care.start()
    care.stop(1)
