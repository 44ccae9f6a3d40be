"""What happened to a right output on its way to an answer: the transformation that turns the reference's into the device's.

Tried only where the layers do not say that the output was computed wrongly. A name needs to explain every frame.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.accuracy import paired
from farm.compare.difference import real

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

LIMIT_FRAMES = 32
DIFFERS = 0.05
"""nRMSE above which an output is another one."""
EXPLAINED = 0.01
"""nRMSE that a transformation with fitted numbers may leave in the worst frame."""
ROUGHLY, OF_DIFFERENCE = 0.05, 0.2
MOST, OF_LARGE = 0.15, 0.02
"""What one without any may leave: nRMSE, if it is no more than that share of the difference.

Inputs that agree but for rounding give other scores.
"""
NEARLY_ALL = 0.9
"""Share of the frames."""
NEAR_BOX = 0.02
"""Of a side, by which two corners of the same box may part."""
FOUND_AGAIN, MORE_BOXES = 0.7, 0.3
"""Share of the boxes that a format must find again in any order, and how many more than the boxes as they are."""
BOXES = 4
"""Last dimension of boxes."""
CORNERS = ("top", "left", "bottom", "right")
CENTER = ("center y", "center x", "height", "width")
ALPHA = 0.01
MOST_BOXES = 100
"""Of a frame, that are looked for again."""
CLASSES = 3
"""Labels among which a shift must be seen: a model that always answers alike is off by a constant from any one label."""


@dataclass(frozen=True)
class OutputChange:
    """One thing that was done to the output and should not have been, or the other way around."""

    name: str
    """`shift`, `softmax-missing`, `softmax-twice`, `not-dequantized`, `scaled`, `box-format`, `threshold`."""
    words: str
    output: str
    """Name of the tensor."""
    residual: float
    """Largest nRMSE over the frames that is left; of boxes in another order, the share of them that is not found again."""
    frames: int


@dataclass(frozen=True)
class Shift:
    """Class indices that are off by a constant from the labels."""

    by: int
    right: int
    """Frames right as they are."""
    shifted: int
    """Frames right when each answer is moved by `by`."""
    n: int
    p_value: float
    """Exact McNemar, Bonferroni-corrected over the shifts that occur."""


def shift(top1: Array, labels: Array, classes: int) -> Shift | None:
    """The shift (modulo the classes) under which int [n] answers fit int [n] labels significantly better, if any."""
    known = labels >= 0
    answers, true = top1[known], labels[known]
    if classes < 2 or not len(answers):
        return None
    gap = (true - answers) % classes
    right = gap == 0
    shifts, counts = np.unique(gap[~right], return_counts=True)
    if not len(shifts):
        return None
    best = int(shifts[counts.argmax()])
    moved = gap == best
    p_value = min(1.0, paired(moved, right) * len(shifts))
    enough = len(np.unique(true[moved])) >= min(CLASSES, classes)
    if p_value >= ALPHA or moved.sum() <= right.sum() or not enough:
        return None
    by = best if best <= classes // 2 else best - classes
    return Shift(by, int(right.sum()), int(moved.sum()), len(right), p_value)


def output_change(
    device: Recording, reference: Recording, graph: Graph, artifacts: ArtifactStore, frames: Sequence[int]
) -> OutputChange | None:
    """The first output that differs, explained; None where all agree, or nothing explains it in every frame."""
    taken = [f for f in frames if f in device.frames and f in reference.frames][:LIMIT_FRAMES]
    for index in graph.outputs:
        tensor = graph.tensors[index]
        mine, other = [], []
        for frame in taken:
            a, b = (r.tensors(artifacts, frame).get(index) for r in (device, reference))
            if a is None or b is None or a.size != b.size:
                break
            # What is not stored in the tensor's type was dequantized already, or never quantized.
            mine.append(real(a, tensor) if a.dtype.name == tensor.dtype else a.astype(np.float64))
            other.append(real(b, tensor).reshape(a.shape))
        else:
            if mine and max(map(_nrmse, mine, other)) > DIFFERS:
                found = _explain(mine, other, tensor.name)
                if found is not None:
                    return found
    return None


def _explain(mine: list[Array], other: list[Array], name: str) -> OutputChange | None:
    found: list[tuple[float, Candidate]] = []
    plain = [_nrmse(a, b) for a, b in zip(mine, other, strict=True)]
    for tried in _candidates(mine, other):
        with np.errstate(all="ignore"):
            left = [_nrmse(tried.ours(a), tried.theirs(b)) for a, b in zip(mine, other, strict=True)]
        rough = not tried.fitted and _roughly(left, plain)
        if max(left) <= EXPLAINED or rough:
            found.append((max(left), tried))
    if not found:
        return _reordered_boxes(mine, other, name)
    # Of those that need no fitted number the nearest; a fitted one only where nothing else does.
    left_over, best = min(found, key=lambda pair: (pair[1].fitted, pair[0]))
    return OutputChange(best.name, best.words, name, left_over, len(mine))


def _roughly(left: Sequence[float], plain: Sequence[float]) -> bool:
    """Nearly all frames are explained, and none is left as it was: scores on the verge of two answers part by more."""
    limits = [max(EXPLAINED, min(ROUGHLY, OF_DIFFERENCE * p), min(MOST, OF_LARGE * p)) for p in plain]
    within = float(np.mean([e <= limit for e, limit in zip(left, limits, strict=True)]))
    return within >= NEARLY_ALL and all(
        e <= max(EXPLAINED, OF_DIFFERENCE * p) for e, p in zip(left, plain, strict=True)
    )


def _reordered_boxes(mine: list[Array], other: list[Array], name: str) -> OutputChange | None:
    """A format of boxes under which most are found again, whatever their order: scores that are nearly equal change it."""
    if other[0].shape[-1:] != (BOXES,) or other[0].size <= BOXES:
        return None
    plain = _found_again(mine, other)
    scored = [(_found_again([t.ours(a) for a in mine], [t.theirs(b) for b in other]), t) for t in _boxes(other[0])]
    (share, best), (second, _) = sorted(scored, key=lambda pair: -pair[0])[:2]
    if share < FOUND_AGAIN or share - max(plain, second) < MORE_BOXES:
        return None
    return OutputChange(best.name, best.words, name, 1 - share, len(mine))


def _found_again(mine: list[Array], other: list[Array]) -> float:
    """Share of the reference's boxes, over all frames, that the device has, too."""
    near, total = 0, 0
    for a, b in zip(mine, other, strict=True):
        ours, theirs = a.reshape(-1, BOXES)[:MOST_BOXES], b.reshape(-1, BOXES)[:MOST_BOXES]
        side = max(float(np.ptp(theirs)), 1e-9)
        gap = np.abs(theirs[:, None] - ours[None]).max(-1).min(1)
        near, total = near + int((gap <= NEAR_BOX * side).sum()), total + len(theirs)
    return near / max(total, 1)


@dataclass(frozen=True)
class Candidate:
    """What may have been done, and what makes both sides the same again if it was."""

    name: str
    words: str
    ours: Callable[[Array], Array]
    """To the device's output."""
    theirs: Callable[[Array], Array]
    fitted: bool = False
    """Numbers of it are chosen to fit."""


def _same(x: Array) -> Array:
    return x


def _candidates(mine: list[Array], other: list[Array]) -> Iterator[Candidate]:
    first = other[0]
    if sum(d > 1 for d in first.shape) == 1 and first.size > 1:
        by = _roll(mine[0], first)
        if by:
            words = f"scores are moved by {by:+d} classes"
            yield Candidate("shift", words, _same, lambda b: np.roll(b.ravel(), by).reshape(b.shape))
        yield Candidate("softmax-missing", "scores are given without the softmax", _softmax, _same)
        yield Candidate("softmax-twice", "a softmax is applied to scores that have one", _same, _softmax)
    yield from _boxes(first)
    threshold = _threshold(mine, other)
    if threshold is not None:
        words = f"scores below {threshold:.3g} are set to 0"
        yield Candidate("threshold", words, _same, lambda b: np.where(b < threshold, 0.0, b), fitted=True)
    slope, offset = _affine(mine, other)
    if np.isfinite([slope, offset]).all() and slope != 0:
        words = f"values are {slope:.4g} times the reference's" + (f" {offset:+.4g}" if abs(offset) > 1e-6 else "")
        whole = all(np.array_equal(a, np.rint(a)) for a in mine) and not all(
            np.array_equal(b, np.rint(b)) for b in other
        )
        name = "not-dequantized" if whole else "scaled"
        words = f"{words}: they were not dequantized" if whole else words
        yield Candidate(name, words, _same, lambda b: slope * b + offset, fitted=True)


def _boxes(first: Array) -> Iterator[Candidate]:
    if first.shape[-1:] != (BOXES,) or first.size <= BOXES:
        return
    for order in itertools.permutations(range(BOXES)):
        if order != (0, 1, 2, 3):
            words = "boxes are given as " + ", ".join(CORNERS[k] for k in order)
            yield Candidate("box-format", words, _same, partial(_ordered, order=order))
    for order, swap in (((0, 1, 2, 3), "y before x"), ((1, 0, 3, 2), "x before y")):
        centers, corners = (partial(f, order=order) for f in (_as_center, _as_corners))
        yield Candidate("box-format", f"boxes are given as center and size, {swap}", _same, centers)
        yield Candidate("box-format", f"centers and sizes ({swap}) are taken for corners", _same, corners)


def _ordered(b: Array, order: tuple[int, ...]) -> Array:
    return b[..., list(order)]


def _as_center(b: Array, order: tuple[int, ...]) -> Array:
    return _ordered(_center(b), order)


def _as_corners(b: Array, order: tuple[int, ...]) -> Array:
    return _corners(_ordered(b, order))


def _center(b: Array) -> Array:
    y0, x0, y1, x1 = np.moveaxis(b, -1, 0)
    return np.stack([(y0 + y1) / 2, (x0 + x1) / 2, y1 - y0, x1 - x0], axis=-1)


def _corners(b: Array) -> Array:
    y, x, h, w = np.moveaxis(b, -1, 0)
    return np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], axis=-1)


def _roll(mine: Array, other: Array) -> int:
    by = int(mine.argmax()) - int(other.argmax())
    n = other.size
    return (by + n // 2) % n - n // 2


def _softmax(x: Array) -> Array:
    e: Array = np.exp(x - x.max())
    result: Array = e / e.sum()
    return result


def _affine(mine: list[Array], other: list[Array]) -> tuple[float, float]:
    y, x = (np.concatenate([v.ravel() for v in values]) for values in (mine, other))
    spread = float(((x - x.mean()) ** 2).sum())
    if spread <= 0:
        return 0.0, 0.0
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
    return slope, float(y.mean() - slope * x.mean())


def _threshold(mine: list[Array], other: list[Array]) -> float | None:
    """The smallest value that was kept, where all smaller ones are 0 on the device and not in the reference."""
    y, x = (np.concatenate([v.ravel() for v in values]) for values in (mine, other))
    gone = (y == 0) & (x > 0)
    kept = x[y != 0]
    if not gone.any() or not len(kept) or x[gone].max() > kept.min():
        return None
    return float(kept.min())


def _nrmse(a: Array, b: Array) -> float:
    if not np.isfinite(a).all() or not np.isfinite(b).all():
        return np.inf
    span = float(b.max() - b.min()) or float(np.abs(b).max()) or 1.0
    return float(np.sqrt(np.mean((a - b) ** 2))) / span
