"""What a capture came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Totals:
    """What a capture came to."""

    frames: int
    bytes: int
    """Of the file."""
    dropped: int
    """Records that found no room."""
    dropped_bytes: int
    over_budget: int
    """Records left out for the byte budget."""
