from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.agents.kit import PLATFORM, Bench, build, convolution_model, sum_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Captures that the real agent wrote: tiny ones of `layers` and `latency`, and one of several chunks."""
    folder = tmp_path_factory.mktemp("recorded")
    agent, rng = build("all", PLATFORM), np.random.default_rng(3)
    sums = [[rng.normal(size=(1, 4)).astype(np.float32) for _ in range(2)] for _ in range(3)]
    pictures = [[rng.normal(size=(1, 8, 8, 3)).astype(np.float32)] for _ in range(1100)]
    found = {}
    for name, model, frames, layers in (
        ("layers", sum_model(), sums, True),
        ("latency", sum_model(), sums, False),
        ("large", convolution_model(), pictures, True),
    ):
        (folder / name).mkdir()
        bench = Bench(agent, folder / name)
        bench.capture(bench.file("model.tflite", model), bench.tensors(*frames), layers=layers)
        found[name] = bench.out
    return found
