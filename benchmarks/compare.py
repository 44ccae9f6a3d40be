"""How fast are two recordings compared, in GB/s a core, beside the least that numpy needs for an RMSE alone?

Rounds in random order: comparing layers (A), the same again (A', chance alone), and numpy (N): mean((a - b)^2) of every
tensor in float32, with its own reading of the same files. Goals: 1 GB/s for float32, 0.5 GB/s for int8.

    python benchmarks/compare.py [--mib 64] [--rounds 15]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.capture.recording import Header, Recording, RecordingWriter, load
from farm.compare.layers import compare_layers
from farm.model import graph as graphs
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.model.graph import Graph

    Array = np.ndarray[Any, Any]

SEED = 20220831
AGAIN = "A'"
DEMO = Path(__file__).resolve().parents[1] / "farm" / "demo"
MODELS = {"float32": "model.tflite", "int8": "model_int8.tflite"}


def main() -> None:
    """Print GB/s by type of model."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mib", type=int, default=64, help="of each recording")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    for dtype, name in MODELS.items():
        graph = graphs.read_file(DEMO / name)
        with tempfile.TemporaryDirectory() as folder:
            artifacts = ArtifactStore(Path(folder))
            device, reference = (recorded(artifacts, graph, arguments.mib, seed) for seed in (0, 1))
            report(dtype, artifacts, graph, device, reference, arguments.rounds)


def recorded(artifacts: ArtifactStore, graph: Graph, mib: int, seed: int) -> Recording:
    """Frames of every layer of the bundled classifier, each tensor widened to the size it has in a model of 224x224."""
    rng = np.random.default_rng(SEED + seed)
    base = {t: rng.normal(size=(12, graph.tensors[t].nbytes)) for node in graph.nodes for t in node.outputs}
    frame = {
        t: (values if graph.tensors[t].dtype == "float32" else np.clip(30 * values, -128, 127)).astype(
            graph.tensors[t].dtype
        )
        for t, values in base.items()
    }
    size = sum(v.nbytes for v in frame.values())
    header = Header(
        pass_="layers",  # noqa: S106  # a pass of the agent
        source="x",
        source_version="1",
        model_sha256="0" * 64,
        kernel="delegate",
        threads=1,
    )
    writer = RecordingWriter(artifacts, header)
    for index in range(max(1, (mib << 20) // size)):
        writer.frame(index, frame)
    return load(artifacts, writer.close())


def least(artifacts: ArtifactStore, device: Recording, reference: Recording) -> None:
    """An RMSE of every tensor, and nothing else."""
    for frame in device.frames:
        mine, other = device.tensors(artifacts, frame), reference.tensors(artifacts, frame)
        for index, values in mine.items():
            gap = np.subtract(values, other[index], dtype=np.float32).ravel()
            float(gap @ gap)


def report(
    dtype: str, artifacts: ArtifactStore, graph: Graph, device: Recording, reference: Recording, rounds: int
) -> None:
    """Run, and print one type's line."""
    ways: dict[str, Callable[[], object]] = {
        "A": lambda: compare_layers(device, reference, graph, artifacts, threshold=1.0),
        AGAIN: lambda: compare_layers(device, reference, graph, artifacts, threshold=1.0),
        "N": lambda: least(artifacts, device, reference),
    }
    once = device.tensors(artifacts, min(device.frames))
    gigabytes = len(device.frames) * sum(v.nbytes for v in once.values()) / 1e9
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for run in ways.values():
        run()  # the files are read from memory from here on
    for _ in range(rounds):
        for way in random.sample(sorted(ways), len(ways)):
            start = time.process_time()  # of all threads: a core's share, whatever else runs
            ways[way]()
            spent[way].append(time.process_time() - start)
    speeds = {way: gigabytes / statistics.median(times) for way, times in spent.items()}
    ratio = statistics.median(n / a for n, a in zip(spent["N"], spent["A"], strict=True))
    chance = statistics.median(b / a for b, a in zip(spent[AGAIN], spent["A"], strict=True))
    print(
        f"{dtype:8} {gigabytes * 1000:.0f} MB each: compare {speeds['A']:.2f} GB/s, again {speeds[AGAIN]:.2f}, "
        f"numpy RMSE {speeds['N']:.2f} GB/s a core; compare/numpy {ratio:.2f}, A'/A {chance:.3f}"
    )


if __name__ == "__main__":
    main()
