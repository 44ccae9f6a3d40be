"""The farm's pre-processing on the host against tools/lab's, which the models were trained with and which was written apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from lab import data, measure

from farm.model import graph as graphs
from farm.reference.frames import FrameReader
from tests.lab.bench import MODELS

if TYPE_CHECKING:
    from tests.lab.bench import Bench

COUNT = 12
CASES = [
    pytest.param(kit, bug, id=f"{kit}-{bug or 'right'}", marks=[pytest.mark.slow] if bug else [])
    for kit in data.KITS
    for bug in ("", *measure.BUGS[kit])
]


@pytest.mark.parametrize(("kit", "bug"), CASES)
def test_both_feed_the_model_the_same(kit: str, bug: str, bench: Bench) -> None:
    change = measure.BUGS[kit][bug] if bug else {}
    plan = bench.plan(kit, change, count=COUNT)
    graph = graphs.read_file(MODELS / kit / "model.tflite")
    shapes = {i: graph.tensors[i].shape for i in graph.inputs}
    frames = [data.frame(kit, n) for n in range(COUNT)]
    ours = measure.inputs(kit, frames, measure.planted(measure.recipe(MODELS / kit), change), MODELS / kit)
    use = plan.prepared.submission.recipe
    assert use is not None
    for number, frame in enumerate(plan.prepared.submission.frames):
        fed = FrameReader(frame, bench.artifacts, graph, shapes).inputs(use.recipe)
        for tensor, expected in zip(graph.inputs, ours, strict=True):
            got, wanted = np.asarray(fed[tensor], np.float64), np.asarray(expected[number], np.float64)
            assert got.shape[1:] == wanted.shape
            assert np.abs(got - wanted).max() <= 1e-4 * max(1.0, float(np.ptp(wanted))), frame.name
