"""Running and isolated error side by side, from recordings of a small model with one spoiled operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from farm.capture.recording import Header, Recording, RecordingWriter, TensorSpec, load
from farm.compare.difference import BROKEN, difference
from farm.compare.isolated import FED_BY, compare_isolated, fed_by
from farm.compare.layers import compare_layers, is_quantized, own_limit, threshold
from farm.model import graph as graphs
from farm.model.isolate import isolate
from farm.reference.litert_ref import LiteRtRef
from farm.report.document import Comparison
from farm.report.words import origin
from tests.conftest import DEMO
from tests.model import build

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

MODEL, SPOILED = build.dense(half=True), build.dense(half=True, spoiled=True)
GRAPH = graphs.read(MODEL)
MIDDLE, OUT = (node.outputs[0] for node in GRAPH.nodes if node.op == "FULLY_CONNECTED")


def recording(
    artifacts: ArtifactStore, graph: Graph, frames: list[dict[int, Array]], source: str, labels: Mapping[str, str]
) -> Recording:
    header = Header(
        pass_="layers",  # noqa: S106  # a pass of the agent
        source=source,
        source_version="1",
        model_sha256="0" * 64,
        kernel="delegate",
        threads=1,
        labels=dict(labels),
    )
    writer = RecordingWriter(artifacts, header)
    for index, value in frames[0].items():
        writer.spec(
            TensorSpec(
                tensor=index,
                name=graph.tensors[index].name if index < len(graph.tensors) else "twin",
                role="output",
                position=index,
                dtype=str(value.dtype),
                shape=value.shape,
            )
        )
    for i, frame in enumerate(frames):
        writer.frame(i, frame)
    return load(artifacts, writer.close())


def inputs(seed: int) -> dict[int, Array]:
    return {GRAPH.inputs[0]: np.random.default_rng(seed).uniform(-1, 1, (1, 4)).astype(np.float32)}


def recorded(artifacts: ArtifactStore, model: bytes) -> tuple[Recording, Recording, Recording]:
    """The device's layers and isolated passes of `model`, against the reference's of the sound one."""
    right = [LiteRtRef(MODEL, GRAPH, layers=True, threads=1).run(inputs(i)) for i in range(3)]
    ran = [LiteRtRef(model, GRAPH, layers=True, threads=1).run(inputs(i)) for i in range(3)]
    isolated = isolate(model)
    interpreter = Interpreter(model_content=isolated.model)
    interpreter.allocate_tensors()
    alone = []
    for frame in right:
        for detail, tensor in zip(interpreter.get_input_details(), isolated.feeds, strict=True):
            interpreter.set_tensor(detail["index"], frame[tensor])
        interpreter.invoke()
        alone.append({d["index"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()})
    return (
        recording(artifacts, GRAPH, ran, "device:x", {}),
        recording(artifacts, GRAPH, alone, "device:x", {FED_BY: "litert-ref"}),
        recording(artifacts, GRAPH, right, "litert-ref", {}),
    )


def compared(artifacts: ArtifactStore, model: bytes) -> Comparison:
    layers, isolated, reference = recorded(artifacts, model)
    own = compare_isolated(isolated, reference, GRAPH, artifacts)
    return compare_layers(layers, reference, GRAPH, artifacts, threshold=threshold(GRAPH), own=own)


def test_the_error_is_told_apart_from_what_is_inherited(artifacts: ArtifactStore) -> None:
    found = compared(artifacts, SPOILED)
    _, middle, out = found.layers
    assert middle.running_nrmse > found.threshold
    assert out.running_nrmse > found.threshold
    assert middle.isolated_nrmse == pytest.approx(middle.running_nrmse)
    assert out.isolated_nrmse is not None
    assert out.isolated_nrmse < 1e-6
    assert found.local_fault is not None
    assert (found.local_fault.node, found.local_fault.op) == (middle.node, "FULLY_CONNECTED")
    assert found.faults() == (middle,)
    said = origin(found)
    assert said.startswith(f"the error is made at node {middle.node} FULLY_CONNECTED (alone ")
    assert said.endswith("; another diverging layer inherits its")
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_healthy_layers_are_right_alone(artifacts: ArtifactStore) -> None:
    found = compared(artifacts, MODEL)
    assert (found.first_divergence, found.local_fault, origin(found)) == (None, None, "")
    assert found.layers[0].isolated_nrmse is None  # the input is nobody's work
    assert all(d.isolated_nrmse is not None for d in found.layers[1:])


def test_without_the_isolated_pass_nothing_is_said_of_it(artifacts: ArtifactStore) -> None:
    layers, _, reference = recorded(artifacts, SPOILED)
    found = compare_layers(layers, reference, GRAPH, artifacts, threshold=threshold(GRAPH))
    assert found.first_divergence is not None
    assert (found.isolated_threshold, found.local_fault, origin(found)) == (None, None, "")
    stored = found.model_dump(exclude={"isolated_threshold", "local_fault"})
    assert Comparison.model_validate(stored) == found  # documents of the last version


def test_what_comes_in_with_the_input_is_no_layer_s_fault(artifacts: ArtifactStore) -> None:
    layers, isolated, reference = recorded(artifacts, MODEL)
    frames = [layers.tensors(artifacts, i) for i in sorted(layers.frames)]
    for frame in frames:
        frame[GRAPH.inputs[0]] = frame[GRAPH.inputs[0]][:, ::-1]
    turned = recording(artifacts, GRAPH, frames, "device:x", {})
    own = compare_isolated(isolated, reference, GRAPH, artifacts)
    found = compare_layers(turned, reference, GRAPH, artifacts, threshold=threshold(GRAPH), own=own)
    assert origin(found) == "every layer is right by itself: the error comes in with the input"


def test_one_frame_that_cannot_be_measured_is_a_fault(artifacts: ArtifactStore) -> None:
    _, isolated, reference = recorded(artifacts, MODEL)
    frames = [isolated.tensors(artifacts, i) for i in sorted(isolated.frames)]
    frames[1][OUT][0, 0] = np.nan
    broken = recording(artifacts, GRAPH, frames, "device:x", {})
    assert compare_isolated(broken, reference, GRAPH, artifacts)[OUT].nrmse == BROKEN


def test_only_the_reference_that_fed_it_is_compared(artifacts: ArtifactStore) -> None:
    _, isolated, reference = recorded(artifacts, MODEL)
    assert fed_by(isolated, reference, default=False)
    other = recording(artifacts, GRAPH, [{MIDDLE: np.zeros((1, 4), np.float32)}], "litert", {})
    assert not fed_by(isolated, other, default=True)
    assert fed_by(other, reference, default=True)  # no label: the first reference


def test_one_step_of_a_coarse_output_is_rounding(artifacts: ArtifactStore) -> None:
    model = build.channels()
    graph = graphs.read(model)
    y = graph.nodes[0].outputs[0]
    values = np.zeros((1, 2, 2, 3), np.int8)
    values[0, 0, 0] = 2
    other = values.copy()
    other[0, 1, 1] = 1

    def found(ours: Array) -> Comparison:
        mine, right = (recording(artifacts, graph, [{y: v}], "x", {}) for v in (ours, values))
        own = compare_isolated(mine, right, graph, artifacts)
        return compare_layers(mine, right, graph, artifacts, threshold=1.0, own=own)

    (layer,) = found(other).layers
    assert layer.isolated_lsb == 1
    assert layer.isolated_nrmse is not None
    assert layer.isolated_nrmse > own_limit(graph)
    assert found(other).local_fault is None
    other[0, 1, 1] = 3
    assert found(other).local_fault is not None


def test_scales_of_every_channel_are_honored() -> None:
    graph = graphs.read(build.channels())
    tensor = graph.tensors[graph.nodes[0].outputs[0]]
    assert tensor.scale == (0.5, 0.25, 0.125)
    right = np.zeros((1, 2, 2, 3), np.int8)
    right[..., 0] = 8  # 4.0 in the first channel
    ours = right.copy()
    ours[0, 0, 0, 2] += 4  # 0.5 in the third
    found = difference(ours, right, tensor)
    assert found.max_abs == pytest.approx(0.5)
    assert found.lsb == 4
    assert found.nrmse == pytest.approx(np.sqrt(0.25 / 12) / 4)
    flat = difference(ours.ravel(), right, tensor)  # a device's capture may have another shape of equal size
    assert flat == found


def test_integer_weights_make_a_model_of_floats_a_quantized_one() -> None:
    assert not is_quantized(graphs.read_file(DEMO / "model.tflite"))
    assert is_quantized(graphs.read_file(DEMO / "model_int8.tflite"))
    assert is_quantized(graphs.read(build.hybrid()))
