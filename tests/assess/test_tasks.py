"""Detectors, masks and numbers from recordings to figures. The device is LiteRT itself, under a recipe of its own."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from farm.assess.assess import AssessedRun, assess_run
from farm.capture.recording import Recording
from farm.compare.boxes import overlaps
from farm.compare.tasks.detection import DetectionReading
from farm.compare.tasks.read import read
from farm.compare.tasks.segmentation import Segmentation
from farm.errors import InputsError, RecipeError
from farm.model import graph as graphs
from farm.model import recipe as recipes
from farm.model.recipe import Detection, Normalize, Recipe
from farm.reference.record import record
from farm.run import preflight
from farm.store.artifacts import ArtifactStore
from farm.submission import Box, InputFrame, RecipeUse, Submission
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from farm.model.recipe import Task

SYMMETRIC = Normalize.model_validate({"mean": 127.5, "std": 127.5})
DETECTOR = Recipe(task="detection", normalize=SYMMETRIC, detection=Detection(first_class=1))
MASKS = Recipe(task="segmentation", normalize=SYMMETRIC)


@dataclass
class Bench:
    """One model and its stores."""

    artifacts: ArtifactStore
    cache: Path
    model: Path

    @property
    def sha256(self) -> str:
        return self.artifacts.put_file(self.model)

    def pictures(self, paths: Sequence[Path]) -> tuple[InputFrame, ...]:
        return tuple(InputFrame(name=p.name, kind="image", sha256=(self.artifacts.put_file(p),)) for p in paths)

    def record(self, frames: Sequence[InputFrame], recipe: Recipe, *, layers: bool = False) -> Recording:
        return record(
            "litert",
            artifacts=self.artifacts,
            cache=self.cache,
            model_sha256=self.sha256,
            frames=list(enumerate(frames)),
            recipe=recipe,
            layers=layers,
            timeout_s=300,
        )

    def submission(self, frames: Sequence[InputFrame], device: Recipe, right: Recipe, **fields: Any) -> Submission:
        return Submission(
            model_name=self.model.name,
            model_sha256=self.sha256,
            frames=tuple(frames),
            recipe=RecipeUse(recipe=device, origin="device"),
            expected=RecipeUse(recipe=right, origin="test") if device != right else None,
            references=("litert",),
            **fields,
        )

    def assess(self, frames: Sequence[InputFrame], device: Recipe, right: Recipe, **fields: Any) -> AssessedRun:
        submission = self.submission(frames, device, right, **fields)
        latency, layers = self.record(frames, device), self.record(frames[:2], device, layers=True)
        return assess_run(submission, self.artifacts, self.cache, latency, layers)


def bench(model: Path, folder: Path) -> Bench:
    return Bench(ArtifactStore(folder / "artifacts"), folder / "references", model)


@pytest.fixture(scope="module")
def detector(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, tuple[InputFrame, ...]]:
    """Photos whose truth is what the model finds in them when it is fed right."""
    made = bench(testdata / "models" / "ssd_mobilenet_v1_coco_quant.tflite", tmp_path_factory.mktemp("ssd"))
    photos = sorted((testdata / "images" / "imagenet_sample100").glob("*.JPEG"))[10:34:2]
    frames = made.pictures([*sorted((testdata / "images" / "detection").glob("*.jpg")), *photos])
    graph = graphs.read_file(made.model)
    reading = read(made.record(frames, DETECTOR), graph, DETECTOR, list(enumerate(frames)), made.artifacts)
    assert isinstance(reading, DetectionReading)
    labelled = []
    for frame, found in zip(frames, reading.found, strict=True):
        sure = found.above(0.5)
        boxes = tuple(
            Box(label=int(n), top=b[0], left=b[1], bottom=b[2], right=b[3])
            for n, b in zip(sure.labels, sure.boxes.astype(float).tolist(), strict=True)
        )
        labelled.append(frame.model_copy(update={"boxes": boxes}))
    return made, tuple(labelled)


def test_cats_and_dogs_are_found(detector: tuple[Bench, tuple[InputFrame, ...]], testdata: Path) -> None:
    made, frames = detector
    graph = graphs.read_file(made.model)
    reading = read(made.record(frames, DETECTOR), graph, DETECTOR, list(enumerate(frames)), made.artifacts)
    assert isinstance(reading, DetectionReading)
    names = (testdata / "labels" / "coco_ssd_labelmap.txt").read_text().splitlines()
    cats_and_dogs = next(f for frame, f in zip(frames, reading.found, strict=True) if "cats" in frame.name)
    found = {names[n - 1] for n in cats_and_dogs.above(0.4).labels}
    assert found == {"cat", "dog"}


@pytest.mark.slow
def test_a_detector_is_judged_by_its_boxes(detector: tuple[Bench, tuple[InputFrame, ...]]) -> None:
    made, frames = detector
    healthy = made.assess(frames, DETECTOR, DETECTOR).metrics
    assert healthy is not None
    assert (healthy.task, healthy.labelled, healthy.frame_metric, healthy.p_value) == ("detection", True, "F1", 1.0)
    assert healthy.main.value == healthy.main.reference
    assert healthy.main.interval is not None
    assert healthy.main.value > 0.8
    run = made.assess(frames, DETECTOR.model_copy(update={"rotate": 90}), DETECTOR)
    turned = run.metrics
    assert turned is not None
    assert turned.agreement is not None
    assert turned.main.reference == healthy.main.value
    assert turned.main.value < 0.5 * healthy.main.value
    assert turned.p_value is not None
    assert turned.p_value < 0.05
    assert turned.agreement.value < 0.7
    assert run.verdict.kind == "fail"
    assert "rotation" in run.verdict.cause


@pytest.mark.slow
def test_a_detector_without_labels_is_compared_with_the_reference(
    detector: tuple[Bench, tuple[InputFrame, ...]],
) -> None:
    made, frames = detector
    bare = [f.model_copy(update={"boxes": None}) for f in frames]
    alike = made.assess(bare, DETECTOR, DETECTOR).metrics
    assert alike is not None
    assert (alike.labelled, alike.main.name, alike.main.value, alike.p_value) == (False, "agreement", 1.0, None)


def test_boxes_come_back_through_crop_and_letterbox(detector: tuple[Bench, tuple[InputFrame, ...]]) -> None:
    """The same objects, wherever the recipe puts them in the model's input."""
    made, frames = detector
    graph = graphs.read_file(made.model)
    pictures = frames[:1]

    def cats(recipe: Recipe) -> DetectionReading:
        found = read(made.record(pictures, recipe), graph, recipe, list(enumerate(pictures)), made.artifacts)
        assert isinstance(found, DetectionReading)
        return found

    plain = cats(DETECTOR)
    cropped, boxed = (cats(DETECTOR.model_copy(update=c)).found[0] for c in ({"crop": 0.9}, {"fit": "letterbox"}))
    first = plain.found[0].boxes[:2].astype(float)
    assert (overlaps(first, cropped.boxes[:2].astype(float)).max(1) > 0.65).all()  # what the crop cuts off is missing
    # The bars make it another picture to the model (it says teddy bear), yet the second cat is where it was.
    assert overlaps(first[1:], boxed.boxes.astype(float)).max() > 0.5
    # A picture that lies on its side, which the recipe sets upright, has its boxes on its side.
    with Image.open(io.BytesIO(made.artifacts.read(pictures[0].sha256[0]))) as image:
        data = io.BytesIO()
        image.rotate(-90, expand=True).save(data, "PNG")
    lying = InputFrame(name="lying.png", kind="image", sha256=(made.artifacts.put(data.getvalue()),))
    upright = DETECTOR.model_copy(update={"rotate": 90})
    found = read(made.record([lying], upright), graph, upright, [(0, lying)], made.artifacts)
    assert isinstance(found, DetectionReading)
    best, same = found.found[0].boxes[0], plain.found[0].boxes[0]
    # Turned clockwise: what was at (y, x) lies at (x, 1 - y).
    assert best == pytest.approx([same[1], 1 - same[2], same[3], 1 - same[0]], abs=0.02)


@pytest.fixture(scope="module")
def segmenter(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, InputFrame]:
    made = bench(testdata / "models" / "deeplabv3.tflite", tmp_path_factory.mktemp("deeplab"))
    folder = testdata / "images" / "segmentation"
    (frame,) = made.pictures([folder / "segmentation_input_rotation0.jpg"])
    with Image.open(folder / "segmentation_golden_rotation0.png") as golden:
        classes = np.asarray(golden) // 10  # it holds ten times the class
    data = io.BytesIO()
    Image.fromarray(classes).save(data, "PNG")
    return made, frame.model_copy(update={"mask": made.artifacts.put(data.getvalue())})


@pytest.mark.parametrize(
    ("change", "accuracy"),
    [
        ({}, 1.0),
        ({"channels": "bgr"}, 0.894),
        ({"normalize": Normalize.model_validate({"mean": 0, "std": 255})}, 0.831),
        ({"normalize": Normalize.model_validate({"mean": 0, "std": 1})}, 0.379),
        ({"rotate": 90}, 0.260),
    ],
    ids=["right", "bgr", "unit", "raw", "turned"],
)
def test_the_golden_mask(change: dict[str, Any], accuracy: float, segmenter: tuple[Bench, InputFrame]) -> None:
    """The figures of testdata's README, of a device that does something else than the model was trained with."""
    made, frame = segmenter
    graph, device = graphs.read_file(made.model), MASKS.model_copy(update=change)
    reading = read(made.record([frame], device), graph, MASKS, [(0, frame)], made.artifacts)
    assert isinstance(reading, Segmentation)
    assert reading.others()["pixel accuracy"] == pytest.approx(accuracy, abs=0.002)
    assert (reading.value() == pytest.approx(1, abs=0.001)) == (not change)
    right = read(made.record([frame], MASKS), graph, MASKS, [(0, frame)], made.artifacts)
    assert isinstance(right, Segmentation)
    assert reading.agreement(right).values[0] == pytest.approx(accuracy, abs=0.01)


@pytest.mark.slow
def test_a_segmenter_in_the_report(segmenter: tuple[Bench, InputFrame]) -> None:
    made, frame = segmenter
    found = made.assess(
        [frame] * 2, MASKS.model_copy(update={"channels": "bgr"}), MASKS, labels=("background",)
    ).metrics
    assert found is not None
    assert (found.task, found.main.name) == ("segmentation", "mean IoU")
    assert found.main.reference == pytest.approx(1.0, abs=0.001)
    assert found.main.value < 0.85
    assert {c.truth for c in found.confusions} & {0, 13, 15}
    assert sum(count for _, _, count in found.matrix) == 2 * 257 * 257


def demo_numbers(made: Bench, noise: float) -> tuple[InputFrame, ...]:
    """The demo's classifier taken as ten numbers; the truth is what it gives, and noise."""
    paths = sorted((DEMO / "inputs").iterdir())[:40]
    frames = made.pictures([p for p in paths if p.suffix.lower() in {".png", ".jpg"}])
    right = recipes.load(DEMO / "model.recipe.toml")
    graph, made_by = graphs.read_file(made.model), made.record(frames, right)
    random = np.random.default_rng(3)
    values = [made_by.tensors(made.artifacts, i)[graph.outputs[0]].ravel() for i in range(len(frames))]
    return tuple(
        f.model_copy(update={"values": tuple((v + noise * random.normal(size=v.size)).astype(float).tolist())})
        for f, v in zip(frames, values, strict=True)
    )


@pytest.mark.slow
def test_numbers_are_judged_by_r2(tmp_path: Path) -> None:
    made = bench(DEMO / "model.tflite", tmp_path)
    frames = demo_numbers(made, 0.02)
    right = recipes.load(DEMO / "model.recipe.toml").model_copy(update={"task": "regression"})
    healthy = made.assess(frames, right, right)
    assert healthy.metrics is not None
    assert (healthy.metrics.main.name, healthy.metrics.p_value) == ("R2", 1.0)
    assert healthy.metrics.main.value > 0.9
    assert healthy.accuracy is None
    bad = made.assess(frames, right.model_copy(update={"channels": "bgr"}), right)
    assert bad.metrics is not None
    assert bad.metrics.p_value is not None
    assert bad.metrics.p_value < 0.01
    assert bad.metrics.main.value < healthy.metrics.main.value - 0.1
    assert {m.name for m in bad.metrics.others} > {"MAE", "RMSE", "bias", "residual 50 %"}
    assert (bad.verdict.kind, bad.verdict.cause) == ("fail", "channel")


@pytest.mark.parametrize(
    ("fields", "task", "error", "says"),
    [
        ({"boxes": ()}, "classification", InputsError, "its truth is one of detection, the task is classification"),
        ({"values": (1.0,)}, "regression", InputsError, "has 1 values, the model gives"),
        ({}, "detection", RecipeError, "output 2 of a model with 1"),
        ({"label": 10**6}, "classification", InputsError, "beyond the model's"),
    ],
)
def test_truth_and_task_are_checked_before_a_device_is_touched(
    fields: dict[str, Any], task: Task, error: type[Exception], says: str, tmp_path: Path
) -> None:
    made = bench(DEMO / "model.tflite", tmp_path)
    (frame,) = made.pictures([min(p for p in (DEMO / "inputs").iterdir() if p.suffix == ".png")])
    recipe = recipes.load(DEMO / "model.recipe.toml").model_copy(update={"task": task})
    submission = made.submission([frame.model_copy(update=fields)], recipe, recipe)
    with pytest.raises(error, match=says):
        preflight.check(submission, made.artifacts)
