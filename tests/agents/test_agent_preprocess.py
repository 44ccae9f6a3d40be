"""The agent's pre-processing (but for resizing, see test_agent_resize.py) against numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm.capture import exray_pb2 as pb
from farm.model.recipe import Recipe
from farm.reference import preprocess

from .kit import Bench, read, reshape_model

Array = np.ndarray[Any, Any]

EXAMPLES = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SIDE = st.integers(1, 40)


def cropped(image: Array, crop: float) -> Array:
    kept = [max(1, int(np.floor(side * crop + 0.5))) for side in image.shape[:2]]
    top, left = ((side - k) // 2 for side, k in zip(image.shape[:2], kept, strict=True))
    return image[top : top + kept[0], left : left + kept[1]]


def picture(draw: st.DataObject, height: int, width: int) -> Array:
    """Smooth or noisy."""
    rng = np.random.default_rng(draw.draw(st.integers(0, 2**32 - 1)))
    noise = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    ramp = np.linspace(0, 255, noise.size).reshape(noise.shape).astype(np.uint8)
    return noise if draw.draw(st.booleans()) else ramp


def fed(bench: Bench, image: Array, height: int, width: int, *options: str, **model: Any) -> Array:
    """What the model's input was, by the layers pass."""
    path = bench.file("input.tflite", reshape_model([1, height, width, 3], **model))
    capture = bench.capture(path, bench.images(image), "--warmup", "0", *options, layers=True)
    result: Array = capture.tensors(pb.ROLE_INPUT)[0, 0][0]
    return result


@EXAMPLES
@given(
    draw=st.data(), height=SIDE, width=SIDE, rotate=st.sampled_from([0, 90, 180, 270]),
    crop=st.floats(0.01, 1, exclude_min=True), bgr=st.booleans(),
)  # fmt: skip
def test_rotates_crops_and_orders_channels(
    bench: Bench, draw: st.DataObject, height: int, width: int, rotate: int, crop: float, bgr: bool
) -> None:
    image = picture(draw, height, width)
    expected = cropped(np.rot90(image, rotate // 90), crop)
    options = ("--rotate", str(rotate), "--crop", repr(crop), "--channels", "bgr" if bgr else "rgb")
    result = fed(bench, image, *expected.shape[:2], *options, "--resize", "nearest")
    assert np.array_equal(result, expected[..., ::-1] if bgr else expected)


TRIPLE = st.tuples(*[st.floats(-300, 300).map(lambda x: round(x, 3))] * 3)
DIVISORS = st.tuples(*[st.floats(0.1, 300).map(lambda x: round(x, 3)) | st.just(-2.0)] * 3)


def comma(values: tuple[float, ...]) -> str:
    return ",".join(map(repr, values))


@EXAMPLES
@given(draw=st.data(), mean=TRIPLE, std=DIVISORS, bgr=st.booleans())
def test_normalizes_channels_as_fed(
    bench: Bench, draw: st.DataObject, mean: tuple[float, ...], std: tuple[float, ...], bgr: bool
) -> None:
    image = picture(draw, 6, 5)
    options = ("--mean", comma(mean), "--std", comma(std), "--channels", "bgr" if bgr else "rgb")
    ordered = image[..., ::-1] if bgr else image
    expected = ((ordered - np.array(mean)) / np.array(std)).astype(np.float32)
    assert np.array_equal(fed(bench, image, 6, 5, *options), expected)


@EXAMPLES
@given(
    draw=st.data(), mean=TRIPLE, std=DIVISORS, signed=st.booleans(),
    scale=st.floats(1e-3, 10).map(np.float32), zero=st.integers(0, 255),
)  # fmt: skip
def test_quantizes_integer_inputs(
    bench: Bench,
    draw: st.DataObject,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    signed: bool,
    scale: np.float32,
    zero: int,
) -> None:
    image = picture(draw, 4, 7)
    dtype, point = ("int8", zero - 128) if signed else ("uint8", zero)
    result = fed(
        bench, image, 4, 7, "--mean", comma(mean), "--std", comma(std),
        dtype=dtype, scale=float(scale), zero_point=point,
    )  # fmt: skip
    real = ((image - np.array(mean)) / np.array(std)).astype(np.float32)
    steps = (real / scale).astype(float)
    rounded = np.sign(steps) * np.floor(np.abs(steps) + 0.5) + point
    limits = np.iinfo(dtype)
    assert np.array_equal(result, np.clip(rounded, limits.min, limits.max).astype(dtype))


@EXAMPLES
@given(
    draw=st.data(), size=st.tuples(SIDE, SIDE), target=st.tuples(SIDE, SIDE), rotate=st.sampled_from([0, 90, 180, 270]),
    crop=st.floats(0.01, 1, exclude_min=True), pad=st.integers(0, 255),
    method=st.sampled_from(["bilinear", "bilinear-half-pixel", "nearest", "area"]),
)  # fmt: skip
def test_letterboxes_as_the_reference_does(
    bench: Bench,
    draw: st.DataObject,
    size: tuple[int, int],
    target: tuple[int, int],
    rotate: Any,
    crop: float,
    pad: int,
    method: Any,
) -> None:
    image = picture(draw, *size)
    recipe = Recipe(rotate=rotate, crop=crop, resize=method, fit="letterbox", pad=pad, channels="bgr")
    found = fed(bench, image, *target, *recipe.arguments())
    expected = preprocess.values(preprocess.geometry(image, recipe, *target), recipe)
    assert np.abs(found - expected).max() <= 1  # as resizing alone: test_agent_resize.py


def test_a_letterbox_by_hand(bench: Bench) -> None:
    image = np.full((2, 4, 3), [10, 20, 30], np.uint8)
    options = ("--fit", "letterbox", "--pad", "7", "--channels", "bgr", "--mean", "1,1,1")
    found = fed(bench, image, 5, 6, *options)
    assert np.array_equal(found[1:4], np.broadcast_to([29, 19, 9], (3, 6, 3)))  # 2 x 4 times 1.5
    assert np.array_equal(found[[0, 4]], np.full((2, 6, 3), 6))
    capture = read(bench.out)
    assert (capture.header.preprocess.fit, capture.header.preprocess.pad) == ("letterbox", 7)


def test_bytes_go_unchanged_into_an_integer_input_without_parameters(bench: Bench) -> None:
    image = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3) * 5
    assert np.array_equal(fed(bench, image, 4, 4, dtype="uint8"), image)


def test_preprocessing_time_is_told_of_images(bench: Bench) -> None:
    model = bench.file("image.tflite", reshape_model([1, 16, 16, 3]))
    frames = bench.capture(model, bench.images(np.zeros((64, 64, 3), np.uint8)), "--repetitions", "2").of(pb.Frame)
    assert all(f.preprocess_ns > 0 for f in frames)
