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
