"""A detector with boxes and a segmenter with masks, from the command line through a virtual phone."""

from __future__ import annotations

import io
import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from farm.report.document import Job

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.metrics import TaskMetrics
    from tests.cli.conftest import Lab

pytestmark = pytest.mark.slow

RECIPE = 'task = "{}"\nnormalize = {{ mean = 127.5, std = 127.5 }}\n'


def submit(lab: Lab, model: Path, inputs: Path, labels: Path, recipe: Path) -> TaskMetrics:
    result = lab.farm(
        "submit", str(model), "--inputs", str(inputs), "--labels", str(labels), "--recipe", str(recipe), "--wait", "--json",
        "--reference", "litert", "--passes", "latency,layers", "--layer-frames", "1",
    )  # fmt: skip
    assert result.status in {0, 4}, result.out + result.err
    (run,) = Job.model_validate_json(result.out).runs
    assert run.verdict is not None
    assert run.verdict.cause == "none", run.verdict
    assert run.metrics is not None
    return run.metrics


def test_boxes(lab: Lab, testdata: Path, tmp_path: Path) -> None:
    """The second cat of the picture; the model gives it classes of its own, from 0."""
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(testdata / "images" / "detection" / "cats_and_dogs.jpg", folder)
    with Image.open(folder / "cats_and_dogs.jpg") as picture:
        w, h = picture.size
    box = [0.5 * w, 0.26 * h, 0.36 * w, 0.74 * h]
    labels = tmp_path / "boxes.json"
    document = {
        "images": [{"id": 1, "file_name": "cats_and_dogs.jpg", "width": w, "height": h}],
        "annotations": [{"image_id": 1, "category_id": 17, "bbox": box}],
        "categories": [{"id": 17, "name": "cat"}],
    }
    labels.write_text(json.dumps(document))
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.format("detection") + "[detection]\nfirst_class = 1\n")
    model = testdata / "models" / "ssd_mobilenet_v1_coco_quant.tflite"
    found = submit(lab, model, folder, labels, recipe)
    assert (found.task, found.n, found.main.name) == ("detection", 1, "mAP")
    # One cat of two is in the truth, and the other is found first.
    assert {m.name: m.value for m in found.others}["mAP @.5"] == pytest.approx(0.5)
    assert "cat" in {c.name for c in found.classes}


def test_masks(lab: Lab, testdata: Path, tmp_path: Path) -> None:
    source = testdata / "images" / "segmentation"
    folder, masks = tmp_path / "in", tmp_path / "masks"
    folder.mkdir()
    masks.mkdir()
    shutil.copy(source / "segmentation_input_rotation0.jpg", folder / "a.jpg")
    with Image.open(io.BytesIO((source / "segmentation_golden_rotation0.png").read_bytes())) as golden:
        Image.fromarray(np.asarray(golden) // 10).save(masks / "a.png")
    recipe = tmp_path / "r.toml"
    recipe.write_text(RECIPE.format("segmentation"))
    found = submit(lab, testdata / "models" / "deeplabv3.tflite", folder, masks, recipe)
    assert (found.task, found.main.name) == ("segmentation", "mean IoU")
    assert found.main.value == pytest.approx(1.0, abs=0.002)
