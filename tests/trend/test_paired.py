"""A figure of the same frames, new beside old."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.trend.paired import ratios, scores


def test_right_and_wrong_answers_are_compared_by_mcnemar() -> None:
    old, new = np.array([1.0] * 20 + [0.0] * 10), np.array([1.0] * 12 + [0.0] * 18)
    found = scores(new, old, "top-1")
    assert found is not None
    assert (found.figure, found.test, found.n) == ("top-1", "McNemar", 30)
    assert found.p_value == pytest.approx(2 / 2**8)
    assert found.change == pytest.approx(-8 / 30)
    assert found.low < found.change < found.high < 0
    assert found.told(found.change) == "-0.267"


def test_scores_are_compared_by_exchanging_them() -> None:
    old = np.arange(10.0)
    found = scores(np.append(old[:4] + 1, [*old[4:9], np.nan]), old, "IoU")
    assert found is not None
    assert (found.test, found.n) == ("permutation", 9)
    assert found.p_value == pytest.approx(2 / 2**4)
    assert found.change == pytest.approx(4 / 9)
    assert scores(np.array([np.nan]), np.array([1.0]), "IoU") is None


def test_times_are_compared_by_wilcoxon() -> None:
    old = np.linspace(1, 3, 12)
    found = ratios(old * 1.1, old, "time", "ms")
    assert found is not None
    assert (found.test, found.n, found.unit) == ("Wilcoxon", 12, "ms")
    assert found.p_value == pytest.approx(2 / 2**12)
    assert (found.change, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    assert found.told(found.change) == "+10.0 %"
    assert ratios(old[:5], old[:5], "time", "ms") is None
    same = ratios(old, old, "time", "ms")
    assert same is not None
    assert (same.p_value, same.change) == (1.0, 0.0)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1e6), st.floats(0.01, 1e6)), min_size=6, max_size=30))
def test_old_and_new_may_change_places(pairs: list[tuple[float, float]]) -> None:
    new, old = np.array(pairs).T
    forth, back = ratios(new, old, "time", "ms"), ratios(old, new, "time", "ms")
    assert forth is not None
    assert back is not None
    assert forth.p_value == pytest.approx(back.p_value)
    assert (1 + forth.change) * (1 + back.change) == pytest.approx(1)
    assert 0 <= forth.p_value <= 1
