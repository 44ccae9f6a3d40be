"""Real models and photos: the figures that testdata's README says they must give, and the verdicts that name each bug."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm.report.document import Job

if TYPE_CHECKING:
    from farm.report.document import Run
    from tests.cli.conftest import Lab

pytestmark = pytest.mark.slow

RIGHT = {"channels": '"rgb"', "normalize": "{ mean = 127.5, std = 127.5 }", "rotate": "0"}
BUGS = {
    "none": {},
    "channel": {"channels": '"bgr"'},
    "normalization": {"normalize": "{ mean = 0, std = 255 }"},
    "rotation": {"rotate": "90"},
}
TOP1 = {
    "mobilenet_v1_0.25_224": {"none": 63, "channel": 40, "normalization": 43, "rotation": 28},
    "mobilenet_v1_0.25_224_quant": {"none": 62, "channel": 35, "normalization": 44, "rotation": 27},
    "mobilenet_v1_0.25_224_ptq_int8": {"none": 56, "channel": 33, "normalization": 41, "rotation": 22},
}


def run(lab: Lab, testdata: Path, tmp_path: Path, model: str, bug: str) -> Run:
    recipe = tmp_path / "app.recipe.toml"
    words = {"crop": "0.875", "resize": '"bilinear"', **RIGHT, **BUGS[bug]}
    recipe.write_text("".join(f"{k} = {v}\n" for k, v in words.items()))
    photos = testdata / "images" / "imagenet_sample100"
    result = lab.farm(
        "submit", str(testdata / "models" / f"{model}.tflite"), "--inputs", str(photos), "--wait", "--json",
        "--labels", str(photos / "labels.tsv"), "--recipe", str(recipe), "--reference", "litert-ref",
    )  # fmt: skip
    assert result.status == (0 if bug == "none" else 1), result.out + result.err
    (done,) = Job.model_validate_json(result.out).runs
    return done


@pytest.mark.parametrize("bug", list(BUGS))
@pytest.mark.parametrize("model", list(TOP1))
def test_accuracy_and_cause(lab: Lab, testdata: Path, tmp_path: Path, model: str, bug: str) -> None:
    done = run(lab, testdata, tmp_path, model, bug)
    assert done.accuracy is not None
    tolerance = (
        (2 if bug == "none" else 3) if model == "mobilenet_v1_0.25_224" else 5
    )  # int8: ties flip on one unit of 255
    assert abs(round(100 * done.accuracy.top1) - TOP1[model][bug]) <= tolerance
    assert done.verdict is not None
    assert done.verdict.cause == bug


def test_a_second_submit_pushes_nothing(lab: Lab, testdata: Path, tmp_path: Path) -> None:
    run(lab, testdata, tmp_path, "mobilenet_v1_0.25_224", "none")
    assert run(lab, testdata, tmp_path, "mobilenet_v1_0.25_224", "none").pushed_bytes == 0


def test_labels_take_the_column_with_the_models_number_of_classes(lab: Lab, testdata: Path, tmp_path: Path) -> None:
    done = run(lab, testdata, tmp_path, "mobilenet_v1_0.25_224", "none")
    assert done.accuracy is not None
    assert done.accuracy.n == 100
