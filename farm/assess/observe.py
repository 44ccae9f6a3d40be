"""From logged input tensors to `InputEvidence`: the candidates of what the device may have done to the same pictures."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from farm.assess.inputs import FLOOR, InputEvidence, Moments, Shape
from farm.compare.difference import real
from farm.model.recipe import Resize
from farm.reference import preprocess
from farm.reference.frames import FrameReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.capture.recording import Recording
    from farm.model.graph import Graph, Tensor
    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

    Array = np.ndarray[Any, Any]

LIMIT_FRAMES = 32
CHANNELS = 4
"""Inputs with more channels are no pictures, and are taken as one row of values."""
CROPS = (1.0, 0.875)
"""What pipelines keep of each side, most often; the device's own recipe adds another."""


def observe(
    submission: Submission,
    graph: Graph,
    recipe: Recipe | None,
    device: Recording,
    reference: Recording,
    artifacts: ArtifactStore,
) -> InputEvidence | None:
    """What the first `LIMIT_FRAMES` frames that both logged say about the model's first input; None without any."""
    frames = sorted(device.frames.keys() & reference.frames.keys())[:LIMIT_FRAMES]
    index = graph.inputs[0]
    tensor = graph.tensors[index]
    mine, other, agrees = [], [], []
    for frame in frames:
        d, r = device.tensors(artifacts, frame), reference.tensors(artifacts, frame)
        if any(i not in d or i not in r or d[i].size != r[i].size for i in graph.inputs):
            return None
        agrees.append(all(_agree(d[i], r[i], graph.tensors[i], recipe) for i in graph.inputs))
        mine.append(d[index].reshape(r[index].shape))
        other.append(r[index])
    if not frames:
        return None
    usable = [_inside(m) for m in mine]
    device_real = [_picture(np.where(np.isfinite(v := real(m, tensor)), v, 0.0)) for m in mine]
    masks = [_picture(u) for u in usable]
    high = np.max([np.where(u, d, -np.inf).max((0, 1)) for d, u in zip(device_real, masks, strict=True)], axis=0)
    low = np.min([np.where(u, d, np.inf).min((0, 1)) for d, u in zip(device_real, masks, strict=True)], axis=0)
    span = np.where(high >= low, high - low, 0.0)

    def evidence(shapes: Sequence[tuple[Shape, Sequence[Array]]]) -> InputEvidence:
        return InputEvidence(
            candidates=tuple((s, Moments.of(device_real, pictures, masks)) for s, pictures in shapes),
            agrees=np.array(agrees),
            span=span,
            saturated=np.array([1 - u.mean() for u in usable]),
            expected_saturated=np.array([1 - _inside(o).mean() for o in other]),
            step=tensor.scale[0] if tensor.scale else 0.0,
        )

    logged = [_picture(real(o, tensor)) for o in other]
    if all(agrees):
        return evidence([(Shape(), logged)])
    if recipe is None or submission.frames[frames[0]].kind != "image":
        return evidence(_turned(logged))
    shapes = {index: reference.by_tensor[index].shape}
    readers = [FrameReader(submission.frames[f], artifacts, graph, shapes) for f in frames]
    turned = [
        shape
        for rotate in (0, 90, 180, 270)
        for shape in _mirrored(rotate, _fed(readers, recipe.model_copy(update={"rotate": _turn(recipe, rotate)})))
    ]
    first = evidence(turned).infer()
    if first.agrees or first.constant or first.residual <= FLOOR:
        return evidence(turned)
    return evidence([*turned, *_rescaled(readers, recipe, submission, first.shape)])


def _rescaled(
    readers: Sequence[FrameReader], recipe: Recipe, submission: Submission, shape: Shape
) -> list[tuple[Shape, list[Array]]]:
    """Other crops and interpolations, of pictures turned as `shape` is."""
    deployed = submission.recipe.recipe.crop if submission.recipe is not None else recipe.crop
    crops = dict.fromkeys([recipe.crop, deployed, *CROPS])
    found = []
    for method, crop in itertools.product(get_args(Resize), crops):
        if (method, crop) == (recipe.resize, recipe.crop):
            continue
        other = recipe.model_copy(
            update={"rotate": _turn(recipe, shape.rotate), "resize": method, "crop": crop},
        )
        pictures = _fed(readers, other)
        found.append((
            Shape(
                rotate=shape.rotate,
                mirror=shape.mirror,
                resize=method if method != recipe.resize else "",
                crop=crop if crop != recipe.crop else None,
            ),
            [p[:, ::-1] for p in pictures] if shape.mirror else pictures,
        ))  # fmt: skip
    return found


def _fed(readers: Sequence[FrameReader], recipe: Recipe) -> list[Array]:
    return [preprocess.values(reader.pixels(recipe), recipe) for reader in readers]


def _turn(recipe: Recipe, degrees: int) -> int:
    return (recipe.rotate + degrees) % 360


def _turned(pictures: Sequence[Array]) -> list[tuple[Shape, Sequence[Array]]]:
    """Logged tensors themselves, turned where that keeps their shape."""
    if pictures[0].shape[1] == 1:
        return [(Shape(), pictures)]
    square = pictures[0].shape[0] == pictures[0].shape[1]
    return [
        shape
        for rotate in ((0, 90, 180, 270) if square else (0, 180))
        for shape in _mirrored(rotate, [np.rot90(p, rotate // 90) for p in pictures])
    ]


def _mirrored(rotate: int, pictures: Sequence[Array]) -> list[tuple[Shape, Sequence[Array]]]:
    return [(Shape(rotate), pictures), (Shape(rotate, mirror=True), [p[:, ::-1] for p in pictures])]


def _picture(values: Array) -> Array:
    """[height, width, channels]; one row of one channel where that is not what it is."""
    if values.ndim == 4 and values.shape[0] == 1 and values.shape[3] <= CHANNELS:
        picture: Array = values[0]
        return picture
    return values.reshape(-1, 1, 1)


def _inside(values: Array) -> Array:
    """Where a value says what it was: not at the limits of an integer type, and finite."""
    if values.dtype.kind == "f":
        finite: Array = np.isfinite(values)
        return finite
    if values.dtype.kind == "b":
        return np.ones(values.shape, bool)
    limits = np.iinfo(values.dtype)
    result: Array = (values > limits.min) & (values < limits.max)
    return result


def _agree(device: Array, reference: Array, tensor: Tensor, recipe: Recipe | None) -> bool:
    """Within one unit of 255 before normalizing, and a quantization step; raw tensors to the bit."""
    device = device.reshape(reference.shape)
    if recipe is None or reference.shape[-1:] != (3,):
        return bool(np.array_equal(device, reference, equal_nan=device.dtype.kind == "f"))
    unit = 1.01 / np.abs(np.asarray(recipe.normalize.std)) + (tensor.scale[0] if tensor.scale else 0.0)
    return bool((np.abs(real(device, tensor) - real(reference, tensor)) <= unit).all())
