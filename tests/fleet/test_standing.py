"""Where a device stands: pure, for any facts."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.android.commands.thermal import STATUS as THERMAL_STATUS
from farm.fleet.device import Condition, Standing, State
from farm.fleet.standing import ASKED, AWAY, SEVERITY, Facts, Gates, Vitals, decide, gates, human
from farm.sections.devices import Fleet

WORDS = st.sampled_from(["", "because"])
FACTS = st.builds(
    Facts,
    adb=st.sampled_from(get_args(State)),
    silent=WORDS,
    blip=st.booleans(),
    leased=st.booleans(),
    task=st.sampled_from(["", "asked", "booting", "enrolled", "rebooted"]),
    problem=WORDS,
    quarantine=WORDS,
    quarantined=st.sampled_from([0.0, 5.0]),
    needs_human=st.one_of(WORDS, st.sampled_from(sorted(ASKED))),
    gates=st.builds(Gates, WORDS, WORDS),
    enrolled=st.booleans(),
)
STANDINGS = st.builds(Standing, condition=st.sampled_from(get_args(Condition)), since=st.floats(0, 100))
LIMITS = Fleet()
VITALS = st.builds(
    Vitals,
    level=st.one_of(st.none(), st.integers(0, 100)),
    battery_c=st.one_of(st.none(), st.floats(-20, 90)),
    thermal=st.one_of(st.none(), st.sampled_from(sorted(THERMAL_STATUS.values()))),
    frozen=st.booleans(),
)


@given(facts=FACTS, before=st.one_of(st.none(), STANDINGS), now=st.floats(100, 200))
def test_every_standing_has_its_reason_its_time_and_its_remedy(
    facts: Facts, before: Standing | None, now: float
) -> None:
    found = decide(facts, before, now)
    if facts.blip and before is not None and before.condition not in AWAY:
        assert found is before
        return
    if found.condition not in {"ready"}:
        assert found.reason
    if found.condition in {"offline", "unauthorized", "quarantined", "needs-human", "cooling", "charging"}:
        assert found.remedy, "whoever reads it knows what to do"
    if before is not None and before.condition == found.condition:
        assert found.since == before.since
    else:
        assert found.since in {now, facts.quarantined}


@given(facts=FACTS)
def test_only_what_nothing_speaks_against_is_ready(facts: Facts) -> None:
    ready = decide(facts, None, 1).condition == "ready"
    against = (
        facts.leased,
        facts.task,
        facts.problem,
        facts.quarantine,
        facts.needs_human,
        *vars(facts.gates).values(),
    )
    assert ready == (facts.adb == "device" and not any(against))


@pytest.mark.parametrize(
    ("facts", "condition", "says"),
    [
        (Facts("device"), "ready", ""),
        (Facts("device", leased=True), "busy", "run"),
        (Facts("device", gates=Gates(cooling="45 C")), "cooling", "45 C"),
        (Facts("device", gates=Gates(charging="3 %")), "charging", "3 %"),
        (Facts("unresponsive", silent="no end after 5 s"), "offline", "answers nothing (no end after 5 s)"),
        (Facts("offline", silent="not attached"), "offline", "not attached"),
        (Facts("unauthorized"), "unauthorized", "key"),
        (Facts("device", quarantine="3 errors", leased=True), "quarantined", "3 errors"),
        (Facts("device", needs_human="INSTALL_FAILED_USER_RESTRICTED"), "needs-human", "USER_RESTRICTED"),
        (Facts("offline", needs_human="the emulator is not in PATH"), "needs-human", "PATH"),
        (Facts("offline", task="rebooted"), "busy", "rebooted"),
        (Facts("device", problem="cannot be enrolled"), "needs-human", "enrolled"),
    ],
)
def test_each_condition(facts: Facts, condition: str, says: str) -> None:
    found = decide(facts, None, 1)
    assert found.condition == condition
    assert says in found.reason


def test_a_phone_that_asks_says_so() -> None:
    assert "unlock the phone and allow this computer" in decide(Facts("unauthorized"), None, 1).remedy
    assert "Install via USB" in human("Failure [INSTALL_FAILED_USER_RESTRICTED: canceled by user]")
    assert not human("device offline")


def test_quarantine_is_as_old_as_it_is_stored() -> None:
    assert decide(Facts("device", quarantine="x", quarantined=7.0), None, 100.0).since == 7.0


@given(vitals=VITALS, before=st.builds(Gates, WORDS, WORDS))
def test_gates_hold_back_what_is_over_a_limit_and_nothing_else(vitals: Vitals, before: Gates) -> None:
    found = gates(vitals, before, LIMITS)
    level = None if vitals.frozen else vitals.level
    heat = None if vitals.frozen else vitals.battery_c
    throttled = vitals.thermal is not None and SEVERITY[vitals.thermal] > SEVERITY[LIMITS.thermal_max]
    if level is not None and level < LIMITS.battery_min:
        assert found.charging
    if level is None or level >= LIMITS.battery_ready:
        assert not found.charging
    if throttled or (heat is not None and heat > LIMITS.battery_max_c):
        assert found.cooling
    if not throttled and (heat is None or heat <= LIMITS.battery_cool_c):
        assert not found.cooling


@given(vitals=VITALS)
def test_gates_settle_at_once(vitals: Vitals) -> None:
    once = gates(vitals, Gates(), LIMITS)
    twice = gates(vitals, once, LIMITS)
    assert (bool(once.charging), bool(once.cooling)) == (bool(twice.charging), bool(twice.cooling))


def test_a_battery_on_the_edge_does_not_flap() -> None:
    state, told = Gates(), []
    for level in (25, 19, 21, 29, 30, 25, 19):
        state = gates(Vitals(level=level), state, LIMITS)
        told.append(bool(state.charging))
    assert told == [False, True, True, True, False, False, True]
    hot = gates(Vitals(battery_c=43), Gates(), LIMITS)
    assert gates(Vitals(battery_c=40), hot, LIMITS).cooling
    assert not gates(Vitals(battery_c=40), Gates(), LIMITS).cooling
    assert replace(hot, cooling="") == Gates()
