"""The figures between two arrays, against numpy's own and at the edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from farm.compare import difference as differences
from farm.compare.difference import BROKEN, difference
from farm.model.graph import Tensor

Array = np.ndarray[Any, Any]
FLOAT = Tensor(0, "x", "float32", (-1,), (), (), 0, constant=False)
INT8 = Tensor(0, "x", "int8", (-1,), (0.5,), (3,), 0, constant=False)
numbers = st.floats(-1e6, 1e6, width=32)
integers = st.sampled_from([np.iinfo(name) for name in ("int8", "uint8", "int16", "int32")])


@given(
    pair=st.integers(1, 40).flatmap(
        lambda n: st.tuples(*[hnp.arrays(np.float32, n, elements=numbers) for _ in range(2)])
    ),
    piece=st.integers(1, 50),
)
def test_figures_are_their_definitions(pair: tuple[Array, Array], piece: int) -> None:
    device, reference = pair
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differences, "PIECE", piece)
        found = difference(device, reference, FLOAT)
    d, r = device.astype(float), reference.astype(float)
    span = np.ptp(r) or np.abs(r).max() or 1.0
    assert found.nrmse == pytest.approx(min(BROKEN, math.sqrt(((d - r) ** 2).mean()) / span), rel=1e-6, abs=1e-12)
    assert found.max_abs == pytest.approx(np.abs(d - r).max())
    assert found.lsb is None
    assert -1 <= found.cosine <= 1


@st.composite
def quantized_pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    """Two tensors [rows, 3] of integers, some of whose rows are equal."""
    limits, rows = draw(integers), draw(st.integers(1, 40))
    small = st.integers(max(limits.min, -1000), min(limits.max, 1000))
    reference = draw(hnp.arrays(limits.dtype, (rows, 3), elements=small))
    device = draw(hnp.arrays(limits.dtype, (rows, 3), elements=small))
    same = draw(hnp.arrays(bool, rows))
    return np.where(same[:, None], reference, device), reference


def test_a_size_that_nothing_divides_is_one_piece() -> None:
    values = np.arange(37, dtype=np.int8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differences, "PIECE", 28)
        patch.setattr(differences, "BLOCK", 1)
        found = difference(values, values, Tensor(0, "x", "int8", (37,), (1.0,), (0,), 0, constant=False))
    assert found.signal == float((values.astype(float) ** 2).sum())


@given(
    pair=quantized_pairs(),
    scales=st.lists(st.floats(1e-6, 1e3), min_size=3, max_size=3)
    | st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=1),
    zero=st.integers(-128, 127),
    piece=st.integers(1, 50),
    block=st.integers(1, 80),
)
def test_quantized_figures_are_their_definitions(
    pair: tuple[Array, Array], scales: list[float], zero: int, piece: int, block: int
) -> None:
    device, reference = pair
    tensor = Tensor(
        0, "x", reference.dtype.name, reference.shape, tuple(scales), (zero,) * len(scales), 1, constant=False
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differences, "PIECE", piece)
        patch.setattr(differences, "BLOCK", block)
        patch.setattr(differences, "PROBE", 3)
        found = difference(device, reference, tensor)
    d, r = ((values.astype(float) - zero) * scales for values in pair)
    norm = math.sqrt((d**2).sum()) * math.sqrt((r**2).sum())
    assert found.signal == pytest.approx((r**2).sum(), rel=1e-5)
    assert found.error == pytest.approx(((d - r) ** 2).sum(), rel=1e-5)
    assert found.max_abs == pytest.approx(np.abs(d - r).max(), rel=1e-5)
    assert found.lsb == np.abs(device.astype(np.int64) - reference).max()
    if norm:
        assert found.cosine == pytest.approx((d * r).sum() / norm, rel=1e-5, abs=1e-5)
    span = np.ptp(r) or np.abs(r).max() or scales[0]
    assert found.nrmse == pytest.approx(min(BROKEN, math.sqrt(((d - r) ** 2).mean()) / span), rel=1e-4)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32"])
def test_layers_of_any_size_are_summed_whole(dtype: str) -> None:
    random = np.random.default_rng(1)
    for size in (1, 8191, 8192, 8193, 65536, 112 * 112 * 32, 999_983):  # the last is prime
        device, reference = (random.integers(0, 100, size).astype(dtype) for _ in range(2))
        device[: size // 2] = reference[: size // 2]
        found = difference(device, reference, Tensor(0, "x", dtype, (size,), (), (), 0, constant=False))
        d, r = device.astype(float), reference.astype(float)
        assert found.signal == pytest.approx((r @ r), rel=1e-5)
        assert found.error == pytest.approx((d - r) @ (d - r), rel=1e-5)
        assert found.max_abs == np.abs(d - r).max()


@given(hnp.arrays(np.float32, st.integers(0, 30), elements=st.floats(width=32)))
def test_a_tensor_is_equal_to_itself_whatever_it_holds(values: Array) -> None:
    found = difference(values, values, FLOAT)
    assert (found.nrmse, found.error, found.max_abs) == (0, 0, 0)
    assert found.cosine == pytest.approx(1)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_on_one_side_only_is_broken(strange: float) -> None:
    sound = np.array([1, 2, 3], np.float32)
    broken = np.array([1, strange, 3], np.float32)
    assert difference(broken, sound, FLOAT).nrmse == BROKEN
    assert difference(sound, broken, FLOAT).nrmse == BROKEN
    assert difference(broken, broken, FLOAT).nrmse == 0
    assert difference(np.array([1, strange, 4], np.float32), broken, FLOAT).max_abs == 1
    assert difference(-broken, np.full(3, np.nan, np.float32), FLOAT).nrmse == BROKEN


def test_constant_references_have_a_scale_of_their_own() -> None:
    four, five = np.full(8, 4, np.float32), np.full(8, 5, np.float32)
    assert difference(five, four, FLOAT).nrmse == 0.25
    assert difference(four, np.zeros(8, np.float32), FLOAT).nrmse == 4
    at_zero_point = np.full(8, 3, np.int8)
    assert difference(np.full(8, 4, np.int8), at_zero_point, INT8).nrmse == 1  # one step off


def test_quantized_values_are_compared_as_what_they_stand_for() -> None:
    device, reference = np.array([3, 5, 13], np.int8), np.array([3, 5, 11], np.int8)
    found = difference(device, reference, INT8)
    assert (found.max_abs, found.lsb) == (1.0, 2.0)
    assert found.nrmse == pytest.approx(math.sqrt(1 / 3) / 4)
    assert found.signal == pytest.approx(1 + 16)


def test_each_channel_has_its_scale() -> None:
    tensor = Tensor(0, "x", "int8", (1, 2), (1.0, 10.0), (0, 0), 1, constant=False)
    found = difference(np.array([[1, 1]], np.int8), np.array([[1, 2]], np.int8), tensor)
    assert (found.max_abs, found.lsb) == (10.0, 1.0)


def test_other_values_altogether_are_broken() -> None:
    assert difference(np.zeros(3, np.float32), np.zeros(4, np.float32), FLOAT).nrmse == BROKEN
    assert difference(np.zeros(3, np.float16), np.zeros(3, np.float32), FLOAT).nrmse == BROKEN


def test_the_largest_doubles_do_not_overflow() -> None:
    tensor = Tensor(0, "x", "float64", (2,), (), (), 0, constant=False)
    found = difference(np.array([1e300, -1e300]), np.array([1e300, 0.5e300]), tensor)
    assert found.nrmse == pytest.approx(3 / math.sqrt(2))
    assert math.isfinite(found.error)
