"""Quantization in a run's verdict: from the file, from captures alone, and against the float model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from farm.model import graph as graphs
from farm.submission import FloatTwin
from tests.assess.test_assess import RIGHT, Bench, demo  # noqa: F401  # a fixture
from tests.conftest import DEMO
from tests.model.planted import recalibrated, reweighted

if TYPE_CHECKING:
    from pathlib import Path

    from farm.assess.assess import AssessedRun
    from farm.report.document import Finding

WHOLE = (DEMO / "model_int8.tflite").read_bytes()
NODE = next(n.index for n in graphs.read(WHOLE).nodes if n.op == "CONV_2D" and n.index > 3)


def assessed(bench: Bench, tmp_path: Path, model: bytes, *, twin: bool = False) -> AssessedRun:
    path = tmp_path / "model_int8.tflite"
    path.write_bytes(model)
    whole = bench.artifacts.put_file(DEMO / "model.tflite")
    return bench.assess(
        path, RIGHT, expected=RIGHT, n=40, layer_frames=4,
        float_twin=FloatTwin(model_name="model.tflite", model_sha256=whole) if twin else None,
    )  # fmt: skip


def finding(run: AssessedRun) -> Finding:
    return next(f for f in run.findings if f.assertion == "quantization")


@pytest.mark.parametrize("twin", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_sound_model_is_not_accused(twin: bool, demo: Bench, tmp_path: Path) -> None:  # noqa: F811
    run = assessed(demo, tmp_path, WHOLE, twin=twin)
    assert (run.verdict.kind, run.verdict.cause) == ("pass", "none")
    assert finding(run).holds
    assert run.quantization is not None
    assert run.quantization.against == ("model.tflite" if twin else "litert-ref")
    assert len(run.quantization.layers) == len(graphs.read(WHOLE).nodes) + 1
    assert {layer.origin for layer in run.quantization.layers} <= {"none", "inherited"}
    assert {issue.severity for issue in run.quantization.lint} == {"note"}


@pytest.mark.slow
def test_float_models_have_nothing_of_it(demo: Bench) -> None:  # noqa: F811
    assert demo.assess(DEMO / "model.tflite", RIGHT, n=4, layer_frames=1).quantization is None


@pytest.mark.slow
def test_a_range_that_cuts_is_seen_without_the_float_model(demo: Bench, tmp_path: Path) -> None:  # noqa: F811
    told = finding(assessed(demo, tmp_path, recalibrated(WHOLE, NODE, 0.08)))
    assert not told.holds
    assert f"{NODE} CONV_2D" in told.summary
    assert "its calibration cuts them off" in told.summary


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "word"), [(0.08, "cut off"), (60.0, "steps")])
def test_a_wrong_calibration_fails_against_the_float_model(
    factor: float, word: str, demo: Bench, tmp_path: Path  # noqa: F811
) -> None:  # fmt: skip
    run = assessed(demo, tmp_path, recalibrated(WHOLE, NODE, factor), twin=True)
    told = finding(run)
    assert not told.holds
    assert f"{NODE} CONV_2D" in told.summary
    assert word in told.summary
    assert "calibration" in {b.word for b in run.verdict.blames}
    assert run.quantization is not None
    (guilty,) = [layer for layer in run.quantization.layers if layer.origin == "range"]
    assert guilty.node == NODE


@pytest.mark.slow
def test_a_saturated_bias_is_a_finding_and_the_constants_fault(demo: Bench, tmp_path: Path) -> None:  # noqa: F811
    run = assessed(demo, tmp_path, reweighted(WHOLE, NODE, lambda b: np.full_like(b, 2**31 - 1), operand=2), twin=True)
    told = finding(run)
    assert not told.holds
    assert "1 bias of the model is saturated" in told.summary
    assert run.quantization is not None
    (guilty,) = [layer for layer in run.quantization.layers if layer.origin in ("range", "constants", "arithmetic")]
    assert (guilty.node, guilty.origin) == (NODE, "constants")
    assert "bias-saturated" in {issue.rule for issue in run.quantization.lint}
