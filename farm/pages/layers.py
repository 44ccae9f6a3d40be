"""Every layer of a run against one reference, figure by figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.pages.run import chosen
from farm.pages.view import View
from farm.report import html
from farm.report.document import Comparison

if TYPE_CHECKING:
    from markupsafe import Markup

    from farm.report.document import Job


class LayersView(View):
    """The table."""

    template: ClassVar[str] = "layers.html.j2"
    section: ClassVar[str] = "/jobs"
    job: int
    run: int
    comparison: Comparison | None

    @property
    def base(self) -> str:
        """Path of the run's page."""
        return f"/jobs/{self.job}/runs/{self.run}"

    def part(self, name: str) -> Markup:
        """A part of the report, in its own words."""
        return html.part(name, c=self.comparison)


def view(job: Job, reference: str) -> LayersView:
    """The page of a job's only run here."""
    (run,) = job.runs
    return LayersView(
        title=f"Layers of run {run.id} of job {job.job}: {job.model}"[:1000],
        job=job.job,
        run=run.id,
        comparison=chosen(run, reference),
    )
