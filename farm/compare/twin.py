"""Which tensor of one model is which of its twin: the same model before it was quantized, or converted otherwise.

By name, where the converter left it; by weights, which quantizing hardly changes; by structure, outwards from what is known.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from farm.compare.skeleton import ACTIVATIONS, COMMUTATIVE, THROUGH, Skeleton, Step, skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Array = np.ndarray[Any, Any]

How = Literal["name", "weights", "structure"]
ALIKE = 0.9
"""Correlation above which weights are taken for the same: 4 bits leave 0.98, other layers show 0.1."""
SUFFIXES = re.compile(r"(:\d+|_(?:int8|uint8|int16|quantized|dequantized?|requantized?|float))+$")


@dataclass(frozen=True)
class Pair:
    """Two tensors that hold the same value; indices in the models' main subgraphs."""

    mine: int
    twin: int
    by: How


@dataclass(frozen=True)
class Alignment:
    """Of all tensors that depend on the input, those that the twin has, too."""

    pairs: tuple[Pair, ...]
    layers: int
    """Layers of this model: what its nodes make, conversions left out."""
    aligned: tuple[tuple[How, int], ...]
    """How many of the layers were found, and by what."""
    similarity: float | None
    """Median correlation of the weights of layers that were found; None when none have any."""

    def twins(self) -> dict[int, int]:
        """Tensor of this model -> of the twin."""
        return {pair.mine: pair.twin for pair in self.pairs}

    @property
    def found(self) -> int:
        """Layers that were found."""
        return sum(n for _, n in self.aligned)

    def words(self) -> str:
        """`29 of 31 layers aligned: 25 by name, 4 by structure`."""
        by = ", ".join(f"{n} by {how}" for how, n in self.aligned)
        return f"{self.found} of {self.layers} layers aligned" + (f": {by}" if by else "")


def align(model: bytes, twin: bytes, where: str = "model", twin_where: str = "float twin") -> Alignment:
    """Align two `.tflite` files.

    Raises:
        ModelError: one of them cannot be read.
    """
    return _Aligner(skeleton(model, where), skeleton(twin, twin_where)).align()


class _Aligner:
    """Pairs values; a value has at most one partner, and the first to say so is believed."""

    def __init__(self, mine: Skeleton, twin: Skeleton) -> None:
        self.mine, self.twin = mine, twin
        self.partner: dict[int, int] = {}
        self.how: dict[int, How] = {}
        self.taken: set[int] = set()
        self.steps: dict[int, int] = {}
        self.steps_taken: set[int] = set()
        self.correlations: list[float] = []

    def align(self) -> Alignment:
        self._inputs()
        anchors = self._by_weights()
        for mine, twin in anchors:
            self._read(mine, twin, "weights")
        self._by_name()
        # Only now what they make: a model whose ranges do the work of an activation has no value before it.
        for mine, twin in anchors:
            self._made(mine, twin, "weights")
        while self._spread():
            pass
        return self._result()

    def _pair(self, mine: int, twin: int, how: How) -> bool:
        shapes = self.mine.shape(mine), self.twin.shape(twin)
        fits = None in shapes or shapes[0] == shapes[1]
        if mine in self.partner or twin in self.taken or not fits:
            return False
        self.partner[mine], self.how[mine] = twin, how
        self.taken.add(twin)
        return True

    def _pair_steps(self, mine: int, twin: int) -> bool:
        if mine in self.steps or twin in self.steps_taken:
            return False
        self.steps[mine] = twin
        self.steps_taken.add(twin)
        return True

    def _inputs(self) -> None:
        ours, theirs = self.mine.graph, self.twin.graph
        names = {_plain(theirs.tensors[t].name): t for t in theirs.inputs}
        by_name = [names.get(_plain(ours.tensors[t].name)) for t in ours.inputs]
        if None in by_name or len(set(by_name)) < len(by_name):  # other names: the order is all there is
            by_name = list(theirs.inputs) if len(theirs.inputs) == len(ours.inputs) else []
        for a, b in zip(ours.inputs, by_name, strict=False):
            if b is not None:
                same = _plain(ours.tensors[a].name) == _plain(theirs.tensors[b].name)
                self._pair(self.mine.value_of[a], self.twin.value_of[b], "name" if same else "structure")

    def _by_weights(self) -> list[tuple[int, int]]:
        """Steps whose weights are each other's likest, among those of the same operator and number of weights."""
        ours, theirs = (_weighted(s) for s in (self.mine, self.twin))
        found: list[tuple[int, int]] = []
        for key, group in ours.items():
            others = theirs.get(key, [])
            if not others:
                continue
            table = np.array([[_correlation(a, b) for _, b in others] for _, a in group])
            best, back = table.argmax(axis=1), table.argmax(axis=0)
            for i, (step, _) in enumerate(group):
                j = int(best[i])
                # A tie (weights used twice) says nothing: structure has to tell.
                single = (table[i] >= table[i, j] - 1e-6).sum() == 1 and (table[:, j] >= table[i, j] - 1e-6).sum() == 1
                if table[i, j] >= ALIKE and int(back[j]) == i and single and self._pair_steps(step, others[j][0]):
                    self.correlations.append(float(table[i, j]))
                    found.append((step, others[j][0]))
        return found

    def _read(self, mine: int, twin: int, how: How) -> bool:
        a, b = self.mine.steps[mine], self.twin.steps[twin]
        if len(a.inputs) != len(b.inputs) or (a.kind in COMMUTATIVE and len(a.inputs) > 1):
            return False
        return self._pairs(a.inputs, b.inputs, how)

    def _made(self, mine: int, twin: int, how: How) -> bool:
        a, b = self.mine.steps[mine], self.twin.steps[twin]
        if len(a.outputs) != len(b.outputs):
            return False
        return self._pairs(a.outputs, b.outputs, how)

    def _pairs(self, mine: Iterable[int], twin: Iterable[int], how: How) -> bool:
        """Whether one of them at least is news; all are paired."""
        return sum(self._pair(x, y, how) for x, y in zip(mine, twin, strict=True)) > 0

    def _by_name(self) -> None:
        for key in (str, _plain):
            ours, theirs = (_named(s, key) for s in (self.mine, self.twin))
            for name in ours.keys() & theirs.keys():
                a, b = ours[name], theirs[name]
                if self.partner.get(a) == b:
                    self.how[a] = "name"
                    continue
                same = _kind(self.mine, a) == _kind(self.twin, b)
                clamped = _kind(self.twin, b) in ACTIVATIONS.values() and _kind(self.mine, a) == _before(self.twin, b)
                if (same or clamped) and self._pair(a, b, "name") and same and a in self.mine.maker:
                    self._pair_steps(self.mine.maker[a], self.twin.maker[b])

    def _spread(self) -> bool:
        """From what is known to its neighbors, once; whether anything was found."""
        news = False
        for i, step in enumerate(self.mine.steps):
            if i in self.steps:
                other = self.steps[i]
                news |= self._read(i, other, "structure") | self._made(i, other, "structure") | self._open_input(i)
                continue
            candidates = self._forward(step) or self._backward(step)
            if len(candidates) > 1:
                candidates = self._likest(step, candidates)
            if len(candidates) == 1 and self._pair_steps(i, candidates[0]):
                news = True
        return news

    def _forward(self, step: Step) -> list[int]:
        """Steps of the twin that do the same to the same values."""
        known = [self.partner[v] for v in step.inputs if v in self.partner]
        if not known or len(known) < len(step.inputs):
            return []
        wanted = sorted(known) if step.kind in COMMUTATIVE else known
        return [
            j
            for j in self.twin.readers.get(known[0], ())
            if j not in self.steps_taken
            and self._fit(step, self.twin.steps[j])
            and (sorted(self.twin.steps[j].inputs) if step.kind in COMMUTATIVE else list(self.twin.steps[j].inputs))
            == wanted
        ]

    def _backward(self, step: Step) -> list[int]:
        """The step of the twin that makes what this one makes."""
        makers = {self.twin.maker.get(self.partner[v], -1) for v in step.outputs if v in self.partner}
        return [j for j in makers - self.steps_taken - {-1} if self._fit(step, self.twin.steps[j])]

    def _fit(self, step: Step, other: Step) -> bool:
        if step.kind != other.kind or len(step.inputs) != len(other.inputs) or len(step.outputs) != len(other.outputs):
            return False
        pairs = zip((*step.inputs, *step.outputs), (*other.inputs, *other.outputs), strict=True)
        if step.kind in COMMUTATIVE:
            pairs = zip(step.outputs, other.outputs, strict=True)
        return all(self._may(a, b) for a, b in pairs)

    def _may(self, mine: int, twin: int) -> bool:
        if mine in self.partner or twin in self.taken:
            return self.partner.get(mine) == twin
        shapes = self.mine.shape(mine), self.twin.shape(twin)
        return None in shapes or shapes[0] == shapes[1]

    def _open_input(self, mine: int) -> bool:
        """Of a commutative step with one input unknown: the one that is left over."""
        a, b = self.mine.steps[mine], self.twin.steps[self.steps[mine]]
        ours = [v for v in a.inputs if v not in self.partner]
        theirs = [v for v in b.inputs if v not in self.taken]
        return len(ours) == len(theirs) == 1 and self._pair(ours[0], theirs[0], "structure")

    def _likest(self, step: Step, candidates: list[int]) -> list[int]:
        own = self.mine.weights(step)
        likeness = {j: _correlation(own, self.twin.weights(self.twin.steps[j])) for j in candidates}
        best = max(likeness.values())
        return [j for j in candidates if best >= ALIKE and likeness[j] >= best - 1e-6]

    def _result(self) -> Alignment:
        graph = self.mine.graph
        pairs = []
        for value, other in sorted(self.partner.items()):
            theirs = self.twin.tensors.get(other, ())
            if theirs:
                twin = next((t for t in theirs if self.twin.graph.tensors[t].dtype == "float32"), theirs[0])
                pairs += [Pair(t, twin, self.how[value]) for t in self.mine.tensors.get(value, ())]
        by = {pair.mine: pair.by for pair in pairs}
        layers = [
            t
            for node in graph.nodes
            if node.op not in THROUGH
            for t in node.outputs
            if t >= 0 and t not in graph.from_constants
        ]
        counts = Counter(by[t] for t in layers if t in by)
        order: tuple[How, ...] = ("name", "weights", "structure")
        return Alignment(
            pairs=tuple(pairs),
            layers=len(layers),
            aligned=tuple((how, counts[how]) for how in order if counts[how]),
            similarity=statistics.median(self.correlations) if self.correlations else None,
        )


def _plain(name: str) -> str:
    """The part of a name that converters keep: `a/Relu;a/BiasAdd:0` -> `a/Relu`."""
    return SUFFIXES.sub("", name.partition(";")[0])


def _named(of: Skeleton, key: Callable[[str], str]) -> dict[str, int]:
    """Values by the names of their tensors, where a name stands for one value only."""
    found: dict[str, set[int]] = defaultdict(set)
    for tensor, value in of.value_of.items():
        found[key(of.graph.tensors[tensor].name)].add(value)
    return {name: next(iter(values)) for name, values in found.items() if len(values) == 1 and name}


def _kind(of: Skeleton, value: int) -> str:
    return of.steps[of.maker[value]].kind if value in of.maker else "INPUT"


def _before(of: Skeleton, value: int) -> str:
    """What makes the value that an activation is applied to."""
    inputs = of.steps[of.maker[value]].inputs if value in of.maker else ()
    return _kind(of, inputs[0]) if inputs else ""


def _weighted(of: Skeleton) -> dict[tuple[str, int], list[tuple[int, Array]]]:
    found: dict[tuple[str, int], list[tuple[int, Array]]] = defaultdict(list)
    for i, step in enumerate(of.steps):
        weights = of.weights(step)
        if weights is not None and weights.size >= 8 and np.ptp(weights) > 0:
            count = int(np.prod([max(1, d) for d in of.graph.tensors[step.weights].shape]))
            found[step.kind, count].append((i, weights))
    return found


def _correlation(a: Array | None, b: Array | None) -> float:
    if a is None or b is None or a.size != b.size or not a.size:
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0


def values(pairs: Iterable[Pair], tensors: dict[int, Array]) -> dict[int, Array]:
    """A frame of the twin's tensors under the indices of this model."""
    return {pair.mine: tensors[pair.twin] for pair in pairs if pair.twin in tensors}
