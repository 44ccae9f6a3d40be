"""What travels over REST besides the job document, and the errors that only REST has. Imports no web framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from farm.errors import BugError, FarmError, InfrastructureError, JobError
from farm.fleet.device import Device, Kind, State
from farm.report.document import Failure, JobStatus, RunStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST_LIMIT = 64 << 20
"""Bytes of a JSON request; 100 000 frames need about 20 MB."""
MISSING_LIMIT = 10_000
"""Artifacts asked for at once."""


class TokenError(JobError):
    """The bearer token is missing or not known."""


class HostError(JobError):
    """The request was made for another host: a page in a browser was rebound to this one."""


class NotFoundError(JobError):
    """No such job, report, artifact or address."""


class TooLargeError(JobError):
    """The request's body is over the limit."""


class Message(BaseModel):
    """Base of all messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Failure):
    """A FarmError on its way to the client, which raises it again."""

    def error(self) -> FarmError:
        """The message as an error: of its own class where this process knows it, else of its kind's."""
        kinds: dict[str, type[FarmError]] = {"job": JobError, "infrastructure": InfrastructureError}
        known = {cls("").code: cls for cls in _tree(FarmError)}
        cls = known.get(self.code, kinds.get(self.kind, BugError))
        return cls(self.message, where=self.where, remedy=self.remedy)


def _tree(cls: type[FarmError]) -> Iterator[type[FarmError]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _tree(sub)


class Health(Message):
    """The one answer that needs no token."""

    pid: int


class DeviceView(Message):
    """A device, and the run that holds it."""

    serial: str
    state: State
    kind: Kind
    properties: dict[str, str]
    run: int | None = None

    def device(self) -> Device:
        """As the rest of the farm sees it."""
        return Device(self.serial, self.state, self.properties)


class Hashes(Message):
    """A list of sha256, in hex."""

    sha256: tuple[str, ...] = Field(max_length=MISSING_LIMIT)


class Event(Message):
    """Something about a job changed. The last one has `run` None and the job's final status."""

    job: int
    run: int | None = None
    serial: str = ""
    status: RunStatus | JobStatus
    attempt: int = 0
    stage: str = ""
    done: int = 0
    of: int = 0
    """0 where the amount is unknown."""
    message: str = ""
    """Why the last attempt gave no result."""

    @property
    def last(self) -> bool:
        """Whether the job is over."""
        return self.run is None


class Advert(Message):
    """data/daemon.json: where the daemon at work is."""

    url: str
    pid: int


def is_sha256(text: str) -> bool:
    """Whether `text` is a sha256 in lower-case hex."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
