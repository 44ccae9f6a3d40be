"""Models out of the ordinary through the whole farm: handled, or refused by name before a phone is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from farm.model import graph as graphs
from farm.model.instrument import exposed
from farm.reference.litert_ref import LiteRtRef
from farm.report.document import Job
from tests.model import build
from tests.model.test_isolate import AWKWARD, sample

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Lab


def submitted(folder: Path, model: bytes) -> tuple[str, ...]:
    (folder / "odd.tflite").write_bytes(model)
    return "submit", str(folder / "odd.tflite"), "--inputs", str(folder / "in"), "--wait", "--json"


@pytest.mark.slow
@pytest.mark.parametrize("name", AWKWARD)
def test_they_pass_through_all_four_passes(lab: Lab, tmp_path: Path, name: str) -> None:
    model = AWKWARD[name]
    graph = graphs.read(model)
    shapes = LiteRtRef(model, graph, layers=False, threads=1).input_shapes
    for i in range(3):
        folder = tmp_path / "in" / str(i)
        folder.mkdir(parents=True)
        for position, value in enumerate(sample(graph, shapes, seed=i).values()):
            np.save(folder / f"{position}.npy", value)
    result = lab.farm(*submitted(tmp_path, model))
    assert result.status == 0, result.err
    (run,) = Job.model_validate_json(result.out).runs
    assert run.verdict is not None
    assert (run.verdict.kind, run.verdict.cause) == ("pass", "none")
    assert {c.name for c in run.captures} == {"latency", "profile", "layers", "isolated"}
    assert not [condition for condition in run.conditions if "left out" in condition]
    (comparison,) = run.comparisons
    compared = {d.tensor for d in comparison.layers}
    assert compared >= {graph.tensors[t].name for t in (*graph.inputs, *exposed(graph), *graph.outputs)}
    assert any(d.isolated_nrmse is not None for d in comparison.layers)


@pytest.mark.slow
def test_weights_outside_the_flatbuffer_leave_layers_out_and_the_run_says_so(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "0.npy", np.ones((1, 4), np.float32))
    result = lab.farm(*submitted(tmp_path, build.outside(build.hybrid())))
    assert result.status == 0, result.err
    (run,) = Job.model_validate_json(result.out).runs
    assert {c.name for c in run.captures} == {"latency", "profile"}
    for name in ("layers", "isolated"):
        assert "odd.tflite: keeps its weights outside the flatbuffer" in run.conditions[f"{name} left out"]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (build.words(), "input 0, 'sentence', is a string tensor"),
        (build.spectrum(ends_complex=True), "output 0, 'waves', is a complex64 tensor"),
        (build.two_inputs(passed_through=True), "output 1, 'a_second', is an input, too"),
        (build.second_signature(), "first signature, 'train', runs subgraph 1"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name_at_submit(lab: Lab, tmp_path: Path, model: bytes, says: str) -> None:
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "0.npy", np.zeros((1, 3), np.float32))
    before = lab.farm("jobs", "--json").document
    refused = lab.farm(*submitted(tmp_path, model))
    assert refused.status == 2
    error = refused.document["error"]
    assert (error["code"], error["where"]) == ("model", "odd.tflite")
    assert says in error["message"]
    assert error["remedy"]
    assert lab.farm("jobs", "--json").document == before, "nothing was queued"
