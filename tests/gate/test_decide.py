"""From evidence to an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from farm.gate.condition import Quantity
from farm.gate.decide import decide, outcome, together
from farm.gate.evidence import Evidence, Mean, Missing, Paired, PairedMean, Sample, Share
from farm.gate.language import parse

if TYPE_CHECKING:
    from collections.abc import Callable

NEW, OLD = Quantity("top1"), Quantity("top1", "old")
P90, OLD_P90 = Quantity("latency.p90"), Quantity("latency.p90", "old")
FAST, SLOW = (Sample(tuple(ms + 0.001 * i for i in range(500)), 0.9, "invocations") for ms in (1.0, 1.4))


def evidence(figures: object = None, **pairs: object) -> Evidence:
    return Evidence("m", "one", "", figures or {}, pairs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "given", "answer"),
    [
        ("top1 >= 0.7", evidence({NEW: Share(95, 100)}), "pass"),
        ("top1 >= 0.7", evidence({NEW: Share(80, 100)}), "undecided"),
        ("top1 >= 0.7", evidence({NEW: Share(50, 100)}), "fail"),
        ("top1 < 0.7", evidence({NEW: Share(50, 100)}), "pass"),
        ("n - o > -0.01", evidence(top1=Paired(5, 5, 5000)), "pass"),
        ("n - o > -0.01", evidence(top1=Paired(5, 5, 100)), "undecided"),
        ("o - n < 0.01", evidence(top1=Paired(5, 5, 5000)), "pass"),
        ("n - o > -0.01", evidence(top1=Paired(5, 205, 5000)), "fail"),
        ("n - o > 0.01", evidence(top1=Paired(205, 5, 5000)), "pass"),
        # The same frames, not paired, say much less.
        ("n - o > -0.01", evidence({NEW: Share(4000, 5000), OLD: Share(4000, 5000)}), "undecided"),
        ("n - o > -0.01", evidence({NEW: Share(4000, 5000), OLD: Share(4000, 5000)}, top1=Missing("no")), "undecided"),
        ("n - 1.2 * o > -0.5", evidence({NEW: Share(4000, 5000), OLD: Share(4000, 5000)}), "pass"),
        ("d < 0.1", evidence({Quantity("difference"): Share(10, 1000)}), "pass"),
        ("score - score(old) > -0.1", evidence(score=PairedMean(0.0, 5000)), "pass"),
        ("score > 0.5", evidence({Quantity("score"): Mean(0.6, 5000)}), "pass"),
        ("latency.p90 < 1.05 * baseline", evidence({P90: FAST, OLD_P90: FAST}), "pass"),
        ("latency.p90 < 1.05 * baseline", evidence({P90: SLOW, OLD_P90: FAST}), "fail"),
        ("latency.p90 < 1.46 ms", evidence({P90: FAST}), "undecided"),
        ("latency.p90 <= 1.5 ms", evidence({P90: FAST}), "pass"),
        ("top1 > 0.5", evidence({NEW: Missing("gone")}), "undecided"),
        ("top1 > 0.5", evidence({}), "undecided"),
    ],
)
def test_the_answer_is_the_interval_s_side_of_the_limit(text: str, given: Evidence, answer: str) -> None:
    (condition,) = parse(text)
    found = decide(condition, given, 0.001)
    assert found.answer == answer, found.reason
    if found.n and found.low is not None and found.high is not None:
        assert found.estimate is not None
        assert found.low <= found.estimate <= found.high
        inside = condition.holds(found.low) != condition.holds(found.high)
        assert inside == (answer == "undecided")


def share(times: float) -> Evidence:
    return evidence({NEW: Share(round(80 * times), round(100 * times))})


def pair(times: float) -> Evidence:
    return evidence(top1=Paired(round(5 * times), round(5 * times), round(100 * times)))


@pytest.mark.parametrize(("text", "given"), [("n > 0.75", share), ("n - o > -0.05", pair)])
def test_so_many_more_of_the_same_would_decide_it(text: str, given: Callable[[float], Evidence]) -> None:
    (condition,) = parse(text)
    found = decide(condition, given(1), 0.001)
    assert found.answer == "undecided"
    assert found.more is not None
    times = (found.more + 100) / 100
    assert decide(condition, given(1.05 * times), 0.001).answer == "pass"
    assert decide(condition, given(0.9 * times), 0.001).answer == "undecided"


def test_what_lies_at_the_limit_no_number_decides() -> None:
    (condition,) = parse("n > 0.8 +/- 0.2")
    found = decide(condition, evidence({NEW: Share(80, 100)}), 0.001)
    assert (found.answer, found.more) == ("undecided", None)
    assert "nearer than the 0.2 that are to be told apart" in found.reason


def test_without_a_promise_figures_count_as_measured() -> None:
    (condition,) = parse("memory.peak < 1.1 * baseline @ 0")
    figures = {Quantity("memory.peak"): Sample((105.0,)), Quantity("memory.peak", "old"): Sample((100.0,))}
    found = decide(condition, evidence(figures), 0.001)
    assert (found.answer, found.alpha) == ("pass", 1.0)
    assert found.parts == {"memory.peak(new)": 105.0, "memory.peak(old)": 100.0}


def test_modes_decide_what_undecided_counts_as() -> None:
    assert [outcome("undecided", mode) for mode in ("", "fp-free", "fn-free")] == ["undecided", "fail", "pass"]
    assert [outcome("fail", "fn-free"), outcome("pass", "fp-free")] == ["fail", "pass"]
    assert together(["pass", "undecided", "fail"]) == "fail"
    assert together(["pass", "undecided"]) == "undecided"
    assert together([]) == "undecided"
