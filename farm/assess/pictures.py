"""The model's input on both sides as pictures: the reference's, the device's, the device's with the inferred bug undone."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.explain import undo as undoing
from farm.assess.explain.views import EXIF_TURNS, orientation
from farm.report.pictures import InputPictures, Picture

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.report.explanation import Explanation
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

    Array = np.ndarray[Any, Any]

FRAMES = 3
SIDE = 384
"""Pixels of the longer side of a picture on the page; larger ones are thinned, small ones are repeated up to `ENLARGED`."""
ENLARGED = 160
TOLD = 1e-4
"""Share of the range; less is rounding, and shown black."""


def pictures(
    submission: Submission,
    graph: Graph,
    recipe: Recipe | None,
    layers: Recording,
    reference: Recording,
    artifacts: ArtifactStore,
    explanation: Explanation | None,
) -> tuple[InputPictures, ...]:
    """Of the frames whose inputs differ most, else of the first; none where the first input is nothing to look at.

    One frame is in memory at a time.
    """
    index = graph.inputs[0]
    measured = []
    for frame in sorted(layers.frames.keys() & reference.frames.keys()):
        device, expected = (r.tensors(artifacts, frame).get(index) for r in (layers, reference))
        if device is None or expected is None or device.size != expected.size or _picture(expected) is None:
            return ()
        with np.errstate(invalid="ignore", over="ignore"):
            gap = np.nan_to_num(device.reshape(-1).astype(np.float64) - expected.reshape(-1))
        measured.append((float(np.square(gap).mean()), frame))
    measured.sort(key=lambda found: (-found[0], found[1]))
    chosen = sorted(frame for _, frame in measured[:FRAMES])
    return tuple(
        _frame(submission.frames[f], graph, recipe, layers.tensors(artifacts, f)[index],
               reference.tensors(artifacts, f)[index], artifacts, explanation)
        for f in chosen
        if f < len(submission.frames)
    )  # fmt: skip


def _frame(
    frame: InputFrame,
    graph: Graph,
    recipe: Recipe | None,
    device: Array,
    expected: Array,
    artifacts: ArtifactStore,
    explanation: Explanation | None,
) -> InputPictures:
    tensor = graph.tensors[graph.inputs[0]]
    wanted, fed = _picture(expected), _picture(device.reshape(expected.shape))
    assert wanted is not None  # noqa: S101  # `pictures` looked
    assert fed is not None  # noqa: S101
    told = recipe if frame.kind == "image" else None
    how = undoing.units(told, tensor.scale, tensor.zero_point, wanted.shape[-1])
    named = explanation is not None and explanation.kind == "named"
    changes = explanation.changes if explanation is not None and named else ()
    tag = EXIF_TURNS.get(orientation(artifacts.read(frame.sha256[0])), 0) if frame.kind == "image" else 0
    right, seen = how.pixels(wanted), how.pixels(fed)
    mended, left = undoing.undo(changes, fed, how, told, tag=tag)
    undone = len(left) < len(changes)
    last = mended if undone else seen
    low, high = (0.0, 255.0) if told is not None else _ends(right, seen)

    def png(values: Array, low: float, high: float) -> bytes:
        if told is not None and told.channels == "bgr":
            values = values[..., ::-1]
        if frame.kind == "audio":  # time to the right, low frequencies below
            values = values.transpose(1, 0, 2)[::-1]
        return _png(values, low, high)

    shown = [
        Picture("what the reference is fed", png(right, low, high)),
        Picture("what the device feeds", png(seen, low, high)),
    ]
    if undone:
        shown.append(Picture("the device's, with the bug undone", png(mended, low, high)))
    gap = np.abs(last - right)
    most = float(gap.max())
    most = most if most > TOLD * (high - low) else 0.0
    title = f"{'what is left' if undone else 'the difference'}: {f'brightest at {most:.3g}' if most else 'nothing'}"
    shown.append(Picture(title, png(gap, 0.0, max(most, (high - low) / 255))))
    span = max(float(np.ptp(right)), 1e-12)
    return InputPictures(
        frame=frame.name,
        pictures=tuple(shown),
        before=_rmse(seen, right) / span,
        after=_rmse(mended, right) / span if undone else None,
        left=left,
    )


def _picture(values: Array) -> Array | None:
    """[h, w, 1 or 3]: of pictures, or of frames of features [time, feature, 1]; None where it is neither."""
    if values.ndim == 4 and values.shape[0] == 1 and values.shape[3] in (1, 3) and min(values.shape[1:3]) > 1:
        picture: Array = values[0]
        return picture
    small = [d for d in values.shape if d > 1]
    return values.reshape(*small, 1) if len(small) == 2 and values.dtype.kind in "fiu" and min(small) > 3 else None


def _ends(*values: Array) -> tuple[float, float]:
    low, high = (float(f(np.concatenate([v.ravel() for v in values]))) for f in (np.min, np.max))
    return low, high if high > low else low + 1


def _rmse(a: Array, b: Array) -> float:
    return float(np.sqrt(np.square(a - b).mean()))


def _png(values: Array, low: float, high: float) -> bytes:
    from PIL import Image

    byte = np.clip(np.rint((values - low) * (255 / (high - low))), 0, 255).astype(np.uint8)
    thin = -(-max(byte.shape[:2]) // SIDE)
    more = max(1, ENLARGED // max(byte.shape[:2]))
    byte = byte[::thin, ::thin].repeat(more, 0).repeat(more, 1)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(byte if byte.shape[-1] == 3 else byte[..., 0])).save(
        file, "PNG", optimize=True
    )
    return file.getvalue()
