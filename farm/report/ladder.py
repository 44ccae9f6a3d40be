"""Where the error enters: the rungs of the ladder, and who is to blame."""

from __future__ import annotations

from typing import Literal

from farm.report.base import Part

Word = Literal[
    "pre-processing",
    "converter",
    "calibration",
    "kernel",
    "delegate",
    "device",
    "post-processing",
    "none",
    "unexplained",
    "not identifiable",
]


class Blame(Part):
    """One cause, and what speaks for it."""

    word: Word
    name: str = ""
    """The assertion or the fault: `channel`, `saturated-bias`, ..."""
    layer: str = ""
    """`12 CONV_2D block3/Relu6`; empty where it concerns none."""
    evidence: str
    """One sentence with its figures."""
    confidence: float
    """Share of the frame bootstraps that blame the same."""
    needed: int | None = None
    """More frames that would settle it; None when it is settled, or when none would."""
    fails: bool = True
    """False: a difference whose effect on the answers is not shown."""


class Rung(Part):
    """One target of the ladder, compared with the one above."""

    name: str
    """`float reference`, `float optimized`, `quantized reference`, `quantized optimized`, `device`, ..."""
    target: str
    """The runtime and model that stood for it."""
    against: str = ""
    """The rung above; empty for the first."""
    frames: int = 0
    """Whose layers were compared."""
    running_nrmse: float | None = None
    """Largest over the layers that both have."""
    isolated_nrmse: float | None = None
    layer: str = ""
    """Where the running error is largest, or first over its threshold."""
    answers: int = 0
    """Frames whose answers were compared."""
    agreement: float | None = None
    """Share of them with the same answer as the rung above."""
    score: float | None = None
    """The task's main metric; None without labels."""
    enters: bool = False
    """The error enters here."""
    missing: str = ""
    """Why the rung was not climbed; empty when it was."""


class Ladder(Part):
    """Top to bottom."""

    rungs: tuple[Rung, ...]
    metric: str = ""
    """Name of `score`."""
    alignment: str = ""
    """How many layers of the float twin were found again, and by what."""
    unsaid: tuple[str, ...] = ()
    """What cannot be said, and what would be needed for it."""
