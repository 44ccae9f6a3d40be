"""The morning look: what changed since the last nightly, models by devices, and what did not run and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from farm.pages.view import View
from farm.report.base import Part
from farm.report.job_line import JobLine
from farm.schedule.schedule import Missing, Night
from farm.trend.news import News, worst_first

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from farm.notify.morning import Morning
    from farm.trend.nightly import NightlyRun

CHANGES = frozenset({"verdict", "cause", "not run", "back"})
"""Kinds of news that point at runs of the night that is told."""
Became = Literal["fail", "not run", "undecided", "running", "queued", "pass", "done"]
"""What became of a run; `done`: nothing was compared. Of several runs in one cell the first of these is shown."""
RANK: dict[Became, int] = {became: i for i, became in enumerate(get_args(Became))}


class Cell(Part):
    """What became of one model under one configuration on one device."""

    word: Became
    job: int
    run: int
    changed: bool = False
    """Not as the night before."""
    runs: int = 1
    """Repetitions, of which this is the worst."""


class Row(Part):
    """A model under a configuration; one cell for each device, None where nothing was to run."""

    model: str
    configuration: str
    cells: tuple[Cell | None, ...]


class Column(Part):
    """A device of the matrix."""

    serial: str
    name: str


class NotRun(Part):
    """A run without a result."""

    job: int
    run: int
    model: str
    serial: str
    name: str
    """The lab's for the device; its serial where it has none."""
    configuration: str
    why: str
    remedy: str


class Matrix(Part):
    """A night, models by devices."""

    night: Night
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    counts: dict[Became, int]
    """Of runs, by Cell.word."""
    not_run: tuple[NotRun, ...]
    missing: tuple[Missing, ...]
    """Devices that could not take part."""


class Tonight(View):
    """One night, or the last one of each schedule."""

    template: ClassVar[str] = "tonight.html.j2"
    section: ClassVar[str] = "/"
    title: str = "Tonight"
    night: int | None = None
    """The one that was asked for; None: the last of each schedule."""
    nights: tuple[Night, ...]
    """To choose from, the newest first."""
    schedules: tuple[str, ...]
    """Those that are to run."""
    news: tuple[News, ...]
    """The worst first."""
    virtual: tuple[str, ...]
    """Serials of virtual phones in it."""
    matrices: tuple[Matrix, ...]
    jobs: tuple[JobLine, ...] = ()
    """The newest, where no night was ever."""


def tonight(
    told: Sequence[tuple[Morning, Matrix]], nights: Sequence[Night], schedules: Sequence[str], *, night: int | None = None,
    jobs: Sequence[JobLine] = (),
) -> Tonight:  # fmt: skip
    """The page of the nights in `told`; what is said of several is said once."""
    return Tonight(
        title="Tonight" if night is None else f"Night {night}",
        night=night,
        nights=tuple(nights),
        schedules=tuple(schedules),
        news=worst_first(dict.fromkeys(n for morning, _ in told for n in morning.news)),
        virtual=tuple(sorted({serial for morning, _ in told for serial in morning.virtual})),
        matrices=tuple(matrix for _, matrix in told),
        jobs=tuple(jobs),
    )


def changed_runs(news: Iterable[News]) -> frozenset[int]:
    """The runs that are not as the night before; a note tells of what goes on as it was."""
    return frozenset(run for n in news if n.kind in CHANGES and n.severity != "note" for run in n.runs)


def matrix(night: Night, runs: Sequence[NightlyRun], changed: frozenset[int], names: Mapping[str, str]) -> Matrix:
    """A night's runs as models by devices; `names` are the lab's for serials."""
    serials = sorted(
        {run.serial for run in runs if run.serial}, key=lambda serial: (names.get(serial) or serial).lower()
    )
    by_cell: dict[tuple[str, str], dict[str, list[NightlyRun]]] = {}
    for run in runs:
        by_cell.setdefault((run.model, run.configuration), {}).setdefault(run.serial, []).append(run)
    counts: dict[Became, int] = {}
    for run in runs:
        counts[word(run)] = counts.get(word(run), 0) + 1
    return Matrix(
        night=night,
        rows=tuple(
            Row(
                model=model, configuration=configuration, cells=tuple(_cell(found.get(s, ()), changed) for s in serials)
            )
            for (model, configuration), found in sorted(by_cell.items())
        ),
        columns=tuple(Column(serial=s, name=names.get(s) or s) for s in serials),
        counts=dict(sorted(counts.items(), key=lambda item: RANK[item[0]])),
        not_run=tuple(_not_run(run, names) for run in runs if word(run) == "not run"),
        missing=night.missing,
    )


def word(run: NightlyRun) -> Became:
    """What became of a run."""
    if run.status == "failed" or run.status == "canceled":  # noqa: PLR1714  # so that the type is narrowed
        return "not run"
    return run.verdict or run.status


def _cell(runs: Sequence[NightlyRun], changed: frozenset[int]) -> Cell | None:
    if not runs:
        return None
    worst = runs[0] if len(runs) == 1 else min(runs, key=lambda run: RANK[word(run)])
    return Cell(
        word=word(worst), job=worst.job, run=worst.run, changed=any(r.run in changed for r in runs), runs=len(runs)
    )


def _not_run(run: NightlyRun, names: Mapping[str, str]) -> NotRun:
    return NotRun(
        job=run.job, run=run.run, model=run.model, serial=run.serial, name=names.get(run.serial) or run.serial,
        configuration=run.configuration, why=run.error or run.status, remedy=run.remedy,
    )  # fmt: skip
