"""The isolated model: through LiteRT, on the bundled classifiers and on small models of every awkward kind."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from farm.compare.difference import difference
from farm.errors import ModelError
from farm.model import graph as graphs
from farm.model.instrument import exposed, instrument
from farm.model.isolate import ALIGNMENT, broken, feed_file, isolate
from farm.reference.litert import LiteRt
from farm.reference.litert_ref import LiteRtRef
from tests.conftest import DEMO
from tests.model import build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.model.graph import Graph
    from farm.model.isolate import Isolated

    Array = np.ndarray[Any, Any]

AWKWARD = {
    "branches": build.branches(),
    "loop": build.loop(),
    "open batch": build.open_batch(),
    "sized by data": build.data_sized(),
    "half precision": build.dense(half=True),
    "sparse": build.dense(sparse=True),
    "complex inside": build.spectrum(),
    "variable": build.counter(),
    "two inputs": build.two_inputs(),
}


def sample(graph: Graph, shapes: Mapping[int, tuple[int, ...]], seed: int = 7) -> dict[int, Array]:
    random, found = np.random.default_rng(seed), {}
    for index, shape in shapes.items():
        dtype = np.dtype(graph.tensors[index].dtype)
        if dtype.kind == "f":
            found[index] = random.uniform(-1, 1, shape).astype(dtype)
        else:
            low, high = (0, 100) if dtype == np.int32 else (np.iinfo(dtype).min, np.iinfo(dtype).max)
            found[index] = random.integers(low, high, shape, endpoint=True).astype(dtype)
    return found


def reference(model: bytes, seed: int = 7) -> tuple[Graph, dict[int, Array]]:
    graph = graphs.read(model)
    runtime = LiteRtRef(model, graph, layers=True, threads=1)
    return graph, runtime.run(sample(graph, runtime.input_shapes, seed))


def play(isolated: Isolated, content: bytes, offsets: tuple[int, ...]) -> dict[int, Array]:
    """As the agent does: by input position, from one file."""
    interpreter = Interpreter(model_content=isolated.model)
    inputs = interpreter.get_input_details()
    assert len(inputs) == len(isolated.feeds)
    for detail in inputs:
        if (np.asarray(detail["shape_signature"]) < 0).any():
            interpreter.resize_tensor_input(detail["index"], np.maximum(1, detail["shape_signature"]))
    interpreter.allocate_tensors()
    for detail, offset, size in zip(interpreter.get_input_details(), offsets, isolated.sizes, strict=True):
        flat = np.frombuffer(content[offset : offset + size], detail["dtype"])
        interpreter.set_tensor(detail["index"], flat.reshape(detail["shape"]))
    interpreter.invoke()
    return {d["index"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}


def errors(graph: Graph, found: Mapping[int, Array], right: Mapping[int, Array]) -> dict[int, float]:
    return {t: difference(found[t], right[t], graph.tensors[t]).nrmse for t in found}


def running(model: bytes, graph: Graph, right: Mapping[int, Array]) -> dict[int, Array]:
    """The instrumented model, on the optimized kernels."""
    interpreter = Interpreter(model_content=instrument(model))
    for index in graph.inputs:
        interpreter.resize_tensor_input(index, right[index].shape)
    interpreter.allocate_tensors()
    for index in graph.inputs:
        interpreter.set_tensor(index, right[index])
    interpreter.invoke()
    return {d["index"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()}


@pytest.mark.parametrize("name", ["model.tflite", "model_int8.tflite"])
def test_fed_with_the_reference_every_operator_shows_its_own_error(name: str) -> None:
    model = (DEMO / name).read_bytes()
    graph, right = reference(model)
    isolated = isolate(model, name)
    assert isolated == isolate(model, name, {t: v.shape for t, v in right.items()})
    alone = errors(graph, play(isolated, *feed_file(isolated, right)), right)
    fast = LiteRt(model, graph, layers=True, threads=1).run({t: right[t] for t in graph.inputs})
    together = errors(graph, {t: fast[t] for t in alone}, right)
    assert set(alone) == set(isolated.outputs) == {*exposed(graph), *graph.outputs}
    assert max(alone.values()) < 0.5 * max(together.values())
    assert max(alone.values()) < (0.003 if "int8" in name else 1e-7)


def test_a_wrong_operator_is_wrong_alone_and_those_behind_it_are_not() -> None:
    graph, right = reference(build.dense(half=True))
    wrong = build.dense(half=True, spoiled=True)
    ran = running(wrong, graph, right)
    isolated = isolate(wrong)
    alone = errors(graph, play(isolated, *feed_file(isolated, right)), right)
    middle, out = (node.outputs[0] for node in graph.nodes if node.op == "FULLY_CONNECTED")
    assert all(e > 0.01 for e in errors(graph, ran, right).values())
    assert alone[middle] > 0.01
    assert alone[out] < 1e-6


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_models_run_plain_instrumented_and_isolated(name: str) -> None:
    model = AWKWARD[name]
    graph, right = reference(model)
    assert max(errors(graph, running(model, graph, right), right).values()) < 1e-6
    isolated = isolate(model, name, {t: v.shape for t, v in right.items()})
    found = play(isolated, *feed_file(isolated, right))
    assert max(errors(graph, found, right).values()) < 1e-6
    assert set(found) == set(isolated.outputs)


def test_what_stays_whole() -> None:
    def names(model: bytes) -> set[str]:
        graph = graphs.read(model)
        return {graph.tensors[t].name for t in broken(graph)}

    assert names(build.dense(half=True)) == names(build.dense(sparse=True)) == {"middle"}  # not the weights
    assert names(build.open_batch()) == {"first", "flat", "wide"}  # no shape
    assert names(build.data_sized()) == {"first", "over"}  # nothing as long as the values say
    assert names(build.spectrum()) == {"first"}  # not the complex waves
    assert names(build.counter()) == {"first", "kept"}  # not the variable's handle
    assert names(build.loop()) == {"first", "grown"}


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (build.words(), "input 0, 'sentence', is a string tensor"),
        (build.spectrum(ends_complex=True), "output 0, 'waves', is a complex64 tensor"),
        (build.two_inputs(passed_through=True), "output 1, 'a_second', is an input, too"),
        (build.second_signature(), "first signature, 'train', runs subgraph 1"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(model: bytes, says: str) -> None:
    for change in (instrument, isolate):
        with pytest.raises(ModelError, match=says) as e:
            change(model, "odd.tflite")
        assert e.value.where == "odd.tflite"
        assert e.value.remedy


def test_indices_stay_and_twins_come_after_them_in_the_signature_too() -> None:
    model = build.two_inputs()
    graph, isolated = graphs.read(model), isolate(model)
    after = graphs.read(isolated.model)
    assert [t.name for t in after.tensors[: len(graph.tensors)]] == [t.name for t in graph.tensors]
    assert isolated.feeds == (*graph.inputs, *broken(graph))
    assert after.outputs == isolated.outputs
    for twin, original in zip(after.inputs[len(graph.inputs) :], broken(graph), strict=True):
        a, b = after.tensors[twin], graph.tensors[original]
        assert (a.dtype, a.shape, a.scale, a.zero_point, a.axis) == (b.dtype, b.shape, b.scale, b.zero_point, b.axis)
    (signature,) = graphs.unpack(isolated.model, "isolated").signatureDefs
    assert sorted(i.tensorIndex for i in signature.inputs) == sorted(after.inputs)
    assert sorted(o.tensorIndex for o in signature.outputs) == sorted(after.outputs)
    assert [i.name for i in signature.inputs][:2] == [b"a", b"z"]  # its own names come first, as they were


def test_quantization_of_every_channel_goes_with_the_twin() -> None:
    model = build.channels()
    isolated = isolate(model)
    after = graphs.read(isolated.model)
    (original,) = broken(graphs.read(model))
    twin = after.tensors[after.inputs[-1]]
    assert twin.scale == after.tensors[original].scale
    assert len(twin.scale) == 3
    assert twin.axis == 3


def test_one_file_a_frame() -> None:
    model = (DEMO / "model_int8.tflite").read_bytes()
    _, right = reference(model)
    isolated = isolate(model)
    content, offsets = feed_file(isolated, right)
    assert all(offset % ALIGNMENT == 0 for offset in offsets)
    for tensor, offset, size in zip(isolated.feeds, offsets, isolated.sizes, strict=True):
        assert content[offset : offset + size] == right[tensor].tobytes()
    assert len(content) == offsets[-1] + isolated.sizes[-1]


def test_a_feed_that_does_not_fit_is_refused_by_name() -> None:
    isolated = isolate(build.two_inputs(), "two.tflite")
    _, right = reference(build.two_inputs())
    last = isolated.feeds[-1]
    with pytest.raises(ModelError, match=rf"tensor {last} takes 12 bytes, and the reference has no value"):
        feed_file(isolated, {t: v for t, v in right.items() if t != last})
    with pytest.raises(ModelError, match=r"4 bytes of shape \[1\]"):
        feed_file(isolated, {**right, last: np.zeros(1, np.float32)})


def test_every_model_of_the_test_data(testdata: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for path in sorted((testdata / "models").glob("*.tflite")):
            model = path.read_bytes()
            graph, right = reference(model)
            isolated = isolate(model, path.name, {t: v.shape for t, v in right.items()})
            alone = errors(graph, play(isolated, *feed_file(isolated, right)), right)
            assert set(alone) == set(isolated.outputs), path.name
            assert max(alone.values()) < 0.003, path.name
            together = errors(graph, running(model, graph, right), right)
            assert max(alone.values()) <= max(together.values()), path.name
