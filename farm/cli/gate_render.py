"""Gates on a terminal."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from farm.gate.words import figure, interval, number, plain
from farm.trend.news import counted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from rich.console import Console

    from farm.gate.answer import Explanation, GateAnswer, GateView
    from farm.report.document import Job

COLORS = {"pass": "green", "fail": "red", "undecided": "yellow", "withheld": "cyan"}
EMPTY = "no gates: write a [[gate]] in farm.toml (docs/gates.md)"


def answers(console: Console, found: Sequence[GateAnswer]) -> None:
    """Every condition on every model and device, then what the gate says."""
    for answer in found:
        table = Table("", "condition", "model", "device", "figure", "interval", "n", box=None, pad_edge=False)
        for cell in answer.cells:
            for d in cell.decisions:
                table.add_row(
                    _word(d.answer), _text(d.condition), _text(cell.model), _text(f"{cell.serial} {cell.configuration}"),
                    figure(d), escape(interval(d)), number(d),
                )  # fmt: skip
        console.print(table)
        for note in dict.fromkeys(f"{c.model} on {c.serial}: {note}" for c in answer.cells for note in c.notes):
            console.print(f"  {_text(note)}", highlight=False, soft_wrap=True)
        job = "" if answer.subject == f"job {answer.job}" else f" (job {answer.job})"
        against = f" against {_text(answer.against)}" if answer.against else ""
        sure = f", right with confidence {answer.sure:g}" if answer.sure else ""
        console.print(
            f"{_word(answer.outcome)} gate {_text(answer.gate)}: {_text(answer.subject)}{job}{against}{sure}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        console.print(f"  {_text(answer.summary)}", highlight=False, soft_wrap=True)
        if answer.budget is not None and answer.budget.words not in answer.summary:
            console.print(f"  {_text(answer.budget.words)}", highlight=False, soft_wrap=True)


def with_gates(job: Job, found: Sequence[GateAnswer]) -> str:
    """A job's document; where gates were asked, with their answers as `gates`."""
    if not found:
        return job.model_dump_json(indent=2)
    return json.dumps(job.model_dump(mode="json") | {"gates": [a.model_dump(mode="json") for a in found]}, indent=2)


def views(console: Console, found: Sequence[GateView], schedules: Collection[str]) -> None:
    """One line a gate; then the names that gates give and that none of the `schedules` has."""
    table = Table(
        "gate", "conditions", "on", "after nights of", "last check", "answer", "test set", box=None, pad_edge=False
    )
    for view in found:
        last, budget = view.last, view.budget
        table.add_row(
            _text(view.name),
            _text("; ".join(view.conditions)),
            _text(view.on or "every device"),
            _text(", ".join(view.schedules) or "-"),
            "never" if last is None else _text(f"{_day(last.at)}, {last.subject}"),
            "-" if last is None else _word(last.outcome),
            "-" if budget is None else f"{budget.left} of {budget.steps} checks left",
        )
    console.print(table if found else EMPTY)
    unknown = dict.fromkeys(name for view in found for name in view.schedules if name not in schedules)
    if unknown:
        console.print(f"no schedule is called {_text(', '.join(unknown))}: see farm schedule list", highlight=False)


def history(console: Console, found: Sequence[GateAnswer]) -> None:
    """One line a check."""
    table = Table("check", "when", "subject", "job", "against", "", "", box=None, pad_edge=False)
    for answer in found:
        table.add_row(
            str(answer.id), _day(answer.at), _text(answer.subject), str(answer.job), _text(answer.against or "-"),
            _word(answer.outcome), _text(answer.summary),
        )  # fmt: skip
    console.print(table if found else "never checked yet: farm gate check NAME JOB")


def explanation(console: Console, found: Explanation) -> None:
    """One line a condition."""
    table = Table("condition", "counted in", "at least", "needed", "Bennett", "Hoeffding", box=None, pad_edge=False)
    for need in found.needs:
        table.add_row(
            _text(need.condition), need.counted, _count(need.least), _count(need.exact), _count(need.bennett),
            _count(need.hoeffding),
        )  # fmt: skip
    console.print(table)
    differ = next((need.differ for need in found.needs if need.differ is not None), None)
    lines = [
        f"confidence {found.confidence:g} where a condition says none, {found.cells} of model x device,"
        f" {counted(found.steps, 'check')} of one test set ({found.adaptivity})",
        "at least: with fewer it cannot pass; needed: for the tolerance, exactly; the bounds are those of ease.ml/ci",
    ]
    if differ is not None:
        lines.append(f"old and new taken to differ on {differ:g} of the frames (--differ)")
    if found.budget is not None:
        lines.append(found.budget.words)
    for line in lines:
        console.print(f"  {_text(line)}", highlight=False, soft_wrap=True)


def _word(word: str) -> str:
    return f"[{COLORS[word]}]{word}[/]"


def _text(text: str) -> str:
    return escape(plain(text).strip())


def _count(value: int | None) -> str:
    return "-" if value is None else str(value)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
