"""One check of a gate: evidence of its cells, then an answer, and what the answer cost."""

from __future__ import annotations

import fnmatch
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.gate.answer import GateAnswer
from farm.gate.budget import Budget
from farm.gate.decide import cell, decide, outcome, together
from farm.gate.explain import alpha, uses_test_set
from farm.gate.read import Reader, test_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.gate.answer import Answer, Cell, Decision
    from farm.gate.condition import Condition
    from farm.gate.evidence import Evidence
    from farm.gate.taken import Taken
    from farm.sections.gate import Gate
    from farm.store.artifacts import ArtifactStore

ROUNDING = 1e-9
TOLD = 3
"""Reasons in a summary."""


@dataclass(frozen=True)
class Old:
    """What the new is compared with."""

    words: str
    runs: tuple[Taken, ...] = ()
    why: str = ""
    """Why a cell has none."""


NOTHING = Old("")


@dataclass(frozen=True)
class Asked:
    """One check."""

    gate: Gate
    job: int
    subject: str
    user: str
    new: tuple[Taken, ...]
    """Runs of the job that the gate is about, at least one."""
    old: Old
    at: float
    """Unix seconds."""


@dataclass(frozen=True)
class Gathered:
    """Evidence of all cells."""

    cells: tuple[Evidence, ...]
    test_set: str = ""
    """Empty where no condition uses one."""
    conditions: tuple[Condition, ...] = field(default=())


def unanswered(gate: Gate, job: int, why: str, *, user: str, now: float) -> GateAnswer:
    """Of a check that could not be made: undecided whatever the mode, since there is no evidence. `now`: Unix seconds."""
    return GateAnswer(
        at=now, gate=gate.name, job=job, subject=f"job {job}", user=user, mode=gate.mode, answer="undecided",
        outcome="undecided", summary=why, confidence=0.0, cells=(),
    )  # fmt: skip


def named(model: str, globs: Sequence[str]) -> bool:
    """Whether a model is one of those; of none all are."""
    return not globs or any(fnmatch.fnmatchcase(model, glob) for glob in globs)


def gather(asked: Asked, artifacts: ArtifactStore) -> Gathered:
    """Read what was measured. What cannot be read is missing evidence, with its reason."""
    conditions = asked.gate.parsed
    reader = Reader(artifacts, over_runs=asked.gate.over == "runs")
    cells: dict[tuple[str, str, str], list[Taken]] = {}
    # A run that failed tells no conditions: those that are done say what a cell is of.
    for taken in sorted(asked.new, key=lambda one: one.run.status != "done"):
        cells.setdefault((taken.model, taken.cell[1], taken.run.variant), []).append(taken)
    found = tuple(
        reader.evidence(conditions, new, old := _matching(new[0], asked), "" if old else asked.old.why)
        for new in cells.values()
    )
    uses = any(map(uses_test_set, conditions))
    return Gathered(found, test_set(asked.new[0].submission) if uses else "", conditions)


def _matching(new: Taken, asked: Asked) -> list[Taken]:
    """The old runs of a cell: of the same model's name, or of any name where both sides have one model alone."""
    alone = all(len({taken.model for taken in runs}) == 1 for runs in (asked.new, asked.old.runs) if runs)
    return [taken for taken in asked.old.runs if taken.cell[1:] == new.cell[1:] and (alone or taken.model == new.model)]


def budget(gate: Gate, used: str, share: float, *, passed: bool) -> Budget:
    """Of a test set of which checks took `share` of the promise."""
    return Budget(
        test_set=used, adaptivity=gate.adaptivity, steps=gate.steps,
        spent=min(gate.steps, math.ceil(share * gate.steps - ROUNDING)),
        changed=passed and gate.adaptivity == "first-change",
    )  # fmt: skip


def conclude(asked: Asked, gathered: Gathered, *, share: float, passed: bool) -> tuple[GateAnswer, float]:
    """The answer, and the share of the test set's promise that it takes. `share` was taken before, `passed` by a pass."""
    gate, conditions = asked.gate, gathered.conditions
    left = budget(gate, gathered.test_set, share, passed=passed) if gathered.test_set else None
    spent = left is not None and not left.left
    cells, used = [], False
    for evidence in gathered.cells:
        decisions = []
        for condition in conditions:
            own = alpha(condition, conditions, gate.confidence, len(gathered.cells), gate.adaptivity, gate.steps)
            decision = decide(condition, evidence, own)
            if uses_test_set(condition) and decision.n:
                used = used or not spent
                decision = _unanswered(decision, left) if spent and left is not None else decision
            decisions.append(decision)
        cells.append(cell(evidence, decisions))
    answer = _told(together([one.answer for one in cells]))
    # No evidence is not little evidence: no mode makes a pass or a fail of it.
    blind = any(d.answer == "undecided" and not d.n for one in cells for d in one.decisions)
    result = answer if blind else outcome(answer, gate.mode)
    if used and left is not None:
        left = budget(gate, gathered.test_set, share + 1 / gate.steps, passed=passed or result == "pass")
        if gate.adaptivity != "none":
            answer, cells = result, [_withheld(one, conditions) for one in cells]
    promised = [c.confidence if c.confidence is not None else gate.confidence for c in conditions if c.confidence != 0]
    return GateAnswer(
        at=asked.at, gate=gate.name, job=asked.job, subject=asked.subject, user=asked.user,
        against=asked.old.words, mode=gate.mode, answer=answer, outcome=result,
        summary=_summary(answer, result, cells, left), cells=tuple(cells), budget=left,
        confidence=sum(promised) / len(promised) if promised else 0.0,
    ), 1 / gate.steps if used else 0.0  # fmt: skip


def _unanswered(decision: Decision, left: Budget) -> Decision:
    """Of a test set that is spent nothing more is told."""
    return decision.model_copy(
        update={
            "parts": {},
            "answer": "undecided",
            "reason": left.words,
            "n": 0,
            "estimate": None,
            "low": None,
            "high": None,
            "more": None,
        }
    )


def _withheld(one: Cell, conditions: Sequence[Condition]) -> Cell:
    """What a test set that is used adaptively told beyond the gate's answer is kept back."""
    decisions = tuple(
        d.model_copy(
            update={
                "answer": "withheld",
                "parts": {}, "estimate": None, "low": None, "high": None, "more": None,
                "reason": "one of a test set that is used adaptively: the gate's answer is all that may be told",
            }
        )
        if uses_test_set(c) and d.n
        else d
        for d, c in zip(one.decisions, conditions, strict=True)
    )  # fmt: skip
    return one.model_copy(update={"decisions": decisions, "answer": together([d.answer for d in decisions])})


def _told(word: str) -> Answer:
    return "pass" if word == "pass" else "fail" if word == "fail" else "undecided"


def _summary(answer: Answer, result: Answer, cells: Sequence[Cell], left: Budget | None) -> str:
    count = f"{len(cells)} of model and device" if len(cells) > 1 else "one model on one device"
    if answer == "pass":
        told = f"all conditions hold, on {count}"
    else:
        reasons = [line for one in cells for line in _reasons(one, answer)]
        told = "; ".join(reasons[:TOLD]) or f"of {count}, the answer alone is told"
        told += f"; and {len(reasons) - TOLD} more" if len(reasons) > TOLD else ""
    if result != answer:
        told += f"; undecided counts as {result}"
    if left is not None and left.left <= max(1, left.steps // 8) and left.words not in told:
        told += f"; {left.words}"
    return told


def _reasons(one: Cell, answer: Answer) -> list[str]:
    """Why a cell's conditions were answered so; what several have in common once."""
    found: dict[str, list[str]] = {}
    for decision in one.decisions:
        if decision.answer == answer:
            found.setdefault(decision.reason, []).append(decision.condition)
    return [
        f"{one.model} on {one.serial}: {of[0] if len(of) == 1 else f'{len(of)} conditions'}: {reason}"
        for reason, of in found.items()
    ]
