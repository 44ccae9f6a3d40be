"""What is asked of gates."""

from __future__ import annotations

from pydantic import Field

from farm.api.messages import Message
from farm.sections.gate import BASELINE

COMMIT = r"^[A-Za-z0-9][A-Za-z0-9._/-]*$"
"""A hash, a tag, a branch."""


class CheckRequest(Message):
    """Whether a job passes a gate."""

    job: int | None = Field(default=None, ge=1, le=2**53)
    """None: the newest that is done."""
    against: str = Field(default="", pattern=rf"^$|{BASELINE}", max_length=16)
    """`last-passed`, `baseline` or a job's number; empty: what the gate says."""
    commit: str = Field(default="", max_length=200, pattern=rf"^$|{COMMIT}")
    """What was built, for people."""
