"""The inference of what a device did to its input: planted changes are found, and nothing else is ever accused."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.assess.inputs import InputEvidence, Moments, Shape, Transform

Array = np.ndarray[Any, Any]
SHAPES = [Shape(rotate, mirror) for rotate in (0, 90, 180, 270) for mirror in (False, True)]
ORDERS = list(itertools.permutations(range(3)))
seeds = st.integers(0, 2**32 - 1)
slopes = st.floats(0.05, 20).filter(lambda s: abs(s - 1) > 0.2)


def turned(picture: Array, shape: Shape) -> Array:
    made = np.rot90(picture, shape.rotate // 90)
    return made[:, ::-1] if shape.mirror else made


def photos(seed: int, frames: int = 3, side: int = 16) -> list[Array]:
    """Pictures with structure: channels differ, and no symmetry."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 255, (frames, side // 4, side // 4, 3))
    fine = np.kron(coarse, np.ones((1, 4, 4, 1))) + random.normal(0, 10, (frames, side, side, 3))
    return list(np.clip(np.round(fine), 0, 255) / 127.5 - 1)


def infer(device: list[Array], expected: list[Array]) -> Transform:
    usable = [np.ones(d.shape, bool) for d in device]
    return InputEvidence(
        candidates=tuple((s, Moments.of(device, [turned(e, s) for e in expected], usable)) for s in SHAPES),
        agrees=np.array([bool((np.abs(d - e) <= 1.01 / 127.5).all()) for d, e in zip(device, expected, strict=True)]),
        span=np.ptp(np.stack(device), axis=(0, 1, 2)),
        saturated=np.zeros(len(device)),
        expected_saturated=np.zeros(len(device)),
    ).infer()


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    shape=st.sampled_from(SHAPES),
    order=st.sampled_from(ORDERS),
    affine=st.none() | st.tuples(*[st.tuples(slopes, st.floats(-50, 50))] * 3),
)
def test_any_change_is_recovered_exactly(
    seed: int, shape: Shape, order: tuple[int, ...], affine: tuple[tuple[float, float], ...] | None
) -> None:
    expected = photos(seed)
    slope, offset = np.array(affine).T if affine else (np.ones(3), np.zeros(3))
    device = [turned(e, shape)[..., list(order)] * slope + offset for e in expected]
    found = infer(device, expected)
    assert found.shape == shape
    assert (found.permutation or (0, 1, 2)) == order
    assert bool(found.slope) == (affine is not None)
    if affine:
        assert found.slope == pytest.approx(slope, rel=1e-6)
        assert found.offset == pytest.approx(offset, rel=1e-5, abs=1e-5)
    wanted = {"rotation"} if shape != Shape() else set()
    wanted |= {"channel"} if order != (0, 1, 2) else set()
    wanted |= {"normalization"} if affine else set()
    assert set(found.parts) == wanted


@settings(max_examples=60, deadline=None)
@given(seed=seeds, off=st.floats(0, 1))
def test_the_same_input_is_never_accused(seed: int, off: float) -> None:
    expected = photos(seed)
    random = np.random.default_rng(seed)
    device = [e + (random.random(e.shape) < off) * random.choice([-1, 1], e.shape) / 127.5 for e in expected]
    found = infer(device, expected)
    assert found.agrees
    assert found.parts == ()


@settings(max_examples=30, deadline=None)
@given(seed=seeds, order=st.sampled_from(ORDERS))
def test_gray_pictures_cannot_show_a_channel_order(seed: int, order: tuple[int, ...]) -> None:
    expected = [np.repeat(p[..., :1], 3, axis=2) for p in photos(seed)]
    device = [e[..., list(order)] * 0.5 + 0.5 for e in expected]
    assert infer(device, expected).parts == ("normalization",)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_symmetric_pictures_cannot_show_a_turn(seed: int) -> None:
    expected = []
    for p in photos(seed):
        half = p + p[::-1]
        even = half + half[:, ::-1]
        expected.append((even + even.transpose(1, 0, 2)) / 8)
    device = [np.rot90(e)[..., ::-1] for e in expected]
    assert infer(device, expected).parts == ("channel",)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_another_interpolation_is_a_matter_of_resizing(seed: int) -> None:
    expected = photos(seed)
    device = [e + np.random.default_rng(seed).normal(0, 0.06, e.shape) for e in expected]
    found = infer(device, expected)
    assert found.differs
    assert found.parts == ("resize",)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_another_picture_is_explained_by_nothing(seed: int) -> None:
    found = infer(photos(seed), photos(seed ^ 1))
    assert found.differs
    assert found.parts == ()


def test_a_dead_camera_is_constant() -> None:
    found = infer([np.zeros((16, 16, 3))] * 3, photos(1))
    assert found.constant
    assert found.parts == ()


def test_saturated_inputs_are_a_matter_of_normalization() -> None:
    expected = photos(1)
    ones = [np.ones(e.shape) for e in expected]
    nowhere = [np.zeros(e.shape, bool) for e in expected]
    evidence = InputEvidence(
        candidates=((Shape(), Moments.of(ones, expected, nowhere)),),
        agrees=np.zeros(3, bool),
        span=np.zeros(3),
        saturated=np.full(3, 1.0),
        expected_saturated=np.full(3, 0.05),
        step=1 / 128,
    )
    assert evidence.infer().parts == ("normalization",)
