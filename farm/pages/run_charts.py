"""The charts of a run: errors and times by layer, the graph, everything along the latency pass, answers, the ladder."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from farm.pages.chart import Axis, Cell, Chart, Line, Mark, Node, Table
from farm.report.confusion import choose
from farm.report.plots import CEILING, FLOOR, PANELS, STEADY
from farm.report.quantization import MADE_HERE
from farm.report.words import layer_label, layer_name, tensor_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from farm.pages.lanes import Drawing
    from farm.report.document import Comparison, LayerDiff, LayerType, Run
    from farm.report.ladder import Ladder
    from farm.report.metrics import TaskMetrics
    from farm.report.quantization import Quantization

TIMELINE = "timeline"
"""The group of all that stands beside the invocations."""
ERROR = Axis(name="normalized RMSE", scale="log", low=FLOOR, high=CEILING)
LOW, MIDDLE = 5, 12
"""Lanes of a graph for which a chart of that height has room."""
ROW, MOST_IN_ROW = 60, 90
"""Nodes of a row, where a graph has more than can be told apart in one."""
TYPES = 7
"""Kinds of layers with a line of their own; the rest shares one."""


def of_run(run: Run, comparison: Comparison | None, drawing: Drawing | None) -> tuple[Chart, ...]:
    """Every chart that the run has figures for; errors are against one reference."""
    found: list[Chart | None] = []
    if comparison is not None:
        found += [errors(comparison), None if drawing is None else graph(drawing, comparison), times(comparison)]
    found += [
        types(run.layer_types),
        *timeline(run),
        None if run.metrics is None else confusion(run.metrics),
        None if run.ladder is None else ladder(run.ladder),
        None if run.quantization is None else quantization(run.quantization),
    ]
    return tuple(chart for chart in found if chart is not None)


def errors(comparison: Comparison) -> Chart | None:
    """Running and, where known, isolated error of each layer, logarithmic, with the threshold."""
    layers = comparison.layers
    if not layers:
        return None
    x = tuple(float(i) for i in range(len(layers)))
    lines = [Line(name="running", x=x, y=tuple(_drawn(d.running_nrmse) for d in layers))]
    if any(d.isolated_nrmse is not None for d in layers):
        alone = tuple(None if d.isolated_nrmse is None else _drawn(d.isolated_nrmse) for d in layers)
        lines.append(Line(name="alone", x=x, y=alone))
    return Chart(
        id="errors",
        title=f"Error of each layer against {comparison.reference}",
        kind="line",
        x=Axis(name="layer, in execution order", categories=tuple(map(layer_label, layers))),
        y=(ERROR,),
        lines=tuple(lines),
        marks=(Mark(name=f"threshold {comparison.threshold:.3g}", at=comparison.threshold, axis="y", tone="bad"),),
        note="Running: against the reference's own layer. Alone: fed the reference's inputs, so that only its own error is left.",
        table=Table(
            columns=("layer", "tensor", "running nRMSE", "nRMSE alone"),
            rows=tuple((layer_label(d), d.tensor, _finite(d.running_nrmse), _finite(d.isolated_nrmse)) for d in layers),
        ),
    )


def graph(drawing: Drawing, comparison: Comparison) -> Chart:
    """The model's graph in execution order, a lane for each path, colored by the running error; a long one in several rows."""
    by_node: dict[int, list[LayerDiff]] = {}
    for d in comparison.layers:
        by_node.setdefault(d.node, []).append(d)
    inputs = iter(by_node.get(-1, ()))
    lanes = 1 + max((spot.lane for spot in drawing.spots), default=0)
    width = len(drawing.spots) if len(drawing.spots) <= MOST_IN_ROW else ROW
    nodes = []
    for spot in drawing.spots:
        row, column = divmod(spot.order, max(1, width))
        node = Node(name=layer_name(spot.node, spot.op), x=column, y=row * (lanes + 1) + spot.lane)
        found = next(inputs, None) if spot.node < 0 else max(by_node.get(spot.node, ()), key=_running, default=None)
        told = (
            {"text": "not logged", "tone": "muted"}
            if found is None
            else {"value": _drawn(found.running_nrmse), "text": _said(found)}
        )
        nodes.append(node.model_copy(update=told))
    high = max((node.y for node in nodes), default=0)
    rows = ", row by row" if high >= lanes else ""
    return Chart(
        id="graph",
        title="The model's graph, colored by error",
        kind="graph",
        y=(ERROR,),
        nodes=tuple(nodes),
        links=drawing.links,
        note=f"From left to right in execution order{rows}. Layers diverge above {comparison.threshold:.3g}. "
        "Ctrl and the wheel zoom.",
        height="low" if high < LOW else "middle" if high < MIDDLE else "tall",
    )


def times(comparison: Comparison) -> Chart | None:
    """Time of each layer, a line of bars for each of the costliest types."""
    layers = list({d.node: d for d in reversed(comparison.layers) if d.node >= 0}.values())[::-1]
    profiled = any(d.profile_us is not None for d in layers)
    spent = [(d, (d.profile_us if profiled else d.time_us) or 0.0) for d in layers]
    if not any(t for _, t in spent):
        return None
    sums: Counter[str] = Counter()
    for d, t in spent:
        sums[d.op] += t  # type: ignore[assignment]  # a Counter adds floats, too
    largest = [op for op, _ in sums.most_common(TYPES)]
    kinds = [*largest, *(["other types"] if len(sums) > TYPES else [])]
    lines = []
    for kind in kinds:
        mine = [(i, t) for i, (d, t) in enumerate(spent) if (d.op if d.op in largest else "other types") == kind and t]
        lines.append(Line(name=kind, x=tuple(float(i) for i, _ in mine), y=tuple(t for _, t in mine)))
    return Chart(
        id="layer-times",
        title="Time of each layer",
        kind="bar",
        x=Axis(name="layer, in execution order", categories=tuple(layer_label(d) for d, _ in spent)),
        y=(Axis(name="time", unit="us"),),
        lines=tuple(lines),
        stacked=True,
        note="Of the plain model, fused as it is deployed."
        if profiled
        else "Of the instrumented model, which is not fused.",
        table=Table(
            columns=("layer", "tensor", "us"), rows=tuple((layer_label(d), d.tensor, t or None) for d, t in spent)
        ),
    )


def types(found: Sequence[LayerType]) -> Chart | None:
    """Time by type of layer."""
    if not found:
        return None
    places = tuple(float(i) for i in range(len(found)))
    return Chart(
        id="layer-types",
        title="Time by type of layer",
        kind="bar",
        x=Axis(name="type", categories=tuple(t.type for t in found)),
        y=(Axis(name="time", unit="us"),),
        lines=(Line(name="time", x=places, y=tuple(t.time_us for t in found)),),
        table=Table(
            columns=("type", "layers", "us", "share"),
            rows=tuple((t.type, t.count, t.time_us, round(t.share, 4)) for t in found),
        ),
    )


def timeline(run: Run) -> Iterable[Chart]:
    """Latency, memory, power, temperatures, clocks and load, each over the invocations of the latency pass."""
    points = () if run.latency_ms is None else run.latency_ms.timeline
    if len(points) < 2:
        return
    axis = Axis(name="invocation", low=0, high=float(points[-1].first + points[-1].count - 1))
    x = tuple(p.first + (p.count - 1) / 2 for p in points)
    lines = [Line(name="latency", x=x, y=tuple(p.ms for p in points))]
    if max(p.count for p in points) > 1:
        lines.append(Line(name="worst of its neighbors", x=x, y=tuple(p.worst_ms for p in points), tone="muted"))
    yield Chart(
        id="timeline-latency", title="Latency of each invocation", kind="line", x=axis, group=TIMELINE, height="low",
        y=(Axis(name="latency", unit="ms", low=0),), lines=tuple(lines),
    )  # fmt: skip
    memory = [(p.first + (p.count - 1) / 2, p.memory_mb) for p in points if p.memory_mb is not None]
    if len(memory) > 1:
        values = [m for _, m in memory]
        line = Line(name="resident memory", x=tuple(at for at, _ in memory), y=tuple(values))
        lowest = min(*values, STEADY * max(values))
        yield Chart(
            id="timeline-memory", title="Memory of the agent", kind="line", x=axis, group=TIMELINE, height="low",
            y=(Axis(name="memory", unit="MiB", low=lowest),), lines=(line,),
        )  # fmt: skip
    for quantity, unit in PANELS.items():
        read = [s for s in (run.samples.series if run.samples else ()) if s.quantity == quantity and s.unit == unit]
        if read:
            yield Chart(
                id=f"timeline-{quantity}", title=f"{quantity.capitalize()} along the pass", kind="line", x=axis,
                y=(Axis(name=quantity, unit=unit, low=None if quantity == "temperature" else 0),),
                lines=tuple(
                    Line(
                        name=f"{s.source} ({s.by})", x=tuple(at for at, _ in s.points), y=tuple(v for _, v in s.points)
                    )
                    for s in read
                ),
                group=TIMELINE, height="low",
            )  # fmt: skip


def confusion(found: TaskMetrics) -> Chart | None:
    """What was taken for what: the classes that are confused most."""
    chosen = choose(found)
    if not chosen.names:
        return None
    place = chosen.place
    there = {label for truth, answer, _ in found.matrix for label in (truth, answer)}
    left = len(there - place.keys())
    return Chart(
        id="confusion",
        title="Confusion matrix",
        kind="heatmap",
        x=Axis(name="answer", categories=chosen.names),
        y=(Axis(name="truth", unit="share of the class", categories=chosen.names, low=0, high=1),),
        cells=tuple(
            Cell(
                x=place[answer],
                y=place[truth],
                value=count / chosen.totals[truth],
                text=f"{count} of {chosen.totals[truth]}",
            )
            for truth, answer, count in found.matrix
            if truth in place and answer in place
        ),
        note=f"Left out, as confused less or never: {left} of {len(there)} classes." if left else "",
        height="tall" if len(chosen.names) > 12 else "middle",
    )


def ladder(found: Ladder) -> Chart | None:
    """Error of each rung against the one above."""
    rungs = [r for r in found.rungs if r.running_nrmse is not None]
    if len(rungs) < 2:
        return None
    x = tuple(float(i) for i in range(len(rungs)))
    lines = [Line(name="running", x=x, y=tuple(_drawn(r.running_nrmse or 0.0) for r in rungs))]
    if any(r.isolated_nrmse is not None for r in rungs):
        alone = tuple(None if r.isolated_nrmse is None else _drawn(r.isolated_nrmse) for r in rungs)
        lines.append(Line(name="worst layer alone", x=x, y=alone, shape="points"))
    return Chart(
        id="ladder",
        title="Error of each rung against the one above",
        kind="line",
        x=Axis(name="rung", categories=tuple(r.name for r in rungs)),
        y=(ERROR,),
        lines=tuple(lines),
        height="low",
    )


def quantization(found: Quantization) -> Chart | None:
    """Error of each quantized layer, and what its range alone costs."""
    layers = found.layers
    if len(layers) < 2:
        return None
    x = tuple(float(i) for i in range(len(layers)))
    lines = [Line(name="error", x=x, y=tuple(_drawn(q.nrmse) for q in layers))]
    if any(q.range_nrmse is not None for q in layers):
        alone = tuple(None if q.range_nrmse is None else _drawn(q.range_nrmse) for q in layers)
        lines.append(Line(name="its range alone", x=x, y=alone))
    own = [i for i, q in enumerate(layers) if q.origin in MADE_HERE]
    if own:
        made = tuple(_drawn(layers[i].nrmse) for i in own)
        lines.append(Line(name="made here", x=tuple(float(i) for i in own), y=made, shape="points", tone="bad"))
    return Chart(
        id="quantization",
        title=f"Error of each quantized layer against {found.against}",
        kind="line",
        x=Axis(name="layer, in execution order", categories=tuple(layer_name(q.node, q.op) for q in layers)),
        y=(ERROR,),
        lines=tuple(lines),
    )


def _running(layer: LayerDiff) -> float:
    return math.inf if math.isnan(layer.running_nrmse) else layer.running_nrmse


def _said(layer: LayerDiff) -> str:
    alone = "" if layer.isolated_nrmse is None else f", alone {layer.isolated_nrmse:.3g}"
    return f"{tensor_label(layer.tensor)}: running {layer.running_nrmse:.3g}{alone}"


def _drawn(error: float) -> float:
    """Within the axis: bit-equal and one ulp look alike, and what cannot be measured stands at the top."""
    return CEILING if math.isnan(error) else min(CEILING, max(FLOOR, error))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
