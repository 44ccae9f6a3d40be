"""How a capture is to be made; words as in exray.h's `exray_options`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Sampling = Literal["every", "first", "on-assertion", "never"]


@dataclass(frozen=True)
class Options:
    """What a capture tells of itself, and what it may take.

    Raises:
        ValueError: a sampling that is not known, or a number below 0.
    """

    app: str | None = None
    model: str | Path | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    sampling: Sampling = "every"
    n: int = 0
    byte_budget: int = 0
    ring: int = 0
    memory: bool = True
    signals: bool = True

    def __post_init__(self) -> None:
        if self.sampling not in get_args(Sampling):
            raise ValueError(f"sampling={self.sampling!r} is none of {', '.join(get_args(Sampling))}")
        if min(self.n, self.byte_budget, self.ring) < 0:
            raise ValueError("n, byte_budget and ring are 0 (not given) or more")

    def logs(self, frame: int) -> bool:
        """Whether elements and tensors of a frame, counted from 1, are logged whatever becomes of it."""
        match self.sampling:
            case "every":
                return (frame - 1) % max(self.n, 1) == 0
            case "first":
                return frame <= self.n
        return False

    def may_log(self, frame: int) -> bool:
        """Whether they are, or are held until it is known."""
        return self.sampling == "on-assertion" or self.logs(frame)
