"""Layers on their principal components: as a singular value decomposition has them, and what they show of a planted fault."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from farm.capture.recording import Header, RecordingWriter, TensorSpec, load
from farm.compare import embedding
from farm.compare.embedding import components, embed, shared
from farm.model.graph import Graph, Node, Tensor

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore

GRAPH = Graph(
    nodes=(Node(0, "CONV_2D", custom=False, inputs=(0,), outputs=(1,)),),
    tensors=tuple(Tensor(i, f"t{i}", "float32", (1, 6), (), (), 0, constant=False) for i in range(2)),
    inputs=(0,), outputs=(1,), subgraphs=1, metadata=(),
)  # fmt: skip
values = st.floats(-1e6, 1e6, allow_subnormal=False)
matrices = st.tuples(st.integers(1, 8), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=values)
)


@given(matrices)
def test_scores_are_those_of_a_singular_value_decomposition(rows: np.ndarray[Any, Any]) -> None:
    scores, shares = components(list(rows))
    centered = rows - rows.mean(axis=0)
    _, lengths, _ = np.linalg.svd(centered)
    found = np.linalg.norm(scores, axis=0)
    wanted = np.pad(lengths, (0, 2))[:2]
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6 * max(1.0, float(np.abs(rows).max())))
    total = float(np.square(lengths).sum())
    if total > 1e-9:
        assert np.allclose(shares, np.square(wanted) / total, atol=1e-6)
    assert all(column[np.abs(column).argmax()] >= 0 for column in scores.T)


@given(matrices)
def test_points_are_never_further_apart_than_what_they_stand_for(rows: np.ndarray[Any, Any]) -> None:
    scores, _ = components(list(rows))
    for i in range(len(rows)):
        for j in range(i):
            apart = float(np.linalg.norm(rows[i] - rows[j]))
            assert np.linalg.norm(scores[i] - scores[j]) <= apart * (1 + 1e-6) + 1e-5 * max(
                1.0, float(np.abs(rows).max())
            )


def recording(artifacts: ArtifactStore, frames: dict[int, np.ndarray[Any, Any]], **spec: Any) -> Recording:
    header = Header(
        pass_="layers",  # noqa: S106  # a pass of the agent
        source="litert-ref",
        source_version="1",
        model_sha256="0",
        kernel="builtin",
        threads=1,
    )
    writer = RecordingWriter(artifacts, header)
    known: dict[str, Any] = {"name": "t1", "role": "output", "position": 0, "dtype": "float32", "shape": (1, 6)}
    writer.spec(TensorSpec(**({"tensor": 1} | known | spec)))
    for frame, value in frames.items():
        writer.frame(frame, {1: value})
    return load(artifacts, writer.close())


def test_a_fault_that_is_the_same_in_all_frames_moves_all_points_alike(artifacts: ArtifactStore) -> None:
    rng = np.random.default_rng(7)
    right = {i: rng.normal(size=(1, 6)).astype(np.float32) for i in range(5)}
    push = np.array([[100, 0, 0, 0, 0, 0]], np.float32)
    edge, reference = recording(artifacts, {i: v + push for i, v in right.items()}), recording(artifacts, right)
    assert shared(edge, reference) == (1,)
    found = embed(edge, reference, 1, GRAPH, artifacts, {0: "a.png"})
    assert found is not None
    assert (found.node, found.op, found.values, found.each, found.left_out) == (0, "CONV_2D", 6, 1, ())
    assert found.shares[0] > 0.99
    assert [f.name for f in found.frames] == ["a.png", "", "", "", ""]
    for frame in found.frames:
        assert frame.apart == pytest.approx(100)
        assert abs(frame.edge[0] - frame.reference[0]) == pytest.approx(100, rel=0.01)
        assert abs(frame.edge[1] - frame.reference[1]) < 5


def test_quantized_sides_are_told_in_real_numbers(artifacts: ArtifactStore) -> None:
    steps = {0: np.array([[0, 10, 20, 30, 40, 50]], np.int8), 1: np.array([[5, 5, 5, 5, 5, 5]], np.int8)}
    real = {
        i: ((v.astype(np.float32) - 3) * np.array([0.5, 1, 1.5, 2, 2.5, 3])).astype(np.float32)
        for i, v in steps.items()
    }
    per_channel = {"dtype": "int8", "scale": (0.5, 1, 1.5, 2, 2.5, 3), "zero_point": (3,) * 6, "axis": 1}
    found = embed(recording(artifacts, steps, **per_channel), recording(artifacts, real), 1, GRAPH, artifacts, {})
    assert found is not None
    assert all(frame.apart == pytest.approx(0, abs=1e-4) for frame in found.frames)


def test_frames_that_are_no_numbers_are_left_out(artifacts: ArtifactStore) -> None:
    right = {i: np.full((1, 6), i, np.float32) for i in range(3)}
    broken = right | {1: np.array([[1, math.nan, 1, 1, 1, 1]], np.float32)}
    found = embed(recording(artifacts, broken), recording(artifacts, right), 1, GRAPH, artifacts, {})
    assert found is not None
    assert found.left_out == (1,)
    assert [frame.frame for frame in found.frames] == [0, 2]
    only = {1: broken[1]}
    assert embed(recording(artifacts, only), recording(artifacts, right), 1, GRAPH, artifacts, {}) is None


def test_of_a_large_layer_some_values_are_taken_and_that_is_told(
    artifacts: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "MOST_VALUES", 4)
    frames = {i: np.arange(6, dtype=np.float32).reshape(1, 6) * i for i in range(3)}
    found = embed(recording(artifacts, frames), recording(artifacts, frames), 1, GRAPH, artifacts, {})
    assert found is not None
    assert (found.values, found.each) == (6, 2)
    spans = [frame.edge[0] for frame in found.frames]
    assert max(spans) - min(spans) == pytest.approx(2 * math.sqrt(0 + 4 + 16))  # values 0, 2 and 4 of each
