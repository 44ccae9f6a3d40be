"""What CI reads: JUnit XML, Markdown, GitHub's annotations. Names may be anything."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st

from farm.gate.answer import Cell, Decision, GateAnswer
from farm.gate.budget import Budget
from farm.gate.github import commands
from farm.gate.junit import junit
from farm.gate.markdown import ROWS, markdown

HOSTILE = (
    '<script>alert(1)</script> | `x` [a](http://b) @team\n\n# h\r::error::x,y:z%0A "q" &amp; \x1b[31m\x00 \ufffe \ud800'
)
JENKINS = xmlschema.XMLSchema(Path(__file__).parent / "vendor" / "junit" / "jenkins-junit.xsd")


def decision(answer: str = "pass", **more: object) -> Decision:
    given = {
        "condition": "top1 > 0.5", "answer": answer, "reason": "0.6 in [0.5, 0.7]", "comparison": ">", "limit": 0.5,
        "n": 100, "counted": "frames", "alpha": 0.01, "estimate": 0.6, "low": 0.55, "high": None,
    }  # fmt: skip
    return Decision.model_validate(given | more)


def answer(outcome: str, *cells: Cell, **more: object) -> GateAnswer:
    given = {
        "at": 1_780_000_000.0, "gate": "nightly", "job": 12, "subject": "job 12", "answer": outcome, "outcome": outcome,
        "summary": "why", "confidence": 0.99, "cells": cells,
    }  # fmt: skip
    return GateAnswer.model_validate(given | more)


def cell(*decisions: Decision, name: str = "m.tflite", **more: object) -> Cell:
    return Cell.model_validate({
        "model": name, "serial": name, "answer": decisions[0].answer, "decisions": decisions, "notes": (name,), **more
    })  # fmt: skip


@pytest.mark.parametrize(
    ("words", "outcome", "counts"),
    [
        (("pass", "pass"), "pass", ("3", "0", "0")),
        (("fail", "pass"), "fail", ("3", "2", "0")),
        (("undecided", "pass"), "undecided", ("3", "0", "2")),
        (("undecided", "pass"), "fail", ("3", "1", "1")),  # fp-free
        (("withheld", "pass"), "pass", ("3", "0", "1")),
    ],
)
def test_junit_counts_what_fails_and_what_was_not_decided(
    words: tuple[str, str], outcome: str, counts: tuple[str, str, str]
) -> None:
    budget = Budget(test_set="ab" * 32, adaptivity="none", steps=32, spent=31)
    text = junit([answer(outcome, cell(*map(decision, words)), budget=budget), answer("pass")])
    JENKINS.validate(text)
    root = ET.fromstring(text.partition("\n")[2])  # noqa: S314  # our own
    suite = root[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == counts
    assert {case.text for case in suite.iter("skipped")} <= {"0.6 in [0.5, 0.7]", "why"}
    told = {p.get("name"): p.get("value") for p in suite.iter("property")}
    assert told["budget"] == "31 of 32 checks of test set abababababab are spent: begin to label a new one"


@given(st.text(max_size=40) | st.just(HOSTILE), st.sampled_from(["pass", "fail", "undecided"]))
def test_whatever_names_are_files_are_whole(name: str, outcome: str) -> None:
    found = answer(
        outcome,
        cell(decision(outcome, reason=f"x{name}", condition=f"x{name}"), name=name),
        summary=f"x{name}",
        subject=name,
    )
    text = junit([found])
    JENKINS.validate(text)
    for line in commands([found]):
        assert re.fullmatch(r"::(error|warning|notice) title=[^,:\r\n]*::[^\r\n]*", line)
    lines = markdown([found]).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 3, "a row is a row"
    assert len(re.findall(r"(?<!\\)\|", table[2])) == 8
    assert not re.search(r"<(?!sub)|(?<!\\)`|(?<!\\)\[|@", "".join(lines))


def test_hostile_names_are_shown_as_they_are() -> None:
    text = markdown([answer("fail", cell(decision("fail"), name=HOSTILE))])
    assert "&lt;script&gt;" in text
    assert "\x1b" not in text
    line = commands([answer("fail", cell(decision("fail"), name="a\nb:c,d%"))])[1]
    assert line == "::error title=top1 > 0.5 on a%0Ab%3Ac%2Cd%25::a%0Ab:c,d%25: 0.6 in [0.5, 0.7]"


@pytest.mark.parametrize(
    ("word", "outcome", "mode", "sure"),
    [
        ("pass", "pass", "", True), ("undecided", "undecided", "", False), ("undecided", "fail", "fp-free", False),
        ("undecided", "pass", "fn-free", False), ("fail", "fail", "fp-free", True), ("fail", "fail", "fn-free", True),
    ],
)  # fmt: skip
def test_nothing_is_sure_of_what_a_mode_made_of_undecided(word: str, outcome: str, mode: str, sure: bool) -> None:
    found = answer(outcome, cell(decision(word)), answer=word, mode=mode)
    assert ("right with confidence 0.99" in markdown([found])) is sure


@pytest.mark.parametrize(
    ("outcome", "mode", "sure"),
    [("pass", "fp-free", 0.99), ("fail", "fp-free", 0), ("fail", "fn-free", 0.99), ("pass", "fn-free", 0)],
)
def test_of_what_is_withheld_that_outcome_is_sure_which_the_mode_keeps_right(
    outcome: str, mode: str, sure: float
) -> None:
    assert answer(outcome, cell(decision("withheld")), mode=mode).sure == sure


def test_a_comment_stays_short_and_begins_with_what_failed() -> None:
    cells = [cell(decision("pass"), name=f"m{i}") for i in range(2 * ROWS)] + [cell(decision("fail"), name="bad")]
    text = markdown([answer("fail", *cells)])
    table = [line for line in text.splitlines() if line.startswith("| ")]
    assert "❌ fail" in table[1]
    assert len(table) == ROWS + 1
    assert len(text) < 65_536
    assert len(commands([answer("fail", *[cell(decision("fail"))] * 50)])) == 10
