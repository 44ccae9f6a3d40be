"""What a gate answers: as scripts, pages, the store and people get it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from farm.gate.budget import Adaptivity, Budget
from farm.gate.condition import Comparison
from farm.gate.sizes import Need
from farm.report.base import Part

Answer = Literal["pass", "fail", "undecided"]
Word = Literal["pass", "fail", "undecided", "withheld"]
Mode = Literal["", "fp-free", "fn-free"]
"""What undecided counts as: nothing; fail, so that no pass is wrong; pass, so that no fail is."""


class Decision(Part):
    """One condition on one model and device."""

    condition: str
    answer: Word
    """`withheld`: of a test set that is used adaptively nothing but the gate's answer may be told."""
    reason: str
    estimate: float | None = None
    """Of the sum on the condition's left; None: not measured, or withheld. As the two below."""
    low: float | None = None
    """Each limit is wrong with probability `alpha` at most; None: there is none at this n."""
    high: float | None = None
    parts: dict[str, float] = Field(default={})
    """What the sum is of, as measured: `latency.p90(new)`, `latency.p90(old)`."""
    comparison: Comparison
    limit: float
    unit: str = ""
    alpha: float = 1.0
    n: int = 0
    """Frames, invocations or runs behind it: of the side that has fewer."""
    counted: str = ""
    more: int | None = None
    """So many more would decide it, if they are like these; None: no number does, or none is needed."""


class Cell(Part):
    """All conditions on one model, device and configuration."""

    model: str
    serial: str
    configuration: str = ""
    answer: Word
    runs: tuple[int, ...] = ()
    against: tuple[int, ...] = ()
    """Runs that they are compared with."""
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()
    """What else differs between new and old: told before a figure is blamed on the model."""


class GateAnswer(Part):
    """One check."""

    id: int = 0
    at: float
    """Unix seconds."""
    gate: str
    job: int
    subject: str
    """What was checked: a commit, else `job 12`."""
    user: str = ""
    against: str = ""
    """What it is compared with, in words."""
    mode: Mode = ""
    answer: Answer
    outcome: Answer
    """The answer, or what the mode makes of it: what scripts go by."""
    summary: str
    """Why, in a sentence."""
    confidence: float
    """That nothing of it is wrong, over all conditions, devices and checks of the test set; 0: no promise was asked for."""
    cells: tuple[Cell, ...]
    budget: Budget | None = None
    """None where no condition looks at a test set."""

    @property
    def sure(self) -> float:
        """The confidence where the outcome has it; 0 where it is undecided, or what the mode makes of that, or may be."""
        if self.answer == "undecided":
            return 0.0
        withheld = any(decision.answer == "withheld" for cell in self.cells for decision in cell.decisions)
        kept = {"fp-free": "pass", "fn-free": "fail"}.get(self.mode, self.outcome)
        return self.confidence if self.outcome == kept or not withheld else 0.0


class GateView(Part):
    """A gate of farm.toml, and how it went last."""

    name: str
    on: str
    models: tuple[str, ...]
    schedules: tuple[str, ...]
    """After whose nights it is checked."""
    conditions: tuple[str, ...]
    confidence: float
    mode: Mode
    adaptivity: Adaptivity
    steps: int
    baseline: str
    last: GateAnswer | None = None
    budget: Budget | None = None
    """Of the test set that the last check used."""


class Explanation(Part):
    """What a gate, or a condition, needs."""

    subject: str
    needs: tuple[Need, ...]
    cells: int
    steps: int
    adaptivity: Adaptivity
    confidence: float
    budget: Budget | None = None
