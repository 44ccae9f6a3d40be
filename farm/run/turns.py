"""The invocations of the agent in a run, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.run.steps import Plan, Step
    from farm.submission import Submission


@dataclass(frozen=True)
class Turn:
    """One invocation of the agent. `title` names its files; a pair runs one step many times."""

    title: str
    plan: Plan
    step: Step
    submission: Submission


def turns_of(submission: Submission, plan_of: Callable[[Submission], Plan]) -> list[Turn]:
    """The passes of a submission; of a pair, A and B in turn."""
    if not submission.terms.pair:
        plan = plan_of(submission)
        return [Turn(step.name, plan, step, submission) for step in plan.steps]
    sides = {}
    for index, side in enumerate("ab"):
        alone = submission.of(index).model_copy(update={"passes": ("latency",)})
        sides[side] = (plan_of(alone), alone)
    return [
        Turn(f"latency-{side}{number}", plan, plan.steps[0], alone)
        for number in range(submission.pair_rounds)
        for side, (plan, alone) in sides.items()
    ]
