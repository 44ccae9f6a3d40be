"""A gate's answer as Markdown, for a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from farm.gate.words import figure, interval, number, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.gate.answer import Cell, GateAnswer

SIGNS = {"pass": "✅", "fail": "❌", "undecided": "❔", "withheld": "🔒"}
_HTML = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~@:/&])")
ROWS = 200
"""GitHub takes 65 536 characters in a comment."""


def markdown(answers: Sequence[GateAnswer]) -> str:
    """A heading, the summary and a table for each gate."""
    return "\n\n".join(_gate(answer) for answer in answers) + "\n"


def _gate(answer: GateAnswer) -> str:
    rows = [(cell, decision) for cell in answer.cells for decision in cell.decisions]
    # What is to be looked at comes first; a long list loses its passes.
    rows.sort(key=lambda row: ("fail", "undecided", "withheld", "pass").index(row[1].answer))
    lines = [
        f"### {SIGNS[answer.outcome]} Gate {escape(answer.gate)}: {answer.outcome}",
        "",
        escape(answer.summary),
        "",
        f"{escape(answer.subject)}{'' if answer.subject == f'job {answer.job}' else f', job {answer.job}'}"
        + (f", against {escape(answer.against)}" if answer.against else "")
        + (f"; right with confidence {answer.sure:g}" if answer.sure else ""),
    ]
    if answer.budget is not None and answer.budget.words not in answer.summary:
        lines += ["", escape(answer.budget.words)]
    lines += ["", "| | condition | model | device | figure | interval | n |", "|---|---|---|---|---|---|---|"]
    for cell, d in rows[:ROWS]:
        lines.append(
            f"| {SIGNS[d.answer]} {d.answer} | {escape(d.condition)} | {escape(cell.model)} | {escape(_where(cell))} "
            f"| {escape(figure(d))} | {escape(interval(d))} | {number(d)} |"
        )
    if len(rows) > ROWS:
        lines += ["", f"and {len(rows) - ROWS} more"]
    notes = dict.fromkeys(f"{cell.model} on {_where(cell)}: {note}" for cell in answer.cells for note in cell.notes)
    lines += ["", *(f"- {escape(note)}" for note in list(notes)[:ROWS])] if notes else []
    return "\n".join(lines)


def _where(cell: Cell) -> str:
    return f"{cell.serial} {cell.configuration}".strip()


def escape(text: str) -> str:
    """Words as they are, on one line: no link, no mention, no HTML, no cell's end."""
    return _SPECIAL.sub(lambda found: _HTML.get(found[0], f"\\{found[0]}"), plain(text))
