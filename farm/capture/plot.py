"""A recording as pictures: one SVG, alone or in a page. Nothing is fetched, and nothing runs."""

from __future__ import annotations

import html
import math
import re
import statistics
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from farm.capture.recording import dequantize
from farm.capture.rows import TensorStatistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.capture.opened import Opened
    from farm.capture.rows import OpTime

    Array = np.ndarray[Any, Any]

T = TypeVar("T")

WIDTH, HEIGHT, LEFT, RIGHT, ROW = 900, 180, 250, 30, 18
POINTS = 800
"""A line of more points is drawn by the highest of each group of neighbors, so that no spike is lost."""
ROWS = 60
FRAMES = 8
"""Frames whose tensors are looked into, where the capture holds no statistics of its own."""
DELEGATED, INSIDE = 4, 8
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.t{font-weight:600;font-size:14px}.l{fill:none;stroke:#2563eb;"
    "stroke-width:1.3}.b{fill:#93b4f5}.m{fill:#1e3a8a}.g{stroke:#ddd}.w{fill:#b91c1c}"
)
_CONTROL = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(what: Opened) -> str:
    """Time of each frame, of each layer, memory, and the values' ranges, of what the recording has."""
    times = what.recording.frame_times(what.artifacts)
    memory = what.recording.memory_samples(what.artifacts)
    parts = [
        _line("time of each invocation, ms", [t.invoke_ns / 1e6 for t in times]),
        _bars("time of each layer, µs", layer_times(what.recording.op_times(what.artifacts))),
        _line("memory of the agent, MB", [m.rss_bytes / 1e6 for m in memory]),
        _ranges("values of each tensor: lowest, mean, highest", value_ranges(what)),
    ]
    header, at, body = what.recording.header, 56, ""
    for height, part in parts:
        body += f'<g transform="translate(0 {at})">{part}</g>'
        at += height
    title = f"{what.name}: pass {header.pass_}, {header.kernel or 'default'} kernels, {header.threads} threads"
    where = header.source or header.labels.get("serial") or "unknown device"
    note = f"{where}, model {header.model_sha256[:12] or 'unknown'}, version {header.source_version or 'unknown'}"
    note += "" if what.recording.complete else "; cut off before its end"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {at}" width="{WIDTH}" height="{at}">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{_text(12, 24, title, 't')}{_text(12, 42, note)}{body}</svg>\n"
    )


def page(what: Opened) -> str:
    """The same as an HTML page of its own."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{_escaped(what.name)}</title><body>{svg(what)}</body></html>\n"
    )


def layer_times(ops: Sequence[OpTime]) -> list[tuple[str, float]]:
    """Label and microseconds of each operator, in the order they ran; a delegate counts by what is inside it.

    The mean of the middle half of its invocations: the profiler tells whole microseconds, so a median would be one, too.
    """
    inside = any(op.type == INSIDE for op in ops)
    found: dict[tuple[int, int, str], list[int]] = {}
    for op in ops:
        if not (inside and op.type == DELEGATED):
            found.setdefault((op.type, op.index, op.tag), []).append(op.duration_us)
    return [(f"{tag} {index}", _middle(values)) for (_, index, tag), values in found.items()]


def _middle(values: list[int]) -> float:
    cut = len(values) // 4
    return statistics.fmean(sorted(values)[cut : len(values) - cut])


def value_ranges(what: Opened) -> list[tuple[str, TensorStatistics]]:
    """Name and statistics of each tensor over all frames: those the agent took, else taken here from a few frames."""
    rows = what.recording.tensor_statistics(what.artifacts)
    if not rows:
        frames = sorted(what.recording.frames)
        for frame in frames[:: max(1, math.ceil(len(frames) / FRAMES))]:
            for tensor, value in what.recording.tensors(what.artifacts, frame).items():
                real = dequantize(value, what.recording.by_tensor[tensor])
                sound = real[np.isfinite(real)]
                if sound.size:
                    rows.append(_taken(frame, tensor, real, sound))
    by_tensor: dict[int, list[TensorStatistics]] = {}
    for row in rows:
        if math.isfinite(row.min) and math.isfinite(row.max) and math.isfinite(row.mean):
            by_tensor.setdefault(row.tensor, []).append(row)
    names = {s.tensor: s.name or f"tensor {s.tensor}" for s in what.recording.specs}
    return [(names.get(t, f"tensor {t}"), _joined(found)) for t, found in by_tensor.items()]


def _taken(frame: int, tensor: int, real: Array, sound: Array) -> TensorStatistics:
    with np.errstate(over="ignore"):
        return TensorStatistics(
            frame=frame,
            tensor=tensor,
            count=real.size,
            min=float(sound.min()),
            max=float(sound.max()),
            mean=float(sound.mean()),
            rms=float(np.sqrt(np.square(sound).mean())),
            saturated=int(np.isinf(real).sum()),
            nan=int(np.isnan(real).sum()),
        )


def _joined(rows: Sequence[TensorStatistics]) -> TensorStatistics:
    count = sum(r.count for r in rows)
    return rows[0].model_copy(
        update={
            "count": count,
            "min": min(r.min for r in rows),
            "max": max(r.max for r in rows),
            "mean": sum(r.mean * (r.count / max(1, count)) for r in rows),
            "saturated": sum(r.saturated for r in rows),
            "nan": sum(r.nan for r in rows),
        }
    )


def _line(title: str, values: Sequence[float]) -> tuple[int, str]:
    if not values:
        return 0, ""
    high = max(values) or 1.0
    step = math.ceil(len(values) / POINTS)
    drawn = [max(values[i : i + step]) for i in range(0, len(values), step)]
    wide, tall = WIDTH - LEFT - RIGHT, HEIGHT - 60
    xs = [LEFT + wide * i / max(1, len(drawn) - 1) for i in range(len(drawn))]
    points = " ".join(f"{x:.1f},{40 + tall * (1 - v / high):.1f}" for x, v in zip(xs, drawn, strict=True))
    grid = "".join(
        f'<line class="g" x1="{LEFT}" x2="{LEFT + wide}" y1="{y}" y2="{y}"/>{_text(LEFT - 8, y + 4, label, anchor="end")}'
        for y, label in ((40, _figure(high)), (40 + tall, "0"))
    )
    note = f"median {_figure(statistics.median(values))}, highest {_figure(max(values))}, {len(values)} values"
    mark = "" if len(drawn) > 1 else f'<circle class="m" cx="{xs[0]}" cy="40" r="3"/>'
    return (
        HEIGHT,
        f"{_text(12, 20, title, 't')}{_text(WIDTH - RIGHT, 20, note, anchor='end', most=110)}{grid}"
        f'<polyline class="l" points="{points}"/>{mark}',
    )


def _bars(title: str, rows: Sequence[tuple[str, float]]) -> tuple[int, str]:
    if not rows:
        return 0, ""
    shown, left = _shown(rows, [value for _, value in rows])
    high, wide = max(value for _, value in rows) or 1.0, WIDTH - LEFT - RIGHT - 60
    total, body = sum(value for _, value in rows), _text(12, 20, title, "t")
    note = f"{len(rows)} layers, together {_figure(total)}{left}"
    body += _text(WIDTH - RIGHT, 20, note, anchor="end", most=110)
    for i, (label, value) in enumerate(shown):
        y, width = 30 + ROW * i, wide * value / high
        body += _text(LEFT - 8, y + 13, label, anchor="end")
        body += f'<rect class="b" x="{LEFT}" y="{y + 3}" width="{width:.1f}" height="{ROW - 5}"/>'
        body += _text(LEFT + width + 5, y + 13, _figure(value))
    return 50 + ROW * len(shown), body


def _ranges(title: str, rows: Sequence[tuple[str, TensorStatistics]]) -> tuple[int, str]:
    if not rows:
        return 0, ""
    shown, left = _shown(rows, [max(abs(s.min), abs(s.max)) for _, s in rows])
    low, high = min(s.min for _, s in rows), max(s.max for _, s in rows)
    # Halves: the difference of the largest doubles overflows.
    span, wide = (high / 2 - low / 2) or 0.5, WIDTH - LEFT - RIGHT - 150
    note = f"from {_figure(low)} to {_figure(high)}{left}"
    body = _text(12, 20, title, "t") + _text(WIDTH - RIGHT, 20, note, anchor="end", most=110)

    def x(value: float) -> float:
        return LEFT + wide * (value / 2 - low / 2) / span

    for i, (label, s) in enumerate(shown):
        y = 30 + ROW * i
        body += _text(LEFT - 8, y + 13, label.partition(";")[0], anchor="end")  # converters join names
        width = max(1.0, x(s.max) - x(s.min))
        body += f'<rect class="b" x="{x(s.min):.1f}" y="{y + 3}" width="{width:.1f}" height="{ROW - 5}"/>'
        body += f'<rect class="m" x="{x(s.mean) - 1:.1f}" y="{y + 1}" width="2" height="{ROW - 2}"/>'
        odd = [f"{s.nan} NaN"] * bool(s.nan) + [f"{s.saturated / max(1, s.count):.1%} saturated"] * bool(s.saturated)
        body += _text(LEFT + wide + 8, y + 13, ", ".join(odd), "w" if s.nan else "") if odd else ""
    return 50 + ROW * len(shown), body


def _shown(rows: Sequence[T], weights: Sequence[float]) -> tuple[list[T], str]:
    """The heaviest rows, in their own order, and what to say of the others."""
    if len(rows) <= ROWS:
        return list(rows), ""
    heaviest = sorted(sorted(range(len(rows)), key=lambda i: -weights[i])[:ROWS])
    return [rows[i] for i in heaviest], f"; the {ROWS} largest are drawn"


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "", most: int = 0) -> str:
    words = f' class="{kind}"' * bool(kind) + f' text-anchor="{anchor}"' * bool(anchor)
    most = most or (34 if anchor else 110)
    short = text if len(text) <= most else ("…" + text[1 - most :] if anchor else text[: most - 1] + "…")
    return f'<text x="{x:.1f}" y="{y:.1f}"{words}>{_escaped(short)}</text>'


def _escaped(text: str) -> str:
    return html.escape(_CONTROL.sub("\ufffd", text))


def _figure(value: float) -> str:
    return f"{value:.4g}"
