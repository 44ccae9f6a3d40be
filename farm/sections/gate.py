"""What has to hold of runs: `[[gate]]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from farm.errors import GateError, SelectorError
from farm.fleet import selector
from farm.gate.answer import Mode
from farm.gate.budget import MOST_STEPS, STEPS, Adaptivity
from farm.gate.language import parse
from farm.sections.base import Section
from farm.tomlfile import TextError

if TYPE_CHECKING:
    from farm.gate.condition import Condition

MOST = 16
"""Conditions of one gate."""
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
"""Of a gate, and of a schedule."""
BASELINE = r"^(last-passed|baseline|[1-9][0-9]{0,8})$"


class Gate(Section):
    """Conditions, on which runs of a job they are asked, and how sure the answer has to be."""

    name: str = Field(min_length=1, max_length=64, pattern=NAME)
    conditions: tuple[str, ...] = Field(min_length=1, max_length=MOST)
    """All of which have to hold (docs/gates.md)."""
    on: str = Field(default="", max_length=4096)
    """Which of the job's devices, as of `farm submit --on`; empty: all of them."""
    models: tuple[str, ...] = Field(default=(), max_length=64)
    """Globs of models' names; none: all of the job's."""
    schedules: tuple[Annotated[str, Field(max_length=64, pattern=NAME)], ...] = Field(default=(), max_length=64)
    """Names of schedules: once a night of theirs is over, the gate is checked on its jobs."""
    confidence: float = Field(default=0.99, gt=0, lt=1)
    """That the answer is right; a condition's own `@` comes first."""
    mode: Mode = ""
    """What undecided counts as: `fp-free` fail, `fn-free` pass; empty: neither."""
    steps: int = Field(default=STEPS, ge=1)
    """Checks that one test set is to answer."""
    adaptivity: Adaptivity = Field(default="none", validate_default=True)
    """What earlier answers are used for: see farm.gate.budget."""
    baseline: str = Field(default="last-passed", pattern=BASELINE)
    """What `old` is: the newest earlier job that passed, each series' accepted `baseline`, or a job's number."""
    over: Literal["invocations", "runs"] = "invocations"
    """What latency is counted in: the invocations of the runs, or the runs, each by its own figure."""

    @field_validator("conditions")
    @classmethod
    def _can_be_read(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        count = 0
        for text in conditions:
            try:
                count += len(parse(text))
            except GateError as e:
                raise TextError(e.message, text, e.at or 0) from e
        if count > MOST:
            raise ValueError(f"{count} conditions; at most {MOST}")
        return conditions

    @field_validator("on")
    @classmethod
    def _is_a_selector(cls, on: str) -> str:
        try:
            selector.parse(on)
        except SelectorError as e:
            raise ValueError(str(e)) from e
        return on

    @field_validator("adaptivity")
    @classmethod
    def _is_affordable(cls, adaptivity: Adaptivity, info: ValidationInfo) -> Adaptivity:
        steps = info.data.get("steps", STEPS)
        if steps > MOST_STEPS[adaptivity]:
            raise ValueError(f"of {adaptivity!r} at most {MOST_STEPS[adaptivity]} steps can be promised")
        if adaptivity != "none" and not info.data.get("mode"):
            raise ValueError(
                f"{adaptivity!r} tells pass or fail alone: say in `mode` which of them undecided counts as"
            )
        return adaptivity

    @property
    def parsed(self) -> tuple[Condition, ...]:
        """The conditions, each by itself."""
        return tuple(condition for text in self.conditions for condition in parse(text))
