"""What the assertions about cost and values stand on: time, memory, delegated operators, odd values, drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm.assess.stragglers import stragglers
from farm.capture.recording import Recording, RecordingWriter, load
from farm.capture.rows import FrameTime, MemorySample, OpTime
from farm.compare.change import growth, slowdown
from farm.compare.delegation import delegated
from farm.compare.drift import drift
from farm.compare.values import look
from farm.model import graph as graphs
from farm.reference.cost import node_cost
from tests.assess.test_assess import RIGHT, Bench, demo
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.model.graph import Graph

__all__ = ["demo"]  # a fixture

MODEL = DEMO / "model.tflite"
MIB = 1 << 20


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graphs.read_file(MODEL)


@pytest.fixture(scope="module")
def bench(demo: Bench) -> Bench:
    return demo


def latency(bench: Bench, frames: int = 12) -> Recording:
    return bench.record(MODEL.read_bytes(), RIGHT, frames, layers=False)


def layers(bench: Bench, frames: int = 3) -> Recording:
    return bench.record(MODEL.read_bytes(), RIGHT, frames, layers=True)


def again(bench: Bench, old: Recording, change: Callable[[int, dict[int, Any]], dict[int, Any]]) -> Recording:
    """The same recording, with other tensors."""
    writer = RecordingWriter(bench.artifacts, old.header)
    for spec in old.specs:
        writer.spec(spec)
    for frame in sorted(old.frames):
        writer.frame(frame, change(frame, old.tensors(bench.artifacts, frame)))
    return load(bench.artifacts, writer.close())


def timed(bench: Bench, old: Recording, milliseconds: Any, memory: Any = ()) -> Recording:
    writer = RecordingWriter(bench.artifacts, old.header)
    for i, ms in enumerate(milliseconds):
        writer.time(FrameTime(index=i, repetition=0, name="x", preprocess_ns=1, invoke_ns=round(ms * 1e6)))
    for i, mib in enumerate(memory):
        writer.memory(MemorySample(frame=i, time_ns=i, rss_bytes=round(mib * MIB), peak_rss_bytes=0))
    return load(bench.artifacts, writer.close())


def profiled(bench: Bench, graph: Graph, left: set[int], cost: Callable[[int], float] = lambda _: 50.0) -> Recording:
    header = layers(bench).header.model_copy(update={"pass_": "profile"})
    writer = RecordingWriter(bench.artifacts, header)
    for frame in range(4):
        writer.time(FrameTime(index=frame, repetition=0, name="x", preprocess_ns=1, invoke_ns=1))
        for node in graph.nodes:
            if node.index in left:
                writer.op(
                    OpTime(frame=frame, tag=node.op, type=2, index=node.index, duration_us=round(cost(node.index)))
                )
        for i in range(len(graph.nodes) - len(left)):
            writer.op(OpTime(frame=frame, tag="Convolution (NHWC, F32)", type=8, index=i, duration_us=50))
    return load(bench.artifacts, writer.close())


def test_a_slower_run_is_told_from_chance(bench: Bench) -> None:
    random = np.random.default_rng(0)
    then = timed(bench, latency(bench), 20 + random.standard_normal(200))
    same = slowdown(timed(bench, latency(bench), 20 + random.standard_normal(200)), then, bench.artifacts)
    slow = slowdown(timed(bench, latency(bench), 26 + random.standard_normal(200)), then, bench.artifacts)
    assert same is not None
    assert slow is not None
    assert same.low < 1.02
    assert same.high > 0.98
    assert slow.low > 1.25
    assert slow.ratio == pytest.approx(1.3, abs=0.02)
    assert slowdown(timed(bench, latency(bench), []), then, bench.artifacts) is None


def test_memory_that_grows_all_along_is_a_leak(bench: Bench) -> None:
    settled = [100 + 20 * (i > 10) for i in range(100)]
    leaking = [100 + 0.5 * i for i in range(100)]
    assert growth(timed(bench, latency(bench), [], settled), bench.artifacts) == 0
    assert growth(timed(bench, latency(bench), [], leaking), bench.artifacts) == pytest.approx(18.75, abs=1)
    assert growth(timed(bench, latency(bench), [], leaking[:8]), bench.artifacts) is None
    larger = [100 + 30 * (1 - 0.97**i) for i in range(100)]  # the largest frame yet, ever more seldom
    assert growth(timed(bench, latency(bench), [], larger), bench.artifacts) == 0


def test_operators_of_tflites_own_were_left_by_the_delegate(bench: Bench, graph: Graph) -> None:
    some = {n.index for n in graph.nodes[-2:]}
    found = delegated(profiled(bench, graph, some), graph, bench.artifacts)
    assert found is not None
    assert found.left <= some
    assert found.taken
    assert not found.taken & found.left
    none = delegated(profiled(bench, graph, {n.index for n in graph.nodes}), graph, bench.artifacts)
    assert none is not None
    assert not none.taken
    assert delegated(latency(bench), graph, bench.artifacts) is None


def test_a_slow_kernel_stands_out_within_a_run(bench: Bench, graph: Graph) -> None:
    every = {n.index for n in graph.nodes}
    work = {n.index: node_cost(graph, n) for n in graph.nodes}
    depthwise = next(n.index for n in graph.nodes if n.op in {"DEPTHWISE_CONV_2D", "CONV_2D"})
    total = sum(work.values())

    def healthy(node: int) -> float:
        return 1e5 * work[node] / total + 1

    def slow(node: int) -> float:
        return healthy(node) * (1000 if node == depthwise else 1)

    assert stragglers(profiled(bench, graph, every, healthy), graph, bench.artifacts) == ()
    found = stragglers(profiled(bench, graph, every, slow), graph, bench.artifacts)
    assert found
    assert found[0].node == depthwise
    assert found[0].times > 100
    assert stragglers(None, graph, bench.artifacts) is None


def test_healthy_values_are_not_odd(bench: Bench, graph: Graph) -> None:
    assert look(graph, bench.artifacts, latency(bench), layers(bench), layers(bench)) is None
    assert look(graph, bench.artifacts, latency(bench), None, None) is None


@pytest.mark.parametrize(("value", "what"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_the_first_layer_with_no_numbers_is_named(bench: Bench, graph: Graph, value: float, what: str) -> None:
    node = graph.nodes[1]

    def broken(frame: int, values: dict[int, Any]) -> dict[int, Any]:
        hit = [t for n in graph.nodes[1:] for t in n.outputs if t in values]
        changed = {t: values[t].copy() for t in hit}
        for tensor in changed.values():
            if tensor.dtype.kind == "f":
                tensor.flat[0] = value if frame == 1 else tensor.flat[0]
        return values | changed

    found = look(graph, bench.artifacts, latency(bench), again(bench, layers(bench), broken), layers(bench))
    assert found is not None
    assert (found.what, found.node, found.frames) == (what, node.index, 1)


def test_a_dead_layer_and_a_frozen_answer_are_named(bench: Bench, graph: Graph) -> None:
    def dead(_: int, values: dict[int, Any]) -> dict[int, Any]:
        tensor = graph.nodes[2].outputs[0]
        return values | {tensor: np.zeros_like(values[tensor])}

    found = look(graph, bench.artifacts, latency(bench), again(bench, layers(bench), dead), layers(bench))
    assert found is not None
    assert (found.what, found.node) == ("constant", 2)
    first = next(iter(latency(bench).tensors(bench.artifacts, 0).values()))
    frozen = again(bench, latency(bench), lambda _, values: dict.fromkeys(values, first))
    found = look(graph, bench.artifacts, frozen, None, None)
    assert found is not None
    assert found.what == "frozen"
    assert look(graph, bench.artifacts, frozen, None, None, varied=False) is None


def test_drift_is_seen_before_answers_change(bench: Bench, graph: Graph) -> None:
    then = latency(bench, 40)

    def unsure(_: int, values: dict[int, Any]) -> dict[int, Any]:
        return {t: (0.7 * v + 0.3 / v.size).astype(v.dtype) for t, v in values.items()}

    same = drift(then, then, graph, bench.artifacts)
    less = drift(again(bench, then, unsure), then, graph, bench.artifacts)
    assert same is not None
    assert less is not None
    assert same.p_value == 1
    assert less.p_value < 0.01
    assert less.change < -0.05
