"""What travels over REST about regressions and annotations. Imports no web framework."""

from __future__ import annotations

from pydantic import Field

from farm.api.messages import Message
from farm.trend.annotation import Kind  # pydantic reads the annotations

TEXT = 500


class ReasonRequest(Message):
    """Why somebody says so."""

    reason: str = Field(default="", max_length=TEXT)


class IgnoreRequest(Message):
    """Until when it is ignored, Unix seconds, and why."""

    reason: str = Field(min_length=1, max_length=TEXT)
    until: float = Field(gt=0, le=1e11)


class AnnotationRequest(Message):
    """Something people should know who look at a series."""

    text: str = Field(min_length=1, max_length=TEXT)
    kind: Kind = "note"
    at: float | None = Field(default=None, gt=0, le=1e11)
    """Unix seconds; None: now."""
    model: str = Field(default="", max_length=255)
    """Empty: every one; as `serial`."""
    serial: str = Field(default="", max_length=200)
