"""The agent's pre-processing against Pillow, and numpy written another way (dense weight matrices)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from farm.capture import exray_pb2 as pb

from .kit import Bench, reshape_model

Array = np.ndarray[Any, Any]

METHODS = ("bilinear", "bilinear-half-pixel", "bilinear-align-corners", "bilinear-legacy", "nearest", "area")
EXAMPLES = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def two_taps(at: Array, size: int) -> Array:
    """Weights [out, in] of linear interpolation at positions `at`."""
    at = np.clip(at, 0, size - 1)
    result: Array = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(size)[None, :]))
    return result


def weights(method: str, size: int, out: int) -> Array:
    i = np.arange(out)
    if method == "bilinear-half-pixel":
        return two_taps((i + 0.5) * size / out - 0.5, size)
    if method == "bilinear-align-corners":
        return two_taps(i * (size - 1) / (out - 1) if out > 1 else np.zeros(1), size)
    if method == "bilinear-legacy":
        return two_taps(i * size / out, size)
    if method == "nearest":
        return np.eye(size)[[int(k) for k in (2 * i + 1) * size // (2 * out)]]
    left, right = i[:, None] * size / out, (i[:, None] + 1) * size / out
    pixel = np.arange(size)[None, :]
    covered = np.clip(np.minimum(right, pixel + 1) - np.maximum(left, pixel), 0, None)
    result: Array = covered * out / size
    return result


def check_resized(result: Array, image: Array, method: str) -> None:
    """Within one unit of Pillow's result; of the others', within the rounding of the exact one."""
    height, width = result.shape[:2]
    assert np.array_equal(result, np.floor(result))
    if method == "bilinear":
        # Since Pillow 13 the order of its two passes, each rounded, depends on the sizes.
        expected = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
        assert np.abs(result - expected.astype(float)).max() <= 1
        return
    down, across = weights(method, image.shape[0], height), weights(method, image.shape[1], width)
    real = np.einsum("yh,xw,hwc->yxc", down, across, image.astype(float), optimize=True)
    assert np.abs(result - real).max() <= 0.5 + 1e-9


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


SIDE = st.integers(1, 40)


@pytest.mark.parametrize("method", METHODS)
@EXAMPLES
@given(draw=st.data(), height=SIDE, width=SIDE, to=st.tuples(SIDE, SIDE))
def test_resizes_within_one_unit(
    bench: Bench, method: str, draw: st.DataObject, height: int, width: int, to: tuple[int, int]
) -> None:
    image = picture(draw, height, width)
    check_resized(fed(bench, image, *to, "--resize", method), image, method)


@pytest.mark.parametrize("method", METHODS)
def test_large_shrinking_and_enlarging(bench: Bench, method: str) -> None:
    rng = np.random.default_rng(4)
    for (height, width), to in (((700, 933), (64, 48)), ((3, 5), (90, 70)), ((480, 2), (7, 200)), ((64, 64), (64, 64))):
        image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        check_resized(fed(bench, image, *to, "--resize", method), image, method)


def test_shrinks_photos_to_pillows_bits(bench: Bench) -> None:
    rng = np.random.default_rng(5)
    for height, width in ((375, 500), (500, 375), (224, 300)):
        image = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
        expected = np.asarray(Image.fromarray(image).resize((192, 192), Image.Resampling.BILINEAR))
        assert np.array_equal(fed(bench, image, 192, 192), expected)


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


def test_bytes_go_unchanged_into_an_integer_input_without_parameters(bench: Bench) -> None:
    image = np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3) * 5
    assert np.array_equal(fed(bench, image, 4, 4, dtype="uint8"), image)


def test_preprocessing_time_is_told_of_images(bench: Bench) -> None:
    model = bench.file("image.tflite", reshape_model([1, 16, 16, 3]))
    frames = bench.capture(model, bench.images(np.zeros((64, 64, 3), np.uint8)), "--repetitions", "2").of(pb.Frame)
    assert all(f.preprocess_ns > 0 for f in frames)
