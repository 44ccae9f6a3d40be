"""The verdict tells where an error is made from where it is only inherited. The device runs a model with one spoiled weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from farm.assess.assess import AssessedRun, assess_run
from farm.capture.recording import Header, Recording, RecordingWriter, load
from farm.compare.isolated import FED_BY
from farm.model import graph as graphs
from farm.model.isolate import isolate
from farm.reference.record import record
from farm.submission import RecipeUse, Submission
from tests.assess.test_assess import RIGHT, Bench, demo
from tests.conftest import DEMO

if TYPE_CHECKING:
    from farm.store.artifacts import ArtifactStore

pytestmark = pytest.mark.slow

__all__ = ["demo"]

MODEL = (DEMO / "model.tflite").read_bytes()
GRAPH = graphs.read(MODEL)
NODE = [node for node in GRAPH.nodes if node.op == "CONV_2D"][2]
FRAMES, DEEP = 30, 3


def spoiled() -> bytes:
    """The bundled classifier with the weights of one convolution scaled."""
    tree = graphs.unpack(MODEL, "model")
    buffer = tree.buffers[tree.subgraphs[0].tensors[NODE.inputs[1]].buffer]
    weights = np.frombuffer(bytes(bytearray(buffer.data)), np.float32) * 1.4
    buffer.data = list(weights.astype(np.float32).tobytes())
    builder = flatbuffers.Builder(len(MODEL))
    builder.Finish(tree.Pack(builder), file_identifier=graphs.IDENTIFIER)
    return bytes(builder.Output())


def isolated(model: bytes, reference: Recording, artifacts: ArtifactStore) -> Recording:
    """What the agent's isolated pass logs."""
    made = isolate(model)
    interpreter = Interpreter(model_content=made.model)
    interpreter.allocate_tensors()
    header = Header(
        pass_="isolated",  # noqa: S106  # a pass of the agent
        source="device:x",
        source_version="1",
        model_sha256="0" * 64,
        kernel="delegate",
        threads=1,
        labels={FED_BY: "litert-ref"},
    )
    writer = RecordingWriter(artifacts, header)
    for frame in reference.frames:
        values = reference.tensors(artifacts, frame)
        for detail, tensor in zip(interpreter.get_input_details(), made.feeds, strict=True):
            interpreter.set_tensor(detail["index"], values[tensor])
        interpreter.invoke()
        writer.frame(frame, {d["index"]: interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()})
    return load(artifacts, writer.close())


def assessed(
    bench: Bench, model: bytes, *, references: tuple[str, ...] = ("litert-ref",), **passes: Any
) -> AssessedRun:
    latency, layers = (bench.record(model, RIGHT, n, layers=deep) for n, deep in ((FRAMES, False), (DEEP, True)))
    submission = Submission(
        model_name="model.tflite",
        model_sha256=bench.artifacts.put(MODEL),
        frames=bench.frames[:FRAMES],
        recipe=RecipeUse(recipe=RIGHT, origin="test"),
        references=references,
    )
    return assess_run(submission, bench.artifacts, bench.cache, latency, layers, **passes)


def fed(bench: Bench, model: bytes) -> Recording:
    reference = record(
        "litert-ref",
        artifacts=bench.artifacts,
        cache=bench.cache,
        model_sha256=bench.artifacts.put(MODEL),
        frames=list(enumerate(bench.frames))[:DEEP],
        recipe=RIGHT,
        layers=True,
        timeout_s=120,
    )
    return isolated(model, reference, bench.artifacts)


def test_the_layer_that_makes_the_error_is_named(demo: Bench) -> None:
    model = spoiled()
    found = assessed(demo, model, isolated=fed(demo, model), references=("litert-ref", "litert"))
    assert found.verdict.cause == "kernel"
    assert f"the error is made at node {NODE.index} CONV_2D (alone " in found.verdict.summary
    assert "more diverging layers inherit theirs" in found.verdict.summary
    with_it, without = found.comparisons
    assert with_it.local_fault is not None
    assert with_it.local_fault.node == NODE.index
    assert len(with_it.faults()) == 1
    assert (without.reference, without.local_fault) == ("litert", None)  # the other reference did not feed it
    plain = assessed(demo, model)
    assert "the error is made" not in plain.verdict.summary
    assert plain.verdict.kind == found.verdict.kind


def test_a_healthy_device_passes_with_it_too(demo: Bench) -> None:
    found = assessed(demo, MODEL, isolated=fed(demo, MODEL))
    assert (found.verdict.kind, found.verdict.cause) == ("pass", "none")
    assert all(d.isolated_nrmse is not None for d in found.comparisons[0].layers[1:])
