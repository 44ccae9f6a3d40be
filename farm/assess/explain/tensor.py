"""What the device did to inputs that are known as tensors only; and what every kind of input has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.explain import fed, moments, values, words
from farm.assess.explain import layout as layouts
from farm.assess.explain.engine import Candidate, InputEvidence
from farm.assess.explain.views import TURNS, turned
from farm.report.explanation import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.assess.explain.fed import Device
    from farm.assess.explain.seen import Seen

    Array = np.ndarray[Any, Any]

CHANNELS = 4
"""Inputs with more channels are no pictures."""
SATURATION = 0.2
"""Share of values at the integer type's limits, beyond the expected input's own share, that counts as saturation."""
ROUNDING = 0.002
"""RMSE / range that arithmetic in float leaves."""


def observe(seen: Seen) -> InputEvidence:
    """From the logged inputs and the expected ones."""
    index, tensor = seen.index, seen.tensor
    stored = [_picture(d[index]) for d in seen.device]
    wanted = [_picture(e[index]) for e in seen.expected]
    channels = stored[0].shape[-1]
    normalize = np.zeros(channels), np.ones(channels)
    scales = (tensor.scale[0], tensor.zero_point[0]) if len(tensor.scale) == 1 else None
    device, expected = (_device(s, normalize, scales) for s in (stored, wanted))
    spread = max(float(np.ptp(np.stack(expected.values))), 1e-30)
    first = plain(device, expected.values, 0.0)
    if seen.agrees.all():
        return InputEvidence(seen.agrees, (first,), hidden=())
    nothing = nothing_to_tell(seen, device, expected, first)
    if nothing is not None:
        return nothing
    found: list[Candidate] = []
    every = layouts.layouts(stored) if stored[0].shape[1] > 1 else layouts.layouts(stored)[:2]
    for layout in every:
        undone = [layout.undo(s) for s in stored]
        device = fed.device([u[0] for u in undone], [u[1] for u in undone], normalize, scales, bitmap=False)
        shown = [np.ones(s.shape[:2], bool) for s in stored]
        for turn, name in enumerate(TURNS):
            pictures = [np.ascontiguousarray(turned(e, turn)) for e in expected.values]
            if pictures[0].shape != stored[0].shape:
                continue
            sums = moments.moments(device, pictures, shown)
            for what in moments.maps(sums, device, shown):
                if what.wrapped:
                    continue
                fitted = values.fit(device, pictures, shown, what, ROUNDING * spread)
                changes = (*_turn(name), *words.values(what, device, None), *layout.changes)
                found.append(
                    Candidate(
                        changes=changes,
                        sse=fitted.sse,
                        n=fitted.n,
                        floor=fitted.floor,
                        sound=fitted.sound,
                        freedom=2 * len(what.slope),
                        diff=words.diff(changes, None, None),
                    )
                )
    return InputEvidence(seen.agrees, (first, *(c for c in found if c.changes)))


def plain(device: Device, expected: Sequence[Array], rounding: float) -> Candidate:
    """Nothing is other than expected; `rounding` is the RMSE that two right implementations leave, 0 where they leave none."""
    weight = 1 / device.span**2
    errors = [(d - e)[k].astype(np.float64) for d, e, k in zip(device.values, expected, device.known, strict=True)]
    sse = np.array([float((e * e).sum(0) @ weight) for e in errors])
    floor = float(np.mean((device.step**2 / 12 + rounding**2) * weight) ** 0.5) if rounding else 0.0
    return Candidate((), sse, np.array([float(max(e.size, 1)) for e in errors]), floor)


def nothing_to_tell(seen: Seen, device: Device, expected: Device, first: Candidate) -> InputEvidence | None:
    """The evidence where values are stuck: at one value everywhere, or at the limits of an integer type."""
    own, other = (_range(d) for d in (device, expected))
    if own <= 0:
        if other <= float(device.step.max()):
            why = "the frames have one value everywhere: a scale, an offset and another picture look alike"
            return InputEvidence(seen.agrees, (first,), identifiable=False, reason=why)
        return InputEvidence(seen.agrees, (first,), reason="the input has the same value everywhere")
    if seen.tensor.scale:
        at = [float(1 - _free(d[seen.index]).mean()) for d in seen.device]
        wanted = [float(1 - _free(e[seen.index]).mean()) for e in seen.expected]
        share, excess = float(np.mean(at)), float(np.mean(at)) - float(np.mean(wanted))
        if excess > SATURATION and share > 0.9:  # next to nothing is left to compare
            change = words.saturated(share, seen.recipe)
            stuck = Candidate(
                (change,), np.zeros(len(at)), np.ones(len(at)), 1.0, diff=words.diff((change,), seen.recipe, None)
            )
            return InputEvidence(
                seen.agrees, (first, stuck), hidden=("the scale itself: nearly all values are cut off",)
            )
    return None


def hidden(expected: Device) -> tuple[str, ...]:
    """What pictures like the expected ones cannot show."""
    found = []
    pictures = expected.values
    unit = 1.01 + float(expected.step.max())
    if all((np.ptp(p, axis=-1) <= unit).all() for p in pictures):
        found.append("the order of the channels: the pictures are gray")
    for turn in (4, 6, 2):
        if all((np.abs(p - turned(p, turn)) <= unit).all() for p in pictures):
            found.append(f"{TURNS[turn]}: the pictures are symmetric")
    return tuple(found)


def _range(device: Device) -> float:
    parts = [v[k] for v, k in zip(device.values, device.known, strict=True) if k.any()]
    if not parts:
        return 0.0
    return float(
        max((max(p[:, c].max() for p in parts) - min(p[:, c].min() for p in parts)) for c in range(parts[0].shape[1]))
    )


def _free(values_: Array) -> Array:
    if values_.dtype.kind not in "iu":
        return np.isfinite(values_)
    limits = np.iinfo(values_.dtype)
    result: Array = (values_ > limits.min) & (values_ < limits.max)
    return result


def _turn(name: str) -> tuple[Change, ...]:
    if not name:
        return ()
    word = {"rotate-180": "in reverse order, along both axes", "flip": "with the rows in reverse order"}
    word |= {"mirror": "with the columns in reverse order", "transpose": "with rows and columns swapped"}
    return (
        Change(
            part="rotation",
            name=name,
            words=f"feeds its inputs {word.get(name, f'turned ({name})')}",
            lines=("feed the inputs in the order they are in",),
        ),
    )


def _device(stored: Sequence[Array], normalize: tuple[Array, Array], scales: tuple[float, int] | None) -> Device:
    return fed.device(stored, [np.ones(s.shape[:2], bool) for s in stored], normalize, scales, bitmap=False)


def _picture(stored: Array) -> Array:
    """[height, width, channels]; one column of one channel where that is not what it is."""
    small = [s for s in stored.shape if s > 1]
    if stored.ndim == 4 and stored.shape[0] == 1 and stored.shape[3] <= CHANNELS:
        picture: Array = stored[0]
        return picture
    if len(small) == 2:  # frames of features
        return stored.reshape(*small, 1)
    return stored.reshape(-1, 1, 1)
