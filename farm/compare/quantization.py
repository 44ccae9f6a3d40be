"""What quantization does to each layer and channel, from captures, and whether the range, the constants or the kernel did it.

The values of a quantized tensor are compared with those of a reference: the float twin's real numbers, or the same tensor of
another runtime. One frame is in memory at a time, and one tensor of it as real numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.model.opened import ACTIVATIONS
from farm.report.quantization import ChannelError, LayerQuantization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from farm.compare.isolated import OwnError
    from farm.model.graph import Graph, Tensor
    from farm.report.quantization import Origin

    Array = np.ndarray[Any, Any]
    Tensors = Callable[[int], Mapping[int, Array]]
    """A frame's tensors by index in the quantized model's graph, as logged."""

WORST = 5
"""Channels that are told of each tensor."""
LIMIT_CHANNELS = 1 << 14
"""A tensor of more is taken as one channel."""
BOUNDS = (-1.0, 0.0, 1.0, 6.0)
"""Where activations end by nature: RELU, RELU6, TANH, LOGISTIC, SOFTMAX."""
PINNED = 0.05
"""Share of a layer's values at a limit that only its range sets: right calibrations show less than 0.01."""
HALF = 0.5
"""Share of a layer's error power from which its range is what made it."""
CUT_LIMIT, ROUNDING_LIMIT = 0.01, 0.02
"""nRMSE that a range's ends may cut off, and its steps round: right calibrations show up to 0.0002 and 0.004, a wrong one 0.24;
at the second, the values span some 15 steps."""
AMPLIFIES = 4.0
"""By so much a layer's relative error may be above that of its inputs, and still be theirs."""
LARGEST = 1e30
"""Stands for infinity: its square can be added up."""


def measure(frames: Iterable[int], mine: Tensors, other: Tensors, graph: Graph) -> tuple[LayerQuantization, ...]:
    """Every quantized activation that both logged, in execution order, inputs first.

    `other` gives integers where it is quantized like `mine` (the reference kernels of the same model), real numbers where it is
    a float twin under this graph's indices (`twin.values`).
    """
    tallies: dict[int, _Tally] = {}
    for frame in frames:
        ours, theirs = mine(frame), other(frame)
        for index in ours.keys() & theirs.keys():
            tensor = graph.tensors[index] if 0 <= index < len(graph.tensors) else None
            if tensor is None or tensor.dtype not in ACTIVATIONS or index in graph.from_constants:
                continue
            x, y = ours[index], theirs[index]
            if x.dtype.name != tensor.dtype or x.size != y.size or not x.size or _along(tensor, x.shape) is None:
                continue
            if index not in tallies:
                tallies[index] = _Tally(tensor, x)
            tallies[index].add(x, y.reshape(x.shape))
    order = [(-1, "INPUT", t) for t in graph.inputs]
    order += [(node.index, node.op, t) for node in graph.nodes for t in node.outputs]
    return tuple(tallies[t].result(node, op) for node, op, t in order if t in tallies)


def requantized(values: Array, tensor: Tensor) -> Array:
    """Real numbers of a shape that the tensor's scales fit, as the tensor stores them: rounded half to even, cut off."""
    how = _along(tensor, values.shape)
    limits = np.iinfo(np.dtype(tensor.dtype))
    if how is None:
        raise ValueError(f"{tensor.name}: its scales do not fit {values.shape}")
    steps = np.rint(values / how[0]) + how[1]
    result: Array = np.clip(steps, limits.min, limits.max).astype(np.dtype(tensor.dtype))
    return result


def cut_off(layers: Sequence[LayerQuantization]) -> tuple[LayerQuantization, ...]:
    """Layers whose own values say, without a float twin, that their range cuts them off: `pinned` there and in the reference.

    Inputs are left out: a white page is at its limit by right. Against a float twin, `origins` knows more.
    """
    return tuple(
        layer for layer in layers if layer.node >= 0 and layer.pinned > PINNED and layer.saturated < layer.pinned / 2
    )


def origins(
    layers: Sequence[LayerQuantization],
    graph: Graph,
    *,
    limit: float,
    own: Mapping[int, OwnError] | None = None,
    own_limit: float = 0.02,
    alone: Mapping[int, float] | None = None,
) -> tuple[LayerQuantization, ...]:
    """The same layers with what made each one's error: bad calibration told apart from a bad kernel.

    `layers` are against the float twin. `limit` is the nRMSE above which a layer diverges. `own` has, by tensor, the error of
    the device's operators fed with what reference kernels were fed (`compare_isolated`), which is the kernel's alone. `alone`
    has the nRMSE, against the twin, of each operator of the quantized model on reference kernels, fed with the twin's values in
    this model's scales: what its constants and its range do, and nothing inherited.

    In this order: the kernel, where it is wrong by itself; the range, where cutting the twin's own values to it costs more than
    `CUT_LIMIT`, rounding them more than `ROUNDING_LIMIT`, or both at least half of the error's power; the inputs, where the
    error of one of them is as much, or a quarter; the constants.
    """
    errors = {layer.index: layer.nrmse for layer in layers}
    told = []
    for layer in layers:
        above = max((errors.get(t, 0.0) for t in _feeding(layer, graph)), default=0.0)
        origin, reason = _origin(
            layer, limit, (own or {}).get(layer.index), own_limit, (alone or {}).get(layer.index), above
        )
        told.append(layer.model_copy(update={"origin": origin, "reason": reason}))
    return tuple(told)


def _origin(
    layer: LayerQuantization, limit: float, kernel: OwnError | None, own_limit: float, alone: float | None, above: float
) -> tuple[Origin, str]:
    """`above` is the largest nRMSE of a tensor that the layer reads."""
    if kernel is not None and kernel.nrmse > own_limit:
        return "arithmetic", f"fed what the reference is fed, it is {kernel.nrmse:.2g} of its range off"
    ranged, cut = layer.range_nrmse or 0.0, layer.cut_nrmse or 0.0
    unfit = cut > CUT_LIMIT or ranged > ROUNDING_LIMIT
    if not unfit and not layer.nrmse > limit:
        return "none", ""
    if unfit or ranged * ranged >= HALF * layer.nrmse * layer.nrmse:
        if cut * cut >= HALF * ranged * ranged:
            outside = f"{layer.clipped or 0.0:.1%} of the float model's values lie outside its range"
            return "range", f"{outside}, which alone makes {ranged:.2g} of {layer.nrmse:.2g}"
        coarse = f"its steps are too coarse: values use {layer.used_bits:.1f} of {layer.bits} bits"
        return "range", f"{coarse}, and rounding alone makes {ranged:.2g} of {layer.nrmse:.2g}"
    if alone is not None and alone > limit:
        told = f"fed the float model's values, reference kernels are {alone:.2g} off, its range alone {ranged:.2g}"
        return "constants", told
    if alone is not None:
        return "inherited", f"fed the float model's values it is {alone:.2g} off"
    if above * AMPLIFIES >= layer.nrmse:
        return "inherited", f"what it reads is {above:.2g} off, and its own range holds the float model's values"
    if kernel is not None:
        return "constants", "neither its inputs, its range nor its kernel make the error: its weights or bias do"
    return (
        "unclear",
        "neither its inputs nor its range make the error: its constants or kernel do; the isolated pass tells",
    )


def _feeding(layer: LayerQuantization, graph: Graph) -> set[int]:
    """Quantized tensors that a layer reads, seen through operators whose output is not quantized."""
    node = graph.producer(layer.index)
    found: set[int] = set()
    waiting = list(node.inputs) if node is not None else []
    seen: set[int] = set()
    while waiting:
        t = waiting.pop()
        if t < 0 or t in seen:
            continue
        seen.add(t)
        if graph.tensors[t].scale and graph.tensors[t].dtype in ACTIVATIONS:
            found.add(t)
        elif (maker := graph.producer(t)) is not None:
            waiting += maker.inputs
    return found


@dataclass(frozen=True)
class _Channels:
    """Sums over the values of each of c channels: arrays of c."""

    error: Array
    square: Array
    largest: Array
    signal: Array
    outside: Array
    low: Array
    high: Array


class _Tally:
    """One tensor over the frames: some numbers a channel."""

    def __init__(self, tensor: Tensor, first: Array) -> None:
        self.tensor = tensor
        self._axis = tensor.axis if len(tensor.scale) > 1 else first.ndim - 1
        count = first.shape[self._axis] if first.ndim > 1 else 1
        self._channels = count if count <= LIMIT_CHANNELS else 1
        self._limits = np.iinfo(first.dtype)
        n = self._channels
        self._sums = _Channels(
            error=np.zeros(n),
            square=np.zeros(n),
            largest=np.zeros(n),
            signal=np.zeros(n),
            outside=np.zeros(n),
            low=np.full(self._channels, self._limits.max, np.int64),
            high=np.full(self._channels, self._limits.min, np.int64),
        )
        self.frames = self._n = self._at_low = self._at_high = self._theirs = 0
        self._real = False
        self._range = self._cut = 0.0
        self._least, self._most = math.inf, -math.inf

    def add(self, x: Array, y: Array) -> None:
        tensor, sums = self.tensor, self._sums
        how = _along(tensor, x.shape)
        if how is None:
            return
        scale, zero = how
        ours = (x.astype(np.float64) - zero) * scale
        if y.dtype.kind in "iu":
            theirs = (y.astype(np.float64) - zero) * scale
            stored, outside = y, np.zeros(x.shape, bool)
        else:
            theirs = np.clip(np.nan_to_num(y.astype(np.float64)), -LARGEST, LARGEST)
            low, high = (scale * (float(v) - zero) for v in (self._limits.min, self._limits.max))
            stored = requantized(theirs, tensor)
            outside = (theirs < low - scale / 2) | (theirs > high + scale / 2)
            rounded = (stored.astype(np.float64) - zero) * scale
            self._real = True
            self._range += float(np.square(rounded - theirs).sum())
            self._cut += float(np.square(np.clip(theirs, low, high) - theirs).sum())
        error = self._by_channel(ours - theirs)
        np.add(sums.error, error.sum(axis=0), out=sums.error)
        np.add(sums.square, np.square(error).sum(axis=0), out=sums.square)
        np.maximum(sums.largest, np.abs(error).max(axis=0), out=sums.largest)
        np.add(sums.signal, np.square(self._by_channel(theirs)).sum(axis=0), out=sums.signal)
        np.add(sums.outside, self._by_channel(outside).sum(axis=0), out=sums.outside)
        codes = self._by_channel(x)
        np.minimum(sums.low, codes.min(axis=0), out=sums.low)
        np.maximum(sums.high, codes.max(axis=0), out=sums.high)
        self._at_low += int((x == self._limits.min).sum())
        self._at_high += int((x == self._limits.max).sum())
        self._theirs += int(((stored == self._limits.min) | (stored == self._limits.max)).sum())
        self._least, self._most = min(self._least, float(theirs.min())), max(self._most, float(theirs.max()))
        self._n += x.size
        self.frames += 1

    def result(self, node: int, op: str) -> LayerQuantization:
        sums, n, each = self._sums, self._n, self._n / self._channels
        square = float(sums.square.sum())
        span = (self._most - self._least) or abs(self._most) or max(map(abs, self.tensor.scale)) or 1.0
        codes = int(self._limits.max) - int(self._limits.min) + 1
        used = int(sums.high.max()) - int(sums.low.min()) + 1
        worst = [int(c) for c in np.argsort(-sums.square, kind="stable")[:WORST] if sums.square[c] > 0]
        return LayerQuantization(
            node=node,
            op=op,
            tensor=self.tensor.name,
            index=self.tensor.index,
            frames=self.frames,
            rmse=math.sqrt(square / n),
            bias=float(sums.error.sum()) / n,
            max_abs=float(sums.largest.max()),
            nrmse=math.sqrt(square / n) / span,
            sqnr_db=_decibel(float(sums.signal.sum()), square),
            saturated=max(0.0, (self._at_low + self._at_high - self._theirs) / n),
            at_low=self._at_low / n,
            at_high=self._at_high / n,
            pinned=self._pinned() / n,
            clipped=float(sums.outside.sum()) / n if self._real else None,
            range_nrmse=math.sqrt(self._range / n) / span if self._real else None,
            cut_nrmse=math.sqrt(self._cut / n) / span if self._real else None,
            dead_range=1 - used / codes,
            used_bits=math.log2(used),
            bits=self._limits.bits,
            channels=self._channels,
            dead_channels=int((sums.low == sums.high).sum()) if each > 1 else 0,
            worst_channels=tuple(
                ChannelError(
                    channel=c,
                    rmse=math.sqrt(float(sums.square[c]) / each),
                    bias=float(sums.error[c]) / each,
                    max_abs=float(sums.largest[c]),
                    sqnr_db=_decibel(float(sums.signal[c]), float(sums.square[c])),
                    clipped=float(sums.outside[c]) / each,
                )
                for c in worst
            )
            if self._channels > 1
            else (),
        )

    def _pinned(self) -> int:
        """Values at limits that no activation sets."""
        if len(self.tensor.scale) != 1:
            return 0
        scale, zero = self.tensor.scale[0], self.tensor.zero_point[0]
        ends = ((self._at_low, self._limits.min), (self._at_high, self._limits.max))
        return sum(n for n, end in ends if min(abs(scale * (int(end) - zero) - b) for b in BOUNDS) > 1.5 * scale)

    def _by_channel(self, values: Array) -> Array:
        """[values, channels]."""
        if self._channels == 1:
            return values.reshape(-1, 1)
        return np.moveaxis(values, self._axis, -1).reshape(-1, self._channels)


def _along(tensor: Tensor, shape: tuple[int, ...]) -> tuple[Any, Any] | None:
    """Scale and zero point, shaped to meet values of `shape`; None where they are broken or fit no axis."""
    n = len(tensor.scale)
    if n == 0 or len(tensor.zero_point) != n or not all(math.isfinite(s) and s > 0 for s in tensor.scale):
        return None
    if n == 1:
        return tensor.scale[0], float(tensor.zero_point[0])
    if not 0 <= tensor.axis < len(shape) or shape[tensor.axis] != n:
        return None
    along = [n if axis == tensor.axis else 1 for axis in range(len(shape))]
    return np.reshape(tensor.scale, along), np.reshape(np.asarray(tensor.zero_point, np.float64), along)


def _decibel(signal: float, error: float) -> float | None:
    return None if error == 0 else 10 * math.log10(max(signal, 1e-300) / error)
