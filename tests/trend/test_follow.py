"""Where a regression may go: every way through the states, by people, second runs, nights and time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from farm.errors import JobError
from farm.sections.trend import Trend
from farm.trend import follow
from farm.trend.annotation import changes
from farm.trend.judge import judge
from farm.trend.recheck import Answer
from farm.trend.regression import Regression, Status
from farm.trend.series import Key, Point, Series
from farm.trend.shift import Shift
from tests.trend import levels

KEY = Key(schedule="nightly", model="m", serial="one", configuration="", metric="latency.median")
ANSWERS: tuple[Answer, ...] = ("confirmed", "refuted", "undecided")


def shift(**changed: Any) -> Shift:
    told = {
        "begins": 90.0, "run": 1, "before": 10.0, "after": 12.0, "nights_before": 14, "nights_after": 3, "change": 0.2,
        "worse": True, "p_value": 0.002, "spread": 0.1,
    }  # fmt: skip
    return Shift.model_validate(told | changed)


def regression(status: Status = "suspect", **changed: Any) -> Regression:
    told = {
        "id": 1, "series": 1, "key": KEY, "unit": "ms", "better": "low", "status": status, "found": 100.0,
        "changed": 100.0, "shift": shift(),
    }  # fmt: skip
    return Regression.model_validate(told | changed)


class Life(RuleBasedStateMachine):
    """Of one regression. Whatever happens in whichever order, what was promised holds."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.one = regression()
        self.shown = False
        """A second run, or nights, showed it."""
        self.refuted = False

    @rule(seconds=st.floats(0, 1e6))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        before = self.one
        after = follow.in_time(before, self.now)
        if after is not None:
            assert before.status == "ignored"
            assert before.until is not None
            assert before.until <= self.now
            self.one, self.shown = after, False

    @precondition(lambda self: self.one.status == "suspect" and self.one.job is None)
    @rule()
    def queue(self) -> None:
        self.one = follow.moved(self.one, "checking", self.now, job=7)

    @precondition(lambda self: self.one.status == "checking")
    @rule(answer=st.sampled_from(ANSWERS))
    def ran(self, answer: Answer) -> None:
        self.one = follow.ran_again(self.one, answer, self.now)
        assert self.one.job == 7, "what it was run as stays known"
        self._heard(answer)

    @rule(answer=st.sampled_from(ANSWERS))
    def night(self, answer: Answer) -> None:
        before, after = self.one, follow.after_night(self.one, answer, self.now, back=self.now - 5)
        if after is None:
            return
        self.one = after
        if before.status == "suspect":
            self._heard(answer)
        else:
            assert answer == "refuted"
            assert (after.status, after.until) == ("recovered", self.now - 5)

    @rule(
        action=st.sampled_from(["acknowledge", "accept", "ignore", "recheck"]),
        reason=st.sampled_from(["", " ", "known"]),
        lasts=st.none() | st.floats(-10, 1e6),
    )
    def person(self, action: follow.Action, reason: str, lasts: float | None) -> None:
        until = None if lasts is None else self.now + lasts
        before = self.one
        try:
            self.one = follow.asked(before, action, user="ana", reason=reason, now=self.now, until=until)
        except JobError as e:
            assert e.remedy
            return
        assert self.one.user == "ana"
        if action in {"accept", "ignore"}:
            assert self.one.reason == "known"
        if action == "ignore":
            assert self.one.until is not None
            assert self.one.until > self.now
        if action == "recheck":
            assert (self.one.status, self.one.job) == ("suspect", None)
            self.shown = self.refuted = False
        else:
            assert before.status in follow.OPEN, "what is over stays over"
            self.shown = True  # somebody's word counts as having seen it

    def _heard(self, answer: Answer) -> None:
        self.shown |= answer == "confirmed"
        self.refuted |= answer == "refuted"

    @invariant()
    def promised(self) -> None:
        one = self.one
        assert one.status != "confirmed" or self.shown, "nobody is told of what nothing showed a second time"
        assert one.status != "refuted" or self.refuted
        assert (one.until is not None) == (one.status in {"ignored", "recovered"})
        assert one.changed <= self.now
        assert (one.id, one.series, one.found, one.shift) == (1, 1, 100.0, shift())


TestLife = Life.TestCase


def test_only_what_is_open_can_be_acknowledged() -> None:
    with pytest.raises(follow.StandingError, match="it is refuted: acknowledge is for what is suspect"):
        follow.asked(regression("refuted"), "acknowledge", user="a", reason="", now=200)
    assert follow.asked(regression("refuted"), "recheck", user="a", reason="", now=200).status == "suspect"


@pytest.mark.parametrize(
    ("known", "found", "is_new"),
    [
        ([], shift(), True),
        ([regression("confirmed")], shift(begins=85.0), False),  # the change point moved as nights came
        ([regression("confirmed")], shift(begins=101.0), True),
        ([regression("refuted")], shift(nights_after=7), False),
        ([regression("refuted")], shift(nights_after=8), True),  # five more nights say the second run was wrong
        ([regression("accepted"), regression("refuted")], shift(nights_after=9), False),
    ],
)
def test_a_shift_that_was_found_is_not_found_again(known: list[Regression], found: Shift, *, is_new: bool) -> None:
    assert follow.is_new(found, known) == is_new


def points(*told: tuple[float, dict[str, str]]) -> tuple[Point, ...]:
    return tuple(Point(at=at, run=n, value=1.0, circumstances=c) for n, (at, c) in enumerate(told))


def test_a_level_begins_with_what_was_told_and_leaves_out_what_is_over() -> None:
    series = points(*((float(at), {}) for at in range(80, 130, 5)))

    def left(*known: Regression, baseline: float = 0.0) -> list[float]:
        return [p.at for p in follow.of_level(series, known, baseline)]

    assert left(baseline=110) == [110, 115, 120, 125]
    assert left(regression("confirmed")) == [90, 95, 100, 105, 110, 115, 120, 125]
    assert left(regression("recovered", until=110.0)) == [80, 85, 110, 115, 120, 125]
    assert left(regression("accepted")) == [p.at for p in series]


def test_nights_of_what_is_suspected_are_no_evidence_twice() -> None:
    ends = 150

    def left(status: Status, begins: float = 90.0) -> list[float]:
        known = [regression(status, shift=shift(begins=begins))]
        return [p.at for p in follow.of_level(points(*((float(at), {}) for at in range(80, ends, 5))), known, 0.0)]

    assert left("suspect") == left("checking") == [80, 85]
    assert len(left("refuted")) == 14, "twelve nights since: it may be a suspect again"
    assert left("refuted", 115.0) == [80, 85, 90, 95, 100, 105, 110], "seven nights since"
    ends = 155
    assert len(left("refuted", 115.0)) == 15


def test_a_regression_is_looked_at_with_the_level_it_left() -> None:
    series = points(*((float(at), {}) for at in range(60, 130, 5)))
    one = regression("confirmed")
    older = regression("acknowledged", id=2, shift=shift(begins=70.0))
    later = regression("confirmed", id=3, shift=shift(begins=110.0))
    assert [p.at for p in follow.around(one, series, [one, older, later], 0.0)] == [p.at for p in series[2:]]
    assert follow.around(one, series, [one], 80.0) == series[4:]
    assert follow.around(one, series, [one], 120.0) == series, "a baseline since then is not of the level it left"


def test_suspicions_that_wait_make_no_other_series_suspected() -> None:
    values = 20 * np.random.default_rng(7).normal(1, 0.015, (60, 76))
    values[:, 60:] *= np.repeat([1.1, 1.0], [30, 30])[:, None]
    now, settings = levels.moment(75), Trend(false_alarms_a_year=1.0)
    for _ in range(50):  # until the last one has moved so far that it is told with the others
        values[30, 60:] *= 1.001
        series = [levels.series(row, number=n) for n, row in enumerate(values)]
        told = {one.series: one for one in judge(series, settings, now=now)}
        if 30 in told:
            break
    assert set(told) == set(range(31)), "together with thirty others, a small shift is enough"

    def waiting(one: Series, status: Status) -> Series:
        known = [regression(status, series=one.id, found=now, shift=told[one.id].shift)] if one.id < 30 else []
        return one.model_copy(update={"points": follow.of_level(one.points, known, 0.0)})

    for status in ("suspect", "checking", "refuted"):
        assert judge([waiting(one, status) for one in series], settings, now=now) == []


def test_changes_of_circumstances_are_told_once_each() -> None:
    found = changes(
        points(
            (1, {"runtime": "r1", "temperature": "30"}),
            (2, {"runtime": "r1", "firmware": "f1", "temperature": "31"}),
            (3, {"firmware": "f1"}),  # nobody told the runtime
            (4, {"runtime": "r2", "firmware": "f2"}),
            (5, {"runtime": "r2", "firmware": "f2"}),
        )
    )
    assert [(c.at, c.name, c.before, c.after) for c in found] == [
        (4, "runtime", "r1", "r2"),
        (4, "firmware", "f1", "f2"),
    ]


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["runtime", "commit", "screen"]), st.sampled_from(["", "a", "b"])), max_size=20
    )
)
def test_changes_lead_from_the_first_words_to_the_last(told: list[dict[str, str]]) -> None:
    found = changes(points(*((float(n), c) for n, c in enumerate(told))))
    for name in ("runtime", "commit"):
        words = [c[name] for c in told if c.get(name)]
        mine = [c for c in found if c.name == name]
        assert all(a.after == b.before for a, b in pairwise(mine))
        if mine:
            assert (mine[0].before, mine[-1].after) == (words[0], words[-1])
        else:
            assert len(set(words)) <= 1
    assert not [c for c in found if c.name == "screen"]
