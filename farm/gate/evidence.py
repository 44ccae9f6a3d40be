"""What was measured, as conditions need it: of one model on one device, new and old."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.gate.condition import Quantity
    from farm.gate.metric import Counted


@dataclass(frozen=True)
class Share:
    """So many of n frames."""

    hits: int
    n: int


@dataclass(frozen=True)
class Mean:
    """The average of n frames' scores, each from 0 to 1."""

    value: float
    n: int


@dataclass(frozen=True)
class Sample:
    """Sorted observations, each of an invocation or a run, and which quantile of them counts."""

    values: tuple[float, ...]
    quantile: float = 0.5
    counted: Counted = "runs"

    @property
    def n(self) -> int:
        """How many."""
        return len(self.values)


@dataclass(frozen=True)
class Paired:
    """Of n frames that both sides answered, the new alone got `gained` right, the old alone `lost`."""

    gained: int
    lost: int
    n: int


@dataclass(frozen=True)
class PairedMean:
    """The average of new - old over n frames, each from -1 to 1."""

    value: float
    n: int


@dataclass(frozen=True)
class Missing:
    """There is none, and why."""

    reason: str


Figure = Share | Mean | Sample | Missing


@dataclass(frozen=True)
class Evidence:
    """Of one cell."""

    model: str
    serial: str
    configuration: str
    figures: Mapping[Quantity, Figure]
    pairs: Mapping[str, Paired | PairedMean | Missing] = field(default_factory=dict)
    """new - old by metric."""
    runs: tuple[int, ...] = ()
    against: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
