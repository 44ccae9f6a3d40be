"""Assertions are found like tests, and what is wrong with one is told with its file and line."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, cast

import pytest

from farm.assess.assertion import discover, folder, load
from farm.errors import JobError
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from farm.assess.evidence import Evidence

NOTHING = cast("Evidence", None)


def test_the_projects_own_are_found() -> None:
    found = discover()
    assert folder() == ROOT / "assertions"
    assert {a.name for a in found} == {p.stem for p in folder().glob("*.py")}
    assert {"channel", "normalization", "quantization", "resize", "rotation"} <= {a.name for a in found}
    assert all(inspect.getdoc(inspect.getmodule(a.check)) is None or a.check.__doc__ for a in found)


def test_a_users_file_is_an_assertion(tmp_path: Path) -> None:
    (tmp_path / "brightness.py").write_text(
        "from farm.report.document import Finding\n\n"
        "def check(evidence):\n    return Finding(assertion='brightness', holds=True, summary='fine')\n"
    )
    (tmp_path / "_helper.py").write_text("raise RuntimeError\n")
    (found,) = discover(tmp_path)
    finding = found(NOTHING)
    assert finding is not None
    assert finding.holds


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("def check(:\n", 1, "not Python"),
        ("x = 1\nimport nowhere_to_be_found\n", 2, "ModuleNotFoundError"),
        ("def test():\n    pass\n", 1, "no function `check`"),
        ("check = 3\n", 1, "no function `check`"),
        ("\n\ndef check():\n    pass\n", 3, "does not take the evidence"),
        ("def check(a, b):\n    pass\n", 1, "does not take the evidence"),
    ],
)
def test_a_file_that_is_none_is_named_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(JobError, match=message) as caught:
        load(path)
    assert caught.value.where == f"{path}:{line}"
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [("    x = 1\n    return x / 0\n", 3, "ZeroDivisionError"), ("    return True\n", 1, "returned bool")],
)
def test_code_that_fails_is_named_with_its_line(tmp_path: Path, body: str, line: int, message: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def check(evidence):\n" + body)
    with pytest.raises(JobError, match=message) as caught:
        load(path)(NOTHING)
    assert caught.value.where == f"{path}:{line}"


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no assertion"):
        discover(tmp_path)
