"""Many models over the same frames, in one process of its own: inputs are made once, and a trial is a model and its answers.

Models are simulated ones of the user's model, of which each crashes or hangs for itself.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from farm.compare.answers import ranked
from farm.compare.difference import real
from farm.errors import DeadlineError, FarmError, ModelError
from farm.model import graph as graphs
from farm.reference import preprocess
from farm.reference.frames import FrameReader
from farm.reference.registry import find
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.submission import InputFrame

    Array = np.ndarray[Any, Any]

RUNTIME = "litert"
GRACE_S = 5.0


@dataclass(frozen=True)
class Trial:
    """Of n frames."""

    distance: tuple[Array, ...]
    """Against each model that was kept before, in that order: float [n], RMSE / range of the kept one's outputs, all together."""
    top1: Array
    """int [n]: position of the first output's greatest value."""


class Trials:
    """A context; the process ends with it. Frames are (index, frame); positions count them."""

    def __init__(
        self,
        artifacts: ArtifactStore,
        frames: Sequence[InputFrame],
        recipe: Recipe | None,
        timeout_s: float,
        made_for: bytes | None = None,
    ) -> None:
        """`made_for`: the model whose types tensors among the frames have, where it is not the one that runs."""
        self._job = (artifacts.folder.absolute(), tuple(frames), recipe, made_for)
        self._deadline = time.monotonic() + timeout_s

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="farm-trials-")
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, Path(self._folder.name), *self._job), daemon=True)
        self._process.start()
        theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(GRACE_S if self._process.exitcode is None and time.monotonic() < self._deadline else 0.0)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._folder.cleanup()

    def run(self, model: bytes, *, positions: Sequence[int] | None = None, keep: bool = False) -> Trial:
        """Run a model on the frames at `positions`, or on all. `keep`: later trials are compared with its answers.

        Raises:
            ModelError: the runtime refuses the model, or crashes on it.
            InputsError, RecipeError: a frame does not fit the model.
            DeadlineError: the time for all trials is over.
        """
        try:
            self._pipe.send((model, None if positions is None else tuple(positions), keep))
            if not self._pipe.poll(max(0.0, self._deadline - time.monotonic())):
                raise DeadlineError(
                    "the trials took longer than they may",
                    where=RUNTIME,
                    remedy="give fewer frames or more time (--timeout)",
                )
            answer = self._pipe.recv()
        except (EOFError, OSError) as e:
            raise ModelError("crashes the runtime", where=RUNTIME, remedy="check the model with `farm inspect`") from e
        if isinstance(answer, FarmError):
            raise answer
        found: Trial = answer
        return found


def _serve(
    pipe: Connection,
    folder: Path,
    store: Path,
    frames: tuple[InputFrame, ...],
    recipe: Recipe | None,
    made_for: bytes | None,
) -> None:
    """The process: trials as they come, until the other end is closed."""
    player = _Player(folder, ArtifactStore(store), frames, recipe, None if made_for is None else graphs.read(made_for))
    while True:
        try:
            model, positions, keep = pipe.recv()
        except (EOFError, OSError):
            return
        answer: Trial | FarmError
        try:
            answer = player.run(model, range(len(frames)) if positions is None else positions, keep=keep)
        except FarmError as e:
            answer = e
        pipe.send(answer)


class _Player:
    def __init__(
        self,
        folder: Path,
        artifacts: ArtifactStore,
        frames: tuple[InputFrame, ...],
        recipe: Recipe | None,
        made_for: Graph | None,
    ) -> None:
        self._folder, self._artifacts, self._frames, self._recipe = folder, artifacts, frames, recipe
        self._made_for = made_for
        self._kept = 0
        self._signatures: list[str] = []

    def run(self, model: bytes, positions: Sequence[int], *, keep: bool) -> Trial:
        graph = graphs.read(model)
        runtime = find(RUNTIME)(model, graph, layers=False, threads=1)
        distance, top1 = np.zeros((self._kept, len(positions))), np.zeros(len(positions), np.int64)
        for i, position in enumerate(positions):
            values = runtime.run(self._inputs(position, graph, runtime.input_shapes))
            outputs = [real(values[t], graph.tensors[t]) for t in dict.fromkeys(graph.outputs)]
            top1[i] = int(ranked(outputs[0]).argmax()) if outputs[0].size else -1
            for k in range(self._kept):
                distance[k, i] = _distance(outputs, self._load(f"kept-{k}-{position}"))
            if keep:
                np.savez(self._folder / f"kept-{self._kept}-{position}.npz", *outputs)
        self._kept += keep
        return Trial(tuple(distance), top1)

    def _inputs(self, position: int, graph: Graph, shapes: dict[int, tuple[int, ...]]) -> dict[int, Array]:
        """Made once for each type and shape of inputs: decoding costs more than running."""
        signature = repr((_types(graph), [shapes[t] for t in graph.inputs]))
        if signature not in self._signatures:
            self._signatures.append(signature)
        name = f"inputs-{self._signatures.index(signature)}-{position}"
        if (self._folder / f"{name}.npz").exists():
            return dict(zip(graph.inputs, self._load(name), strict=True))
        made = self._make(self._frames[position], graph, shapes)
        np.savez(self._folder / f"{name}.npz", *(made[t] for t in graph.inputs))
        return made

    def _make(self, frame: InputFrame, graph: Graph, shapes: dict[int, tuple[int, ...]]) -> dict[int, Array]:
        """A tensor made for another model's types is read as real numbers."""
        source = self._made_for
        if frame.kind != "tensor" or source is None or _types(source) == _types(graph):
            return FrameReader(frame, self._artifacts, graph, shapes).inputs(self._recipe)
        theirs = dict(zip(source.inputs, shapes.values(), strict=True))
        given = FrameReader(frame, self._artifacts, source, theirs).inputs(self._recipe)
        return {
            t: preprocess.quantize(real(value, source.tensors[s]).astype(np.float32), graph.tensors[t])
            for t, (s, value) in zip(graph.inputs, given.items(), strict=True)
        }

    def _load(self, name: str) -> list[Array]:
        with np.load(self._folder / f"{name}.npz", allow_pickle=False) as file:
            return [file[f"arr_{i}"] for i in range(len(file.files))]


def _types(graph: Graph) -> list[tuple[str, tuple[float, ...], tuple[int, ...]]]:
    return [(graph.tensors[t].dtype, graph.tensors[t].scale, graph.tensors[t].zero_point) for t in graph.inputs]


def _distance(mine: Sequence[Array], other: Sequence[Array]) -> float:
    """Mean over outputs of RMSE / range; 1 where they cannot be compared."""
    if len(mine) != len(other) or any(a.size != b.size for a, b in zip(mine, other, strict=True)):
        return 1.0
    found = []
    for a, b in zip(mine, other, strict=True):
        with np.errstate(all="ignore"):
            rmse = float(np.sqrt(np.mean(np.square(a.ravel() - b.ravel())))) if b.size else 0.0
            span = float(np.ptp(b)) if b.size else 1.0
        found.append(rmse / (span or abs(float(b.flat[0])) or 1.0) if np.isfinite(rmse) and np.isfinite(span) else 1.0)
    return float(np.mean(found))
