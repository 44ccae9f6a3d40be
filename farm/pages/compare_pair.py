"""Two runs, or a run and a capture, side by side: verdicts, layers, answers, times."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from farm.errors import FarmError
from farm.pages.chart import Axis, Chart, Line, Table
from farm.pages.run_charts import confusion, errors
from farm.pages.view import View
from farm.report import html
from farm.report.base import Part
from farm.report.document import Run
from farm.report.pairing import Pairing
from farm.report.words import run_label

if TYPE_CHECKING:
    from collections.abc import Callable

    from markupsafe import Markup


SLIM = ("comparisons", "ladder", "quantization", "samples", "fired", "slices", "layer_types")
"""Parts of a run that the page has no use for: what is compared is in the pairing."""


class Beside(Part):
    """One of the two."""

    word: str
    job: int = 0
    """0: a capture that belongs to no run here."""
    model: str = ""
    run: Run | None = None

    @property
    def label(self) -> str:
        """Its target and configuration; of a capture its name."""
        return run_label(self.run) if self.run is not None else f"capture {self.word[:12]}"

    @property
    def path(self) -> str:
        """Of its page; empty for a capture."""
        return f"/jobs/{self.job}/runs/{self.run.id}" if self.run is not None else ""

    def part(self, name: str) -> Markup:
        """A part of the report, in its own words."""
        return html.part(name, run=self.run)


class ComparePair(View):
    """The page of two."""

    template: ClassVar[str] = "compare_pair.html.j2"
    section: ClassVar[str] = "/compare"
    a: Beside
    b: Beside
    state: Literal["ready", "pending", "refused"] = "ready"
    """`pending`: the captures are still to be compared, which takes seconds; `refused`: they cannot be."""
    pairing: Pairing | None = None
    missing: str = ""
    """Why it was refused."""

    def part(self, name: str) -> Markup:
        """A part of `farm compare`'s report, in its own words."""
        found = self.pairing
        assert found is not None  # noqa: S101  # the template looks
        return html.part(name, p=found, c=found.layers, run=found, mine="A", latencies=found.times)


def view(a: Beside, b: Beside, pair: Callable[[], Pairing] | None) -> ComparePair:
    """The page; without `pair` it is drawn while that is still to be done."""
    page = ComparePair(
        title=f"{a.word[:20]} beside {b.word[:20]}",
        a=_slim(a),
        b=_slim(b),
        state="pending" if pair is None else "ready",
    )
    if pair is None:
        return page
    try:
        found = pair()
    except FarmError as e:
        missing = f"{e.where}: {e.message}" if e.where else e.message
        return page.model_copy(
            update={"state": "refused", "missing": f"{missing}: {e.remedy}" if e.remedy else missing}
        )
    return page.model_copy(update={"pairing": found, "charts": tuple(_charts(found))})


def _slim(side: Beside) -> Beside:
    if side.run is None:
        return side
    bare = {name: Run.model_fields[name].get_default(call_default_factory=True) for name in SLIM}
    return side.model_copy(update={"run": side.run.model_copy(update=bare)})


def _charts(found: Pairing) -> list[Chart]:
    charts = [
        errors(found.layers) if found.layers is not None else None,
        _latencies(found),
        _types(found),
        confusion(found.metrics) if found.metrics is not None else None,
    ]
    return [chart for chart in charts if chart is not None]


def _latencies(found: Pairing) -> Chart | None:
    """Both passes on one axis."""
    lines = []
    for letter, party in (("A", found.a), ("B", found.b)):
        points = party.latency_ms.timeline if party.latency_ms is not None else ()
        if len(points) > 1:
            x = tuple(p.first + (p.count - 1) / 2 for p in points)
            lines.append(Line(name=f"{letter}: {party.name[:40]}", x=x, y=tuple(p.ms for p in points)))
    if not lines:
        return None
    return Chart(
        id="latencies",
        title="Latency of each invocation",
        kind="line",
        x=Axis(name="invocation", low=0),
        y=(Axis(name="latency", unit="ms", low=0),),
        lines=tuple(lines),
        note="They did not take turns: drift and heat are in it.",
    )


def _types(found: Pairing) -> Chart | None:
    """Time by layer type, a bar a side."""
    table = found.times
    if table is None or not table.rows:
        return None
    places = tuple(float(i) for i in range(len(table.rows)))
    return Chart(
        id="types",
        title="Time by type of layer",
        kind="bar",
        x=Axis(name="type", categories=tuple(row.type for row in table.rows)),
        y=(Axis(name="time", unit="us"),),
        lines=tuple(
            Line(name=column.title, x=places, y=tuple(row.times_us[i] for row in table.rows))
            for i, column in enumerate(table.columns)
        ),
        table=Table(
            columns=("type", "layers", *(f"{c.title}, us" for c in table.columns)),
            rows=tuple((row.type, row.count, *row.times_us) for row in table.rows),
        ),
    )
