"""What travels over REST besides the job document, and the errors that only REST has. Imports no web framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from farm.errors import BugError, DaemonError, FarmError, InfrastructureError, JobError
from farm.fleet.device import Condition, Device, Kind, Standing, State
from farm.gate.answer import Answer
from farm.report.document import Failure, JobStatus, RunStatus
from farm.schedule.schedule import NightStatus
from farm.scopes import Scope
from farm.trend.regression import Status as RegressionStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST_LIMIT = 64 << 20
"""Bytes of a JSON request; 100 000 frames need about 20 MB."""
MISSING_LIMIT = 10_000
"""Artifacts asked for at once."""
NAME = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
"""Of a token or a user."""


class TokenError(JobError):
    """The bearer token is missing, not known, expired or revoked."""


class ForbiddenError(JobError):
    """The bearer token is known, but its scope is too small."""


class ConflictError(JobError):
    """There is something of this name already."""


class SlowError(JobError):
    """The request came too slowly to be waited for."""


class CrowdedError(DaemonError):
    """More connections at once than the daemon takes: a moment later there is room again."""


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
    """A device, where it stands, and the run that holds it."""

    serial: str
    state: State
    kind: Kind
    properties: dict[str, str]
    run: int | None = None
    name: str = ""
    pool: str = ""
    labels: tuple[str, ...] = ()
    holder: str = ""
    """Who reserved it."""
    condition: Condition | None = None
    """None where no fleet keeps watch; as with the three below."""
    reason: str = ""
    since: float = 0.0
    """Unix seconds."""
    remedy: str = ""
    battery: int | None = None
    """Percent; None: not told, as below."""
    battery_c: float | None = None
    thermal: str | None = None
    task: str = ""
    """What the fleet does with it: `asked`, `booting`, `enrolled`, `rebooted`."""
    last_seen: float = 0.0
    """Unix seconds; 0: it never answered."""

    @classmethod
    def of(cls, device: Device, run: int | None = None) -> DeviceView:
        """A device of the fleet."""
        d, standing = device, device.standing
        told = {} if standing is None else vars(standing)
        return cls(
            serial=d.serial, state=d.state, kind=d.kind, properties=dict(d.properties), run=run, name=d.name,
            pool=d.pool, labels=tuple(sorted(d.labels)), holder=d.holder, battery=d.battery, battery_c=d.battery_c,
            thermal=d.thermal, task=d.task, last_seen=d.last_seen, **told,
        )  # fmt: skip

    def device(self) -> Device:
        """As the rest of the farm sees it."""
        standing = None
        if self.condition is not None:
            standing = Standing(self.condition, self.reason, self.since, self.remedy)
        return Device(
            self.serial, self.state, self.properties, name=self.name, pool=self.pool, labels=frozenset(self.labels),
            holder=self.holder, standing=standing, battery=self.battery, battery_c=self.battery_c,
            thermal=self.thermal, task=self.task, last_seen=self.last_seen,
        )  # fmt: skip


class Hashes(Message):
    """A list of sha256, in hex."""

    sha256: tuple[Annotated[str, Field(pattern="^[0-9a-f]{64}$")], ...] = Field(max_length=MISSING_LIMIT)


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


class JobState(Message):
    """A job, in few words."""

    job: int
    status: JobStatus
    user: str
    model: str


class NightState(Message):
    """A night of a schedule, in few words."""

    night: int
    schedule: str
    status: NightStatus
    note: str = ""
    """Why it was skipped or failed, or what it waits for."""
    judged: bool = False
    """Its series were looked at for shifts."""


class GateState(Message):
    """A gate was checked."""

    gate: str
    job: int
    outcome: Answer
    subject: str = ""
    """What was checked: a commit, a job."""


class RegressionState(Message):
    """Where a regression stands."""

    regression: int
    status: RegressionStatus


class LabEvent(Message):
    """Something of the lab as it is now: exactly one of these is there."""

    job: JobState | None = None
    run: Event | None = None
    night: NightState | None = None
    gate: GateState | None = None
    regression: RegressionState | None = None
    device: DeviceView | None = None
    gone: str = ""
    """The serial of a device that is not listed any more."""


class Check(Message):
    """One thing the lab needs, and what to do where it is not there."""

    name: str
    ok: bool
    message: str = ""
    remedy: str = ""


class Ready(Message):
    """Whether the lab can work: every check holds."""

    ready: bool
    checks: tuple[Check, ...]


class TokenRequest(Message):
    """A token to be made."""

    name: str = Field(pattern=NAME)
    """For people, and to revoke it by; no two tokens that hold have one name."""
    user: str = Field(pattern=NAME)
    """Whose jobs, reservations and audit lines they are."""
    scope: Scope
    expires_s: float | None = Field(default=None, gt=0, le=100 * 365 * 86400)
    """Seconds from now; None: never."""


class TokenView(Message):
    """A token, without its text."""

    name: str
    user: str
    scope: Scope
    state: Literal["valid", "expired", "revoked"]
    created: str
    """UTC, ISO 8601."""
    expires: float | None
    """Unix seconds; None: never."""


class NewToken(TokenView):
    """A token that was just made."""

    token: str
    """Its text, told this once."""


class NewLogin(Message):
    """What lets one browser in."""

    code: str
    """For `/login?code=`, once."""
    expires: float
    """Unix seconds."""


class AuditLine(Message):
    """Who changed, or tried to change, what."""

    id: int
    at: float
    """Unix seconds."""
    user: str
    token: str
    """The token's name."""
    action: str
    subject: str
    status: int
    """HTTP status of the answer; 0: it was not answered, or not yet."""


class Removed(Message):
    """What retention removed, or would: files and bytes by kind (capture, tensors, evidence, input)."""

    dry_run: bool
    files: dict[str, int]
    bytes: dict[str, int]
    left_bytes: int
    """Of all artifacts, after it."""
    budget_bytes: int | None
    """None: no limit."""


class Advert(Message):
    """data/daemon.json: where the daemon at work is."""

    url: str
    pid: int
    certificate: str = ""
    """With TLS, the certificate it shows, in PEM."""


def is_sha256(text: str) -> bool:
    """Whether `text` is a sha256 in lower-case hex."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
