"""Series as charts: figures over nights with their shifts, gates, notes and changed circumstances; and the frontier."""

from __future__ import annotations

import functools
from collections import defaultdict
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from farm.pages.chart import Axis, Band, Chart, Line, Mark, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from farm.gate.condition import Condition
    from farm.pages.chart import Tone, Value
    from farm.trend.frontier import Choice, Frontier
    from farm.trend.line import Line as Trend
    from farm.trend.regression import Regression, Status
    from farm.trend.shift import Shift
    from farm.trend.spread import Spread

LINES = 8
"""Devices in one chart: more colors cannot be told apart."""
MARKS = 24
"""The newest ones of a chart."""
NAME = 60
"""Characters of a name within a chart."""
TONES: dict[Status, Tone] = {
    "suspect": "warn", "checking": "warn", "confirmed": "bad", "refuted": "muted", "acknowledged": "muted",
    "accepted": "muted", "ignored": "muted", "recovered": "good",
}  # fmt: skip


def chart(
    name: str, title: str, lines: Sequence[Trend], gates: Sequence[tuple[str, Condition]], spread: Spread | None = None
) -> Chart:
    """One figure under one configuration: a line for each of up to LINES devices; `spread` is of those and all others."""
    series = lines[0].series
    virtual = any(line.virtual for line in lines)
    notes = ["Figures of virtual phones stand for no phone."] if virtual else []
    if spread is not None:
        notes.append(
            f"{len(lines)} of {spread.series} devices: name one to see it. Gray: all of them, their median and what is"
            " between the lowest and the highest tenth."
        )
    if any(line.told(one) is None for line in lines for one in line.steps):
        notes.append("Dotted: the level changed, as its history says afterwards; told to nobody.")
    bands = _bands(lines, gates)
    if bands:
        against = "; limits that compare, against the median of what is drawn" * (len(lines) == 1)
        named = ", ".join(_gate(band, series.unit) for band in bands)
        notes.append(f"Shaded: where a gate fails ({named}){against}.")
    return Chart(
        id=name,
        title=title,
        kind="time",
        x=Axis(name="time"),
        y=(Axis(name=series.key.metric, unit=series.unit),),
        lines=(*(() if spread is None else (_spread(spread),)), *(_line(line) for line in lines)),
        bands=bands,
        marks=_marks(lines),
        note=" ".join(notes),
        height="middle" if spread is None else "tall",
        table=_table(lines, spread),
    )


def _spread(spread: Spread) -> Line:
    return Line(
        name=_all(spread),
        x=tuple(map(round, spread.at)),
        y=spread.median,
        low=spread.low,
        high=spread.high,
        tone="muted",
    )


def _all(spread: Spread) -> str:
    return f"all {spread.series}: median, 10 to 90 %"


def limit(condition: Condition, metric: str, old: float | None) -> tuple[float, bool] | None:
    """What a condition asks of the metric alone, and whether more than that is meant; None: it asks nothing of it.

    a new + b old > c holds where new > (c - b old) / a, for a > 0. `old` is None where nothing stands for it.
    """
    factor, rest = 0.0, condition.limit
    for term in condition.terms:
        if term.quantity.metric != metric or (term.quantity.side == "old" and old is None):
            return None
        if term.quantity.side == "new":
            factor += term.factor
        else:
            rest -= term.factor * (old or 0.0)
    if factor == 0:
        return None
    return rest / factor, condition.rising == (factor > 0)


def frontier_chart(found: Frontier) -> Chart:
    """Accuracy against latency; each device's front is a line from its fastest variant to its most accurate one."""
    by_device: dict[str, list[Choice]] = defaultdict(list)
    for choice in found.choices:
        by_device[choice.serial].append(choice)
    shown = dict(list(by_device.items())[:LINES])
    lines: list[Line] = []
    for serial, choices in shown.items():
        lines.append(_choices(serial[:NAME], [c for c in choices if c.front], "line"))
        behind = [c for c in choices if not c.front]
        if behind:
            lines.append(_choices(f"{serial[:NAME]}, behind", behind, "points"))
    budget = () if found.budget_ms is None else (Mark(name="budget", at=found.budget_ms, tone="warn"),)
    rows = tuple(
        (
            c.serial, c.model, c.configuration, c.accuracy, c.latency_ms, c.energy_mj,
            "best" if c.best else "front" if c.front else "",
        )
        for c in found.choices
    )  # fmt: skip
    more = f" The first {LINES} of {len(by_device)} devices; the table has all." if len(by_device) > LINES else ""
    return Chart(
        id="frontier",
        title="Accuracy and latency of each variant",
        kind="scatter",
        x=Axis(name="latency.median", unit="ms"),
        y=(Axis(name=found.accuracy),),
        lines=tuple(lines),
        marks=budget,
        note=f"Newest figures; a line joins what nothing on its device beats in all.{more}",
        table=Table(
            columns=("device", "model", "configuration", found.accuracy, "latency [ms]", "energy [mJ]", ""), rows=rows
        ),
    )


def _choices(name: str, choices: Sequence[Choice], shape: str) -> Line:
    return Line(
        name=name,
        x=tuple(c.latency_ms for c in choices),
        y=tuple(c.accuracy for c in choices),
        texts=tuple(f"{c.model[:NAME]} {c.configuration[:NAME]}".strip() for c in choices),
        shape="line" if shape == "line" else "points",
    )


def _line(line: Trend) -> Line:
    points = line.series.points
    with_intervals = any(p.low is not None and p.high is not None for p in points)
    return Line(
        name=line.series.key.serial[:NAME],
        x=tuple(float(round(p.at)) for p in points),
        y=tuple(p.value for p in points),
        low=tuple(p.low for p in points) if with_intervals else (),
        high=tuple(p.high for p in points) if with_intervals else (),
    )


def _bands(lines: Sequence[Trend], gates: Iterable[tuple[str, Condition]]) -> tuple[Band, ...]:
    """Relative limits are drawn for a single device alone: each has a level of its own."""
    metric = lines[0].series.key.metric
    old = median(p.value for p in lines[0].series.points) if len(lines) == 1 and lines[0].series.points else None
    found = []
    for name, condition in gates:
        asked = limit(condition, metric, old)
        if asked is not None:
            value, rising = asked
            found.append(
                Band(name=f"gate {name}", low=None if rising else value, high=value if rising else None, tone="bad")
            )
    return tuple(found)


def _gate(band: Band, unit: str) -> str:
    """`release above 14 ms`."""
    above = band.high is None
    end = band.low if above else band.high
    return f"{band.name.removeprefix('gate ')} {'above' if above else 'below'} {end:.4g}{f' {unit}' if unit else ''}"


def _marks(lines: Sequence[Trend]) -> tuple[Mark, ...]:
    """What is the same for several devices within a day is one mark."""
    found: dict[tuple[str, int], Mark] = {}
    several = len(lines) > 1

    def add(name: str, at: float, tone: Tone) -> None:
        found.setdefault((name, int(at // 86400)), Mark(name=name[:NAME], at=at, tone=tone))

    for line in lines:
        of = f", {line.series.key.serial}" if several else ""
        for change in line.changes:
            add(f"{change.name} {change.after}", change.at, "muted")
        for one in line.regressions:
            add(f"{told(one)}{of}", one.shift.begins, TONES[one.status])
        for note in line.annotations:
            add(note.text, note.at, "muted")
    newest = sorted((*found.values(), *_steps(lines)), key=lambda mark: mark.at)[-MARKS:]
    return tuple(newest)


def _steps(lines: Sequence[Trend]) -> list[Mark]:
    """Steps that nobody was told of; those of several devices within a day are one mark."""
    found: dict[int, list[tuple[str, Shift]]] = defaultdict(list)
    for line in lines:
        for one in line.steps:
            if line.told(one) is None:
                found[int(one.begins // 86400)].append((line.series.key.serial, one))
    marks = []
    for steps in found.values():
        serial, one = steps[0]
        name = f"step {by(one)}, p {one.p_value:.2g}{f', {serial}' if len(lines) > 1 else ''}"
        if len(steps) > 1:
            low, high = (end((s for _, s in steps), key=lambda s: s.change) for end in (min, max))
            name = f"steps {by(low)} to {by(high)}, {len(steps)} devices"
        marks.append(
            Mark(name=name[:NAME], at=min(s.begins for _, s in steps), tone=_tone([s for _, s in steps]), dotted=True)
        )
    return marks


def _tone(steps: Iterable[Shift]) -> Tone:
    worse = {one.worse for one in steps}
    return "muted" if len(worse) > 1 else "warn" if True in worse else "good"


def moved(one: Regression) -> str:
    """How far, as `by`."""
    return by(one.shift)


def by(shift: Shift) -> str:
    """`+5.2 %`, or `-0.013` of a share."""
    return f"{100 * shift.change:+.1f} %" if shift.relative else f"{shift.change:+.3g}"


def told(one: Regression) -> str:
    """How far, and where it stands."""
    return f"{moved(one)} {one.status}"


@functools.lru_cache(maxsize=1 << 16)
def _moment(minute: int) -> str:
    """Minutes since 1970 in the lab's own time, ISO 8601: devices of a night share many."""
    return datetime.fromtimestamp(60 * minute).astimezone().isoformat(timespec="minutes")


def _table(lines: Sequence[Trend], spread: Spread | None) -> Table:
    """A row for each point, the newest first; where a level begins, the one before it and how sure that is."""
    series = lines[0].series
    unit = f" [{series.unit}]" if series.unit else ""
    rows: list[tuple[float, tuple[Value, ...]]] = []
    for line in lines:
        serial, steps = line.series.key.serial, {one.run: one for one in line.steps}
        for p in line.series.points:
            one = steps.get(p.run)
            step = (None, None) if one is None else (one.before, one.p_value)
            rows.append((p.at, (serial, p.value, p.low, p.high, p.run, *step)))
    if spread is not None:
        of = _all(spread)
        columns = zip(spread.at, spread.median, spread.low, spread.high, strict=True)
        rows += [(at, (of, middle, low, high, None, None, None)) for at, middle, low, high in columns]
    rows.sort(key=lambda row: -row[0])
    return Table(
        columns=("ended", "device", f"{series.key.metric}{unit}", "low", "high", "run", f"level before{unit}", "p"),
        rows=tuple((_moment(int(at // 60)), *row) for at, row in rows),
    )
