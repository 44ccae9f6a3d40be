"""What a run is judged by beyond the references, on a virtual phone: assertions of one's own, a baseline, a contract, a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from farm.errors import InputsError, JobError
from farm.work.yardsticks import read
from tests.conftest import DEMO, ROOT

if TYPE_CHECKING:
    from tests.cli.conftest import Lab

MODEL = str(DEMO / "model.tflite")
LABELS = ("--labels", str(DEMO / "labels.tsv"))


def findings(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f["assertion"]: f for f in run["findings"]}


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Path:
    file = tmp_path_factory.mktemp("contract") / "demo.contract.json"
    made = lab.farm("contract", "learn", "--model", MODEL, "--inputs", str(DEMO / "inputs"), "-o", str(file))
    assert made.status == 0, made.err
    return file


@pytest.fixture(scope="module")
def healthy(lab: Lab, contract: Path) -> dict[str, Any]:
    done = lab.submit(
        *LABELS, "--contract", str(contract), "--assert", str(ROOT / "assertions/examples/cost.py"), "--json"
    )
    assert done.status == 0, done.out
    job: dict[str, Any] = done.document
    return job


@pytest.mark.slow
def test_a_healthy_run_keeps_what_it_was_asked(healthy: dict[str, Any]) -> None:
    (run,) = healthy["runs"]
    found = findings(run)
    assert run["verdict"]["cause"] == "none"
    assert {"contract", "fast_enough", "small_enough", "values", "memory"} <= found.keys()
    assert all(f["holds"] for name, f in found.items() if name not in {"throttling", "latency"})
    assert run["explanation"]["kind"] == "agrees"


@pytest.mark.slow
def test_a_run_that_breaks_what_was_asked_fails_by_its_name(
    lab: Lab, healthy: dict[str, Any], contract: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text("def assert_impossible(edge, ref):\n    assert edge.latency_ms.min() < 0\n")
    (before,) = healthy["runs"]
    done = lab.submit(
        *LABELS, "--assert", str(mine), "--baseline", f"{healthy['job']}/{before['id']}", "--contract", str(contract),
        "--normalize", "0,255", "--expected", str(DEMO / "model.recipe.toml"), "--json",
    )  # fmt: skip
    assert done.status == 1, done.out
    (run,) = done.document["runs"]
    found = findings(run)
    assert run["verdict"]["kind"] == "fail"
    assert {"normalization", "impossible", "contract"} <= set(run["verdict"]["cause"].split("+"))
    assert "mine.py:2" in found["impossible"]["summary"]
    assert "is distributed otherwise" in found["contract"]["summary"] or "expected" in found["contract"]["summary"]
    assert found["fallback"]["holds"]
    assert f"job {healthy['job']}, run {before['id']}" in found["fallback"]["summary"]
    assert found["latency"]["area"] == "cost"


@pytest.mark.slow
def test_a_video_is_judged_as_one(lab: Lab) -> None:
    done = lab.submit(*LABELS, "--sequence", "--passes", "latency", "--json")
    assert done.status == 0, done.out
    (run,) = done.document["runs"]
    (flicker,) = run["fired"]
    assert flicker["name"] == "flicker"
    assert flicker["windows"] == len(list((DEMO / "inputs").iterdir())) - 2
    assert "the reference's" in findings(run)["flicker"]["summary"]


@pytest.mark.slow
def test_runs_side_by_side(lab: Lab, healthy: dict[str, Any]) -> None:
    done = lab.farm("fleet", str(healthy["job"]), "--json")
    assert done.status == 0, done.err
    assert [row["run"] for row in done.document["rows"]] == [healthy["runs"][0]["id"]]
    said = lab.farm("fleet", str(healthy["job"]))
    assert "no run parts from the reference" in said.out
    assert lab.farm("fleet", "9999").status == 2


@pytest.mark.slow
def test_captures_against_the_contract_and_each_other(lab: Lab, healthy: dict[str, Any], contract: Path) -> None:
    captures = {c["name"]: c["sha256"] for c in healthy["runs"][0]["captures"]}
    assert lab.farm("contract", "check", str(contract), captures["layers"]).status == 0
    same = lab.farm("shift", captures["latency"], captures["latency"], "--json")
    assert same.status == 0
    assert not same.document["shifted"]


@pytest.mark.parametrize(
    ("source", "words"),
    [("def check(x): pass", "no function whose name begins"), ("def assert_x(a): pass", "does not take (edge, ref)")],
)
def test_a_wrong_file_of_assertions_is_refused_before_anything_runs(tmp_path: Path, source: str, words: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(source)
    with pytest.raises(JobError) as raised:
        read([file], "", None, sequence=False)
    assert words in str(raised.value)


@pytest.mark.slow
def test_wrong_words_are_named(lab: Lab, tmp_path: Path, healthy: dict[str, Any]) -> None:
    with pytest.raises(InputsError, match="neither a run nor a capture"):
        read([], str(tmp_path / "none"), None, sequence=False)
    with pytest.raises(InputsError, match="cannot be read"):
        read([tmp_path / "none.py"], "", None, sequence=False)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputsError, match="no data contract"):
        read([], "", tmp_path / "x.json", sequence=False)
    done = lab.submit(*LABELS, "--baseline", f"{healthy['job']}/77", "--json")
    assert done.status == 2
    assert "no such run" in done.out
