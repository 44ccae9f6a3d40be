"""A job: where its runs stand, what was asked, what there is to take away."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

from farm.pages.view import View
from farm.report.base import Part
from farm.report.document import JobStatus, Run
from farm.report.listing import Listed, Tally
from farm.report.words import run_label, target_label, verdict_line
from farm.submission import Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.report.document import Job, Target

PAGE = 100
"""Runs of a job on one page."""


class Doing(Part):
    """What a run that is under way does now."""

    stage: str
    done: int = 0
    of: int = 0
    """0: not known."""


class RunLine(Part):
    """One run of the job."""

    id: int
    target: str
    label: str
    """Target, configuration and repetition."""
    configuration: str
    repetition: int
    status: str
    attempt: int
    doing: Doing | None = None
    verdict: str = ""
    """`pass`, `fail` or `undecided`; empty: none yet."""
    cause: str = ""
    words: str
    """Its conclusion, or why it has none."""
    remedy: str = ""
    median_ms: float | None
    memory_mb: float | None
    top1: float | None


class MatrixRow(Part):
    """One target; of each configuration its runs, as positions in `JobView.runs`."""

    target: str
    cells: tuple[tuple[int, ...], ...]


class JobView(View):
    """One job."""

    template: ClassVar[str] = "job.html.j2"
    section: ClassVar[str] = "/jobs"
    job: int
    status: JobStatus
    model: str
    model_sha256: str
    inputs: str
    frames: int
    recipe: str
    selector: str
    references: tuple[str, ...]
    created: str
    user: str
    priority: int
    terms: Terms
    report: bool
    """The report is written."""
    tally: Tally
    state: str = ""
    """Of the filter, as `kind` of the verdict."""
    kind: str = ""
    after: int = 0
    runs: tuple[RunLine, ...]
    configurations: tuple[str, ...] = ()
    """Of the runs shown; none where the job has one."""
    matrix: tuple[MatrixRow, ...] = ()
    more: bool = False
    """There are runs beyond these."""
    virtual: bool = False
    """Some of these ran on a virtual phone."""

    @property
    def open(self) -> bool:
        """Whether it can be canceled."""
        return self.status in ("queued", "running")

    def address(self, state: str = "", kind: str = "", after: int = 0) -> str:
        """Of this page with other filters."""
        words = {"state": state, "kind": kind, "after": after}
        asked = urlencode({name: value for name, value in words.items() if value})
        return f"/jobs/{self.job}" + (f"?{asked}" if asked else "")

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """The terms that are not as they are when nothing is said."""
        told = self.terms.model_dump(mode="json", exclude_defaults=True, exclude={"priority"})
        return tuple((name.replace("_", " "), _plain(value)) for name, value in told.items())


def view(
    job: Job,
    terms: Terms,
    tally: Tally,
    runs: Sequence[Listed],
    doing: Callable[[int], Doing | None],
    *,
    state: str = "",
    kind: str = "",
    after: int = 0,
) -> JobView:
    """The page; of `runs` the first PAGE are shown, and one more says that there are others."""
    shown = runs[:PAGE]
    lines = tuple(_line(listed, doing) for listed in shown)
    names = tuple(dict.fromkeys(line.configuration for line in lines))
    several = len(names) > 1
    return JobView(
        title=f"Job {job.job}: {job.model}"[:1000],
        job=job.job,
        status=job.status,
        model=job.model,
        model_sha256=job.model_sha256,
        inputs=job.inputs,
        frames=job.frames,
        recipe=job.recipe,
        selector=job.selector,
        references=job.references,
        created=job.created,
        user=job.user,
        priority=job.priority,
        terms=terms,
        report=bool(job.report),
        tally=tally,
        state=state,
        kind=kind,
        after=after,
        runs=lines,
        configurations=names if several else (),
        matrix=_matrix(lines, names) if several else (),
        more=len(runs) > PAGE,
        virtual=any(_virtual(listed.run.target) for listed in shown),
    )


def _line(listed: Listed, doing: Callable[[int], Doing | None]) -> RunLine:
    run = listed.run
    told = run.verdict
    return RunLine(
        id=run.id,
        target=target_label(run.target),
        label=run_label(run),
        configuration=run.variant,
        repetition=run.repetition,
        status=run.status,
        attempt=run.attempt,
        doing=doing(run.id) if run.status == "running" else None,
        verdict=told.kind if told is not None else "",
        cause=told.cause if told is not None else "",
        words=_words(run),
        remedy=told.remedy if told is not None else run.error.remedy if run.error is not None else "",
        median_ms=listed.median_ms,
        memory_mb=listed.memory_mb,
        top1=listed.top1,
    )


def _words(run: Run) -> str:
    if run.verdict is not None:
        return run.verdict.summary
    return verdict_line(run) if run.error is not None and run.status == "failed" else ""


def _matrix(lines: Sequence[RunLine], names: Sequence[str]) -> tuple[MatrixRow, ...]:
    cells: dict[str, dict[str, list[int]]] = {}
    for i, line in enumerate(lines):
        cells.setdefault(line.target, {}).setdefault(line.configuration, []).append(i)
    return tuple(
        MatrixRow(target=target, cells=tuple(tuple(by_name.get(name, ())) for name in names))
        for target, by_name in cells.items()
    )


def _virtual(target: Target | None) -> bool:
    return target is not None and target.kind == "virtual"


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "yes" if value is True else str(value)
