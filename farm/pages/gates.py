"""The gates of farm.toml, and what became of each check of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.gate.answer import Answer, Explanation, GateAnswer, GateView, Word
from farm.gate.words import figure, interval, number
from farm.pages.chart import Axis, Chart, Line, Mark
from farm.pages.view import View
from farm.report.base import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.gate.answer import Cell, Decision

RANK: dict[Word, int] = {"fail": 0, "undecided": 1, "withheld": 2, "pass": 3}
"""Of a check's conditions the first one of these says most."""
SETS = 8
"""Test sets of one chart, the newest."""


class Gates(View):
    """All of them."""

    template: ClassVar[str] = "gates.html.j2"
    section: ClassVar[str] = "/gates"
    title: str = "Gates"
    gates: tuple[GateView, ...]
    unknown: tuple[str, ...]
    """Schedules that gates name and that are not there."""


class Decided(Part):
    """A condition on a model and a device, in words."""

    answer: Word
    condition: str
    model: str
    serial: str
    configuration: str
    figure: str
    interval: str
    """Of the sum against its limit."""
    number: str
    """What it is measured on."""
    reason: str


class Check(Part):
    """One line of the history."""

    id: int
    at: float
    """Unix seconds."""
    outcome: Answer
    job: int
    subject: str
    user: str
    against: str
    summary: str
    worst: Decided | None
    """The condition that says most; None: none was looked at."""
    spent: int | None
    """Checks of its test set, this one among them; None: no condition looks at one."""


class GatePage(View):
    """One gate and its checks."""

    template: ClassVar[str] = "gate.html.j2"
    section: ClassVar[str] = "/gates"
    gate: GateView
    checks: tuple[Check, ...]
    """The newest first."""
    more: bool
    """Whether there are older ones."""
    decided: tuple[Decided, ...]
    """All of the newest check, those first that did not pass."""
    notes: tuple[str, ...]
    """What else differed in it."""


class Needs(View):
    """What one gate needs: it may take seconds to say so."""

    template: ClassVar[str] = "gate_needs.html.j2"
    section: ClassVar[str] = "/gates"
    needs: Explanation
    differ: float | None
    """Share of the frames that old and new are taken to answer differently; None: no condition goes by it."""


def gates(views: Sequence[GateView], schedules: Sequence[str]) -> Gates:
    """The page of all gates; `schedules` are those that are there."""
    named = dict.fromkeys(name for view in views for name in view.schedules)
    return Gates(gates=tuple(views), unknown=tuple(name for name in named if name not in schedules))


def needs(found: Explanation) -> Needs:
    """The page of what a gate needs."""
    differ = next((need.differ for need in found.needs if need.differ is not None), None)
    return Needs(title=f"What gate {found.subject} needs", needs=found, differ=differ)


def gate(view: GateView, answers: Sequence[GateAnswer], *, more: bool) -> GatePage:
    """The page of one gate, of its newest checks first."""
    newest = answers[0].cells if answers else ()
    chart = budget_chart(answers)
    return GatePage(
        title=f"Gate {view.name}",
        charts=() if chart is None else (chart,),
        gate=view,
        checks=tuple(_check(answer) for answer in answers),
        more=more,
        decided=tuple(_worst_first(newest)),
        notes=tuple(dict.fromkeys(f"{cell.model} on {cell.serial}: {note}" for cell in newest for note in cell.notes)),
    )


def budget_chart(answers: Sequence[GateAnswer]) -> Chart | None:
    """What checks spent of each test set; None where none was used. `answers`: the newest first."""
    told = [(answer.at, answer.budget) for answer in reversed(answers) if answer.budget is not None]
    if not told:
        return None
    names = list(dict.fromkeys(budget.test_set for _, budget in reversed(told)))[:SETS]
    lines = []
    for name in reversed(names):
        points = [(at, budget.spent) for at, budget in told if budget.test_set == name]
        lines.append(
            Line(
                name=f"test set {name[:12]}",
                x=tuple(at for at, _ in points),
                y=tuple(float(n) for _, n in points),
                shape="steps" if len(points) > 1 else "points",
            )
        )
    steps = told[-1][1].steps
    return Chart(
        id="budget",
        title="Checks spent of each test set",
        kind="time",
        x=Axis(name="time"),
        y=(Axis(name="spent", unit="checks", low=0.0, high=float(steps)),),
        lines=tuple(lines),
        marks=(Mark(name=f"{steps} checks are promised", at=float(steps), axis="y", tone="bad"),),
        height="low",
    )


def _check(answer: GateAnswer) -> Check:
    return Check(
        id=answer.id, at=answer.at, outcome=answer.outcome, job=answer.job, subject=answer.subject, user=answer.user,
        against=answer.against, summary=answer.summary, worst=next(iter(_worst_first(answer.cells)), None),
        spent=None if answer.budget is None else answer.budget.spent,
    )  # fmt: skip


def _worst_first(cells: Sequence[Cell]) -> list[Decided]:
    found = [_decided(cell, decision) for cell in cells for decision in cell.decisions]
    return sorted(found, key=lambda one: RANK[one.answer])


def _decided(cell: Cell, decision: Decision) -> Decided:
    return Decided(
        answer=decision.answer, condition=decision.condition, model=cell.model, serial=cell.serial,
        configuration=cell.configuration, figure=figure(decision), interval=interval(decision),
        number=number(decision), reason=decision.reason,
    )  # fmt: skip
