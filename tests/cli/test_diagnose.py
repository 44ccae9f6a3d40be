"""`farm diagnose` and `farm compare` as users and scripts meet them: a real virtual phone's captures, stored or as files."""

from __future__ import annotations

import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from pydantic import BaseModel, ConfigDict, RootModel

from farm.api.advert import read_token
from farm.report.document import Job
from farm.report.pairing import Pairing
from tests.cli.conftest import make_lab
from tests.conftest import DEMO

if TYPE_CHECKING:
    from farm.fleet.adb import AdbServer
    from farm.report.document import Run
    from tests.cli.conftest import Lab, Result

MODEL, INPUTS, RIGHT = DEMO / "model.tflite", DEMO / "inputs", DEMO / "model.recipe.toml"
LABELS = ("--labels", str(DEMO / "labels.tsv"))
WRONG = ("--recipe", str(DEMO / "bgr.recipe.toml"))
OF_CAPTURES = ("--model", str(MODEL), "--inputs", str(INPUTS))


@dataclass(frozen=True)
class Planted:
    """A job whose app feeds BGR, and its captures as files."""

    job: Job
    folder: Path

    @property
    def run(self) -> Run:
        return self.job.runs[0]

    def capture(self, name: str) -> str:
        return str(self.folder / f"{name}.mcap")


@pytest.fixture(scope="module")
def planted(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    job = Job.model_validate_json(lab.submit(*LABELS, *WRONG, "--expected", str(RIGHT), "--json").out)
    folder = tmp_path_factory.mktemp("captures")
    for link in job.runs[0].captures:
        shutil.copy(link.path, folder / f"{link.name}.mcap")
    return Planted(job, folder)


def document(result: Result) -> Job:
    return Job.model_validate_json(result.out)


def test_by_job_and_by_capture_the_verdict_is_that_of_the_run(lab: Lab, planted: Planted) -> None:
    by_job = lab.farm("diagnose", f"{planted.job.job}/{planted.run.id}", "--json")
    by_capture = lab.farm(
        "diagnose", str(planted.folder), *OF_CAPTURES, *LABELS, *WRONG, "--expected", str(RIGHT), "--json"
    )
    assert by_job.status == by_capture.status == 1, by_job.err + by_capture.err
    assert set(by_job.document) == set(by_capture.document) == set(planted.job.model_dump())  # one shape for scripts
    for result in (by_job, by_capture):
        (run,) = document(result).runs
        for part in (
            "verdict",
            "findings",
            "explanation",
            "accuracy",
            "metrics",
            "ladder",
            "latency_ms",
            "layer_types",
        ):
            if part in ("findings", "ladder") and result is by_capture:  # costs that the lab measured beside the passes
                continue
            assert getattr(run, part) == getattr(planted.run, part), part
        assert [c.layers for c in run.comparisons] == [c.layers for c in planted.run.comparisons]
        assert run.target is not None
        assert run.target.kind == "virtual"
    assert "before" not in by_job.err  # the conclusion is the same: nothing to tell


@pytest.mark.slow
def test_other_options_give_another_verdict_and_that_is_told(lab: Lab, planted: Planted) -> None:
    same = lab.farm("diagnose", str(planted.job.job), "--expected", str(DEMO / "bgr.recipe.toml"), "--json")
    (run,) = document(same).runs
    assert run.verdict is not None
    assert run.explanation is not None
    assert run.explanation.kind == "agrees"  # the device does what is said to be right; labels have to tell
    more = lab.farm(
        "diagnose", str(planted.job.job), "--reference", "litert", "--float", str(MODEL), "--other", str(planted.job.job),
        "--json",
    )  # fmt: skip
    (run,) = document(more).runs
    assert [c.reference for c in run.comparisons] == ["litert"]
    assert run.verdict is not None
    assert run.verdict.cause == "channel"


def test_a_capture_of_layers_alone_names_the_bug_and_says_what_is_missing(lab: Lab, planted: Planted) -> None:
    result = lab.farm(
        "diagnose", planted.capture("layers"), *OF_CAPTURES, *LABELS, *WRONG, "--expected", str(RIGHT), "--json"
    )
    (run,) = document(result).runs
    assert run.explanation is not None
    assert [c.name for c in run.explanation.changes] == ["bgr"]
    assert run.latency_ms is None
    assert run.memory_mb is None
    assert any("no capture of pass latency" in line for line in run.partial)


@pytest.mark.slow
def test_frames_of_a_capture_are_found_by_name_in_a_folder_that_holds_more(
    lab: Lab, planted: Planted, tmp_path: Path
) -> None:
    folder = tmp_path / "inputs"
    shutil.copytree(INPUTS, folder)
    names = sorted(p.name for p in folder.iterdir())
    shutil.copy(folder / names[5], folder / f"0-{names[5]}")  # first in the folder: every number is off by one
    (folder / names[-2]).unlink()
    words = ("--model", str(MODEL), "--inputs", str(folder), *WRONG, "--expected", str(RIGHT), "--reference", "litert")
    result = lab.farm("diagnose", planted.capture("layers"), *words, "--json")
    (run,) = document(result).runs
    assert run.explanation is not None
    assert [c.name for c in run.explanation.changes] == ["bgr"]
    (folder / names[0]).unlink()  # the capture has this one
    gone = lab.farm("diagnose", planted.capture("layers"), *words, "--json")
    assert names[0] in gone.document["error"]["message"]


def test_people_read_the_inferred_bug_and_the_line_that_mends_it(lab: Lab, planted: Planted, tmp_path: Path) -> None:
    page, data = tmp_path / "page.html", tmp_path / "data.json"
    result = lab.farm("diagnose", str(planted.job.job), "--html", str(page), "--model-explorer", str(data))
    assert result.status == 1
    for words in (
        "FAIL",
        "model input: named: the device feeds BGR",
        '- channels = "bgr"',
        '+ channels = "rgb"',
        "from the float model down",
        "pre-processing (channel)",
    ):
        assert words in result.out
    text = page.read_text(encoding="utf-8")
    sources = re.findall(r'(?:src|href)\s*=\s*"([^"]*)"', text)
    assert len(sources) == 3 * 4  # frames: the reference's, the device's, mended, what is left
    assert all(s.startswith("data:image/png;base64,") for s in sources)
    assert not re.search(r"@import|url\(|<script", text)
    assert "prefers-color-scheme: dark" in text
    assert "0.00 % with the bug undone" in text
    for title in ("error of each layer", "error of each rung", "confusion matrix"):
        assert title in text
    check_node_data(tmp_path)


class NodeDataResult(BaseModel):
    """As `model_explorer/node_data_builder.py` has it: `value: Num; bgColor, textColor: Union[str, None] = None`."""

    model_config = ConfigDict(extra="forbid")
    value: float
    bgColor: str | None = None  # noqa: N815  # theirs
    textColor: str | None = None  # noqa: N815


class ThresholdItem(BaseModel):
    """`value: Num; bgColor: str; textColor: Union[str, None] = None`."""

    model_config = ConfigDict(extra="forbid")
    value: float
    bgColor: str  # noqa: N815
    textColor: str | None = None  # noqa: N815


class GradientItem(BaseModel):
    """`stop: Num` from 0 to 1; 0 and 1 always provided; colors as above."""

    model_config = ConfigDict(extra="forbid")
    stop: Literal[0, 1]
    bgColor: str | None = None  # noqa: N815


class GraphNodeData(BaseModel):
    """`results: dict[str, NodeDataResult]; thresholds: list[ThresholdItem]; gradient: list[GradientItem]`, and more."""

    model_config = ConfigDict(extra="forbid")
    results: dict[str, NodeDataResult]
    thresholds: list[ThresholdItem] = []
    gradient: list[GradientItem] = []


class ModelNodeData(RootModel[dict[str, GraphNodeData]]):
    """`graphsData: dict[str, GraphNodeData]`, written without the key, as `to_json_string` does."""


def check_node_data(folder: Path) -> None:
    found = {p.name: ModelNodeData.model_validate_json(p.read_text()).root["main"] for p in folder.glob("data.*.json")}
    assert set(found) == {"data.running-error.json", "data.isolated-error.json", "data.time-us.json"}
    running = found["data.running-error.json"]
    assert set(running.results) == {"GraphInputs", *map(str, range(21))}
    assert [t.value for t in running.thresholds] == sorted(t.value for t in running.thresholds)
    assert max(r.value for r in running.results.values()) <= running.thresholds[-1].value
    assert "GraphInputs" not in found["data.time-us.json"].results
    assert [g.stop for g in found["data.time-us.json"].gradient] == [0, 1]


@pytest.mark.slow
def test_frames_at_which_sequences_break_are_exported(lab: Lab, tmp_path: Path) -> None:
    """Four pictures of one class, another one in their middle."""
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    labels: dict[str, str] = {}
    for line in (DEMO / "labels.tsv").read_text().splitlines():
        name, _, label = line.partition("\t")
        if (INPUTS / name).is_file():
            labels.setdefault(label, name)
    first, second = list(labels.values())[:2]
    for i, name in enumerate((first, first, second, first, first)):
        shutil.copy(INPUTS / name, inputs / f"{i}{Path(name).suffix}")
    shutil.copy(MODEL, tmp_path / "model.tflite")
    shutil.copy(RIGHT, tmp_path / "model.recipe.toml")
    done = lab.farm(
        "submit", str(tmp_path / "model.tflite"), "--inputs", str(inputs), "--passes", "latency", "--wait", "--json"
    )
    job = str(done.document["job"])
    folder = tmp_path / "fired"
    result = lab.farm("diagnose", job, "--sequence", "--export-frames", str(folder))
    assert "flicker: 1 of 3 windows" in result.out
    (row,) = [line for line in (folder / "fired.tsv").read_text().splitlines() if line.startswith("flicker")]
    file = folder / row.split("\t")[-1]
    assert file.read_bytes() == (INPUTS / second).read_bytes()
    again = lab.farm("diagnose", job, "--sequence", "--export-frames", str(folder), "--json")
    assert (again.status, again.document["error"]["code"]) == (2, "inputs")  # nothing is written over


@pytest.mark.slow
def test_what_cannot_be_diagnosed_says_why(lab: Lab, planted: Planted, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(next(INPUTS.iterdir()), few)
    second = tmp_path / "second.mcap"
    shutil.copy(planted.capture("layers"), second)
    int8 = ("--model", str(DEMO / "model_int8.tflite"), "--inputs", str(INPUTS))
    for arguments, words in (
        (("999999",), "no such job"),
        ((f"{planted.job.job}/999999",), "has no run"),
        ((str(planted.job.job), *OF_CAPTURES), "its own model, inputs and recipe"),
        ((str(planted.job.job), planted.capture("layers")), "several things"),
        ((planted.capture("layers"),), "does not hold its model"),
        ((planted.capture("layers"), "--model", str(MODEL)), "does not hold its inputs"),
        ((planted.capture("layers"), *int8), "another model"),
        ((planted.capture("layers"), str(second), *OF_CAPTURES), "second capture"),
        ((planted.capture("isolated"), *OF_CAPTURES), "neither the pass latency nor layers"),
        ((planted.capture("layers"), "--model", str(MODEL), "--inputs", str(few)), "are not there"),
        ((str(MODEL), *OF_CAPTURES), "is no capture"),
        ((str(planted.job.job), "--html", str(tmp_path / "none" / "page.html")), "cannot be written"),
    ):
        result = lab.farm("diagnose", *arguments, "--json")
        assert result.status == 2, arguments
        assert words in result.document["error"]["message"], result.out


@pytest.mark.slow
def test_a_lab_elsewhere_is_asked_for_what_is_missing_here(
    lab: Lab, planted: Planted, adb: AdbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = lab.start("up", "--json")
    try:
        assert daemon.stdout is not None
        url = re.search(r"http://[\d.:]+", daemon.stdout.readline())
        assert url is not None
        monkeypatch.setenv("FARM_URL", url[0])
        token = read_token(lab.data)
        assert token is not None
        monkeypatch.setenv("FARM_TOKEN", token)
        here = make_lab(tmp_path, adb)
        (run,) = document(here.farm("diagnose", str(planted.job.job), "--json")).runs
        assert run.verdict == planted.run.verdict
    finally:
        daemon.terminate()
        daemon.communicate(timeout=30)


@pytest.mark.slow
def test_ctrl_c_ends_references_too(empty_lab: Lab) -> None:
    words = ("litert-ref", "litert", "--model", str(MODEL), "--inputs", str(INPUTS))
    process = empty_lab.start("compare", *words)
    assert process.stderr is not None
    assert "litert-ref" in process.stderr.readline()  # it is told, so it runs
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def pairing(result: Result) -> Pairing:
    return Pairing.model_validate_json(result.out)


def test_a_run_and_a_reference_part_at_the_input(lab: Lab, planted: Planted, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = lab.farm("compare", str(planted.job.job), "litert-ref", "--html", str(page), "--json")
    found = pairing(result)
    assert result.status == 1
    assert found.layers is not None
    assert found.layers.first_divergence is not None
    assert found.layers.first_divergence.node == -1
    assert [d.running_nrmse for d in found.layers.layers] == [
        d.running_nrmse for d in planted.run.comparisons[0].layers
    ]
    assert planted.run.accuracy is not None
    assert found.accuracy is not None
    assert (found.accuracy.top1, found.accuracy.p_value) == (planted.run.accuracy.top1, planted.run.accuracy.p_value)
    assert found.a.latency_ms is not None
    assert found.b.latency_ms is None  # this computer's, as it happened to be, is no figure to lay beside another
    text = page.read_text(encoding="utf-8")
    assert "they differ" in text
    assert "<svg" in text
    assert not re.search(r"(src|href)\s*=|@import|url\(|<script", text)


@pytest.mark.slow
def test_captures_compare_without_their_inputs_and_in_either_order(lab: Lab, planted: Planted) -> None:
    layers = planted.capture("layers")
    same = lab.farm("compare", layers, layers, "--model", str(MODEL), *LABELS, "--json")
    assert same.status == 0, same.err
    found = pairing(same)
    assert found.layers is not None
    assert {d.max_abs for d in found.layers.layers} == {0.0}
    assert found.accuracy is not None
    assert found.accuracy.n == 8
    for words in ((layers, str(planted.job.job)), (str(planted.job.job), layers)):
        result = lab.farm("compare", *words, "--json")  # the run tells the model
        assert result.status == 0, result.err
    times = lab.farm("compare", planted.capture("latency"), str(planted.job.job), "--json")
    assert pairing(times).latency_ratio == 1.0


@pytest.mark.slow
def test_a_model_and_its_twin_are_aligned(empty_lab: Lab) -> None:
    words = ("--model", str(DEMO / "model_int8.tflite"), "--model-b", str(MODEL), "--inputs", str(INPUTS))
    result = empty_lab.farm("compare", "litert", "litert", *words, *LABELS, "--json")
    found = pairing(result)
    assert result.status == 0, result.err
    assert "layers aligned" in found.alignment
    assert found.layers is not None
    assert 0 < max(d.running_nrmse for d in found.layers.layers) < found.layers.threshold == 0.02
    assert found.metrics is not None
    assert found.metrics.agreement is not None
    assert found.metrics.agreement.value > 0.95
    people = empty_lab.farm("compare", "litert", "litert", *words, *LABELS)
    assert "no layer parts" in people.out
    for arguments in (("litert", "litert"), ("nothing", "litert"), ("none.mcap", "litert")):
        assert empty_lab.farm("compare", *arguments, "--json").status == 2
