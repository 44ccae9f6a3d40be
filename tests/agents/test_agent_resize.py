"""The agent's resizing against Pillow, and numpy written another way (dense weight matrices)."""

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
    covered: Array = np.clip(np.minimum(right, pixel + 1) - np.maximum(left, pixel), 0, None)
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


def fed(bench: Bench, images: list[Array], size: tuple[int, int], method: str) -> list[Array]:
    """What the model's input was for every image, by the layers pass."""
    model = bench.file("input.tflite", reshape_model([1, *size, 3]))
    capture = bench.capture(model, bench.images(*images), "--warmup", "0", "--resize", method, layers=True)
    inputs = capture.tensors(pb.ROLE_INPUT)
    return [inputs[i, 0][0] for i in range(len(images))]


SIDE = st.integers(1, 40)
SIZE = st.tuples(SIDE, SIDE)


@st.composite
def pictures(draw: st.DrawFn) -> Array:
    """Smooth or noisy, of any small size."""
    height, width = draw(SIZE)
    noise = np.random.default_rng(draw(st.integers(0, 2**32 - 1))).integers(0, 256, (height, width, 3)).astype(np.uint8)
    ramp = np.linspace(0, 255, noise.size).reshape(noise.shape).astype(np.uint8)
    return noise if draw(st.booleans()) else ramp


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(images=st.lists(pictures(), min_size=4, max_size=6), size=SIZE)
def test_resizes_within_one_unit(bench: Bench, method: str, images: list[Array], size: tuple[int, int]) -> None:
    for image, result in zip(images, fed(bench, images, size, method), strict=True):
        check_resized(result, image, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(64, 48), (7, 200), (90, 2), (1, 1)])
def test_large_shrinking_and_enlarging(bench: Bench, method: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    shapes = ((300, 433), (3, 5), (480, 2), (1, 1), size)
    images = [rng.integers(0, 256, (*shape, 3)).astype(np.uint8) for shape in shapes]
    for image, result in zip(images, fed(bench, images, size, method), strict=True):
        check_resized(result, image, method)


def test_shrinks_photos_to_pillows_bits(bench: Bench) -> None:
    rng = np.random.default_rng(5)
    images = [rng.integers(0, 256, (*shape, 3)).astype(np.uint8) for shape in ((375, 500), (500, 375), (224, 300))]
    for image, result in zip(images, fed(bench, images, (192, 192), "bilinear"), strict=True):
        expected = np.asarray(Image.fromarray(image).resize((192, 192), Image.Resampling.BILINEAR))
        assert np.array_equal(result, expected)
