"""Messages to people, as scripts and pages see them."""

from __future__ import annotations

from typing import Literal

from farm.report.base import Part
from farm.trend.news import News

State = Literal["waiting", "held", "under way", "sent", "given up"]


class DeliveryView(Part):
    """A message to one address. Times are Unix seconds."""

    key: str
    """`digest 2026-11-22`, `gate 12`."""
    title: str
    at: float
    target: str
    """The address's name: it holds no secret."""
    state: State
    """`held`: by quiet hours."""
    attempts: int
    not_before: float
    ended: float | None
    error: str
    """Of the last attempt."""


class NotifyView(Part):
    """Who is told, and what of late."""

    targets: tuple[str, ...]
    digest_at: str
    quiet: str
    zone: str
    deliveries: tuple[DeliveryView, ...]
    """The newest messages first."""


class DigestView(Part):
    """What a digest says."""

    title: str
    text: str
    html: str
    news: tuple[News, ...]
    """The worst first."""
    targets: tuple[str, ...] = ()
    """To which it was put on its way."""
    held: bool = False
    """Quiet hours hold it there."""
