"""Where a regression goes next: what people may ask of it, what a second run says, what later nights say. Pure functions.

suspect -> checking -> confirmed | refuted      by the lab; an undecided second run leaves a suspect, which nights decide
confirmed | acknowledged | ignored -> recovered   by nights that are as before
ignored -> confirmed                              when its time is over
open -> acknowledged | ignored | accepted         by people, who may also have it run again
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from farm.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from farm.trend.recheck import Answer
    from farm.trend.regression import Regression, Status
    from farm.trend.series import Point
    from farm.trend.shift import Shift

Action = Literal["acknowledge", "accept", "ignore", "recheck"]
OPEN: tuple[Status, ...] = ("suspect", "checking", "confirmed", "acknowledged", "ignored")
"""Not over: its series has not been let go."""
SUSPECTED: tuple[Status, ...] = ("suspect", "checking")
"""Found, and nobody is told yet."""
TOLD: tuple[Status, ...] = ("confirmed", "acknowledged", "ignored")
"""A second run, or later nights, showed it."""
NIGHTS_AGAIN = 5
"""So many more nights at the new level make a suspect again of what a second run refuted."""
_ASKED: dict[Action, tuple[tuple[Status, ...], Status]] = {
    "acknowledge": (OPEN, "acknowledged"),
    "accept": (OPEN, "accepted"),
    "ignore": (OPEN, "ignored"),
    "recheck": (("suspect", "confirmed", "acknowledged", "refuted"), "suspect"),
}
"""From where to where each goes."""


class StandingError(JobError):
    """A regression does not stand where that can be asked of it."""


def allowed(regression: Regression) -> tuple[Action, ...]:
    """What people may ask of it where it stands."""
    return tuple(action for action, (sources, _) in _ASKED.items() if regression.status in sources)


def asked(
    regression: Regression, action: Action, *, user: str, reason: str, now: float, until: float | None = None
) -> Regression:
    """What a person's word makes of it. `now` and `until` are Unix seconds; `until` goes with `ignore` alone.

    Raises:
        StandingError: it does not stand where that can be asked.
        JobError: nobody says why, or `until` is over already.
    """
    where = f"regression {regression.id}"
    sources, status = _ASKED[action]
    if regression.status not in sources:
        raise StandingError(
            f"it is {regression.status}: {action} is for what is {', '.join(sources)}",
            where=where,
            remedy=f"see `farm regressions show {regression.id}`",
        )
    if action in {"accept", "ignore"} and not reason.strip():
        raise JobError("nobody says why", where=where, remedy="add --reason")
    if action == "ignore" and (until is None or until <= now):
        raise JobError("there is no moment to come until which it is ignored", where=where, remedy="add --until +7d")
    return moved(
        regression, status, now, user=user, reason=reason.strip(), until=until if action == "ignore" else None,
        job=None if action == "recheck" else regression.job,
    )  # fmt: skip


def ran_again(regression: Regression, answer: Answer, now: float) -> Regression:
    """What the second run of one that is `checking` says; undecided, it is a suspect that later nights decide."""
    status: Status = "suspect" if answer == "undecided" else answer
    return moved(regression, status, now)


def after_night(regression: Regression, answer: Answer, now: float, *, back: float | None = None) -> Regression | None:
    """What the nights since it was found say, by the test that judges a second run; None: nothing new.

    `back` is the moment of the first of those nights, Unix seconds: a regression that is over lasted until then.
    """
    if regression.status == "suspect" and answer != "undecided":
        return moved(regression, answer, now)
    if regression.status in TOLD and answer == "refuted":
        return moved(regression, "recovered", now, until=back)
    return None


def of_level(points: Sequence[Point], known: Iterable[Regression], baseline: float) -> tuple[Point, ...]:
    """The points of the level that a series is on: those a new shift would leave.

    What was told is a new level, and what is over is none: the level before it goes on. What is suspected was found already, and
    waits for its second run: its nights are no evidence once more, which would make it easier for others to be suspected. Those
    of what a second run refuted are none until NIGHTS_AGAIN more of them make it a suspect again.
    """
    begins, ends, gone = baseline, math.inf, list[tuple[float, float]]()
    for one in known:
        if one.status in TOLD:
            begins = max(begins, one.shift.begins)
        elif one.status == "recovered" and one.until is not None:
            gone.append((one.shift.begins, one.until))
        elif one.status in SUSPECTED or (one.status == "refuted" and not _has_gone_on(one, points)):
            ends = min(ends, one.shift.begins)
    return tuple(p for p in points if begins <= p.at < ends and not any(since <= p.at < until for since, until in gone))


def around(
    regression: Regression, points: Sequence[Point], known: Iterable[Regression], baseline: float
) -> tuple[Point, ...]:
    """The points of the level that a regression left, and those since."""
    begins = regression.shift.begins
    earlier = (one for one in known if one.shift.begins < begins and one.status in (*TOLD, "recovered"))
    return of_level(points, earlier, baseline if baseline < begins else 0.0)


def _has_gone_on(refuted: Regression, points: Sequence[Point]) -> bool:
    nights = {p.at if p.night is None else p.night for p in points if p.at >= refuted.shift.begins}
    return len(nights) >= refuted.shift.nights_after + NIGHTS_AGAIN


def in_time(regression: Regression, now: float) -> Regression | None:
    """What time makes of it; None: nothing."""
    over = regression.status == "ignored" and regression.until is not None and regression.until <= now
    return moved(regression, "suspect", now, job=None) if over else None


def is_new(shift: Shift, known: Iterable[Regression]) -> bool:
    """Whether a shift is none of those that were found in its series before.

    A change point moves by some nights as more of them come, so a new level that began before another was found is that one.
    """
    for one in known:
        if shift.begins > one.found:
            continue
        stronger = shift.nights_after >= one.shift.nights_after + NIGHTS_AGAIN
        if not (one.status == "refuted" and stronger):
            return False
    return True


def moved(
    regression: Regression,
    status: Status,
    now: float,
    *,
    user: str | None = None,
    reason: str | None = None,
    until: float | None = None,
    job: int | Literal["same"] | None = "same",
) -> Regression:
    """It stands elsewhere from `now` on; what is left out stays, but for the end of its being ignored."""
    changes: dict[str, object] = {"status": status, "changed": now, "until": until}
    changes |= {name: value for name, value in (("user", user), ("reason", reason)) if value is not None}
    return regression.model_copy(update=changes | ({} if job == "same" else {"job": job}))
