"""A gate's answer as GitHub's workflow commands: a line on the pull request's page for each condition that does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.gate.answer import GateAnswer

LINES = 10
"""GitHub shows so many of a kind for each step."""


def commands(answers: Sequence[GateAnswer]) -> list[str]:
    """`::error title=...::...` of what failed, `::warning` of what is undecided, `::notice` of a gate that passed."""
    found = []
    for answer in answers:
        kind = {"pass": "notice", "fail": "error", "undecided": "warning"}[answer.outcome]
        found.append(_line(kind, f"gate {answer.gate}: {answer.outcome}", answer.summary))
        rows = [
            (d.answer, f"{d.condition} on {cell.serial}", f"{cell.model}: {d.reason}")
            for cell in answer.cells
            for d in cell.decisions
        ]
        for word, kind in (("fail", "error"), ("undecided", "warning")):
            of_word = [_line(kind, title, text) for one, title, text in rows if one == word]
            found += of_word[: LINES - 1]
    return found


def _line(kind: str, title: str, text: str) -> str:
    return f"::{kind} title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
