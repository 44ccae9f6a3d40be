"""What operators cost on a reference: each cut out, in the worker process."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from farm.compare.latency import layer_times, layer_types
from farm.errors import DeadlineError, JobError, ModelError
from farm.model import graph as graphs
from farm.reference.record import record_times
from tests.conftest import DEMO
from tests.model import build
from tests.model.test_isolate import AWKWARD

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore

MODEL = (DEMO / "model_int8.tflite").read_bytes()


def timed(artifacts: ArtifactStore, model: bytes, name: str = "litert-ref", **options: Any) -> Recording:
    chosen = {"rounds": 3, "timeout_s": 120.0, **options}
    return record_times(name, artifacts=artifacts, model_sha256=artifacts.put(model), **chosen)


def test_every_operator_has_a_time_in_every_round(artifacts: ArtifactStore) -> None:
    told: list[tuple[int, int]] = []
    recording = timed(artifacts, MODEL, progress=lambda done, of: told.append((done, of)))
    graph = graphs.read(MODEL)
    ops = recording.op_times(artifacts)
    assert Counter((op.index, op.tag) for op in ops) == {(node.index, node.op): 3 for node in graph.nodes}
    assert set(layer_times(recording, graph, artifacts)) == {node.index for node in graph.nodes}
    assert sum(t.count for t in layer_types(recording, graph, artifacts)) == len(graph.nodes)
    assert sum(t.time_us for t in layer_types(recording, graph, artifacts)) > 0
    assert (recording.header.source, recording.header.kernel) == ("litert-ref", "reference")
    assert {(1, 3), (3, 3)} <= set(told)


@pytest.mark.parametrize("name", ["branches", "loop", "open batch", "sparse", "half precision", "complex inside"])
def test_odd_models_have_times_of_what_can_stand_alone(name: str, artifacts: ArtifactStore) -> None:
    graph = graphs.read(AWKWARD[name])
    found = layer_times(timed(artifacts, AWKWARD[name], rounds=1), graph, artifacts)
    assert found
    assert set(found) <= {node.index for node in graph.nodes}


def test_what_cannot_be_timed_is_refused_by_name(artifacts: ArtifactStore) -> None:
    with pytest.raises(JobError, match="no reference is called 'nobody'"):
        timed(artifacts, MODEL, "nobody")
    with pytest.raises(ModelError, match="string"):
        timed(artifacts, build.words())
    with pytest.raises(DeadlineError, match=r"of 1000000 rounds in its time") as e:
        timed(artifacts, MODEL, rounds=1_000_000, timeout_s=3.0)
    assert "fewer rounds" in e.value.remedy
