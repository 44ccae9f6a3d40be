"""The list of jobs: newest first, a stretch at a time, filtered by what stands in the address."""

from __future__ import annotations

from typing import ClassVar

from farm.pages.view import View
from farm.report.job_line import JobLine

PAGE = 50
STATUSES = ("queued", "running", "done", "failed", "canceled")
KINDS = ("job", "nightly", "recheck", "sentinel")


class JobList(View):
    """Jobs, the newest first."""

    template: ClassVar[str] = "jobs.html.j2"
    section: ClassVar[str] = "/jobs"
    title: str = "Jobs"
    q: str = ""
    """In the model's name, or the user's."""
    status: str = ""
    kind: str = ""
    before: int | None = None
    """Only jobs with lower numbers; None: from the newest."""
    jobs: tuple[JobLine, ...]
    more: int | None = None
    """`before` of the next stretch; None: this is the last."""
    any: bool
    """Whether the lab has a job at all."""


def job_list(found: list[JobLine], *, q: str, status: str, kind: str, before: int | None) -> JobList:
    """The page of up to PAGE + 1 jobs that were found: one too many says that there are more."""
    shown = found[:PAGE]
    return JobList(
        q=q, status=status, kind=kind, before=before, jobs=tuple(shown),
        more=shown[-1].job if len(found) > PAGE else None,
        any=bool(found) or bool(q or status or kind or before),
    )  # fmt: skip
