"""`farm play` as users and scripts meet it: captures of an app and of a virtual phone, played through phone and references."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from farm.report.document import Job
from farm.report.playback import Playback
from tests.agents.kit import build
from tests.cli.classifier import MODEL, classify
from tests.conftest import DEMO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Lab, Result

PICTURES = sorted((DEMO / "inputs").glob("*.png"))[:12]
RECIPE = ("--recipe", str(DEMO / "model.recipe.toml"))
QUICK = ("--passes", "latency,layers", "--layer-frames", "2")


@pytest.fixture(scope="module", autouse=True)
def _library() -> None:
    build("all", "linux-x86_64")


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Captures of an app: right.mcap, bgr.mcap, and twice.mcap, in which the first three pictures come again."""
    folder = tmp_path_factory.mktemp("apps")
    classify(PICTURES, folder / "right.mcap", sensor="gravity")
    classify(PICTURES, folder / "bgr.mcap", bgr=True)
    classify([p for p in PICTURES for _ in range(2 if p in PICTURES[:3] else 1)], folder / "twice.mcap")
    return folder


@pytest.fixture(scope="module")
def job(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("inputs")
    for picture in PICTURES:
        shutil.copy(picture, folder)
    result = lab.farm(
        "submit", str(MODEL), "--inputs", str(folder), "--recipe", str(DEMO / "bgr.recipe.toml"),
        "--expected", str(DEMO / "model.recipe.toml"), *QUICK, "--wait", "--json",
    )  # fmt: skip
    return Job.model_validate_json(result.out)


def played(result: Result) -> Playback:
    return Playback.model_validate_json(result.out)


def test_an_apps_frames_on_a_reference_agree_and_its_sensors_are_told(lab: Lab, apps: Path) -> None:
    capture = str(apps / "right.mcap")
    result = lab.farm("play", capture, "--on", "reference:litert", "--model", str(MODEL), *RECIPE, "--json")
    assert result.status == 0, result.err
    found = played(result)
    (play,) = found.plays
    assert play.pairing is not None
    assert (found.frames.found, found.frames.kept, found.frames.skipped) == (12, 12, 0)
    assert play.pairing.answers == 12
    assert not play.pairing.differs
    assert (found.sensors.readings, found.sensors.names, found.sensors.used) == (12, ("gravity",), False)
    told = lab.farm("play", capture, "--on", "reference:litert", "--model", str(MODEL), *RECIPE)
    assert "12 readings of gravity are left aside" in told.out


@pytest.mark.slow
def test_an_apps_bug_shows_at_the_models_input_on_device_and_reference(lab: Lab, apps: Path) -> None:
    result = lab.farm(
        "play", str(apps / "bgr.mcap"), "--on", "kind=virtual", "--on", "reference:litert", "--model", str(MODEL), *RECIPE,
        *QUICK, "--json",
    )  # fmt: skip
    assert result.status == 1, result.err
    device, reference = played(result).plays
    for play in (device, reference):
        assert play.pairing is not None
        assert play.pairing.differs
        assert "the model's input" in play.pairing.summary
    assert device.pairing is not None
    assert device.pairing.b.kind == "virtual"
    assert device.verdict is not None
    assert device.verdict.kind == "pass", "the farm's own run of these frames has no bug"
    assert f"{device.job}/{device.run}" == device.pairing.b.name


@pytest.mark.slow
def test_a_stored_run_is_played_again_and_against_another_recipe(lab: Lab, job: Job) -> None:
    name = f"{job.job}/{job.runs[0].id}"
    again = lab.farm("play", name, "--on", "kind=virtual", "--json")
    assert again.status == 0, again.err
    (play,) = played(again).plays
    assert play.pairing is not None
    assert play.verdict is not None
    assert play.verdict.cause == "channel", "the same recipe has the same bug"
    right = lab.farm("play", name, "--on", "kind=virtual", "--channels", "rgb", "--json")
    assert right.status == 1, right.err
    (play,) = played(right).plays
    assert play.verdict is not None
    assert play.verdict.kind == "pass"


@pytest.mark.slow
def test_a_capture_of_a_stored_run_finds_its_inputs_as_a_file_and_by_its_hash(
    lab: Lab, job: Job, tmp_path: Path
) -> None:
    layers = next(c for c in job.runs[0].captures if c.name == "layers")
    copy = shutil.copy(layers.path, tmp_path / "taken-along.mcap")
    by_file = lab.farm("play", str(copy), "--on", "reference:litert", "--json")
    by_hash = lab.farm("play", layers.sha256, "--on", "reference:litert", "--json")
    for result in (by_file, by_hash):
        assert result.status == 1, result.err
        (play,) = played(result).plays
        assert play.pairing is not None
        assert "the model's input" in play.pairing.summary


@pytest.mark.slow
def test_the_lab_knows_the_model_and_the_recipe_of_an_app(lab: Lab, job: Job, apps: Path) -> None:
    assert job.status == "done"
    result = lab.farm("play", str(apps / "right.mcap"), "--on", "reference:litert", "--json")
    assert result.status == 0, result.err
    assert played(result).model == MODEL.name


def test_near_duplicates_are_skipped_and_counted(lab: Lab, apps: Path) -> None:
    words = ("play", str(apps / "twice.mcap"), "--on", "reference:litert", "--model", str(MODEL), *RECIPE)
    found = played(lab.farm(*words, "--skip-similar", "--json"))
    assert (found.frames.found, found.frames.kept, found.frames.skipped) == (15, 12, 3)
    assert found.plays[0].pairing is not None
    assert found.plays[0].pairing.answers == 12
    assert "kept 12 of 15 frames, 3 near-duplicates skipped" in lab.farm(*words, "--skip-similar").out
    assert played(lab.farm(*words, "--threshold", "1", "--json")).frames.kept == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("right.mcap", "--on", "reference:nonsense", "--model", str(MODEL)), "nonsense"),
        (("right.mcap", "--on", "reference:litert", "--model", str(DEMO / "model_int8.tflite")), "is of another model"),
        (("missing.mcap", "--on", "reference:litert"), "no such file"),
        (("999999/1", "--on", "reference:litert"), "job 999999: there is no such job"),
        (("right.mcap", "--on", "serial=nobody", "--model", str(MODEL), *RECIPE), "serial=nobody"),
        (("right.mcap", "--on", "kind=virtual", "--model", str(MODEL), *RECIPE, "--threads", "0"), "threads"),
    ],
)
def test_what_cannot_be_played_is_told(lab: Lab, apps: Path, words: tuple[str, ...], told: str) -> None:
    name = str(apps / words[0]) if words[0].endswith(".mcap") else words[0]
    result = lab.farm("play", name, *words[1:])
    assert result.status == 2, result.out
    assert told in result.err
