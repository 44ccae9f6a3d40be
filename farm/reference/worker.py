"""One job of a reference runtime in a process of its own: `python -m farm.reference.worker`.

A job is one line of JSON on stdin; answers are lines of JSON on stdout. The process ends when its stdin does, so that it
never outlives its parent.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from farm import errors
from farm.capture.recording import Header, RecordingWriter, TensorSpec
from farm.capture.rows import FrameTime, OpTime, SampleRow
from farm.compare.difference import real
from farm.errors import BugError, FarmError
from farm.model import graph as graphs
from farm.model.recipe import Recipe
from farm.reference.contract import Means
from farm.reference.foreign import unquantized
from farm.reference.frames import FrameReader
from farm.reference.registry import find
from farm.reference.sampling import sampled
from farm.reference.timing import operator_times
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame, ReferenceSource

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.model.graph import Graph
    from farm.reference.contract import Reference

    Array = np.ndarray[Any, Any]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WorkerJob(_Message):
    """What to run. One recording is made for each recipe; with `rounds`, one of times alone, of inputs of its own."""

    runtime: str
    source: ReferenceSource
    artifacts: Path
    environments: Path
    scratch: Path
    """A folder that the parent removes."""
    model_sha256: str
    frames: tuple[tuple[int, InputFrame], ...]
    recipes: tuple[Recipe | None, ...]
    layers: bool
    threads: int
    rounds: int = 0
    """How often each operator is timed by itself."""

    @property
    def steps(self) -> int:
        """What `WorkerAnswer.done` counts up to."""
        return self.rounds or len(self.frames)


class WorkerError(_Message):
    """A FarmError on its way to the parent."""

    type: str
    message: str
    where: str
    remedy: str


class WorkerAnswer(_Message):
    """One line: progress, or the end."""

    done: int = 0
    """Frames, or rounds, of those of the job."""
    recordings: tuple[str, ...] = ()
    """sha256 by recipe; the last line has them."""
    error: WorkerError | None = None


def perform(job: WorkerJob, tell: Callable[[int], None]) -> tuple[str, ...]:
    """Run a job; the sha256 of one recording a recipe.

    Raises:
        FarmError: as the reference and the frames raise it.
    """
    artifacts = ArtifactStore(job.artifacts)
    model = artifacts.read(job.model_sha256)
    graph = graphs.read(model)
    if job.rounds:
        return (_timed(job, model, graph, artifacts, tell),)
    reference = find(job.runtime)(model, graph, layers=job.layers, threads=job.threads, means=_means(job, artifacts))
    writers = [_Writer(job, reference, graph, artifacts) for _ in job.recipes]
    with sampled() as rows:
        _play(job, reference, graph, artifacts, writers, tell)
    return tuple(writer.close(rows) for writer in writers)


def _play(
    job: WorkerJob,
    reference: Reference,
    graph: Graph,
    artifacts: ArtifactStore,
    writers: Sequence[_Writer],
    tell: Callable[[int], None],
) -> None:
    for done, (index, frame) in enumerate(job.frames, 1):
        feed = _Feed(frame, artifacts, graph, reference)
        for recipe, writer in zip(job.recipes, writers, strict=True):
            started = time.monotonic_ns()
            values = reference.recorded(index, frame.name)
            ready = started
            if values is None:
                stored, inputs = feed.inputs(recipe)
                ready = time.monotonic_ns()
                values = reference.run(inputs)
                values = {**stored, **values} if job.layers else values
            ended = time.monotonic_ns()
            if values:
                writer.frame(index, values, FrameTime(index=index, repetition=0, name=frame.name,
                                                      preprocess_ns=ready - started, invoke_ns=ended - ready,
                                                      start_ns=started))  # fmt: skip
        tell(done)


class _Feed:
    """A frame's inputs, as the submitted model stores them and as the reference wants them."""

    def __init__(self, frame: InputFrame, artifacts: ArtifactStore, graph: Graph, reference: Reference) -> None:
        self._graph = graph
        self._real = reference.real_inputs
        self._stored = FrameReader(frame, artifacts, graph, reference.input_shapes)
        # Tensors come as the model stores them; everything else can be had before it is quantized.
        self._unquantized = (
            FrameReader(frame, artifacts, unquantized(graph, self._real), reference.input_shapes)
            if self._real and frame.kind != "tensor"
            else None
        )

    def inputs(self, recipe: Recipe | None) -> tuple[dict[int, Array], dict[int, Array]]:
        """Stored, and fed."""
        stored = self._stored.inputs(recipe)
        if not self._real:
            return stored, stored
        if self._unquantized is not None:
            return stored, self._unquantized.inputs(recipe)
        return stored, {
            i: real(v, self._graph.tensors[i]).astype(np.float32) if i in self._real else v for i, v in stored.items()
        }


def _means(job: WorkerJob, artifacts: ArtifactStore) -> Means:
    return Means(source=job.source, artifacts=artifacts, environments=job.environments, scratch=job.scratch)


def _timed(job: WorkerJob, model: bytes, graph: Graph, artifacts: ArtifactStore, tell: Callable[[int], None]) -> str:
    """The sha256 of a recording as a `profile` pass makes it: a frame a round, an event an operator."""
    runtime = find(job.runtime)
    header = Header(
        pass_="profile",  # noqa: S106  # a pass
        source=runtime.name,
        source_version=runtime.version(),
        model_sha256=job.model_sha256,
        kernel=runtime.kernel,
        threads=1,
    )
    writer = RecordingWriter(artifacts, header)
    with sampled() as rows:
        for i, events in enumerate(operator_times(model, graph, runtime, job.rounds, _means(job, artifacts))):
            for kind, tag, node, spent in events:
                writer.op(OpTime(frame=i, tag=tag, type=kind, index=node, duration_us=round(spent / 1000)))
            tell(i + 1)
    for row in rows:
        writer.sample(row)
    return writer.close()


class _Writer:
    """A recording under way."""

    def __init__(self, job: WorkerJob, reference: Reference, graph: Graph, artifacts: ArtifactStore) -> None:
        self._graph = graph
        self._announced: set[int] = set()
        header = Header(
            pass_="layers" if job.layers else "latency",
            source=job.source.name,
            source_version=reference.version(),
            model_sha256=job.model_sha256,
            kernel=reference.kernel,
            threads=job.threads,
            labels=reference.notes,
        )
        self._writer = RecordingWriter(artifacts, header)

    def frame(self, index: int, values: dict[int, Array], times: FrameTime) -> None:
        for key, value in values.items():
            if key not in self._announced:
                self._announced.add(key)
                self._writer.spec(self._spec(key, value))
        self._writer.frame(index, values)
        self._writer.time(times)

    def _spec(self, key: int, value: Array) -> TensorSpec:
        tensor, inputs = self._graph.tensors[key], self._graph.inputs
        as_stored = value.dtype.name == tensor.dtype  # else real numbers, of a model that is not quantized
        return TensorSpec(
            tensor=key,
            name=tensor.name,
            role="input" if key in inputs else "output",
            position=inputs.index(key) if key in inputs else len(self._announced & set(inputs)),
            dtype=value.dtype.name,
            shape=value.shape,
            scale=tensor.scale if as_stored else (),
            zero_point=tensor.zero_point if as_stored else (),
            axis=tensor.axis,
        )

    def close(self, rows: Sequence[SampleRow]) -> str:
        for row in rows:
            self._writer.sample(row)
        return self._writer.close(peak_rss_bytes=_peak_rss())


def _peak_rss() -> int:
    """Bytes; 0 where the system does not tell. Not `ru_maxrss`: that begins at what the parent took when it forked."""
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) << 10
    return 0


def _end_with_parent() -> None:
    sys.stdin.readline()
    os._exit(1)


def main() -> int:
    """Read a job, answer, end with 0 when it was answered."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what runtimes print must not be read as an answer
    job = WorkerJob.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(answer: WorkerAnswer) -> None:
        answers.write(answer.model_dump_json() + "\n")

    try:
        recordings = perform(job, lambda done: tell(WorkerAnswer(done=done)))
        tell(WorkerAnswer(done=job.steps, recordings=recordings))
    except FarmError as e:
        tell(WorkerAnswer(error=_error(e)))
    except MemoryError:
        tell(WorkerAnswer(error=_error(BugError("ran out of memory", where=job.runtime))))
    return 0


def _error(e: FarmError) -> WorkerError:
    known = next(kind.__name__ for kind in type(e).__mro__ if hasattr(errors, kind.__name__))
    return WorkerError(type=known, message=e.message, where=e.where, remedy=e.remedy)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # the thread that waits for stdin holds its lock, and an orderly exit would wait for it
