"""How often are false regressions suspected and told, and how soon real ones? Replayed night by night, beside ruptures' PELT.

Simulated series (1.5 % noise), judged each night by the farm's own judge with what it has until then. A suspicion is run again
three times at once, and confirmed, refuted or left to later nights by the farm's own rules; what is confirmed is told and begins
a new level. First without any shift, then with a third of the series that shift by 2 % and a third by 5 %, once, up or down, at
a random night. Goals: no more suspicions than `false_alarms_a_year` allows; every shift of 5 % told, 4 of 5 of 2 %. PELT (l2, in
C) looks at the first series of each replay, once with the penalty of the BIC, 2 variance log n, and once with three times as
much; nothing runs its alarms again.

    python -m benchmarks.regressions [--series 1000] [--nights 180] [--a-year 12] [--beside 200] [--seed 1]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import ruptures
from scipy import stats

from farm.sections.trend import Trend
from farm.trend import follow
from farm.trend.level import PERIOD
from farm.trend.night import answer, judged
from farm.trend.regression import Regression
from farm.trend.series import Key, Point, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.trend.shift import Shift

    Array = np.ndarray[Any, Any]

NOISE = 0.015
DAY = 86400.0
KINDS = ("steady", "weekly", "temperature", "outliers", "all of it")
SIZES = (0.0, 0.02, 0.05)
EARLIEST, LATEST = 30, 30
"""Nights before a shift, and after it until the replay ends, at least."""
EARLY = 14
"""Nights before its shift at which a change may seem to begin and still be that one."""
AGAIN = 3
"""Runs of a second look."""
KEY = Key(schedule="nightly", model="m", serial="s", configuration="", metric="latency.median")

PENALTIES = {"  PELT": 1.0, "  PELT x3": 3.0}


@dataclass(frozen=True)
class Simulated:
    """s series over n nights."""

    values: Array
    """[s, n]."""
    again: Array
    """[s, n, AGAIN]: what runs of a second look on that night give."""
    celsius: Array
    """[s, n]."""
    sizes: Array
    """[s]: by how much each shifts, 0 for never."""
    begins: Array
    """int [s]: the first night of its new level."""


@dataclass(frozen=True)
class Alarm:
    """A suspicion, or what was told."""

    series: int
    night: int
    begins: int
    """The night at which the change seems to have begun."""


def simulated(kind: str, sizes: Array, nights: int, random: np.random.Generator) -> Simulated:
    """Series of levels from 1 to 100 with what `kind` says.

    weekly: two days of the week are up to 2 % off; temperature: 0.3 % a kelvin, which swings by 5 kelvin over 180 nights, 1.5
    kelvin from night to night; outliers: 2 % of the nights are 5 to 40 % slower.
    """
    series, night = len(sizes), np.arange(nights)
    shape, looks = (series, nights), (series, nights, AGAIN)
    second = random.spawn(1)[0]
    noise, celsius = random.normal(0, NOISE, shape), 30 + random.normal(0, 1.5, shape)
    noises, effect = second.normal(0, NOISE, looks), np.zeros(shape)
    if kind in {"weekly", "all of it"}:
        weekday = (night + random.integers(0, 7, (series, 1))) % 7
        effect += np.where(weekday >= 5, random.uniform(-0.02, 0.02, (series, 1)), 0.0)
    if kind in {"temperature", "all of it"}:
        celsius += 5 * np.sin(2 * np.pi * (night / 180 + random.random((series, 1))))
        effect += 0.003 * (celsius - 30)
    if kind in {"outliers", "all of it"}:
        noise += np.where(random.random(shape) < 0.02, random.uniform(0.05, 0.4, shape), 0.0)
        noises += np.where(second.random(looks) < 0.02, second.uniform(0.05, 0.4, looks), 0.0)
    begins = random.integers(EARLIEST, max(EARLIEST + 1, nights - LATEST), series)
    effect += (random.choice((-1.0, 1.0), series) * sizes)[:, None] * (night >= begins[:, None])
    level = random.uniform(1, 100, (series, 1))
    return Simulated(
        level * (1 + effect + noise), level[:, :, None] * (1 + effect[:, :, None] + noises), celsius, sizes, begins
    )


def replayed(data: Simulated, settings: Trend, spent: list[float]) -> tuple[list[Alarm], list[Alarm]]:
    """What the farm suspects, and what it tells; adds the seconds that judging each night took to `spent`."""
    series, nights = data.values.shape
    first = 110 * PERIOD - nights // 2 * DAY  # so that a period of the judge ends halfway
    points = [[_point(data, s, t, first + t * DAY, data.values[s, t]) for t in range(nights)] for s in range(series)]
    known: dict[int, list[Regression]] = defaultdict(list)
    suspected, told = list[Alarm](), list[Alarm]()

    def tell(one: Regression, night: int) -> None:
        if one.status == "confirmed":
            told.append(Alarm(one.series, night, round((one.shift.begins - first) / DAY)))

    for night in range(nights):
        now = first + night * DAY
        given = [_series(s, points[s][: night + 1]) for s in range(series)]
        start = time.process_time()
        found = judged(given, known, {}, settings, ended=now, now=now)
        spent.append(time.process_time() - start)
        for before, after in found.moves:
            known[before.series][before.id] = after
            tell(after, night)
        for s, shift in found.shifts:
            suspected.append(Alarm(s, night, round((shift.begins - first) / DAY)))
            one = _suspect(len(known[s]), s, shift, now)
            around = follow.around(one, given[s].points, known[s], 0.0)
            again = [_point(data, s, night, now + 60 * (i + 1), value) for i, value in enumerate(data.again[s, night])]
            known[s].append(follow.ran_again(one, answer(one, around, again), now))
            tell(known[s][-1], night)
    return suspected, told


def _point(data: Simulated, series: int, night: int, at: float, value: float) -> Point:
    celsius = f"{round(data.celsius[series, night] * 2) / 2:.1f}"
    number = series * data.values.shape[1] + night
    return Point(at=at, run=number, night=night, value=value, circumstances={"temperature": celsius})


def _series(number: int, points: Sequence[Point]) -> Series:
    return Series.model_construct(id=number, key=KEY, unit="ms", better="low", points=tuple(points))


def _suspect(number: int, series: int, shift: Shift, now: float) -> Regression:
    return Regression(
        id=number,
        series=series,
        key=KEY,
        unit="ms",
        better="low",
        status="checking",
        found=now,
        changed=now,
        shift=shift,
    )


def pelt(data: Simulated, least: int, penalty: float) -> list[Alarm]:
    """The alarms of ruptures' PELT, each series on its own: the newest change that is `least` nights old.

    `penalty` is in multiples of the BIC's; the variance is that of the steps from night to night.
    """
    alarms = list[Alarm]()
    for s, values in enumerate(data.values):
        since = 0
        for night in range(14, data.values.shape[1]):
            level = values[since : night + 1]
            if len(level) < 14 + least:
                continue
            steps = np.diff(level)
            variance = (1.4826 * np.median(np.abs(steps - np.median(steps)))) ** 2 / 2
            fitted = ruptures.KernelCPD(kernel="linear", min_size=least).fit(level[:, None])
            changes = fitted.predict(pen=penalty * 2 * variance * np.log(len(level)))[:-1]
            if changes:
                since += changes[-1]
                alarms.append(Alarm(s, night, since))
    return alarms


def told_by_chance(name: str, alarms: Sequence[Alarm], nights: int, series: int, a_year: float) -> str:
    """A row: alarms, the nights that had one, and what is allowed."""
    k = len({alarm.night for alarm in alarms})
    interval = stats.binomtest(k, nights).proportion_ci(method="exact")
    allowed = a_year / 365
    p = stats.binomtest(k, nights, min(1.0, allowed), alternative="greater").pvalue
    return (
        f"{name:12} {len(alarms):6} alarms of {series} series x {nights} nights; a night has one: {k / nights:.4f} "
        f"[{interval.low:.4f}, {interval.high:.4f}], allowed {allowed:.4f}, p {p:.2g}"
    )


def found_of(data: Simulated, alarms: Sequence[Alarm]) -> str:
    """Of each size the share found with its 95 % interval and the nights it took; alarms that no shift made, and second ones."""
    first: dict[int, int] = {}
    false = 0
    for alarm in alarms:
        begin = int(data.begins[alarm.series])
        if data.sizes[alarm.series] and alarm.night >= begin and alarm.begins >= begin - EARLY:
            first.setdefault(alarm.series, alarm.night - begin + 1)
        elif alarm.series not in first:
            false += 1
    rows = []
    for size in sorted({float(size) for size in data.sizes if size}):
        own = np.flatnonzero(data.sizes == size)
        delays = [first[int(s)] for s in own if int(s) in first]
        interval = stats.binomtest(len(delays), len(own)).proportion_ci(method="exact")
        late = np.percentile(delays, [50, 90]) if delays else (np.nan, np.nan)
        rows.append(
            f"{size:.0%} found {len(delays)}/{len(own)} = {len(delays) / len(own):.3f} [{interval.low:.3f}, "
            f"{interval.high:.3f}], on night {late[0]:.0f} of it (90 %: {late[1]:.0f})"
        )
    return "; ".join((*rows, f"{false} of {len(alarms)} alarms false, {len(alarms) - false - len(first)} again"))


def main() -> None:
    """Print alarms without shifts, then shares and delays with them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--nights", type=int, default=180)
    parser.add_argument("--a-year", type=float, default=Trend().false_alarms_a_year, help="false_alarms_a_year")
    parser.add_argument("--beside", type=int, default=200, help="series that PELT looks at, too")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    series, nights, beside = arguments.series, arguments.nights, min(arguments.beside, arguments.series)
    settings, random = Trend(false_alarms_a_year=arguments.a_year), np.random.default_rng(arguments.seed)
    spent: list[float] = []
    chance, none = list[Alarm](), np.zeros(series)

    def part(data: Simulated) -> Simulated:
        return Simulated(*(getattr(data, name)[:beside] for name in ("values", "again", "celsius", "sizes", "begins")))

    print("without a shift")
    words = 0
    for i, kind in enumerate(KINDS):
        data = simulated(kind, none, nights, random)
        suspected, told = replayed(data, settings, spent)
        words += len(told)
        # Each kind is other nights.
        chance += [Alarm(a.series, a.night + i * nights, a.begins) for a in suspected]
        row = told_by_chance(kind, suspected, nights, series, arguments.a_year)
        print(f"{row}; {len(told)} told", flush=True)
        for name, penalty in PENALTIES.items():
            alarms = pelt(part(data), settings.nights_after, penalty)
            print(told_by_chance(name, alarms, nights, beside, arguments.a_year), flush=True)
    print(f"{told_by_chance('all five', chance, len(KINDS) * nights, series, arguments.a_year)}; {words} told")
    print("with shifts")
    for kind in KINDS:
        data = simulated(kind, np.resize(SIZES, series), nights, random)
        suspected, told = replayed(data, settings, spent)
        print(f"{kind:12} {found_of(data, told)}; {len(suspected)} suspicions", flush=True)
        for name, penalty in PENALTIES.items():
            print(f"{name:12} {found_of(part(data), pelt(part(data), settings.nights_after, penalty))}", flush=True)
    print(
        f"a night of {series} series: median {statistics.median(spent):.2f} s, at most {max(spent):.2f} s of one core"
    )


if __name__ == "__main__":
    main()
