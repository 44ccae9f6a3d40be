"""Layers kept in float, on the bundled classifier with a calibration fault planted into its file."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from farm.assess.sensitivity import sensitivity
from farm.compare import twin
from farm.errors import DeadlineError, InputsError, ModelError
from farm.model import graph as graphs
from farm.model import recipe as recipes
from farm.model.mixed import Mixed
from farm.reference.trials import Trials
from farm.submission import InputFrame
from tests.conftest import DEMO
from tests.model import build
from tests.model.planted import recalibrated

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore

Array = np.ndarray[Any, Any]
FLOAT, INT8 = ((DEMO / f"model{end}.tflite").read_bytes() for end in ("", "_int8"))
RECIPE = recipes.load(DEMO / "model.recipe.toml")
NODE = next(n.index for n in graphs.read(INT8).nodes if n.op == "CONV_2D" and n.index > 3)
NARROW = recalibrated(INT8, NODE, 0.08)


def frames(artifacts: ArtifactStore, n: int) -> list[InputFrame]:
    with (DEMO / "labels.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    rows = rows[:: max(1, len(rows) // n)][:n]
    return [
        InputFrame(
            name=r["file"],
            kind="image",
            sha256=(artifacts.put_file(DEMO / "inputs" / r["file"]),),
            label=int(r["label"]),
        )
        for r in rows
    ]


def mixed(model: bytes) -> Mixed:
    return Mixed(model, FLOAT, twin.align(model, FLOAT).twins())


def output(model: bytes, value: Array) -> Array:
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero = given["quantization"]
    value = value if given["dtype"] == np.float32 else np.clip(np.rint(value / scale + zero), -128, 127).astype(np.int8)
    interpreter.set_tensor(given["index"], value)
    interpreter.invoke()
    found: Array = interpreter.get_tensor(made["index"])
    scale, zero = made["quantization"]
    return np.asarray((found.astype(np.float32) - zero) * scale) if scale else found


@pytest.mark.parametrize("model", [INT8, NARROW], ids=["healthy", "narrow"])
def test_the_simulation_is_the_model_and_all_kept_is_the_twin(model: bytes) -> None:
    made = mixed(model)
    everything = frozenset(node.index for node in made.layers)
    for seed in range(4):
        value = np.random.default_rng(seed).uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32)
        np.testing.assert_allclose(output(made.model(frozenset()), value), output(model, value), atol=0.03)
        np.testing.assert_array_equal(output(made.model(everything), value), output(FLOAT, value))


def test_a_value_is_real_where_all_its_ends_are_kept() -> None:
    made, graph = mixed(INT8), graphs.read(INT8)
    rounded = {
        n: {g.ends for g in made.groups if not g.ends <= kept}
        for n, kept in (("none", frozenset()), ("one", frozenset({NODE})))
    }
    assert rounded["none"] == rounded["one"]  # its output is read by a layer that stays in integers
    (group,) = [g for g in made.groups if graph.nodes[NODE].outputs[0] in g.tensors]
    assert group.ends > {NODE}
    kept = graphs.read(made.model(group.ends))
    assert [n.op for n in kept.nodes].count("QUANTIZE") == len(made.groups) - 1
    assert made.more_bytes(frozenset({NODE})) == sum(
        int(np.prod(graph.tensors[t].shape)) * (3 if graph.tensors[t].dtype == "int8" else 0)
        for t in graph.nodes[NODE].inputs
        if graph.tensors[t].constant
    )


def test_the_layer_at_fault_is_the_first_to_keep(artifacts: ArtifactStore) -> None:
    told: list[tuple[int, int]] = []
    found = sensitivity(
        NARROW, FLOAT, frames(artifacts, 16), RECIPE, artifacts, keep=1, progress=lambda *done: told.append(done)
    )
    none, first = found.steps
    assert found.sound
    assert found.fidelity == 1.0
    assert (found.aligned, found.of) == (21, 21)
    assert NODE in first.nodes
    assert len(first.nodes) <= 3
    assert first.output_nrmse < none.output_nrmse / 3
    assert none.agreement is not None
    assert first.agreement is not None
    assert first.agreement > none.agreement
    assert first.top1 is not None
    assert none.top1 is not None
    assert none.top1 < first.top1
    assert first.top1_interval is not None
    assert first.top1_interval[0] <= first.top1 <= first.top1_interval[1]
    assert first.p_value is not None
    assert first.more_bytes > 0
    assert type(found).model_validate_json(found.model_dump_json()) == found
    assert told == sorted(told)
    assert len(told) == found.tried


def test_another_model_is_refused_by_name(artifacts: ArtifactStore) -> None:
    with pytest.raises(ModelError, match=r"no quantized layer of it is found in other\.tflite"):
        sensitivity(INT8, build.two_inputs(), frames(artifacts, 2), RECIPE, artifacts, names=("m", "other.tflite"))
    with pytest.raises(ModelError):
        sensitivity(b"", FLOAT, frames(artifacts, 2), RECIPE, artifacts)


def test_trials_end_with_their_time_and_name_what_is_wrong(artifacts: ArtifactStore) -> None:
    few = frames(artifacts, 2)
    with pytest.raises(DeadlineError), Trials(artifacts, few, RECIPE, 0.0) as trials:
        trials.run(FLOAT)
    broken = few[0].model_copy(update={"sha256": (artifacts.put(b"no picture"),)})
    with Trials(artifacts, [broken], RECIPE, 60) as trials:
        with pytest.raises(InputsError):
            trials.run(FLOAT)
        with pytest.raises(ModelError):
            trials.run(FLOAT[:5000])
        with pytest.raises(InputsError):  # it goes on after an error
            trials.run(FLOAT)


def test_tensors_in_the_models_own_type_are_read_as_what_they_stand_for(
    artifacts: ArtifactStore, tmp_path: Path
) -> None:
    graph = graphs.read(INT8)
    stored = np.random.default_rng(1).integers(-128, 128, graph.tensors[graph.inputs[0]].shape).astype(np.int8)
    np.save(tmp_path / "x.npy", stored)
    frame = InputFrame(name="x.npy", kind="tensor", sha256=(artifacts.put_file(tmp_path / "x.npy"),))
    with Trials(artifacts, [frame], None, 60, INT8) as trials:
        trials.run(INT8, keep=True)
        assert trials.run(FLOAT).distance[0][0] < 0.1
        assert trials.run(INT8).distance[0][0] == 0


@pytest.mark.slow
def test_the_input_of_a_wrongly_calibrated_model_is_what_to_keep(testdata: Path, artifacts: ArtifactStore) -> None:
    folder = testdata / "images" / "imagenet_sample100"
    with (folder / "labels.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    photos = [
        InputFrame(
            name=r["file"], kind="image", sha256=(artifacts.put_file(folder / r["file"]),), label=int(r["index_1001"])
        )
        for r in rows
    ]
    bad, whole = (
        (testdata / "models" / f"mobilenet_v1_0.25_224{end}.tflite").read_bytes()
        for end in ("_ptq_int8_badcalib01", "")
    )
    recipe = recipes.Recipe(crop=0.875, normalize=recipes.Normalize(mean=(127.5,) * 3, std=(127.5,) * 3))
    found = sensitivity(bad, whole, photos, recipe, artifacts, keep=1)
    assert found.sound
    assert found.float_top1 == pytest.approx(0.63, abs=0.03)
    assert found.quantized_top1 == pytest.approx(0.15, abs=0.03)
    none, first = found.steps
    assert first.nodes == (0,)  # the layer that reads the input: 15 right of 100 become 55 to 60
    assert none.top1 == pytest.approx(0.15, abs=0.05)
    assert first.top1 is not None
    assert first.top1 > 0.5
    assert first.p_value is not None
    assert first.p_value < 1e-6
