"""Recordings of the bundled classifier against each other, healthy and with faults planted in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm.capture.recording import Header, Recording, RecordingWriter, load
from farm.capture.rows import FrameTime, MemorySample, OpTime
from farm.compare.alignment import align
from farm.compare.answers import answers, is_classifier
from farm.compare.difference import BROKEN
from farm.compare.latency import latency, layer_times, layer_types, median_interval
from farm.compare.layers import INPUT_LIMIT, compare_layers, judged, threshold
from farm.compare.timeline import timeline
from farm.errors import InputsError
from farm.model import graph as graphs
from farm.model import recipe as recipes
from farm.reference.record import record
from farm.submission import InputFrame
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.model.graph import Graph
    from farm.report.document import Comparison
    from farm.store.artifacts import ArtifactStore

Array = np.ndarray[Any, Any]


def recorded(artifacts: ArtifactStore, runtime: str, model: str) -> Recording:
    files = sorted((DEMO / "inputs").glob("*.png"))[:2]
    return record(
        runtime,
        artifacts=artifacts,
        cache=artifacts.folder.parent / "references",
        model_sha256=artifacts.put_file(DEMO / model),
        frames=[
            (i, InputFrame(name=f.name, kind="image", sha256=(artifacts.put_file(f),))) for i, f in enumerate(files)
        ],
        recipe=recipes.load(DEMO / "model.recipe.toml"),
        layers=True,
        timeout_s=60,
    )


def edited(artifacts: ArtifactStore, recording: Recording, edit: Callable[[int, dict[int, Array]], None]) -> Recording:
    writer = RecordingWriter(artifacts, recording.header)
    for spec in recording.specs:
        writer.spec(spec)
    for frame in recording.frames:
        values = {key: value.copy() for key, value in recording.tensors(artifacts, frame).items()}
        edit(frame, values)
        writer.frame(frame, values)
    return load(artifacts, writer.close())


@pytest.fixture
def graph() -> Graph:
    return graphs.read_file(DEMO / "model.tflite")


@pytest.mark.parametrize("model", ["model.tflite", "model_int8.tflite"])
def test_healthy_kernels_do_not_diverge(model: str, artifacts: ArtifactStore) -> None:
    graph = graphs.read_file(DEMO / model)
    fast, slow = (recorded(artifacts, name, model) for name in ("litert", "litert-ref"))
    found = compare_layers(fast, slow, graph, artifacts, threshold=threshold(graph))
    assert found.first_divergence is None
    assert (found.reference, found.frames) == ("litert-ref", 2)
    assert found.layers[0].node == -1
    assert [d.node for d in found.layers[1:]] == [
        n.index for n in graph.nodes if n.outputs[0] not in graph.from_constants
    ]
    assert found.layers[0].sqnr_db is None  # bit-equal
    again = compare_layers(slow, slow, graph, artifacts, threshold=0.0)
    assert again.first_divergence is None
    assert all(d.running_nrmse == 0 and d.sqnr_db is None and d.max_abs == 0 for d in again.layers)


def test_the_first_fault_in_execution_order_is_named(artifacts: ArtifactStore, graph: Graph) -> None:
    healthy = recorded(artifacts, "litert", "model.tflite")
    middle, late = graph.nodes[5], graph.nodes[9]

    def fault(frame: int, values: dict[int, Array]) -> None:
        for node in (late, middle):
            values[node.outputs[0]] *= 1.5

    found = compare_layers(edited(artifacts, healthy, fault), healthy, graph, artifacts, threshold=threshold(graph))
    assert found.first_divergence is not None
    assert (found.first_divergence.node, found.first_divergence.op) == (middle.index, middle.op)
    assert judged(found, 1e6).first_divergence is None


def test_nan_in_one_frame_is_a_divergence_that_survives_json(artifacts: ArtifactStore, graph: Graph) -> None:
    healthy = recorded(artifacts, "litert", "model.tflite")

    def fault(frame: int, values: dict[int, Array]) -> None:
        if frame == 1:
            values[graph.nodes[3].outputs[0]].flat[0] = np.nan

    found = compare_layers(edited(artifacts, healthy, fault), healthy, graph, artifacts, threshold=threshold(graph))
    assert found.first_divergence is not None
    assert found.first_divergence.running_nrmse == BROKEN
    assert type(found).model_validate_json(found.model_dump_json()) == found


def test_a_changed_input_comes_first(artifacts: ArtifactStore, graph: Graph) -> None:
    healthy = recorded(artifacts, "litert", "model.tflite")

    def fault(frame: int, values: dict[int, Array]) -> None:
        values[graph.inputs[0]] = values[graph.inputs[0]][..., ::-1]

    found = compare_layers(edited(artifacts, healthy, fault), healthy, graph, artifacts, threshold=threshold(graph))
    assert found.first_divergence is not None
    assert found.first_divergence.node == -1
    assert found.first_divergence.running_nrmse > INPUT_LIMIT


def test_the_threshold_is_above_the_noise_measured(artifacts: ArtifactStore) -> None:
    graph = graphs.read_file(DEMO / "model_int8.tflite")
    fast, slow = (recorded(artifacts, name, "model_int8.tflite") for name in ("litert", "litert-ref"))
    control: Comparison = compare_layers(fast, slow, graph, artifacts, threshold=0.0)
    limit = threshold(graph, control=control)
    assert 0.02 <= limit <= 0.2
    assert limit > max(d.running_nrmse for d in control.layers)
    assert threshold(graph, input_nrmse=1.0) == 0.02  # a wrong input is no excuse
    assert threshold(graph, input_nrmse=0.003) == pytest.approx(0.03)


def test_answers_rank_the_label_and_ties_by_index(artifacts: ArtifactStore, graph: Graph) -> None:
    healthy = recorded(artifacts, "litert", "model.tflite")
    output = graph.outputs[0]

    def tie(frame: int, values: dict[int, Array]) -> None:
        values[output][:] = 0
        values[output][0, 3:6] = 1

    found = answers(edited(artifacts, healthy, tie), graph, artifacts, [0, 1], [5, None])
    assert is_classifier(graph)
    assert found.top1.tolist() == [3, 3]
    assert found.rank.tolist() == [2, -1]
    with pytest.raises(InputsError, match="label 99"):
        answers(healthy, graph, artifacts, [0], [99])


def events(tags: str) -> list[OpTime]:
    """`8 Softmax (NC, F32)` or `2 SQUEEZE @29`, one a line."""
    found = []
    for line in tags.strip().splitlines():
        kind, _, tag = line.strip().partition(" ")
        tag, _, index = tag.partition(" @")
        found.append(OpTime(frame=0, tag=tag, type=int(kind), index=int(index or 0), duration_us=10))
    return found


# As LiteRT 2.3.0 logged them for the instrumented bundled classifier.
XNNPACK = """
8 Convolution (NHWC, F32) IGEMM
8 Convolution (NHWC, F32) DWConv
8 Fully Connected (NC, F32) GEMM
8 Convolution (NHWC, F32) DWConv
8 Fully Connected (NC, F32) GEMM
8 Convolution (NHWC, F32) DWConv
8 Fully Connected (NC, F32) GEMM
8 Add (ND)
8 Convolution (NHWC, F32) DWConv
8 Fully Connected (NC, F32) GEMM
8 Convolution (NHWC, F32) DWConv
8 Fully Connected (NC, F32) GEMM
8 Add (ND)
8 Convolution (NHWC, F32) DWConv
8 Fully Connected (NC, F32) GEMM
8 Convolution (NHWC, F32) DWConv
8 Fully Connected (NC, F32) GEMM
8 Add (ND)
8 Mean (ND) Reduce2
8 Static Reshape (NC)
8 Fully Connected (NC, F32) GEMM
8 Softmax (NC, F32)
"""


def test_xnnpack_events_find_their_nodes_and_helpers_find_none(graph: Graph) -> None:
    found = align(events(XNNPACK), graph)
    assert [n for n in found if n is not None] == [n.index for n in graph.nodes]
    assert found[19] is None  # XNNPACK's own reshape before the fully connected layer


def test_events_that_name_their_node_are_believed(graph: Graph) -> None:
    last = graph.nodes[-1].index
    lines = XNNPACK.strip().splitlines()
    assert align(events("\n".join([*lines[:-1], f"2 SOFTMAX @{last}"])), graph)[-1] == last
    assert align(events(f"2 CONV_2D @{last}"), graph) == (None,)  # an index of something else
    assert align(events("2 CONV_2D @999\n2 CONV_2D @-1"), graph) == (None, None)


def test_what_could_be_two_nodes_is_none(graph: Graph) -> None:
    assert align(events("8 Add (ND)"), graph) == (None,)  # which of the three?
    assert align(events("8 Something New (NC)\n8 Softmax (NC, F32)"), graph) == (None, graph.nodes[-1].index)
    assert align([], graph) == ()


def timed(artifacts: ArtifactStore, ops: list[list[OpTime]], times: list[int]) -> Recording:
    header = Header(
        pass_="layers",  # noqa: S106  # a pass of the agent
        source="x",
        source_version="1",
        model_sha256="0" * 64,
        kernel="delegate",
        threads=1,
    )
    writer = RecordingWriter(artifacts, header)
    for frame, frame_ops in enumerate(ops):
        for op in frame_ops:
            writer.op(op.model_copy(update={"frame": frame}))
    for i, t in enumerate(times):
        writer.time(FrameTime(index=i, repetition=0, name="", preprocess_ns=0 if i else 2_000_000, invoke_ns=t))
    return load(artifacts, writer.close())


def test_layer_times_are_interquartile_means_and_types_their_sums(artifacts: ArtifactStore, graph: Graph) -> None:
    base = events(XNNPACK)
    slow = [o.model_copy(update={"duration_us": 1000}) for o in base]
    later = [o.model_copy(update={"duration_us": 11}) for o in base]
    halves = timed(artifacts, [base, later, base, slow], [])
    assert layer_times(halves, graph, artifacts) == {n.index: 10.5 for n in graph.nodes}
    recording = timed(artifacts, [base, base, base, slow], [])
    times = layer_times(recording, graph, artifacts)
    assert times == {n.index: 10.0 for n in graph.nodes}
    types = {t.type: t for t in layer_types(recording, graph, artifacts)}
    assert types["Conv"].count == sum(n.op == "CONV_2D" for n in graph.nodes)
    assert types["D-Conv"].time_us == 10 * types["D-Conv"].count
    assert sum(t.share for t in types.values()) == pytest.approx(1)
    assert types.keys() == {"Conv", "D-Conv", "FC", "Mean", "Add", "Softmax", "Other"}
    assert (types["Other"].count, types["Other"].time_us) == (0, 10)  # XNNPACK's own reshape


def test_repetitions_of_a_profiled_frame_are_told_apart(artifacts: ArtifactStore, graph: Graph) -> None:
    base = events(XNNPACK)
    slow = [o.model_copy(update={"duration_us": 20}) for o in base]
    once = timed(artifacts, [base, base], [])
    header = once.header.model_copy(update={"pass_": "profile"})
    writer = RecordingWriter(artifacts, header)
    for frame in (0, 1):
        for repetition, ops in enumerate((base, slow)):
            writer.time(FrameTime(index=frame, repetition=repetition, name="", preprocess_ns=0, invoke_ns=1))
            for op in ops:
                writer.op(op.model_copy(update={"frame": frame}))
    recording = load(artifacts, writer.close())
    assert layer_times(recording, graph, artifacts) == {n.index: 15.0 for n in graph.nodes}  # not their sum
    assert {t.source for t in layer_types(recording, graph, artifacts)} == {"profile"}
    assert {t.source for t in layer_types(once, graph, artifacts)} == {"layers"}


def test_a_long_pass_is_thinned_to_what_a_page_can_draw(artifacts: ArtifactStore) -> None:
    spent = [1_000_000] * 1999 + [9_000_000]
    found = timeline(timed(artifacts, [], spent), artifacts)
    assert len(found) == 500
    assert sum(p.count for p in found) == 2000
    assert [p.first for p in found[:2]] == [0, 4]
    assert (found[-1].ms, found[-1].worst_ms) == (1.0, 9.0)
    assert found[0].memory_mb is None


def test_memory_stands_beside_its_frame(artifacts: ArtifactStore) -> None:
    writer = RecordingWriter(artifacts, timed(artifacts, [], []).header)
    for frame in (0, 1):
        writer.time(FrameTime(index=frame, repetition=0, name="", preprocess_ns=0, invoke_ns=1_000_000))
        writer.memory(MemorySample(frame=frame, time_ns=1, rss_bytes=(frame + 1) << 20, peak_rss_bytes=0))
    recording = load(artifacts, writer.close())
    assert [p.memory_mb for p in timeline(recording, artifacts)] == [1.0, 2.0]
    found = latency(recording, artifacts)
    assert found is not None
    assert found.timeline == timeline(recording, artifacts)


def test_latency_is_of_invocations(artifacts: ArtifactStore) -> None:
    found = latency(timed(artifacts, [], [1_000_000, 2_000_000, 30_000_000]), artifacts)
    assert found is not None
    assert (found.median, found.n, found.preprocess_median) == (2.0, 3, 2.0)
    assert found.interval[0] <= found.median <= found.interval[1]
    assert latency(timed(artifacts, [], []), artifacts) is None
    values = np.random.default_rng(1).normal(10, 1, 200)
    assert median_interval(values) == median_interval(values)
