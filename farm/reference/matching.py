"""Which tensor of a reference's own model is which of the submitted one: by name, else by shape, else by order.

Layouts may differ: a model converted from PyTorch is NCHW, its .tflite NHWC. A transposition is taken only where the sizes
fit that way and not as they are.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Array = np.ndarray[Any, Any]

CHANNELS_FIRST = {3: (0, 2, 1), 4: (0, 3, 1, 2), 5: (0, 4, 1, 2, 3)}
"""The axes of a channels-last tensor in the order of a channels-first one, by rank."""
NAMELESS = re.compile(r"(statefulpartitionedcall|partitionedcall|identity|output|input|args|inputs|outputs)(_\d+)*")
"""What converters call everything: equal names of this kind say nothing."""
How = Literal["name", "shape", "order"]


@dataclass(frozen=True)
class Port:
    """An input or output. Sizes that are open are -1; a shape nobody knows is None."""

    key: str
    names: tuple[str, ...]
    shape: tuple[int, ...] | None
    signature: tuple[str, ...] = ()
    """Those of `names` that a signature gives: people chose them, whatever they look like."""


@dataclass(frozen=True)
class Layout:
    """How one tensor becomes the other. `axes`: first transposed so; then given the other's sizes."""

    axes: tuple[int, ...] = ()

    @property
    def back(self) -> Layout:
        """The way back."""
        return Layout(tuple(self.axes.index(i) for i in range(len(self.axes))))

    def apply(self, value: Array, shape: Sequence[int] | None = None) -> Array:
        """The value laid out so; `shape` where sizes of 1 come or go."""
        moved = value.transpose(self.axes) if self.axes else value
        return np.ascontiguousarray(moved if shape is None else moved.reshape(shape))


@dataclass(frozen=True)
class Pair:
    """A tensor of the submitted model, and the reference's that is the same."""

    own: str
    other: str
    how: How
    layout: Layout
    """From the submitted model's to the reference's."""


def layout(own: Sequence[int], other: Sequence[int] | None) -> Layout | None:
    """How a tensor of sizes `own` becomes one of sizes `other`; None where it cannot."""
    if other is None or _fits(own, other):
        return Layout()
    axes = CHANNELS_FIRST.get(len(own), ())
    if axes and len(other) == len(own) and _fits([own[a] for a in axes], other):
        return Layout(axes)
    bare, others = [d for d in own if d != 1], [d for d in other if d not in {1, -1}]
    return Layout() if bare == others else None


def ambiguous(own: Sequence[int], other: Sequence[int]) -> bool:
    """Whether the sizes fit both as they are and turned, as those of a cube do."""
    axes = CHANNELS_FIRST.get(len(own), ())
    turned = [own[a] for a in axes]
    return bool(axes) and len({*own[1:]}) < len(own[1:]) and _fits(own, other) and _fits(turned, other)


def pair(own: Sequence[Port], other: Sequence[Port]) -> tuple[Pair, ...]:
    """Pairs in the order of `own`; what has no partner is left out."""
    found: dict[str, Pair] = {}
    taken: set[str] = set()

    def take(a: Port, b: Port, how: How) -> None:
        way = layout(a.shape or (), b.shape)
        if way is not None:
            found[a.key] = Pair(a.key, b.key, how, way)
            taken.add(b.key)

    def free() -> tuple[list[Port], list[Port]]:
        return [p for p in own if p.key not in found], [p for p in other if p.key not in taken]

    mine, theirs = free()
    by_word: dict[str, list[Port]] = defaultdict(list)
    for port in theirs:
        for word in _words(port):
            by_word[word].append(port)
    counts: dict[str, int] = defaultdict(int)
    for port in mine:
        for word in _words(port):
            counts[word] += 1
    for port in mine:
        for word in _words(port):
            partners = [p for p in by_word.get(word, ()) if p.key not in taken]
            if len(partners) == 1 and counts[word] == 1 and port.key not in found:
                take(port, partners[0], "name")
    mine, theirs = free()
    for a in mine:
        fitting = [b for b in theirs if layout(a.shape or (), b.shape) is not None]
        if len(fitting) == 1 and [c for c in mine if layout(c.shape or (), fitting[0].shape) is not None] == [a]:
            take(a, fitting[0], "shape")
    mine, theirs = free()
    for a in mine:
        partner = next((b for b in theirs if b.key not in taken and layout(a.shape or (), b.shape) is not None), None)
        if partner is not None:
            take(a, partner, "order")
    return tuple(found[p.key] for p in own if p.key in found)


def pair_layers(own: Mapping[int, str], other: Sequence[Port]) -> dict[int, str]:
    """Intermediate tensors by name: index of the submitted model's -> key of the reference's, which are in execution order.

    A tensor of the .tflite is called after the operators fused into it, joined by `;`. The first is its own, but for those of
    the same layer, of which the last one to run counts (`dense/MatMul;dense/BiasAdd` holds the sum); others may be of elsewhere,
    since constants are shared. What stands before may differ (`model/conv/Relu`, `call/model/conv/Relu`): the longest
    common end decides, if it is unambiguous and of two words at least, or the whole of both names.
    """
    order = {port.key: at for at, port in enumerate(other)}
    paths = {port.key: _path(port.names[0]) for port in other}
    ends: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for key, path in paths.items():
        for end in _ends(path):
            ends[end].append(key)

    def partner(path: tuple[str, ...]) -> str | None:
        for end in _ends(path):
            if end in ends:
                whole = [key for key in ends[end] if paths[key] == path]
                found = whole or (ends[end] if len(end) > 1 else [])
                return found[0] if len(found) == 1 else None
        return None

    found: dict[int, str] = {}
    for index, name in own.items():
        first, *more = (_path(part) for part in name.split(";"))
        same_layer = [first, *(path for path in more if len(path) > 1 and path[:-1] == first[:-1])]
        partners = [found_key for path in same_layer if (found_key := partner(path)) is not None]
        if partners:
            found[index] = max(partners, key=order.__getitem__)
    counts = Counter(found.values())
    return {index: key for index, key in found.items() if counts[key] == 1}


def _fits(a: Sequence[int], b: Sequence[int]) -> bool:
    return len(a) == len(b) and all(x == y or -1 in {x, y} for x, y in zip(a, b, strict=True))


def _plain(name: str) -> str:
    name = re.sub(r":\d+$", "", name.strip().lower()).strip("/")
    return re.sub(r"^(serving_default_|keras_tensor_?)", "", name)


def _words(port: Port) -> list[str]:
    chosen = {_plain(name) for name in port.signature}
    words = dict.fromkeys(_plain(name) for name in (*port.signature, *port.names))
    return [w for w in words if w and (w in chosen or not NAMELESS.fullmatch(w))]


def _path(name: str) -> tuple[str, ...]:
    plain = re.sub(r"_output_\d+$", "", _plain(name))
    return tuple(part for part in plain.split("/") if part)


def _ends(path: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [path[i:] for i in range(len(path))]
