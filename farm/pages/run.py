"""A run: its verdict and what speaks for it, answers, layers, costs, conditions, files."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.pages.job import Doing
from farm.pages.run_charts import TIMELINE, of_run
from farm.pages.view import View
from farm.report import html
from farm.report.document import Comparison, Run
from farm.report.words import run_label

if TYPE_CHECKING:
    from markupsafe import Markup

    from farm.pages.chart import Chart
    from farm.pages.lanes import Drawing
    from farm.report.document import Job


class RunView(View):
    """One run; of its comparisons the one with the reference asked for."""

    template: ClassVar[str] = "run.html.j2"
    section: ClassVar[str] = "/jobs"
    job: int
    model: str
    run: Run
    reference: str = ""
    """Whose comparison is shown; empty: there is none."""
    doing: Doing | None = None
    """While it is under way."""
    graph: bool = True
    """The model's graph could be drawn."""

    @property
    def open(self) -> bool:
        """Whether it still waits or runs."""
        return self.run.status in ("queued", "running")

    @property
    def label(self) -> str:
        """Target, configuration, repetition."""
        return run_label(self.run)

    @property
    def base(self) -> str:
        """The page's path."""
        return f"/jobs/{self.job}/runs/{self.run.id}"

    @property
    def comparison(self) -> Comparison | None:
        """With the reference shown."""
        return chosen(self.run, self.reference)

    @property
    def group(self) -> tuple[Chart, ...]:
        """Charts that share the axis of the invocations."""
        return tuple(c for c in self.charts if c.group == TIMELINE)

    @property
    def layered(self) -> bool:
        """Whether a capture holds layers, so that input and outputs of layers can be looked at."""
        return bool(self.run.comparisons) and any(
            c.name in ("layers", "app") and not c.removed for c in self.run.captures
        )

    def part(self, name: str) -> Markup:
        """A part of the report, in its own words."""
        return html.part(name, run=self.run, c=self.comparison)


def chosen(run: Run, reference: str) -> Comparison | None:
    """The comparison with a reference, else the first."""
    return next((c for c in run.comparisons if c.reference == reference), next(iter(run.comparisons), None))


def view(job: Job, reference: str, drawing: Drawing | None, doing: Doing | None) -> RunView:
    """The page of a job's only run here."""
    (run,) = job.runs
    found = chosen(run, reference)
    return RunView(
        title=f"Run {run.id} of job {job.job}: {job.model}"[:1000],
        charts=of_run(run, found, drawing),
        job=job.job,
        model=job.model,
        run=run,
        reference="" if found is None else found.reference,
        doing=doing,
        graph=drawing is not None,
    )
