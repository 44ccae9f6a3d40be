"""Reading and instrumenting .tflite files: through the bundled classifier, and whatever bytes hypothesis makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st

from farm.compare.latency import type_name
from farm.compare.layers import threshold
from farm.errors import ModelError
from farm.model import graph as graphs
from farm.model import metadata, support
from farm.model.instrument import exposed, instrument, layers_bytes
from farm.model.isolate import isolate
from farm.model.recipe import Recipe
from farm.model.summary import summarize
from tests.conftest import DEMO
from tests.model import build

MODELS = ["model.tflite", "model_int8.tflite"]
FLOAT = (DEMO / "model.tflite").read_bytes()


def outputs(model: bytes, value: np.ndarray[Any, Any]) -> dict[int, np.ndarray[Any, Any]]:
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], value)
    interpreter.invoke()
    return {d["index"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}


def sample(graph: graphs.Graph) -> np.ndarray[Any, Any]:
    tensor = graph.tensors[graph.inputs[0]]
    rng = np.random.default_rng(7)
    if tensor.dtype == "float32":
        return rng.uniform(-1, 1, tensor.shape).astype(np.float32)
    info = np.iinfo(tensor.dtype)
    return rng.integers(info.min, info.max, tensor.shape, endpoint=True).astype(tensor.dtype)


@pytest.mark.parametrize("name", MODELS)
def test_graph_of_the_bundled_classifier(name: str) -> None:
    graph = graphs.read_file(DEMO / name)
    (image,) = (graph.tensors[i] for i in graph.inputs)
    (scores,) = (graph.tensors[i] for i in graph.outputs)
    assert image.shape == (1, 64, 64, 3)
    assert scores.shape[0] == 1
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "SOFTMAX"} <= {node.op for node in graph.nodes}
    assert bool(image.scale) == (image.dtype == "int8")
    last = graph.producer(scores.index)
    assert last is not None
    assert last.index == max(n.index for n in graph.nodes)
    assert graph.producer(image.index) is None


@pytest.mark.parametrize("name", MODELS)
def test_instrumenting_exposes_every_layer_and_changes_no_answer(name: str) -> None:
    model = (DEMO / name).read_bytes()
    graph = graphs.read(model)
    value = sample(graph)
    plain, all_layers = outputs(model, value), outputs(instrument(model), value)
    assert set(all_layers) == {*exposed(graph), *graph.outputs}
    assert len(all_layers) > len(plain)
    for index, expected in plain.items():
        np.testing.assert_array_equal(all_layers[index], expected)


def test_instrumenting_keeps_indices_and_extends_the_signature() -> None:
    before, after = graphs.read(FLOAT), graphs.read(instrument(FLOAT))
    assert [t.name for t in after.tensors] == [t.name for t in before.tensors]
    assert after.outputs[: len(before.outputs)] == before.outputs
    tree = graphs.unpack(instrument(FLOAT), "instrumented")
    (signature,) = tree.signatureDefs
    assert sorted(o.tensorIndex for o in signature.outputs) == sorted(after.outputs)
    assert len({o.name for o in signature.outputs}) == len(after.outputs)


def test_instrumented_values_are_those_of_preserve_all_tensors() -> None:
    graph = graphs.read(FLOAT)
    value = sample(graph)
    interpreter = Interpreter(model_content=FLOAT, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    interpreter.set_tensor(graph.inputs[0], value)
    interpreter.invoke()
    for index, logged in outputs(instrument(FLOAT), value).items():
        np.testing.assert_array_equal(logged, interpreter.get_tensor(index))


def test_layers_bytes_is_what_the_tensors_take() -> None:
    graph = graphs.read(FLOAT)
    value = sample(graph)
    logged = outputs(instrument(FLOAT), value)
    assert layers_bytes(graph) == value.nbytes + sum(v.nbytes for v in logged.values())


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"PK\x03\x04 a zip file, not a model", "not a TFLite model"), (FLOAT[:5000], "truncated")],
)
def test_what_is_no_model_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=says) as e:
        graphs.read_file(path)
    assert e.value.where == str(path)


def test_a_missing_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        graphs.read_file(tmp_path / "none.tflite")


SMALL = [
    build.branches(),
    build.loop(),
    build.open_batch(),
    build.dense(sparse=True),
    build.counter(),
    build.channels(),
]


@given(st.data())
def test_damaged_models_are_handled_or_refused_never_a_traceback(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([FLOAT, *SMALL]))
    damaged = bytearray(whole[: data.draw(st.integers(8, len(whole)) | st.just(len(whole)))])
    for _ in range(data.draw(st.integers(0, 20))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    model = bytes(damaged)
    for use in (graphs.read, _look_at, instrument, isolate):
        try:
            use(model)
        except ModelError as e:
            assert e.remedy


def _look_at(model: bytes) -> None:
    """Everything that is asked of a graph alone."""
    graph = graphs.read(model)
    summarize(graph)
    metadata.recipe(graph, Recipe())
    type_names = {type_name(graph, node.index) for node in graph.nodes}
    assert all(type_names)
    assert threshold(graph) > 0
    support.check(graph, "model")


@pytest.mark.slow
def test_every_model_of_the_test_data_is_read_and_instrumented(testdata: Path) -> None:
    for path in sorted((testdata / "models").glob("*.tflite")):
        graph = graphs.read_file(path)
        again = graphs.read(instrument(path.read_bytes(), path.name))
        assert again.nodes == graph.nodes
