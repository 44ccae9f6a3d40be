from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.virtual import figures, physics, profiles
from farm.virtual.physics import Given, State
from farm.virtual.profile import Profile

PROFILES = [profiles.load(name) for name in profiles.names()]
NOTHING = Given()

celsius = st.floats(-10, 140)
dt = st.floats(0.001, 60)


@st.composite
def phones(draw: st.DrawFn) -> tuple[Profile, State]:
    profile = draw(st.sampled_from(PROFILES))
    clusters = tuple(
        physics.ClusterState(draw(celsius), draw(st.integers(0, len(c.mhz) - 1)), draw(st.integers(0, len(c.mhz) - 1)))
        for c in profile.cluster
    )
    charge = draw(st.floats(0, profile.battery.capacity_mah))
    return profile, State(charge, draw(celsius), clusters, draw(st.floats(0, 10)), 0.0, draw(st.booleans()))


overrides = st.builds(
    Given,
    level=st.none() | st.integers(0, 100),
    status=st.none() | st.integers(1, 5),
    battery_celsius=st.none() | celsius,
    thermal_status=st.none() | st.integers(0, 6),
    celsius=st.none() | celsius,
)


@given(phones(), st.floats(0, 1e6), dt, overrides)
def test_whatever_happens_it_stays_a_phone(
    phone: tuple[Profile, State], cpu_seconds: float, seconds: float, some: Given
) -> None:
    profile, before = phone
    after = physics.advance(profile, before, cpu_seconds, seconds, some)
    assert 0 <= after.charge_mah <= profile.battery.capacity_mah
    assert 0 < physics.speed(profile, after) <= 1
    for cluster, state in zip(profile.cluster, after.cluster, strict=True):
        assert math.isfinite(state.celsius)
        assert 0 <= state.step < len(cluster.mhz)
        assert 0 <= state.cap < len(cluster.mhz)
    lowest = min(profile.body.ambient_celsius, before.body_celsius)
    most = sum(c.watts * c.cpus for c in profile.cluster) + profile.body.idle_watts
    highest = max(profile.body.ambient_celsius + most * profile.body.kelvin_per_watt, before.body_celsius)
    assert lowest - 1e-6 <= after.body_celsius <= highest + 1e-6
    assert 0 <= physics.level(profile, after, some) <= 100
    assert physics.battery_status(profile, after, some) in {1, 2, 3, 4, 5}
    assert 0 <= physics.thermal_status(profile, after, some) <= 6
    for text in figures.now(profile, after, some, profile.cpus).values():
        assert text
        assert "nan" not in text


@given(phones(), st.floats(0, 100), st.floats(0, 100), dt)
def test_more_work_never_leaves_it_cooler(
    phone: tuple[Profile, State], one: float, other: float, seconds: float
) -> None:
    profile, before = phone
    # Clocks follow the load within the same caps here: one step.
    seconds = min(seconds, physics.LONGEST_STEP)
    less, more = sorted((one, other))
    cool = physics.advance(profile, before, less, seconds, NOTHING)
    warm = physics.advance(profile, before, more, seconds, NOTHING)
    assert warm.watts >= cool.watts - 1e-9
    assert warm.body_celsius >= cool.body_celsius - 1e-9


@given(phones())
def test_no_time_no_change(phone: tuple[Profile, State]) -> None:
    profile, before = phone
    assert physics.advance(profile, before, 5.0, 0.0, NOTHING) == before


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.product.model)
def test_idle_it_stays_as_it_was_switched_on(profile: Profile) -> None:
    before = physics.start(profile)
    after = physics.advance(profile, before, 0.0, 600.0, NOTHING)
    assert after.body_celsius == pytest.approx(before.body_celsius, abs=0.01)
    assert physics.level(profile, after, NOTHING) == 100
    assert physics.battery_status(profile, after, NOTHING) == physics.FULL
    assert physics.speed(profile, after) == 1
    assert all(state.step == 0 for state in after.cluster)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.product.model)
def test_work_heats_with_the_time_constants_and_drains(profile: Profile) -> None:
    before = physics.start(profile)
    busy = physics.advance(profile, before, 10.0 * profile.cpus, 10.0, Given(status=physics.DISCHARGING))
    assert busy.cluster[-1].celsius > before.cluster[-1].celsius + 10
    assert busy.cluster[-1].step == len(profile.cluster[-1].mhz) - 1
    assert busy.charge_mah < before.charge_mah
    energy_mah = busy.watts * 10 / 3600 / profile.battery.volts * 1000
    assert before.charge_mah - busy.charge_mah == pytest.approx(energy_mah, rel=0.01)
    rested = physics.advance(profile, busy, 0.0, 3600.0, NOTHING)
    assert rested.cluster[-1].celsius == pytest.approx(before.cluster[-1].celsius, abs=1)
    assert rested.charge_mah == profile.battery.capacity_mah, "it was charged again"


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.product.model)
def test_the_shipped_phones_do_not_throttle_by_themselves(profile: Profile) -> None:
    state = physics.start(profile)
    state = physics.advance(profile, state, 600.0 * profile.cpus, 600.0, NOTHING)
    assert physics.speed(profile, state) == 1, "a figure taken on them would be a figure of the model"


def test_the_trip_point_lowers_the_clock_and_the_cold_raises_it() -> None:
    profile = profiles.load("x86_64")
    cluster = replace(profile.cluster[-1], trip_celsius=50.0)
    profile = replace(profile, cluster=(*profile.cluster[:-1], cluster))
    state, speeds = physics.start(profile), []
    for _ in range(120):
        state = physics.advance(profile, state, float(profile.cpus), 1.0, NOTHING)
        speeds.append(physics.speed(profile, state))
    assert min(speeds) < 0.9
    assert state.cluster[-1].celsius < 60, "the governor holds it near the trip point"
    state = physics.advance(profile, state, 0.0, 120.0, NOTHING)
    assert physics.speed(profile, state) == 1


def test_what_is_given_wins_and_the_model_goes_on_from_there() -> None:
    profile = profiles.load("x86_64")
    state = physics.start(profile)
    low = Given(level=5, status=physics.DISCHARGING)
    state = physics.advance(profile, state, 0.0, 60.0, low)
    assert physics.level(profile, state, low) == 5
    assert physics.battery_status(profile, state, low) == physics.DISCHARGING
    assert physics.level(profile, state, NOTHING) == 100, "it is only shown, and well again when it is taken away"
    assert state.charge_mah < profile.battery.capacity_mah, "but it was unplugged"
    hot = Given(celsius=95.0, thermal_status=4, battery_celsius=48.0)
    state = physics.advance(profile, state, 0.0, 5.0, hot)
    assert all(c.celsius >= 95 for c in state.cluster)
    assert physics.speed(profile, state) == profile.cluster[-1].mhz[0] / profile.cluster[-1].mhz[-1]
    assert physics.thermal_status(profile, state, hot) == 4
    assert physics.battery_celsius(state, hot) == 48
    well = physics.advance(profile, state, 0.0, 60.0, NOTHING)
    assert physics.speed(profile, well) == 1
    assert physics.thermal_status(profile, well, NOTHING) == 0


@given(st.floats(-20, 100))
@settings(max_examples=50)
def test_the_thermal_status_counts_the_thresholds_passed(degrees: float) -> None:
    body = PROFILES[0].body
    status = physics.severity(body, degrees)
    assert all(degrees >= limit for limit in body.skin_celsius[:status])
    assert all(degrees < limit for limit in body.skin_celsius[status:])
