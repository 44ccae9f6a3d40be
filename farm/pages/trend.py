"""Figures over nights: any metric per model and device, where it shifted, what changed then; and which variant to take."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from farm.pages.trend_charts import LINES, NAME, TONES, chart, frontier_chart, told
from farm.pages.trend_steps import Step, step
from farm.pages.view import View
from farm.report.base import Part
from farm.trend import follow
from farm.trend.frontier import Frontier
from farm.trend.regression import Regression

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.gate.condition import Condition
    from farm.pages.chart import Chart, Tone
    from farm.trend.line import Line
    from farm.trend.outline import Outline
    from farm.trend.series import Series
    from farm.trend.spread import Spread

DAY_S = 86400.0
CHARTS = 6
"""Of a page: configurations and schedules; the list below has all."""


class Filters(Part):
    """What the address asks for; empty: any."""

    model: str = ""
    device: str = ""
    metric: str = "latency.median"
    configuration: str | None = None
    """None: any; empty: the usual one."""
    schedule: str | None = None
    """None: any; empty: what people submitted."""
    days: int = 0
    """Back from now; 0: the newest 200 figures, however old."""
    latency_ms: float | None = None
    """Budget of the frontier."""


class Choices(Part):
    """What there is to ask for."""

    models: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()


class SeriesLine(Part):
    """One series in the list."""

    series: int
    model: str
    device: str
    configuration: str
    schedule: str
    unit: str
    points: int
    median: float | None
    last: float | None
    at: float | None
    """Unix seconds, of the last."""
    run: int | None
    virtual: bool
    shift: str = ""
    """The newest regression that is not refuted, in words."""
    regression: int | None = None
    tone: str = ""


class Changed(Part):
    """A circumstance that changed, or a person's note."""

    at: float
    text: str
    devices: tuple[str, ...] = ()
    """Empty: every one."""
    user: str = ""


class Trend(View):
    """A figure over time."""

    template: ClassVar[str] = "trend.html.j2"
    section: ClassVar[str] = "/trend"
    title: str = "Trend"
    filters: Filters
    choices: Choices
    lines: tuple[SeriesLine, ...] = ()
    regressions: tuple[Regression, ...] = ()
    """Those that are not over, of the model and device that are asked for."""
    steps: tuple[Step, ...] = ()
    """Of what is drawn, the newest first."""
    changed: tuple[Changed, ...] = ()
    """Beside what is drawn, the newest first."""
    frontier: Frontier | None = None


def trend(
    filters: Filters,
    choices: Choices,
    found: Sequence[Outline],
    drawn: Callable[[Sequence[Series]], Sequence[Line]],
    around: Callable[[Sequence[Series]], Spread],
    regressions: Sequence[Regression],
    frontier: Frontier | None,
    gates: Callable[[str, str], Sequence[tuple[str, Condition]]],
) -> Trend:
    """The page of the series that were found.

    `drawn` reads the few that charts are made of, `around` says where all those are that one chart cannot show; `gates` gives the
    conditions that a model on a device has to hold, with names.
    """
    groups: dict[tuple[str, str, str], list[Outline]] = {}
    for one in sorted(found, key=lambda one: (-_open(one), one.series.key.serial)):
        if one.points:
            key = one.series.key
            groups.setdefault((key.model, key.schedule, key.configuration), []).append(one)
    charts: list[Chart] = []
    lines: list[Line] = []
    for nth, ((model, schedule, configuration), outlines) in enumerate(list(groups.items())[:CHARTS]):
        where = f"{configuration or 'usual configuration'}, {schedule or 'submitted by people'}"
        title = f"{filters.metric} of {model[:NAME]}, {where}"
        shown = drawn([one.series for one in outlines[:LINES]])
        of = gates(model, shown[0].series.key.serial) if len(shown) == 1 else gates(model, "")
        spread = around([one.series for one in outlines]) if len(outlines) > LINES else None
        charts.append(chart(f"trend-{nth + 1}", title, shown, of, spread))
        lines += shown
    if frontier is not None and frontier.choices:
        charts.append(frontier_chart(frontier))
    return Trend(
        filters=filters,
        choices=choices,
        lines=tuple(series_line(one) for one in found),
        regressions=tuple(regressions),
        steps=tuple(sorted((step(line, one) for line in lines for one in line.steps), key=lambda one: -one.at)),
        changed=changed(lines),
        frontier=frontier,
        charts=tuple(charts),
    )


def series_line(one: Outline) -> SeriesLine:
    """A series in the list."""
    key, last = one.series.key, one.last
    newest = [r for r in one.regressions if r.status != "refuted"][-1:]
    tone: Tone = TONES[newest[0].status] if newest else ""
    return SeriesLine(
        series=one.series.id, model=key.model, device=key.serial, configuration=key.configuration, schedule=key.schedule,
        unit=one.series.unit, points=one.points, median=one.median,
        last=last.value if last else None, at=last.at if last else None, run=last.run if last else None,
        virtual=one.virtual, shift=told(newest[0]) if newest else "", regression=newest[0].id if newest else None,
        tone=tone,
    )  # fmt: skip


def changed(found: Sequence[Line]) -> tuple[Changed, ...]:
    """What changed beside the figures, the newest first; the same on several devices within a day is told once."""
    told: dict[tuple[int, str], Changed] = {}
    devices: dict[tuple[int, str], set[str]] = defaultdict(set)
    for line in found:
        for change in line.changes:
            text = f"{change.name}: {change.before} -> {change.after}"
            key = (int(change.at // DAY_S), text)
            devices[key].add(line.series.key.serial)
            told[key] = Changed(at=min(change.at, told[key].at) if key in told else change.at, text=text)
        for note in line.annotations:
            key = (-note.id, "")
            devices[key] |= {note.serial} - {""}
            told[key] = Changed(at=note.at, text=f"{note.kind}: {note.text}", user=note.user)
    named = (one.model_copy(update={"devices": tuple(sorted(devices[key]))}) for key, one in told.items())
    return tuple(sorted(named, key=lambda one: (-one.at, one.text)))


def _open(outline: Outline) -> int:
    return sum(one.status in follow.OPEN for one in outline.regressions)
