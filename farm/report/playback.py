"""The frames of a capture, played through other targets."""

from __future__ import annotations

from farm.report.base import Part
from farm.report.document import Failure, Verdict
from farm.report.pairing import Pairing


class PlayedFrames(Part):
    """Which of the capture's frames were played."""

    found: int
    kept: int
    skipped: int
    """Near-duplicates of the frame kept before them."""
    threshold: float | None = None
    """None where none were to be skipped."""


class PlayedSensors(Part):
    """Readings that the capture holds beside its frames."""

    readings: int
    names: tuple[str, ...] = ()
    used: bool = False
    """A model alone has no use for them; an app that is attached has."""


class Played(Part):
    """One target."""

    target: str
    """As it was named."""
    job: int | None = None
    """None for a reference."""
    run: int | None = None
    verdict: Verdict | None = None
    """Of the new run by itself, as of any job."""
    pairing: Pairing | None = None
    """The capture is A, the new run B; None where it failed."""
    error: Failure | None = None


class Playback(Part):
    """All of them."""

    capture: str
    model: str
    model_sha256: str
    frames: PlayedFrames
    sensors: PlayedSensors
    plays: tuple[Played, ...]
