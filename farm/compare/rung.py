"""One target's layers against another's, frame by frame: the figures behind a rung of the ladder.

All that is kept of a frame is some numbers a layer, so the frames can be drawn again without reading them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.difference import BROKEN, difference, real
from farm.compare.skeleton import THROUGH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from farm.capture.recording import Recording
    from farm.model.graph import Graph, Tensor
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]
    Tensors = Mapping[int, Array]


@dataclass(frozen=True)
class Layer:
    """A tensor and the node that makes it; -1 for a model input."""

    tensor: int
    node: int
    op: str
    name: str

    @property
    def label(self) -> str:
        """`12 CONV_2D block3/Relu6`."""
        short = "/".join(self.name.partition(";")[0].split("/")[-2:])
        return f"{self.node} {self.op} {short}" if self.node >= 0 else "input" if short == "input" else f"input {short}"


@dataclass(frozen=True)
class Errors:
    """Of l layers in execution order, inputs first, over f frames."""

    layers: tuple[Layer, ...]
    frames: tuple[int, ...]
    nrmse: Array
    """float [l, f]: RMSE / range of the other's values; NaN where one was not logged, BROKEN where no number measures it."""
    lsb: Array
    """float [l, f]: largest difference in steps of the scale; NaN where there are none."""

    def typical(self, weights: Array | None = None) -> Array:
        """float [l]: median over frames, frame f counted `weights[f]` times; BROKEN when one frame is, 0 without any."""
        return over_frames(self.nrmse, weights)

    def over(self, limit: float, weights: Array | None = None, *, inputs: bool = False) -> tuple[int, ...]:
        """Rows of the layers above `limit` that are off by more than a single step, in order."""
        typical = self.typical(weights)
        steps = np.nanmax(np.where(np.isnan(self.lsb), np.inf, self.lsb), axis=1, initial=0.0)
        return tuple(
            i
            for i, layer in enumerate(self.layers)
            if typical[i] > limit and steps[i] > 1 and (inputs or layer.node >= 0)
        )

    def worst(self, *, inputs: bool = False) -> int | None:
        """Row of the largest typical error; None without layers."""
        rows = [i for i, layer in enumerate(self.layers) if inputs or layer.node >= 0]
        typical = self.typical()
        return max(rows, key=lambda i: typical[i], default=None)


def over_frames(values: Array, weights: Array | None = None) -> Array:
    """Median of each row of [l, f], as `Errors.typical` takes it."""
    if weights is not None:
        values = np.repeat(values, weights.astype(int), axis=1)
    if values.shape[1] == 0:
        return np.zeros(len(values))
    known = ~np.isnan(values)
    # NaN sorts last: the median of the known ones is in the middle of their part.
    ordered, count = np.sort(values, axis=1), known.sum(axis=1)
    rows, last = np.arange(len(values)), np.maximum(count - 1, 0)
    middle = (ordered[rows, last // 2] + ordered[rows, (last + 1) // 2]) / 2
    broken = np.where(known, values, 0.0).max(axis=1) >= BROKEN
    result: Array = np.where(broken, BROKEN, np.where(count > 0, middle, 0.0))
    return result


def layers_of(graph: Graph) -> tuple[Layer, ...]:
    """Inputs, then what nodes make, in execution order; conversions from type to type and constants left out."""
    inputs = [Layer(t, -1, "INPUT", graph.tensors[t].name) for t in graph.inputs]
    made = [
        Layer(t, node.index, node.op, graph.tensors[t].name)
        for node in graph.nodes
        for t in node.outputs
        if t >= 0 and t not in graph.from_constants and node.op not in THROUGH
    ]
    return (*inputs, *made)


def errors(
    frames: Iterable[int], mine: Callable[[int], Tensors], other: Callable[[int], Tensors], graph: Graph
) -> Errors:
    """Two runs of one model, tensors by index, as logged; one frame is in memory at a time."""
    return _errors(frames, mine, other, graph, lambda x, y, tensor: (x, y, tensor))


def twin_errors(
    frames: Iterable[int], mine: Callable[[int], Tensors], other: Callable[[int], Tensors], graph: Graph
) -> Errors:
    """Against real numbers: `other` gives the twin's tensors under this model's indices."""
    return _errors(frames, mine, other, graph, _as_real)


def _as_real(x: Array, y: Array, tensor: Tensor) -> tuple[Array, Array, Tensor]:
    from dataclasses import replace

    plain = replace(tensor, scale=(), zero_point=())
    return real(x, tensor).astype(np.float32), y.astype(np.float32).reshape(x.shape), plain


def _errors(
    frames: Iterable[int],
    mine: Callable[[int], Tensors],
    other: Callable[[int], Tensors],
    graph: Graph,
    meet: Callable[[Array, Array, Tensor], tuple[Array, Array, Tensor]],
) -> Errors:
    layers, taken = layers_of(graph), tuple(frames)
    nrmse, lsb = np.full((2, len(layers), len(taken)), np.nan)
    for column, frame in enumerate(taken):
        ours, theirs = mine(frame), other(frame)
        for row, layer in enumerate(layers):
            x, y = ours.get(layer.tensor), theirs.get(layer.tensor)
            if x is None or y is None or x.size != y.size:
                continue
            d = difference(*meet(x, y, graph.tensors[layer.tensor]))
            nrmse[row, column] = d.nrmse
            if d.lsb is not None:
                lsb[row, column] = d.lsb
    kept = ~np.isnan(nrmse).all(axis=1)
    return Errors(
        layers=tuple(layer for layer, keep in zip(layers, kept, strict=True) if keep),
        frames=taken,
        nrmse=nrmse[kept],
        lsb=lsb[kept],
    )


def logged(recording: Recording, artifacts: ArtifactStore) -> Callable[[int], Tensors]:
    """A recording's tensors by frame."""
    return lambda frame: recording.tensors(artifacts, frame)


@dataclass(frozen=True)
class Ranges:
    """What the scales of l quantized tensors do to the values a float twin has there, over f frames.

    All are RMSE / range of the float values: what is `cut` off by the ends of the range, and what `rounding` to its steps
    costs (a twelfth of a step squared).
    """

    layers: tuple[Layer, ...]
    cut: Array
    rounding: Array
    beyond: Array
    """float [l, f]: share of the values outside of the range."""
    bounds: tuple[tuple[float, float], ...]
    """What each tensor can hold."""
    seen: tuple[tuple[float, float], ...]
    """What the twin has, over all frames."""


def ranges(frames: Iterable[int], twin: Callable[[int], Tensors], graph: Graph) -> Ranges:
    """Of all tensors with one scale that the twin has, too; `twin` as in `twin_errors`."""
    layers = [layer for layer in layers_of(graph) if _bounds(graph.tensors[layer.tensor]) is not None]
    taken = tuple(frames)
    cut, rounding, beyond = np.full((3, len(layers), len(taken)), np.nan)
    low, high = np.full(len(layers), np.inf), np.full(len(layers), -np.inf)
    for column, frame in enumerate(taken):
        values = twin(frame)
        for row, layer in enumerate(layers):
            y, tensor = values.get(layer.tensor), graph.tensors[layer.tensor]
            limits = _bounds(tensor)
            if y is None or limits is None or not y.size or not np.isfinite(y).all():
                continue
            half = tensor.scale[0] / 2
            a, b = float(y.min()), float(y.max())
            low[row], high[row] = min(low[row], a), max(high[row], b)
            lost = (y - np.clip(y, limits[0], limits[1])).astype(np.float64)
            outside = (y < limits[0] - half) | (y > limits[1] + half)
            span = b - a or abs(b) or 1.0
            cut[row, column] = float(np.sqrt(np.mean(lost * lost))) / span
            rounding[row, column] = tensor.scale[0] / np.sqrt(12) / span
            beyond[row, column] = float(outside.mean())
    kept = np.isfinite(low)
    chosen = [layer for layer, keep in zip(layers, kept, strict=True) if keep]
    return Ranges(
        layers=tuple(chosen),
        cut=cut[kept],
        rounding=rounding[kept],
        beyond=beyond[kept],
        bounds=tuple(_bounds(graph.tensors[layer.tensor]) or (0.0, 0.0) for layer in chosen),
        seen=tuple(zip(low[kept].tolist(), high[kept].tolist(), strict=True)),
    )


def quantized(values: Array, tensor: Tensor) -> Array:
    """Real numbers as the tensor stores them: rounded to its steps and cut off at its ends; float stays float."""
    limits = _bounds(tensor)
    if limits is None:
        return values.astype(np.dtype(tensor.dtype))
    stored = np.iinfo(np.dtype(tensor.dtype))
    steps = np.rint(values.astype(np.float64) / tensor.scale[0]) + tensor.zero_point[0]
    result: Array = np.clip(steps, stored.min, stored.max).astype(np.dtype(tensor.dtype))
    return result


def _bounds(tensor: Tensor) -> tuple[float, float] | None:
    if len(tensor.scale) != 1 or tensor.dtype not in ("int8", "uint8", "int16", "uint16"):
        return None
    stored = np.iinfo(np.dtype(tensor.dtype))
    scale, zero = tensor.scale[0], tensor.zero_point[0]
    return scale * (int(stored.min) - zero), scale * (int(stored.max) - zero)
