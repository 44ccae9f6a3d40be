"""Series and regressions as people read them on a terminal, and as CSV."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from farm.pages.chart import Table as Cells
from farm.pages.chart import csv_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from farm.trend.frontier import Choice, Frontier
    from farm.trend.line import Line
    from farm.trend.regression import Regression, Status
    from farm.trend.shift import Shift

STEPS = 5
"""The last ones of a series."""
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 40
"""Points of a sparkline."""
CHANGES = 5
"""Of circumstances, the last ones of a series."""
COLORS: dict[Status, str] = {
    "suspect": "yellow", "checking": "yellow", "confirmed": "red", "refuted": "dim", "acknowledged": "magenta",
    "accepted": "dim", "ignored": "dim", "recovered": "green",
}  # fmt: skip


def lines(console: Console, found: Sequence[Line]) -> None:
    """One row a series, then what happened to them."""
    several = len({line.series.key.model for line in found}) > 1
    table = Table(box=None, pad_edge=False)
    for name in (*(("model",) if several else ()), "device", "configuration", "schedule"):
        table.add_column(name)
    for name in ("points", "median", "last"):
        table.add_column(name, justify="right")
    table.add_column("")
    table.add_column("shift")
    for line in found:
        key, points = line.series.key, line.series.points
        values = sorted(p.value for p in points)
        table.add_row(
            *((escape(key.model),) if several else ()),
            escape(key.serial) + (" [dim](virtual)[/]" if line.virtual else ""),
            escape(key.configuration) or "usual",
            escape(key.schedule) or "-",
            str(len(points)),
            figure(values[len(values) // 2], line.series.unit) if values else "-",
            figure(values[-1] if not points else points[-1].value, line.series.unit) if values else "-",
            sparkline([p.value for p in points]),
            _shift_of(line),
        )
    console.print(table)
    for line in found:
        for step in line.steps[-STEPS:]:
            console.print(f"{day(step.begins)} {escape(line.series.key.serial)}: {_step(line, step)}", highlight=False)
    for line in found:
        for change in line.changes[-CHANGES:]:
            what = f"{change.name} {escape(change.before)} -> {escape(change.after)}"
            console.print(f"{day(change.at)} {escape(line.series.key.serial)}: {what}", highlight=False)
    for note in sorted({a.id: a for line in found for a in line.annotations}.values(), key=lambda a: (a.at, a.id)):
        console.print(f"{day(note.at)} {note.kind}: {escape(note.text)} ({escape(note.user)})", highlight=False)


def as_csv(found: Sequence[Line]) -> str:
    """One line a point, the oldest first, series by series."""
    columns = (
        "at", "schedule", "model", "device", "configuration", "metric", "value", "low", "high", "n", "unit", "run",
        "night", "level before", "p", "circumstances",
    )  # fmt: skip
    steps = {(line.series.id, step.run): (step.before, step.p_value) for line in found for step in line.steps}
    rows = [
        (
            datetime.fromtimestamp(p.at).astimezone().isoformat(timespec="seconds"), key.schedule, key.model, key.serial,
            key.configuration, key.metric, p.value, p.low, p.high, p.n, line.series.unit, p.run, p.night,
            *steps.get((line.series.id, p.run), (None, None)),
            "; ".join(f"{name} {value}" for name, value in p.circumstances.items()),
        )
        for line in found
        for key in [line.series.key]
        for p in line.series.points
    ]  # fmt: skip
    return csv_of(Cells(columns=columns, rows=tuple(rows)))


def regressions(console: Console, found: Sequence[Regression]) -> None:
    """One line each, the newest first."""
    table = Table("", "status", "model", "device", "metric", "change", "since", "told first", box=None, pad_edge=False)
    for one in found:
        key = one.key
        table.add_row(
            str(one.id), _status(one), escape(key.model),
            escape(key.serial), escape(key.metric) + (f" ({escape(key.configuration)})" if key.configuration else ""),
            change(one.shift), day(one.shift.begins), escape(", ".join(d.name for d in one.shift.differing)) or "-",
        )  # fmt: skip
    console.print(table if found else "no regressions: every night's series are looked at once it is over")


def regression(console: Console, one: Regression, line: Line | None) -> None:
    """All of one."""
    key, shift = one.key, one.shift

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True)

    say(
        f"regression {one.id}: {_status(one)} - {escape(key.metric)} of {escape(key.model)} on {escape(key.serial)}"
        f"{f', {escape(key.configuration)}' if key.configuration else ''}"
    )
    for different in shift.differing:
        before, after = (escape(word) or "not told" for word in (different.before, different.after))
        say(f"first: {escape(different.name)} was {before}, is {after}")
    say(
        f"{figure(shift.before, one.unit)} -> {figure(shift.after, one.unit)} ({change(shift)}) since {day(shift.begins)},"
        f" run {shift.run}; {shift.nights_before} nights before, {shift.nights_after} after, p = {shift.p_value:.2g}"
    )
    if line is not None:
        say(sparkline([p.value for p in line.series.points]))
    if one.job is not None:
        say(f"run again as job {one.job}: farm show {one.job}")
    if one.user:
        until = f", until {day(one.until)}" if one.status == "ignored" and one.until is not None else ""
        say(f"{escape(one.user)}, {day(one.changed)}{until}: {escape(one.reason) or one.status}")


def frontier(console: Console, found: Frontier) -> None:
    """One line a choice; the best of each device is marked."""
    table = Table("", "device", "model", "configuration", box=None, pad_edge=False)
    for name in (found.accuracy or "accuracy", "latency", "energy"):
        table.add_column(name, justify="right")
    for choice in found.choices:
        table.add_row(
            _mark(choice), escape(choice.serial) + (" [dim](virtual)[/]" if choice.virtual else ""), escape(choice.model),
            escape(choice.configuration) or "usual", f"{choice.accuracy:.4g}", figure(choice.latency_ms, "ms"),
            "-" if choice.energy_mj is None else figure(choice.energy_mj, "mJ"),
        )  # fmt: skip
    console.print(table if found.choices else "no run has both accuracy and latency: submit with --labels")
    if found.choices:
        budget = "" if found.budget_ms is None else f" within {found.budget_ms:g} ms"
        console.print(
            f"* the most accurate of its device{budget}; + on the front, none beats it in all", highlight=False
        )


def figure(value: float, unit: str) -> str:
    """Four significant digits and the unit."""
    return f"{value:.4g}{f' {unit}' if unit else ''}"


def change(shift: Shift) -> str:
    """`+5.2 %`, or `-0.013` of a share."""
    return f"{100 * shift.change:+.1f} %" if shift.relative else f"{shift.change:+.3g}"


def day(at: float) -> str:
    """A moment, Unix seconds, as the local day."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d")


def sparkline(values: Sequence[float]) -> str:
    """The newest WIDTH values, from the least of them to the largest."""
    shown = values[-WIDTH:]
    low, high = min(shown, default=0.0), max(shown, default=0.0)
    step = (high - low) / (len(BARS) - 1)
    return "".join(BARS[round((v - low) / step) if step > 0 else 0] for v in shown)


def _shift_of(line: Line) -> str:
    """The newest regression that is not refuted."""
    told = [r for r in line.regressions if r.status != "refuted"]
    return f"{change(told[-1].shift)} since {day(told[-1].shift.begins)}, {_status(told[-1])}" if told else "-"


def _step(line: Line, step: Shift) -> str:
    """How far, how sure, and who was told."""
    unit, told = line.series.unit, line.told(step)
    levels = f"{figure(step.before, unit)} -> {figure(step.after, unit)}"
    who = f"regression {told.id}, {_status(told)}" if told else "told to nobody"
    return f"step {change(step)}, {levels}, p = {step.p_value:.2g}, run {step.run}: {who}"


def _status(one: Regression) -> str:
    return f"[{COLORS[one.status]}]{one.status}[/]"


def _mark(choice: Choice) -> str:
    return "*" if choice.best else "+" if choice.front else ""
