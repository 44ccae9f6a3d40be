"""Who may cancel whose job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.api.messages import ForbiddenError
from farm.scopes import allows

if TYPE_CHECKING:
    from fastapi import Request

    from farm.api.desk import JobDesk
    from farm.report.document import Job


def cancel_job(jobs: JobDesk, job: int, request: Request) -> Job:
    """Cancel a job for who asks; one that is over stays as it is.

    Raises:
        NotFoundError: there is no such job.
        ForbiddenError: it is somebody else's, and their scope is below `operate`.
    """
    owner, user = jobs.job(job).user, request.state.user
    if owner != user and not allows(request.state.scope, "operate"):
        raise ForbiddenError(
            f"it is {owner}'s, and you are {user}",
            where=f"job {job}",
            remedy="ask them, or use a token made with `farm token create --scope operate`",
        )
    return jobs.cancel(job)
