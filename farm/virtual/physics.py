"""A phone's battery, heat and clocks as pure functions of what its processes use: a model, and every figure says `virtual`.

load      busy CPUs fill the fastest cluster first
clock     the slowest step that carries the load, as Linux's schedutil picks it, but no higher than the cap
power     watts of a busy CPU at the highest clock, times the load, times the clock's share cubed
heat      body and clusters, each a resistance and a time constant (RC); the exact answer for one step, so it is stable
          for any step
cap       Linux's step_wise governor: above the trip temperature some steps down, five degrees below it one up
battery   charge in, load out
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.virtual.profile import Body, Cluster, Profile

CHARGING, DISCHARGING, FULL = 2, 3, 5
"""Android's BatteryManager.BATTERY_STATUS_*."""
SHUTDOWN = 6
"""The highest of Android's thermal statuses."""
HYSTERESIS = 5.0
"""Kelvin below the trip temperature before the cap rises again."""
HEADROOM = 1.25
"""schedutil asks for a quarter more than the load."""
LONGEST_STEP = 1.0
MOST_STEPS = 600
_HASTE = 5.0
"""Kelvin above the trip temperature for each further step down."""


@dataclass(frozen=True)
class ClusterState:
    """`celsius`; the clock and the highest clock that heat allows, as indices into the cluster's `mhz`."""

    celsius: float
    step: int
    cap: int


@dataclass(frozen=True)
class State:
    """A phone now. `watts` is what it draws; `charging_watts` what goes into the battery, negative when it drains."""

    charge_mah: float
    body_celsius: float
    cluster: tuple[ClusterState, ...]
    watts: float
    charging_watts: float
    plugged: bool


@dataclass(frozen=True)
class Given:
    """What somebody decided instead of the model; None: the model's own.

    `level`, `battery_celsius` and `thermal_status` are only shown. `status`, Android's of the battery, also unplugs the charger
    when it says so, and no cluster is cooler than `celsius`.
    """

    level: int | None = None
    status: int | None = None
    battery_celsius: float | None = None
    thermal_status: int | None = None
    celsius: float | None = None


def start(profile: Profile) -> State:
    """A phone that has been switched on for long, idle and charged."""
    idle = profile.body.idle_watts
    body = profile.body.ambient_celsius + idle * profile.body.kelvin_per_watt
    clusters = tuple(ClusterState(body, 0, len(cluster.mhz) - 1) for cluster in profile.cluster)
    return State(float(profile.battery.capacity_mah), body, clusters, idle, 0.0, plugged=True)


def advance(profile: Profile, state: State, cpu_seconds: float, seconds: float, given: Given) -> State:
    """The phone `seconds` later, of which its processes were on a CPU for `cpu_seconds` in all."""
    if seconds <= 0:
        return state
    steps = min(MOST_STEPS, max(1, math.ceil(seconds / LONGEST_STEP)))
    busy = min(max(0.0, cpu_seconds) / seconds, profile.cpus)
    for _ in range(steps):
        state = _step(profile, state, busy, seconds / steps, given)
    return state


def speed(profile: Profile, state: State) -> float:
    """The share of its highest clock that heat leaves the fastest cluster, above 0 and at most 1."""
    fastest = profile.cluster[-1]
    return fastest.mhz[state.cluster[-1].cap] / fastest.mhz[-1]


def level(profile: Profile, state: State, given: Given) -> int:
    """Percent of the battery."""
    return given.level if given.level is not None else round(100 * state.charge_mah / profile.battery.capacity_mah)


def battery_status(profile: Profile, state: State, given: Given) -> int:
    """Android's word for what the battery does."""
    if given.status is not None:
        return given.status
    if not state.plugged:
        return DISCHARGING
    return FULL if state.charge_mah >= profile.battery.capacity_mah else CHARGING


def volts(profile: Profile, state: State, given: Given) -> float:
    """The battery's voltage: a straight line from 10 % below its nominal one to 10 % above."""
    return profile.battery.volts * (0.9 + 0.2 * min(100, max(0, level(profile, state, given))) / 100)


def skin_celsius(state: State, given: Given) -> float:
    """The temperature of the case."""
    return state.body_celsius if given.celsius is None else max(state.body_celsius, given.celsius)


def battery_celsius(state: State, given: Given) -> float:
    """The battery's temperature: the case's."""
    return skin_celsius(state, given) if given.battery_celsius is None else given.battery_celsius


def severity(body: Body, celsius: float) -> int:
    """Android's thermal status of a case at `celsius`: 0 none to 6 shutdown."""
    return sum(celsius >= threshold for threshold in body.skin_celsius)


def thermal_status(profile: Profile, state: State, given: Given) -> int:
    """Android's thermal status."""
    if given.thermal_status is not None:
        return given.thermal_status
    return severity(profile.body, skin_celsius(state, given))


def _step(profile: Profile, state: State, busy: float, seconds: float, given: Given) -> State:
    loads = _loads(profile.cluster, busy)
    steps = [_clock(c, load, s.cap) for c, load, s in zip(profile.cluster, loads, state.cluster, strict=True)]
    watts = [
        c.watts * c.cpus * load * (c.mhz[step] / c.mhz[-1]) ** 3
        for c, load, step in zip(profile.cluster, loads, steps, strict=True)
    ]
    total = sum(watts) + profile.body.idle_watts
    warm = profile.body.ambient_celsius + total * profile.body.kelvin_per_watt
    body = _relax(state.body_celsius, warm, seconds, profile.body.seconds)
    clusters = []
    for cluster, old, step, power in zip(profile.cluster, state.cluster, steps, watts, strict=True):
        celsius = _relax(old.celsius, body + power * cluster.kelvin_per_watt, seconds, cluster.seconds)
        if given.celsius is not None:
            celsius = max(celsius, given.celsius)
        clusters.append(ClusterState(celsius, step, _cap(cluster, old.cap, celsius)))
    state = replace(state, body_celsius=body, cluster=tuple(clusters), watts=total)
    return _battery(profile, state, seconds, given)


def _battery(profile: Profile, state: State, seconds: float, given: Given) -> State:
    battery = profile.battery
    plugged = given.status != DISCHARGING
    charge = state.charge_mah
    into = (battery.charge_watts if plugged else 0.0) - state.watts
    if plugged and charge >= battery.capacity_mah:
        into = min(0.0, into)
    after = charge + into / battery.volts * 1000 * seconds / 3600
    after = min(max(0.0, after), float(battery.capacity_mah))
    return replace(state, charge_mah=after, charging_watts=into, plugged=plugged)


def _loads(clusters: tuple[Cluster, ...], busy: float) -> list[float]:
    """Each cluster's busy share, 0 to 1, when the fastest is filled first."""
    loads = []
    for cluster in reversed(clusters):
        taken = min(busy, cluster.cpus)
        busy -= taken
        loads.append(taken / cluster.cpus)
    return loads[::-1]


def _clock(cluster: Cluster, load: float, cap: int) -> int:
    wanted = HEADROOM * load * cluster.mhz[-1]
    return min(cap, next((i for i, mhz in enumerate(cluster.mhz) if mhz >= wanted), len(cluster.mhz) - 1))


def _cap(cluster: Cluster, cap: int, celsius: float) -> int:
    if celsius > cluster.trip_celsius:
        return max(0, cap - 1 - int((celsius - cluster.trip_celsius) / _HASTE))
    if celsius < cluster.trip_celsius - HYSTERESIS:
        return min(len(cluster.mhz) - 1, cap + 1)
    return cap


def _relax(value: float, towards: float, seconds: float, constant: float) -> float:
    return towards + (value - towards) * math.exp(-seconds / constant)
