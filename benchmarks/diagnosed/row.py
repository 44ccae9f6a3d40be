"""One line of the benchmark's tables."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was planted, and what was said."""

    bug: str
    planted: str
    outcome: str
    said: str
    verdict: str
    cause: str
    hidden: str = ""
