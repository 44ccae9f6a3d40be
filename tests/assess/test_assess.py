"""Runs assessed from end to end. The device is LiteRT itself under a recipe of its own: a real device with that bug."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm.assess.assess import AssessedRun, assess_run
from farm.capture.recording import Recording, RecordingWriter, load
from farm.errors import InputsError, JobError
from farm.model import graph as graphs
from farm.model import recipe as recipes
from farm.model.lint import lint
from farm.model.recipe import Normalize, Recipe
from farm.reference.record import record
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame, RecipeUse, Submission
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Callable

RIGHT = recipes.load(DEMO / "model.recipe.toml")
REMEDIES = {
    "channel": 'channels = "rgb"',
    "normalization": "normalize = { mean = 127.5, std = 127.5 }",
    "rotation": "rotate = 0",
}
BUGS = {
    "channel": RIGHT.model_copy(update={"channels": "bgr"}),
    "normalization": RIGHT.model_copy(update={"normalize": Normalize(mean=(0, 0, 0), std=(255, 255, 255))}),
    "rotation": RIGHT.model_copy(update={"rotate": 90}),
}


@dataclass(frozen=True)
class Bench:
    """Frames and stores; the references' cache is shared by all tests of a process."""

    artifacts: ArtifactStore
    cache: Path
    frames: tuple[InputFrame, ...]

    def record(self, model: bytes, recipe: Recipe, frames: int, *, layers: bool) -> Recording:
        return record(
            "litert",
            artifacts=self.artifacts,
            cache=self.cache,
            model_sha256=self.artifacts.put(model),
            frames=list(enumerate(self.frames))[:frames],
            recipe=recipe,
            layers=layers,
            timeout_s=120,
        )

    def assess(
        self,
        model: Path,
        recipe: Recipe,
        *,
        expected: Recipe | None = None,
        submitted: Recipe | None = None,
        labelled: bool = True,
        n: int = 60,
        layer_frames: int = 4,
        edit: Callable[[Recording], Recording] = lambda r: r,
        **fields: Any,
    ) -> AssessedRun:
        data = model.read_bytes()
        frames = self.frames[:n] if labelled else tuple(f.model_copy(update={"label": None}) for f in self.frames[:n])
        latency, layers = (
            edit(self.record(data, recipe, k, layers=deep)) for k, deep in ((n, False), (layer_frames, True))
        )
        submission = Submission(
            model_name=model.name,
            model_sha256=self.artifacts.put(data),
            frames=frames,
            recipe=RecipeUse(recipe=submitted or recipe, origin="test"),
            expected=None if expected is None else RecipeUse(recipe=expected, origin="test"),
            **fields,
        )
        return assess_run(submission, self.artifacts, self.cache, latency, layers if layer_frames else None)


def labelled_frames(folder: Path, table: Path, column: str, artifacts: ArtifactStore) -> tuple[InputFrame, ...]:
    with table.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return tuple(
        InputFrame(
            name=row["file"], kind="image", sha256=(artifacts.put_file(folder / row["file"]),), label=int(row[column])
        )
        for row in rows
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("demo")
    artifacts = ArtifactStore(folder / "artifacts")
    frames = labelled_frames(DEMO / "inputs", DEMO / "labels.tsv", "label", artifacts)
    return Bench(artifacts, folder / "references", frames)


@pytest.fixture(scope="session")
def photos(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("photos")
    artifacts = ArtifactStore(folder / "artifacts")
    images = testdata / "images" / "imagenet_sample100"
    return Bench(
        artifacts, folder / "references", labelled_frames(images, images / "labels.tsv", "index_1001", artifacts)
    )


@pytest.mark.parametrize("name", ["model.tflite", pytest.param("model_int8.tflite", marks=pytest.mark.slow)])
def test_a_healthy_run_passes(name: str, demo: Bench) -> None:
    run = demo.assess(DEMO / name, RIGHT)
    assert (run.verdict.kind, run.verdict.cause, run.verdict.remedy) == ("pass", "none", "")
    assert run.verdict.confidence > 0.9
    assert all(f.holds for f in run.findings)
    assert run.comparisons[0].first_divergence is None
    assert run.accuracy is not None
    assert run.accuracy.n == 60
    assert run.accuracy.reference == "litert-ref"
    assert run.latency_ms is not None
    assert run.latency_ms.n == 60
    assert run.memory_mb


@pytest.mark.parametrize("cause", BUGS)
def test_a_bug_is_named_from_the_tensors_where_the_right_recipe_is_known(cause: str, demo: Bench) -> None:
    run = demo.assess(DEMO / "model.tflite", BUGS[cause], expected=RIGHT)
    assert (run.verdict.kind, run.verdict.cause, run.verdict.remedy) == ("fail", cause, REMEDIES[cause])
    assert run.verdict.confidence > 0.9
    assert run.accuracy is not None
    assert run.accuracy.reference_top1 is not None
    assert run.accuracy.top1 < run.accuracy.reference_top1
    assert "top-1" in run.verdict.summary
    first = run.comparisons[0].first_divergence
    assert first is not None
    assert first.node == -1


@pytest.mark.parametrize("cause", ["channel", "rotation"])
def test_a_bug_is_named_by_replays_where_only_the_wrong_recipe_is_known(cause: str, demo: Bench) -> None:
    run = demo.assess(DEMO / "model.tflite", BUGS[cause])
    assert (run.verdict.kind, run.verdict.cause) == ("fail", cause)
    assert run.comparisons[0].first_divergence is None  # the reference makes the same mistake
    assert "instead of" in run.verdict.summary


@pytest.mark.slow
def test_two_bugs_are_named_together(demo: Bench) -> None:
    both = BUGS["channel"].model_copy(update={"rotate": 180, "resize": "nearest"})
    run = demo.assess(DEMO / "model_int8.tflite", both, expected=RIGHT)
    assert run.verdict.cause == "rotation+resize+channel"
    assert run.verdict.remedy == 'rotate = 0; resize = "bilinear"; channels = "rgb"'


@pytest.mark.slow
def test_a_difference_without_an_effect_is_named_but_does_not_fail(demo: Bench) -> None:
    run = demo.assess(
        DEMO / "model.tflite", RIGHT.model_copy(update={"resize": "area"}), expected=RIGHT, n=12, layer_frames=4
    )
    assert (run.verdict.kind, run.verdict.cause) == ("undecided", "resize")
    assert "no effect" in run.verdict.summary


def test_without_labels_the_answers_are_compared(demo: Bench) -> None:
    model = DEMO / "model.tflite"
    wrong = demo.assess(model, BUGS["channel"], expected=RIGHT, labelled=False)
    assert (wrong.verdict.kind, wrong.verdict.cause, wrong.accuracy) == ("fail", "channel", None)
    assert "agree with litert-ref" in wrong.verdict.summary
    assert demo.assess(model, RIGHT, labelled=False).verdict.kind == "pass"


@pytest.mark.slow
def test_a_device_that_does_not_do_what_its_recipe_says_is_told_so(demo: Bench) -> None:
    run = demo.assess(DEMO / "model.tflite", BUGS["channel"], submitted=RIGHT)
    assert (run.verdict.kind, run.verdict.cause) == ("fail", "channel")
    assert "does not do what its recipe says" in run.verdict.remedy


def test_without_layers_the_effect_is_still_judged(demo: Bench) -> None:
    run = demo.assess(DEMO / "model.tflite", BUGS["channel"], expected=RIGHT, layer_frames=0)
    assert (run.verdict.kind, run.verdict.cause) == ("fail", "unexplained")
    assert run.comparisons == ()
    assert demo.assess(DEMO / "model.tflite", RIGHT, layer_frames=0).verdict.kind == "pass"


def broken_layer(bench: Bench, node: int, recording: Recording) -> Recording:
    """A device whose kernel of one node is wrong, and whose answers follow from it."""
    graph = graphs.read_file(DEMO / "model.tflite")
    writer = RecordingWriter(bench.artifacts, recording.header)
    for spec in recording.specs:
        writer.spec(spec)
    for frame in recording.frames:
        values = recording.tensors(bench.artifacts, frame)
        for later in graph.nodes[node:]:
            for t in later.outputs:
                if t in values:
                    values[t] = np.roll(values[t], 1, axis=-1)
        writer.frame(frame, values)
    return load(bench.artifacts, writer.close())


def test_a_wrong_kernel_is_called_one_and_placed(demo: Bench) -> None:
    run = demo.assess(DEMO / "model.tflite", RIGHT, edit=partial(broken_layer, demo, 6))
    assert (run.verdict.kind, run.verdict.cause) == ("fail", "kernel")
    first = run.comparisons[0].first_divergence
    assert first is not None
    assert first.node == 6
    assert "input agrees" in run.verdict.summary
    assert "node 6" in run.verdict.summary


def test_labels_and_references_are_checked(demo: Bench) -> None:
    with pytest.raises(JobError, match="no reference"):
        demo.assess(DEMO / "model.tflite", RIGHT, n=4, references=("tensorrt",))
    far = tuple(f.model_copy(update={"label": 5000}) for f in demo.frames[:4])
    with pytest.raises(InputsError, match="label 5000"):
        Bench(demo.artifacts, demo.cache, far).assess(DEMO / "model.tflite", RIGHT, n=4)


@pytest.mark.slow
def test_the_same_recordings_give_the_same_verdict(demo: Bench) -> None:
    model = DEMO / "model.tflite"
    one, two = (demo.assess(model, BUGS["rotation"], expected=RIGHT) for _ in range(2))
    assert one == two


def test_giving_up_is_passed_on(demo: Bench, tmp_path: Path) -> None:
    class CanceledError(Exception):
        pass

    def cancel(stage: str, done: int, of: int) -> None:
        raise CanceledError

    data = (DEMO / "model.tflite").read_bytes()
    latency = demo.record(data, RIGHT, 4, layers=False)
    submission = Submission(
        model_name="m",
        model_sha256=demo.artifacts.put(data),
        frames=demo.frames[:4],
        recipe=RecipeUse(recipe=RIGHT, origin=""),
    )
    with pytest.raises(CanceledError):
        assess_run(submission, demo.artifacts, tmp_path, latency, None, cancel)


# On photographs, with published models.

IMAGENET = Recipe(crop=0.875, normalize=Normalize(mean=(127.5,) * 3, std=(127.5,) * 3))
WRONG: dict[str, dict[str, Any]] = {
    "none": {},
    "channel": {"channels": "bgr"},
    "normalization": {"normalize": Normalize(mean=(0,) * 3, std=(255,) * 3)},
    "rotation": {"rotate": 90},
}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["mobilenet_v1_0.25_224", "mobilenet_v1_0.25_224_quant"])
@pytest.mark.parametrize("cause", WRONG)
def test_bugs_on_photographs(model: str, cause: str, photos: Bench, testdata: Path) -> None:
    recipe, path = IMAGENET.model_copy(update=WRONG[cause]), testdata / "models" / f"{model}.tflite"
    for expected in (None, IMAGENET):
        run = photos.assess(path, recipe, expected=expected, n=100, layer_frames=8)
        assert (run.verdict.cause, run.verdict.kind) == (cause, "pass" if cause == "none" else "fail")


@pytest.mark.slow
def test_a_model_quantized_well_is_not_accused(photos: Bench, testdata: Path) -> None:
    run = photos.assess(testdata / "models" / "mobilenet_v1_0.25_224_ptq_int8.tflite", IMAGENET, n=100, layer_frames=8)
    assert (run.verdict.kind, run.verdict.cause) == ("pass", "none")


@pytest.mark.slow
def test_a_wrong_calibration_is_doubted_beside_the_recipe(photos: Bench, testdata: Path) -> None:
    path = testdata / "models" / "mobilenet_v1_0.25_224_ptq_int8_badcalib01.tflite"
    run = photos.assess(path, IMAGENET, n=100, layer_frames=8)
    assert "the recipe or the calibration is wrong" in run.verdict.summary
    assert not next(f for f in run.findings if f.assertion == "quantization").holds
    assert "bias-saturated" not in {issue.rule for issue in lint(path.read_bytes()).issues}
