"""Shares, intervals and paired tests, against scipy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from farm.compare.accuracy import accuracy, frames_needed, holm, mcnemar, paired, wilson
from farm.compare.answers import Answers, ranked


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test(a: int, b: int) -> None:
    from scipy.stats import binomtest

    wanted = binomtest(min(a, b), a + b, 0.5).pvalue if a + b else 1.0
    assert mcnemar(a, b) == pytest.approx(wanted, rel=1e-9)


def test_mcnemar_of_very_many_frames_is_a_number() -> None:
    assert 0 <= mcnemar(40_000, 60_000) < 1e-100 or mcnemar(40_000, 60_000) == 0


@settings(deadline=None)
@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_are_wilsons(hits_of: tuple[int, int]) -> None:
    from scipy.stats import binomtest

    hits, n = hits_of
    wanted = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((wanted.low, wanted.high), abs=1e-9)
    assert wilson(hits, n)[0] <= hits / n <= wilson(hits, n)[1] + 1e-12


def test_holm_corrects_in_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@given(hnp.arrays(np.bool_, 30), hnp.arrays(np.bool_, 30))
def test_a_paired_test_does_not_care_who_comes_first(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> None:
    assert paired(a, b) == paired(b, a)


def test_more_frames_are_asked_for_smaller_drops() -> None:
    better = np.ones(100, bool)
    small, large = better.copy(), better.copy()
    small[:3], large[:20] = False, False
    few, many = frames_needed(better, large), frames_needed(better, small)
    assert few is not None
    assert many is not None
    assert 0 < few < 100 < many
    assert frames_needed(better, better) is None
    assert frames_needed(small, better) is None


def test_accuracy_of_a_device_beside_its_reference() -> None:
    reference = Answers(np.zeros(50, int), np.zeros(50, int), 10)
    device = Answers(np.array([0] * 40 + [1] * 10), np.array([0] * 40 + [1] * 5 + [7] * 5), 10)
    found = accuracy(device, reference, name="litert-ref")
    assert (found.n, found.top1, found.top5, found.reference_top1) == (50, 0.8, 0.9, 1.0)
    assert found.agreement == 0.8
    assert found.p_value == pytest.approx(2**-9)
    assert accuracy(Answers(np.zeros(2, int), np.zeros(2, int), 4)).top5 is None


def test_nan_is_never_the_answer() -> None:
    assert ranked(np.array([[np.nan, 0.1, np.nan]])).argmax() == 1
