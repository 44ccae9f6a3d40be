"""Every model through the agent's four passes: plain, profiled, instrumented and isolated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm.capture.ingest import ingest
from farm.capture.recording import Recording, load
from farm.compare.difference import difference
from farm.compare.latency import layer_times, layer_types
from farm.model.instrument import exposed, instrument
from farm.model.isolate import feed_file, isolate
from farm.store.artifacts import ArtifactStore
from tests.agents.conftest import agent
from tests.agents.kit import RUNTIME, run
from tests.conftest import DEMO
from tests.model.test_isolate import AWKWARD, reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from farm.model.graph import Graph

    Array = np.ndarray[Any, Any]

__all__ = ["agent"]


@dataclass(frozen=True)
class Bench:
    """Where the agent plays one frame to models."""

    agent: Path
    folder: Path
    artifacts: ArtifactStore

    def play(self, name: str, model: bytes, rows: Sequence[tuple[str, Path]]) -> Recording:
        file, frames, out = self.folder / "m.tflite", self.folder / "frames.tsv", self.folder / "out.mcap"
        file.write_bytes(model)
        frames.write_text("".join(f"0\t{i}\t{kind}\t{self.at(path)}\tframe\n" for i, (kind, path) in enumerate(rows)))
        options = {"--model": self.at(file), "--pass": name, "--frames": self.at(frames), "--out": self.at(out)}
        arguments = [word for option in options.items() for word in option]
        self.run([file, frames, *{path for _, path in rows}], ["run", *arguments, "--warmup", "1"], out)
        found = ingest(out, "device:x", self.artifacts)
        assert found is not None
        return load(self.artifacts, found)

    def at(self, path: Path) -> str:
        """Where the agent finds a file."""
        return str(path)

    def run(self, files: Sequence[Path], arguments: Sequence[str], out: Path) -> None:
        """Run the agent; `files` are those it reads, `out` is what it writes."""
        done = run(self.agent, *arguments, "--runtime", RUNTIME)
        assert done.status == 0, done.stderr

    def check(self, model: bytes, *, alone: float, together: float) -> None:
        """All four passes, each against the reference."""
        graph, right = reference(model)
        shapes = {t: v.shape for t, v in right.items()}
        plain = []
        for i, index in enumerate(graph.inputs):
            path = self.folder / f"{i}.bin"
            path.write_bytes(right[index].tobytes())
            plain.append(("tensor", path))
        logged = self.tensors(self.play("latency", model, plain))
        assert set(logged) == set(graph.outputs)
        assert worst(graph, logged, right) <= together
        profile = self.play("profile", model, plain)
        times = layer_times(profile, graph, self.artifacts)
        assert set(times) <= {node.index for node in graph.nodes}
        assert {t.source for t in layer_types(profile, graph, self.artifacts)} <= {"profile"}
        layers = self.tensors(self.play("layers", instrument(model), plain))
        assert set(layers) >= {*graph.inputs, *exposed(graph), *graph.outputs}
        assert worst(graph, layers, right) <= together
        isolated = isolate(model, shapes=shapes)
        content, offsets = feed_file(isolated, right)
        feed = self.folder / "feed.bin"
        feed.write_bytes(content)
        own = self.tensors(self.play("isolated", isolated.model, [(f"tensor@{o}", feed) for o in offsets]))
        assert set(own) == set(isolated.outputs)
        assert worst(graph, own, right) <= alone

    def tensors(self, recording: Recording) -> dict[int, Array]:
        return recording.tensors(self.artifacts, 0)


def worst(graph: Graph, found: dict[int, Array], right: dict[int, Array]) -> float:
    return max(difference(value, right[t], graph.tensors[t]).nrmse for t, value in found.items())


@pytest.fixture
def bench(agent: Path, tmp_path: Path) -> Bench:
    return Bench(agent, tmp_path, ArtifactStore(tmp_path / "artifacts"))


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_models(name: str, bench: Bench) -> None:
    bench.check(AWKWARD[name], alone=1e-6, together=1e-6)


@pytest.mark.parametrize(
    ("name", "alone", "together"), [("model.tflite", 1e-6, 1e-5), ("model_int8.tflite", 0.003, 0.05)]
)
def test_the_bundled_classifiers(name: str, alone: float, together: float, bench: Bench) -> None:
    bench.check((DEMO / name).read_bytes(), alone=alone, together=together)


@pytest.mark.slow
def test_every_model_of_the_test_data(testdata: Path, bench: Bench) -> None:
    for path in sorted((testdata / "models").glob("*.tflite")):
        # A detector's post-processing sorts boxes by score: a step of a score is another order, and another box.
        together = 1.0 if "ssd" in path.name else 0.05
        bench.check(path.read_bytes(), alone=0.003, together=together)
