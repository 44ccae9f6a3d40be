"""Nights are judged, suspects are run again, and people have their say: a thread, and what REST asks of it."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING

from farm.loop import Loop
from farm.queue.judge import Judge
from farm.queue.judging import Asked
from farm.queue.planner import plan
from farm.queue.scheduler import coming
from farm.store import regressions, series
from farm.submission import Terms
from farm.trend import follow
from farm.trend.figures import circumstances, configuration, figures
from farm.trend.level import PERIOD
from farm.trend.night import answer
from farm.trend.series import Point
from farm.trend.shift import Differing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from farm.fleet.device import Device
    from farm.report.document import Job, Watch
    from farm.sections.trend import Trend
    from farm.store.regressions import JudgedNight
    from farm.store.state import State
    from farm.submission import Submission
    from farm.trend.follow import Action
    from farm.trend.night import Judgement
    from farm.trend.regression import Regression
    from farm.trend.series import Key
    from farm.trend.shift import Shift

KIND = "recheck"
"""Of jobs that run a suspect again, and the user they belong to."""
LOOK_S = 20.0
TIMES = 3
"""Runs of a second look: one alone may be an outlier itself."""
JOBS = 50
"""Second looks queued at once: what shifts everywhere at once needs no more to be believed."""
TELLING = frozenset({"slower", "faster", "answers differ"})
WATCH_S = 36 * 3600.0
"""Between a night and what the sentinel says of it."""
BATCH = 20
"""Runs of older versions that are looked at in one transaction."""


class Regressions:
    """`devices` is what the last look at them showed, `queued` is told the numbers of jobs, `watches` are the sentinel's."""

    def __init__(
        self,
        settings: Trend,
        state: State,
        *,
        devices: Callable[[], Sequence[Device]],
        queued: Callable[[int], None],
        watches: Callable[[], Sequence[Watch]],
        report_bug: Callable[[str, str], str],
    ) -> None:
        self._settings = settings
        self._state = state
        self._devices = devices
        self._queued = queued
        self._watches = watches
        self._loop = Loop("regressions", lambda: self.look(time.time()), LOOK_S, report_bug)
        self._filling = Loop("backfill", self._fill, LOOK_S, report_bug)

    def start(self) -> None:
        """Begin, with the nights that ended while no daemon was there."""
        self._loop.start()
        self._filling.start()

    def stop(self, within_s: float) -> None:
        """End; a night that is not judged to its end is judged by the next daemon."""
        self._loop.stop(within_s)
        self._filling.stop(within_s)

    def look(self, now: float) -> None:
        """Do what is due at `now`, Unix seconds."""
        for one in regressions.find(self._state, statuses=("ignored",)):
            self._move(one, follow.in_time(one, now))
        self._conclude(now)
        with Judge() as judge:
            for night in regressions.unjudged(self._state):
                asked = Asked(file=str(self._state.file), ended=night.ended, now=now, settings=self._settings)
                found = judge.ask(asked, lambda: self._loop.stopping)
                if found is None:
                    return
                self._write(night, found)
        self._run_again(regressions.find(self._state, statuses=("suspect",)), now)

    def ask(
        self, number: int, action: Action, *, user: str, reason: str, until: float | None = None
    ) -> Regression | None:
        """Do what somebody asks of a regression; where it stands then. None: there is no such regression.

        Raises:
            StandingError: it does not stand where that can be asked.
            JobError: a reason, or a moment to come, is missing.
        """
        while True:
            one = regressions.get(self._state, number)
            if one is None:
                return None
            now = time.time()
            after = follow.asked(one, action, user=user, reason=reason, now=now, until=until)
            if self._move(one, after):  # else it moved meanwhile, and is asked of anew
                break
        if action == "recheck":
            self._run_again([after], now)
        return regressions.get(self._state, number)

    # inside

    def _fill(self) -> None:
        while not self._filling.stopping and series.backfill(self._state, BATCH):
            time.sleep(0.05)  # whoever commits a result comes first

    def _move(self, before: Regression, after: Regression | None) -> bool:
        return after is not None and regressions.move(self._state, before, after)

    def _conclude(self, now: float) -> None:
        """What was run again is over: the second runs say what becomes of the suspect."""
        jobs: dict[int, tuple[Job | None, dict[int, float]]] = {}
        baselines: dict[int, float] | None = None
        for one in regressions.find(self._state, statuses=("checking",)):
            if one.job is None or self._state.status(one.job) in {"queued", "running"}:
                continue
            if one.job not in jobs:
                jobs[one.job] = self._state.job(one.job), regressions.ended(self._state, one.job)
            if baselines is None:
                baselines = regressions.baselines(self._state)
            points = series.points(self._state, one.series, since=one.found - 2 * PERIOD)
            known = regressions.of_series(self._state, [one.series])
            around = follow.around(one, points, known, baselines.get(one.series, 0.0))
            self._move(one, follow.ran_again(one, answer(one, around, again(*jobs[one.job], one.key)), now))

    def _write(self, night: JudgedNight, found: Judgement) -> None:
        watches = {w.serial: w for w in self._watches() if w.word in TELLING and abs(w.ended - night.ended) < WATCH_S}
        serials = {s.id: s.key.serial for s in series.find(self._state, nightly=True, limit=-1)} if found.shifts else {}
        shifts = [(of, with_watch(shift, watches.get(serials[of]))) for of, shift in found.shifts]
        regressions.judged(self._state, night.id, night.ended, series=found.series, shifts=shifts, moves=found.moves)

    def _run_again(self, suspects: Iterable[Regression], now: float) -> None:
        """The newest run of each suspect's series once more, on the same device: one job for all series of that run."""
        waiting = [one for one in suspects if one.job is None]
        under_way = {one.job for one in regressions.find(self._state, statuses=("checking",))}
        newest = series.latest(self._state, [one.series for one in waiting])
        groups: dict[int, list[Regression]] = defaultdict(list)
        for one in sorted(waiting, key=lambda r: (r.shift.p_value, r.id)):
            if one.series in newest:
                groups[newest[one.series].run].append(one)
        for run, group in list(groups.items())[: max(0, JOBS - len(under_way))]:
            job = self._submit(run, group)
            if job is None:
                continue
            for one in group:
                self._move(one, follow.moved(one, "checking", now, job=job))
            self._queued(job)

    def _submit(self, run: int, group: Sequence[Regression]) -> int | None:
        """None: not now, since its device is not ready."""
        job = self._state.job_of_run(run)
        if job is None:
            return None
        there = [d for d in self._devices() if d.serial == group[0].key.serial and coming(d)]
        if not there:
            return None
        asked = once_more(self._state.submission(job), self._state.placed(run).variant)
        # A daemon that died before the suspects moved finds the same job again.
        key = f"{KIND} {min(one.id for one in group)} {max(one.changed for one in group)}"
        return self._state.add_job(asked, plan(asked, there), key=key, user=KIND, kind=KIND)


def once_more(submission: Submission, variant: int) -> Submission:
    """One configuration of a job, to be run again before what else the night has queued."""
    terms = submission.terms
    alone = submission if terms.pair else submission.of(variant)
    return alone.model_copy(
        update={
            "selector": "",
            "terms": Terms(
                priority=min(100, terms.priority + 1), times=TIMES, pair=terms.pair, fresh=True, commit=terms.commit
            ),
        }
    )


def again(job: Job | None, ended: Mapping[int, float], key: Key) -> tuple[Point, ...]:
    """What the runs of a second look give for a series, in the order they ended: by run, Unix seconds."""
    found = list[Point]()
    for run in job.runs if job is not None else ():
        for figure in figures(run):
            if (figure.metric, configuration(run, figure.condition)) == (key.metric, key.configuration):
                point = Point(
                    at=ended.get(run.id, 0.0), run=run.id, value=figure.value, low=figure.low, high=figure.high, n=figure.n,
                    circumstances=circumstances(run, {}),
                )  # fmt: skip
                found.append(point)
    return tuple(sorted(found, key=lambda p: (p.at, p.run)))


def with_watch(shift: Shift, watch: Watch | None) -> Shift:
    """A shift on a device whose sentinel moved too: the phone is to blame before the model is, so it is told first."""
    if watch is None:
        return shift
    told = Differing(name="sentinel", before="steady", after=f"{watch.word}: {watch.summary}")
    return shift.model_copy(update={"differing": (told, *shift.differing)})
