"""`farm submit --reference ...` as a user types it, on a virtual phone: earlier captures, models of their own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from farm.reference import check, environments
from farm.reference.registry import find
from tests.conftest import DEMO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Lab

pytestmark = pytest.mark.slow

PASSES = "latency,layers,isolated"


def test_a_device_is_compared_with_an_earlier_run(lab: Lab, tmp_path: Path) -> None:
    labels = ("--labels", str(DEMO / "labels.tsv"), "--passes", PASSES, "--json")
    before = lab.submit(*labels)
    assert before.status == 0, before.err
    number = before.document["job"]
    healthy = lab.submit(*labels, "--reference", f"capture=job:{number}")
    assert healthy.status == 0, healthy.err
    (run,) = healthy.document["runs"]
    (comparison,) = run["comparisons"]
    assert comparison["reference"] == f"capture=job:{number}"
    assert comparison["notes"]["frames matched"] == "by name"
    assert comparison["first_divergence"] is None
    assert len(comparison["layers"]) > 10
    capture = next(link["path"] for link in before.document["runs"][0]["captures"] if link["name"] == "latency")
    file = tmp_path / "healthy.mcap"
    shutil.copyfile(capture, file)
    spoiled = lab.submit(*labels, "--reference", f"capture={file}", "--channels", "bgr")
    assert spoiled.status == 1, spoiled.err
    (run,) = spoiled.document["runs"]
    assert run["accuracy"] is not None
    none = lab.submit(*labels, "--reference", "capture=job:99999")
    assert none.status == 2


def test_a_missing_runtime_is_said_before_a_device_is_touched(lab: Lab) -> None:
    done = lab.submit("--reference", "tflite-runtime", "--json")
    assert done.status == 2
    assert done.document["error"]["remedy"] == "farm runtime add tflite-runtime"


def test_the_model_before_conversion_is_the_reference(lab: Lab, tmp_path: Path) -> None:
    environments.add(environments.home(lab.data), find("onnx"), lambda _: None)
    frames, rng = tmp_path / "frames", np.random.default_rng(11)
    frames.mkdir()
    for i in range(6):
        np.save(frames / f"{i}.npy", rng.uniform(-1, 1, (1, 12, 12, 3)).astype(np.float32))
    done = lab.farm(
        "submit", str(check.GOLDEN / "golden.tflite"), "--inputs", str(frames), "--wait", "--json", "--passes", PASSES,
        "--reference", f"onnx={check.GOLDEN / 'golden.onnx'}",
    )  # fmt: skip
    assert done.status in {0, 4}, done.err
    (run,) = done.document["runs"]
    assert run["status"] == "done", run
    (comparison,) = run["comparisons"]
    assert comparison["reference"] == "onnx=golden.onnx"
    assert "turned between NHWC and NCHW" in comparison["notes"]["inputs matched"]
    assert comparison["first_divergence"] is None
    assert len(comparison["layers"]) == 5
    assert comparison["isolated_threshold"] is not None, "fed by a runtime that has every tensor"
