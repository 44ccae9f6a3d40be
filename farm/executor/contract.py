"""The executor contract: where the host side of a run happens. tests/daemon/test_executor.py runs over every implementation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Protocol

from farm.errors import InfrastructureError, JobError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.errors import FarmError
    from farm.report.document import Run
    from farm.run.work import Work


class CanceledError(JobError):
    """Somebody canceled the job."""


class StoppingError(InfrastructureError):
    """The daemon shuts down; the run waits for the next one."""


class Listener(Protocol):
    """Whoever gave the work. Called from the executor's threads; must return soon."""

    def progress(self, work: Work, stage: str, done: int, of: int) -> None:
        """`done` of `of` units of `stage`; `of` is 0 where the amount is unknown."""

    def beat(self, work: Work) -> None:
        """A sign of life. Raises FarmError when the work must end."""

    def ended(self, work: Work, result: Run, error: FarmError | None) -> None:
        """The work is over: with its result, or with an error and what was recorded until then. Must not raise."""


class Executor(ABC):
    """Carries out works, each in its own thread, process or machine."""

    @abstractmethod
    def start(self, work: Work) -> None:
        """Begin and return at once. The listener's `ended` is called exactly once for each work begun, whatever it raised.

        Raises:
            StoppingError: after `stop` was called.
        """

    @abstractmethod
    def interrupt(self, token: int, reason: FarmError) -> None:
        """Make the work of this lease end with `reason` at its next `check()`.

        The first reason stays; unknown tokens are ignored.
        """

    @abstractmethod
    def stop(self, within_s: float) -> Sequence[Work]:
        """Interrupt every work with StoppingError and wait at most `within_s` seconds in all.

        Returns the works that had not ended by then; whatever they still do, their `ended` is not called any more.
        """
