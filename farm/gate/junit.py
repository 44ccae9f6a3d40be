"""A gate's answer as JUnit XML: a test case for each condition on each model and device.

There is no standard; it keeps to Jenkins' schema, which fixes the order of elements and is the one that others check against.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.gate.answer import Cell, Decision, GateAnswer

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, escaped or not."""


def junit(answers: Sequence[GateAnswer]) -> str:
    """The document: a suite for each gate. `undecided` is skipped, or what the gate's mode makes of it."""
    root = ET.Element("testsuites")
    for number, answer in enumerate(answers):
        root.append(_suite(answer, number))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(answer: GateAnswer, number: int) -> ET.Element:
    cases = [_case(answer, cell, decision) for cell in answer.cells for decision in cell.decisions]
    cases.append(_whole(answer))
    suite = ET.Element("testsuite", {
        "name": _text(answer.gate), "package": "farm.gate", "id": str(number), "hostname": "localhost", "time": "0",
        "timestamp": datetime.fromtimestamp(answer.at, UTC).strftime("%Y-%m-%dT%H:%M:%S"), "tests": str(len(cases)),
        "failures": str(_count(cases, "failure")), "errors": "0", "skipped": str(_count(cases, "skipped")),
    })  # fmt: skip
    properties = ET.SubElement(suite, "properties")
    told = {
        "job": str(answer.job), "subject": answer.subject, "against": answer.against, "answer": answer.answer,
        "outcome": answer.outcome, "mode": answer.mode, "confidence": f"{answer.sure:g}",
        "budget": "" if answer.budget is None else answer.budget.words,
    }  # fmt: skip
    for name, value in told.items():
        ET.SubElement(properties, "property", name=name, value=_text(value))
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = _text(answer.summary)
    ET.SubElement(suite, "system-err")
    return suite


def _case(answer: GateAnswer, cell: Cell, decision: Decision) -> ET.Element:
    where = f"{cell.serial} {cell.configuration}".strip()
    case = _named(answer, f"{decision.condition} [{cell.model} on {where}]")
    if decision.answer == "fail":
        _failure(case, decision.reason, "fail", (decision.reason, *cell.notes))
    elif decision.answer != "pass":
        _skipped(case, decision.reason)  # the gate's own case says what counts
    return case


def _whole(answer: GateAnswer) -> ET.Element:
    """The gate's answer itself: what the exit status says."""
    case = _named(answer, f"gate {answer.gate}")
    if answer.outcome == "fail":
        _failure(case, answer.summary, answer.answer, (answer.summary,))
    elif answer.outcome == "undecided":
        _skipped(case, answer.summary)
    return case


def _named(answer: GateAnswer, name: str) -> ET.Element:
    return ET.Element("testcase", {"classname": _text(f"gate.{answer.gate}"), "name": _text(name), "time": "0"})


def _failure(case: ET.Element, message: str, kind: str, lines: Sequence[str]) -> None:
    failure = ET.SubElement(case, "failure", message=_text(message), type=kind)
    failure.text = _text("\n".join(lines))


def _skipped(case: ET.Element, why: str) -> None:
    ET.SubElement(case, "skipped").text = _text(why)


def _count(cases: Sequence[ET.Element], tag: str) -> int:
    return sum(case.find(tag) is not None for case in cases)


def _text(text: str) -> str:
    return _FORBIDDEN.sub("?", text)
