"""Gates as CI uses them: real runs on a virtual phone, exit codes, files, annotations."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from tests.cli.conftest import Lab, Result, make_lab
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.fleet.adb import AdbServer

pytestmark = pytest.mark.slow

GATES = """
[[gate]]
name = "nightly"
conditions = ["accuracy(new) - accuracy(old) > -0.15 @ 0.95", "latency.p90 < 100 * baseline", "memory.peak < 2 * baseline @ 0"]
baseline = "1"

[[gate]]
name = "strict"
on = "kind=virtual"
models = ["model*"]
conditions = ["top1 >= 0.99 and latency.median < 1 ns"]
mode = "fp-free"

[[gate]]
name = "elsewhere"
on = "abi=none"
conditions = ["top1 > 0.5"]
"""


@pytest.fixture(scope="module")
def lab(adb: AdbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with gates, one virtual phone, and two jobs of the bundled model."""
    lab = make_lab(tmp_path_factory.mktemp("lab"), adb)
    file = lab.folder / "farm.toml"
    file.write_text(file.read_text() + GATES)
    phones = virtual.up(lab.data / "virtual", 1, owner_pid=os.getpid())
    for phone in phones:
        adb.connect(phone.serial)
    assert submit(lab).status == 0
    yield lab
    for phone in virtual.down(lab.data / "virtual"):
        adb.disconnect(phone.serial)


def submit(lab: Lab, *more: str) -> Result:
    return lab.submit("--labels", str(DEMO / "labels.tsv"), "--passes", "latency", "--on", "kind=virtual", *more)


def test_ci_submits_waits_and_reads_the_exit_status(lab: Lab) -> None:
    file = lab.folder / "out.xml"
    done = submit(lab, "--gate", "nightly", "--gate", "strict", "--junit", str(file), "--commit", "abc123", "--json")
    assert done.status == 1
    nightly, strict = done.document["gates"]
    assert (nightly["outcome"], strict["outcome"]) == ("pass", "fail")
    assert nightly["subject"] == "abc123"
    accuracy, latency, memory = nightly["cells"][0]["decisions"]
    assert (accuracy["estimate"], accuracy["n"], latency["n"], memory["n"]) == (0.0, 120, 120, 1)
    suites = ET.parse(file).getroot()  # noqa: S314  # our own
    assert [suite.get("name") for suite in suites] == ["nightly", "strict"]

    page = lab.folder / "comment.md"
    again = lab.farm("gate", "check", "nightly", "--markdown", str(page), "--json")
    assert again.status == 0
    assert again.document == nightly, "it is not paid for twice"
    assert page.read_text().startswith("### ✅ Gate nightly: pass")
    github = lab.farm("gate", "check", "strict", str(nightly["job"]), "--github")
    assert github.status == 1
    assert all(line.startswith("::error title=") for line in github.out.splitlines())
    shown = lab.farm("gate", "check", "strict")
    assert "fail gate strict: abc123" in shown.out
    assert "is below 0.99" in shown.out

    listed = lab.farm("gate", "list")
    assert "31 of 32 checks left" in listed.out
    assert [view["name"] for view in lab.farm("gate", "list", "--json").document] == ["nightly", "strict", "elsewhere"]
    (told,) = lab.farm("gate", "history", "nightly", "--json").document
    assert told == nightly
    assert "abc123" in lab.farm("gate", "history", "nightly").out
    explained = lab.farm("gate", "explain", "nightly", "--json").document
    assert explained["budget"]["spent"] == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("check", "elsewhere"), "none of its runs is of this gate"),
        (("check", "nigtly"), "did you mean 'nightly'?"),
        (("check", "nightly", "1"), "is nothing to compare job 1 with"),
        (("check", "nightly", "1", "--against", "yesterday"), "'yesterday' is none"),
        (("check", "nightly", "99"), "there is no such job"),
        (("explain", "n >> 3"), "column 4: found '>'"),
    ],
)
def test_what_cannot_be_asked_is_the_user_s_error(lab: Lab, words: tuple[str, ...], told: str) -> None:
    done = lab.farm("gate", *words)
    assert done.status == 2
    assert told in done.err


def test_a_gate_that_is_not_there_costs_no_run(lab: Lab) -> None:
    jobs = len(lab.farm("jobs", "--json").document)
    done = submit(lab, "--gate", "nigtly")
    assert done.status == 2
    assert "did you mean 'nightly'?" in done.err
    assert len(lab.farm("jobs", "--json").document) == jobs
