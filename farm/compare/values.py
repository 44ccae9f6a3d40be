"""Values that are no numbers, and values that never change: the first layer that has them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from farm.capture.recording import Recording
    from farm.model.graph import Graph, Node
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

LEAST_FRAMES = 3
"""Of different inputs, below which an output that stays the same proves nothing."""


@dataclass(frozen=True)
class Odd:
    """The first layer, in the order they run, with values that its counterpart in the reference has not."""

    node: int
    op: str
    tensor: str
    what: str
    """`NaN`, `infinity`, `constant` (the same value everywhere in a frame) or `frozen` (the same in all frames)."""
    frames: int
    of: int
    shared: bool = False
    """The reference has them, too: the model makes them."""


@dataclass
class _Seen:
    nan: int = 0
    infinite: int = 0
    constant: int = 0
    frames: int = 0
    distinct: set[int] | None = None

    def add(self, value: Array) -> None:
        self.frames += 1
        if value.dtype.kind == "f":
            self.nan += bool(np.isnan(value).any())
            self.infinite += bool(np.isinf(value).any())
        if value.size > 1:
            first = value.flat[0]
            self.constant += bool((value == first).all())
        self.distinct = self.distinct or set()
        self.distinct.add(hash(value.tobytes()))

    def frozen(self) -> bool:
        return self.frames >= LEAST_FRAMES and self.distinct is not None and len(self.distinct) == 1


def look(
    graph: Graph,
    artifacts: ArtifactStore,
    latency: Recording,
    layers: Recording | None,
    reference: Recording | None,
    *,
    varied: bool = True,
) -> Odd | None:
    """The first odd layer a device logged; None when all is well. `varied`: the frames are not all the same one.

    One frame is in memory at a time.
    """
    mine = _seen([r for r in (layers, latency) if r is not None], artifacts)
    if layers is not None:
        for row in layers.tensor_statistics(artifacts):
            seen = mine[row.tensor]
            seen.frames += 1
            seen.nan += row.nan > 0
    other = _seen([reference], artifacts) if reference is not None else {}
    inputs = [mine[t] for t in graph.inputs if t in mine]
    still = not varied or (bool(inputs) and all(s.frozen() for s in inputs))
    order = [(None, t) for t in graph.inputs]
    order += [(node, t) for node in graph.nodes for t in node.outputs if t not in graph.from_constants]  # type: ignore[misc]
    shared = None
    for node, tensor in order:
        if tensor not in mine:
            continue
        if shared is None and mine[tensor].nan and tensor in other and other[tensor].nan:
            shared = replace(_named(graph, node, tensor, "NaN", mine[tensor].nan, mine[tensor].frames), shared=True)
        what = _odd(mine[tensor], other.get(tensor), still=still, last=tensor in graph.outputs)
        if what is not None:
            return _named(graph, node, tensor, *what, mine[tensor].frames)
    return shared


def _odd(mine: _Seen, other: _Seen | None, *, still: bool, last: bool) -> tuple[str, int] | None:
    """What is odd about a tensor, and in how many frames. Without a reference only outputs are judged by their variety."""
    if mine.nan and not (other is not None and other.nan):
        return "NaN", mine.nan
    if mine.infinite and not (other is not None and other.infinite):
        return "infinity", mine.infinite
    judged = other is not None or last
    if judged and mine.constant == mine.frames and mine.frames and not (other is not None and other.constant):
        return "constant", mine.constant
    if judged and not still and mine.frozen() and not (other is not None and other.frozen()):
        return "frozen", mine.frames
    return None


def _named(graph: Graph, node: Node | None, tensor: int, what: str, frames: int, of: int) -> Odd:
    op, index = ("INPUT", -1) if node is None else (node.op, node.index)
    return Odd(node=index, op=op, tensor=graph.tensors[tensor].name, what=what, frames=frames, of=of)


def _seen(recordings: Iterable[Recording], artifacts: ArtifactStore) -> dict[int, _Seen]:
    found: dict[int, _Seen] = defaultdict(_Seen)
    for recording in recordings:
        for frame in sorted(recording.frames):
            for tensor, value in recording.tensors(artifacts, frame).items():
                found[tensor].add(value)
    return found
