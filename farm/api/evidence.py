"""A regression's runs taken off the shelf and laid beside one of the level before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.subject import refusal
from farm.errors import FarmError
from farm.queue.regressions import again
from farm.store import browse, regressions, series
from farm.trend.beside import NEAR, beside, nearest, passes, whole
from farm.trend.compared import Beside, Compared, Taken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.assess.subject import Subject
    from farm.capture.recording import Recording
    from farm.daemon import Daemon
    from farm.pages.shelf import Kept, Shelf
    from farm.report.document import CaptureLink, Run
    from farm.trend.compared import What
    from farm.trend.regression import Regression
    from farm.trend.series import Point

    Chosen = dict[Taken, Run]

KEPT = 64
"""Answers."""


class Evidence:
    """What captures say of regressions. Made one at a time; the last few are kept as long as their captures are the same."""

    def __init__(self, daemon: Daemon, shelf: Callable[[], Shelf]) -> None:
        self._daemon = daemon
        self._shelf = shelf
        self._made: Kept[Compared] | None = None

    def compared(self, one: Regression) -> Compared:
        """The newest run that shifted, and the second look where there was one, beside a typical run of the level before."""
        chosen, missing = self._chosen(one)
        return self._kept().or_made(_key(one, chosen), lambda: self._compare(one, chosen, missing))

    def ready(self, one: Regression) -> Compared | None:
        """The same where it is kept; None where captures have to be read first."""
        chosen, missing = self._chosen(one)
        if len(chosen) < 2:  # nothing stands beside anything
            return self._compare(one, chosen, missing)
        return self._kept().get(_key(one, chosen))

    def _kept(self) -> Kept[Compared]:
        if self._made is None:
            from farm.pages.shelf import Kept  # brings what runs need

            self._made = Kept(KEPT)
        return self._made

    def _chosen(self, one: Regression) -> tuple[Chosen, tuple[str, ...]]:
        """The runs whose captures are kept, the baseline's first, and why others are not among them."""
        state, shift = self._daemon.state, one.shift
        until = one.until if one.status == "recovered" else None
        before = [
            p for p in series.points(state, one.series, until=shift.begins, limit=NEAR + 1) if p.at < shift.begins
        ]
        after = [
            p
            for p in series.points(state, one.series, since=shift.begins, until=until, limit=NEAR)
            if until is None or p.at < until
        ]
        second = again(state.job(one.job), regressions.ended(state, one.job), one.key) if one.job is not None else ()
        middle = sorted(p.value for p in second)[len(second) // 2] if second else 0.0
        sides: dict[What, Sequence[Point]] = {
            "baseline": nearest(before[-NEAR:], shift.before),
            "newest run": after[::-1],
            "second look": nearest(second, middle),
        }
        chosen: Chosen = {}
        missing: list[str] = []
        for what, points in sides.items():
            found = self._first(points)
            if isinstance(found, str):
                missing += [f"{what}: {found}"] if points or what != "second look" else []
            else:
                chosen[Taken(job=found[0], run=found[1].id, what=what)] = found[1]
        return chosen, tuple(missing)

    def _first(self, points: Sequence[Point]) -> tuple[int, Run] | str:
        """Job and run of the first of these that can be looked at; else why the first cannot."""
        why = ""
        for point in points:
            job = self._daemon.state.job_of_run(point.run)
            found = None if job is None else browse.one(self._daemon.state, job, point.run)
            if job is not None and found is not None:
                (run,) = self._daemon.jobs.now(found).runs
                refused = refusal(run)
                if not refused:
                    return job, run
                why = why or f"run {run.id}: {refused}"
        return why or "there is no such run"

    def _compare(self, one: Regression, chosen: Chosen, missing: tuple[str, ...]) -> Compared:
        why = whole(one.key.metric)
        told = (*missing, *((why,) if why else ()))
        taken = list(chosen)
        if not taken or taken[0].what != "baseline":
            return Compared(regression=one.id, missing=told)
        first, *others = taken
        return Compared(
            regression=one.id, baseline=first, missing=told,
            beside=tuple(self._beside(new, chosen[new], first, chosen[first], passes(one.key.metric)) for new in others),
        )  # fmt: skip

    def _beside(self, new: Taken, run: Run, old: Taken, baseline: Run, read: tuple[str, ...]) -> Beside:
        try:
            mine, other = (
                self._shelf().subject(of, self._daemon.jobs.submission(taken.job), read)
                for taken, of in ((new, run), (old, baseline))
            )
        except (FarmError, OSError) as e:
            return Beside(taken=new, missing=(str(e),))
        return beside(new, mine, other, self._shelf().artifacts, self._reference if "layers" in read else None)

    def _reference(self, subject: Subject) -> Recording | None:
        names = subject.submission.references
        return self._shelf().reference(subject, names[0])[1] if names else None


def _key(one: Regression, chosen: Chosen) -> tuple[int, tuple[tuple[Taken, tuple[CaptureLink, ...]], ...]]:
    return one.id, tuple((taken, run.captures) for taken, run in chosen.items())
