"""What travels over REST about devices. Imports no web framework."""

from __future__ import annotations

from pydantic import Field

from farm.api.messages import DeviceView, Message
from farm.fleet.enrolment import Enrolment  # pydantic reads the annotations

WORD = r"^$|^[A-Za-z0-9][A-Za-z0-9._+-]{0,59}$"
LONGEST_S = 30 * 86400.0
STREAM_S = 3600.0
"""Longest that a command on a device may take."""
COMMAND_LIMIT = 8192


class ReservationView(Message):
    """Whose a device is. Unix seconds."""

    user: str
    since: float
    expires: float
    reason: str


class DeviceNoted(Message):
    """Something that happened to a device. `at` in Unix seconds."""

    at: float
    kind: str
    detail: str


class DeviceDetail(Message):
    """All that is known of a device."""

    device: DeviceView
    first_seen: float | None = None
    """Unix seconds; None when it never answered, as with all below."""
    faults: int = 0
    """Infrastructure errors in a row."""
    reservation: ReservationView | None = None
    enrolment: Enrolment | None = None
    enrolled: float | None = None
    events: tuple[DeviceNoted, ...] = ()
    """The newest first."""


class ReserveRequest(Message):
    """Keep other users' runs away, for a while."""

    seconds: float = Field(ge=1, le=LONGEST_S)
    reason: str = Field(default="", max_length=200)
    wait: bool = False
    """Though a run is there: it goes on to its end."""


class ForceRequest(Message):
    """`force`: though a run is there, or the device is another user's."""

    force: bool = False


class QuarantineRequest(Message):
    """Keep all runs away until the device is healed."""

    reason: str = Field(min_length=1, max_length=500)


class NameRequest(Message):
    """What the lab calls a device; None: as it was, empty: nothing."""

    name: str | None = Field(default=None, pattern=WORD)
    pool: str | None = Field(default=None, pattern=WORD)
    add: tuple[str, ...] = Field(default=(), max_length=50)
    """Labels."""
    remove: tuple[str, ...] = Field(default=(), max_length=50)


class CommandRequest(ForceRequest):
    """A command line for the device's shell."""

    command: str = Field(min_length=1, max_length=COMMAND_LIMIT)
    timeout_s: float = Field(default=60.0, gt=0, le=STREAM_S)
