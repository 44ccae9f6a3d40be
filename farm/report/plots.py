"""The report's plots: SVG that stands in the page, drawn from the job document alone.

Colors come from the page's style, so that they follow light and dark. The same figures are in a table beside each plot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from farm.report.quantization import MADE_HERE
from farm.report.scale import Scale, linear, number
from farm.report.words import layer_label, layer_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.report.document import Comparison, Latency, LayerDiff
    from farm.report.ladder import Ladder
    from farm.report.measures import Samples
    from farm.report.quantization import Quantization

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 720, 56, 8, 14, 34
HEIGHT, PANEL = 230, 150
FLOOR = 1e-8
"""Smaller errors stand at the bottom: bit-equal and one ulp look alike."""
CEILING = 10.0
STEADY = 0.9
"""The memory axis reaches down to this share of the most, at least: what hardly moves must not look as if it did."""
PANELS = {"power": "W", "temperature": "C", "clock": "MHz", "load": "share"}
"""Quantities of the samples that are drawn under the invocations, from top to bottom, with their unit."""
COLORS = 8
"""Kinds of layers with a color of their own; the rest shares one."""


def error_curve(comparison: Comparison) -> Markup:
    """Running and, where known, isolated error of each layer, logarithmic, with the threshold."""
    layers = comparison.layers
    x = _positions(len(layers))
    y = Scale(FLOOR, CEILING, HEIGHT - BOTTOM, TOP, logarithmic=True)
    marks = [_grid(y, first=f"\N{LESS-THAN OR EQUAL TO}{number(FLOOR)}"), _node_axis(layers, x, HEIGHT)]
    over = y.place(comparison.threshold)
    marks.append(
        Markup(
            '<line class="limit" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text class="limit" x="{}" y="{:.1f}">{}</text>'
        ).format(LEFT, WIDTH - RIGHT, over, over, LEFT + 4, over - 4, f"threshold {comparison.threshold:.3g}")
    )
    alone = [(x.place(i), d.isolated_nrmse, d) for i, d in enumerate(layers) if d.isolated_nrmse is not None]
    if alone:
        marks.append(
            _curve("isolated", [(px, y.place(e), "", f"{layer_label(d)}, alone: {e:.3g}") for px, e, d in alone])
        )
    marks.append(
        _curve(
            "running",
            [
                (
                    x.place(i),
                    y.place(d.running_nrmse),
                    "" if d.running_nrmse <= comparison.threshold else "over",
                    f"{layer_label(d)}: {d.running_nrmse:.3g}",
                )
                for i, d in enumerate(layers)
            ],
        )
    )
    keys = [("running", "running error"), *([("isolated", "of the layer alone")] if alone else [])]
    return _figure(
        HEIGHT, "error of each layer, logarithmic", marks, keys, "normalized RMSE by node, in execution order"
    )


def ladder_curve(found: Ladder) -> Markup:
    """Running error of each rung against the one above, logarithmic; where the error enters stands out."""
    rungs = [r for r in found.rungs if r.running_nrmse is not None]
    if len(rungs) < 2:
        return Markup("")
    x, y = _positions(len(rungs)), Scale(FLOOR, CEILING, PANEL + 30 - BOTTOM, TOP, logarithmic=True)
    names = [
        Markup('<text class="below" x="{:.1f}" y="{}">{}</text>').format(x.place(i), PANEL + 30 - BOTTOM + 16, r.name)
        for i, r in enumerate(rungs)
    ]
    places = [
        (x.place(i), y.place(r.running_nrmse or 0.0), "over" if r.enters else "", f"{r.name}: {r.running_nrmse:.3g}")
        for i, r in enumerate(rungs)
    ]
    alone = [
        (x.place(i), y.place(r.isolated_nrmse), "", f"{r.name}, worst layer alone: {r.isolated_nrmse:.3g}")
        for i, r in enumerate(rungs)
        if r.isolated_nrmse is not None
    ]
    marks = [_grid(y), *names, *([_curve("isolated", alone)] if alone else []), _curve("running", places)]
    keys = [("running", "running error"), *([("isolated", "of the worst layer alone")] if alone else [])]
    return _figure(PANEL + 30, "error of each rung, logarithmic", marks, keys, "normalized RMSE against the rung named")


def quantization(found: Quantization) -> Markup:
    """Error of each quantized layer, and what its range alone costs, logarithmic."""
    layers = found.layers
    if len(layers) < 2:
        return Markup("")
    x, y = _positions(len(layers)), Scale(FLOOR, CEILING, HEIGHT - BOTTOM, TOP, logarithmic=True)
    step = -(-len(layers) // 12) or 1
    axis = [
        Markup('<text class="below" x="{:.1f}" y="{}">{}</text>').format(
            x.place(i), HEIGHT - BOTTOM + 16, "in" if layers[i].node < 0 else layers[i].node
        )
        for i in range(0, len(layers), step)
    ]
    own = [
        (x.place(i), y.place(q.range_nrmse), "", f"{layer_name(q.node, q.op)}, range alone: {q.range_nrmse:.3g}")
        for i, q in enumerate(layers)
        if q.range_nrmse is not None
    ]
    errors = [
        (
            x.place(i),
            y.place(q.nrmse),
            "over" if q.origin in MADE_HERE else "",
            f"{layer_name(q.node, q.op)}: {q.nrmse:.3g}",
        )
        for i, q in enumerate(layers)
    ]
    marks = [_grid(y), *axis, *([_curve("isolated", own)] if own else []), _curve("running", errors)]
    keys = [("running", "error"), *([("isolated", "what its range costs by itself")] if own else [])]
    return _figure(
        HEIGHT,
        "error of each quantized layer, logarithmic",
        marks,
        keys,
        f"normalized RMSE by node, against {found.against}",
    )


def time_by_layer(comparison: Comparison) -> Markup:
    """A bar for the time of each layer, colored by type: from the profile pass where it ran, else layer-aligned."""
    layers = list({d.node: d for d in reversed(comparison.layers) if d.node >= 0}.values())[::-1]  # not a bar an output
    profiled = any(d.profile_us is not None for d in layers)
    times = [(d.profile_us if profiled else d.time_us) or 0.0 for d in layers]
    if not any(times):
        return Markup("")
    x, y = _positions(len(layers)), linear(max(times), HEIGHT - BOTTOM, TOP)
    colors = _colors(layers, times)
    width = max(1.0, 0.8 * (WIDTH - LEFT - RIGHT) / len(layers))
    bars = [
        Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>').format(
            colors.get(d.op, "rest"), x.place(i) - width / 2, y.place(t), width, y.start - y.place(t),
            f"{layer_label(d)}: {t:.1f} us",
        )
        for i, (d, t) in enumerate(zip(layers, times, strict=True))
        if t > 0
    ]  # fmt: skip
    keys = [(color, op.replace("_", " ").lower()) for op, color in colors.items()]
    if any(t > 0 and d.op not in colors for d, t in zip(layers, times, strict=True)):
        keys.append(("rest", "other types"))
    source = "plain model, fused as it is deployed" if profiled else "instrumented model, unfused"
    marks = [_grid(y), _node_axis(layers, x, HEIGHT), *bars]
    return _figure(HEIGHT, "time of each layer", marks, keys, f"us by node, in execution order; {source}")


def timeline(latency: Latency) -> Markup:
    """Latency of each invocation, and the agent's memory after it, in the order they ran."""
    points = latency.timeline
    if len(points) < 2:
        return Markup("")
    memory = [(p.first, p.memory_mb) for p in points if p.memory_mb is not None]
    both = len(memory) > 1
    height = HEIGHT + (PANEL if both else 0)
    last = points[-1]
    x = Scale(0, last.first + last.count - 1, LEFT + 6, WIDTH - RIGHT - 6)
    y = linear(max(p.worst_ms for p in points), HEIGHT - BOTTOM, TOP)
    middle = [(x.place(p.first + (p.count - 1) / 2), p) for p in points]
    marks = [_grid(y), _count_axis(x, HEIGHT)]
    thinned = max(p.count for p in points)
    if thinned > 1:
        marks.append(_line("worst", [(px, y.place(p.worst_ms)) for px, p in middle]))
    marks.append(_curve("running", [(px, y.place(p.ms), "", f"{p.first}: {p.ms:.3f} ms") for px, p in middle]))
    keys = [("running", "latency, ms")]
    if thinned > 1:
        keys = [("running", f"latency, ms: median of {thinned} neighbors"), ("worst", "their worst")]
    if both:
        values = [m for _, m in memory]
        z = linear(max(values), height - BOTTOM, HEIGHT + TOP, lowest=min(*values, STEADY * max(values)))
        marks += [_grid(z), _count_axis(x, height), _line("memory", [(x.place(i), z.place(m)) for i, m in memory])]
        keys.append(("memory", "resident memory of the agent, MiB (below)"))
    return _figure(height, "latency and memory along the pass", marks, keys, "invocations, in the order they ran")


def samples(latency: Latency, found: Samples) -> Markup:
    """Power, temperature, clock and load beside the invocations: a panel a quantity, on the axis of `timeline`."""
    if len(latency.timeline) < 2:
        return Markup("")
    last = latency.timeline[-1]
    x = Scale(0, last.first + last.count - 1, LEFT + 6, WIDTH - RIGHT - 6)
    marks, keys, top = [], [], 0
    for quantity, unit in PANELS.items():
        lines = [s for s in found.series if s.quantity == quantity and s.unit == unit][:COLORS]
        if not lines:
            continue
        values = [v for s in lines for _, v in s.points]
        low = min(values) if quantity == "temperature" else min(0.0, *values)
        y = linear(max(values), top + PANEL - BOTTOM, top + TOP, lowest=low)
        marks += [_grid(y), _count_axis(x, top + PANEL)]
        for i, series in enumerate(lines):
            places = [(x.place(at), y.place(v), "", f"{series.source}: {v:.4g} {unit}") for at, v in series.points]
            marks.append(_curve(f"type{i}", places))
            keys.append((f"type{i}", f"{quantity}, {unit}: {series.source} ({series.by})"))
        top += PANEL
    if not marks:
        return Markup("")
    return _figure(
        top, "power, temperature, clock and load along the pass", marks, keys, "invocations, in the order they ran"
    )


def _positions(n: int) -> Scale:
    """Places of n things side by side."""
    half = (WIDTH - LEFT - RIGHT) / max(1, n) / 2
    return Scale(0, max(1, n - 1), LEFT + half, WIDTH - RIGHT - half if n > 1 else LEFT + 3 * half)


def _colors(layers: Sequence[LayerDiff], times: Sequence[float]) -> dict[str, str]:
    """Style classes of the types that take the most time."""
    sums: dict[str, float] = {}
    for d, t in zip(layers, times, strict=True):
        sums[d.op] = sums.get(d.op, 0.0) + t
    order = sorted((op for op in sums if sums[op] > 0), key=lambda op: (-sums[op], op))
    return {op: f"type{i}" for i, op in enumerate(order[:COLORS])}


def _grid(y: Scale, first: str = "") -> Markup:
    ticks = y.ticks()
    return Markup("").join(
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/><text class="left" x="{}" y="{:.1f}">{}</text>'
        ).format(
            LEFT,
            WIDTH - RIGHT,
            y.place(t),
            y.place(t),
            LEFT - 6,
            y.place(t) + 4,
            first if first and i == 0 else number(t),
        )
        for i, t in enumerate(ticks)
    )


def _node_axis(layers: Sequence[LayerDiff], x: Scale, height: float) -> Markup:
    step = -(-len(layers) // 12) or 1
    return Markup("").join(
        Markup('<text class="below" x="{:.1f}" y="{}">{}</text>').format(
            x.place(i), height - BOTTOM + 16, "in" if layers[i].node < 0 else layers[i].node
        )
        for i in range(0, len(layers), step)
    )


def _count_axis(x: Scale, height: float) -> Markup:
    return Markup("").join(
        Markup('<text class="below" x="{:.1f}" y="{}">{}</text>').format(x.place(t), height - BOTTOM + 16, number(t))
        for t in x.ticks(10)
        if t == int(t)
    )


def _line(name: str, places: Sequence[tuple[float, float]]) -> Markup:
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
    return Markup('<polyline class="{}" points="{}"/>').format(name, points)


def _curve(name: str, places: Sequence[tuple[float, float, str, str]]) -> Markup:
    """Places are x, y, a style class of the dot, and what it says."""
    radius = 3 if len(places) <= 150 else 1.5
    if name == "isolated":  # a ring, seen around a dot at the same place
        radius += 1.5
    dots = Markup("").join(
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>').format(
            f"{name} {mark}".strip(), px, py, radius, said
        )
        for px, py, mark, said in places
    )
    return _line(name, [(px, py) for px, py, _, _ in places]) + dots


def _figure(
    height: float, title: str, marks: Sequence[Markup], keys: Sequence[tuple[str, str]], caption: str
) -> Markup:
    legend = Markup("").join(Markup('<span><i class="{}"></i>{}</span>').format(c, words) for c, words in keys)
    return Markup(
        '<figure><div class="scroll"><svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg></div>'
        "<figcaption>{} <span>{}</span></figcaption></figure>"
    ).format(
        WIDTH, height, f"{title}; the same figures are in the table", Markup("").join(marks), legend, escape(caption)
    )
