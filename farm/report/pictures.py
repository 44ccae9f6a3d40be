"""What a model's input looked like on both sides: pictures that stand in the page. The document for scripts has none."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

MOST_BYTES = 1 << 20
"""Of one picture; a larger one is left out, and the page says so."""


@dataclass(frozen=True)
class Picture:
    """A PNG file and what it shows."""

    title: str
    png: bytes

    @property
    def uri(self) -> str:
        """The picture itself, as an address; empty when it is too large for a page."""
        return "" if len(self.png) > MOST_BYTES else f"data:image/png;base64,{b64encode(self.png).decode()}"


@dataclass(frozen=True)
class InputPictures:
    """One frame: what the reference was fed, what the device fed, the same with the inferred bug undone, what then differs."""

    frame: str
    pictures: tuple[Picture, ...]
    before: float
    """RMSE / range between the device's input and the reference's."""
    after: float | None
    """The same with the bug undone; None where nothing was undone."""
    left: tuple[str, ...]
    """Changes that cannot be undone in the input, since what they took away is gone: a crop, a resize."""
