"""Recordings of reference runtimes: from the cache, or from a worker process under a wall-clock limit."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydantic import ValidationError

import farm
from farm import errors, groups, host_cpu
from farm.capture.recording import Recording, load
from farm.reference import cache as caches
from farm.reference.environments import home
from farm.reference.registry import find, ready
from farm.reference.worker import WorkerAnswer, WorkerJob

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, ReferenceSource

    Progress = Callable[[int, int], None]
    """Told how many frames are done, of how many; may raise to give up."""

TICK_S = 1.0
TAIL_BYTES = 2000


def record(
    name: str,
    *,
    artifacts: ArtifactStore,
    cache: Path,
    model_sha256: str,
    frames: Sequence[tuple[int, InputFrame]],
    recipe: Recipe | None,
    layers: bool,
    threads: int = 1,
    sources: Sequence[ReferenceSource] = (),
    progress: Progress | None = None,
    timeout_s: float,
) -> Recording:
    """What reference `name` computes for `frames` (index, frame) under `recipe`; `name` is one of `sources`, or a runtime's.

    `layers`: inputs and every tensor that depends on them, as far as the reference has it; otherwise the outputs alone.
    An earlier capture lacks the layers of frames for which it logged none. `artifacts` is in the farm's data folder, where the
    runtimes' environments are, too.

    Raises:
        JobError: no such reference (lists those there are), or it is not installed (says what to type).
        ModelError: the runtime refuses the model, fails on it or crashes.
        InputsError: a frame is broken or does not fit the model (names file, got and expected).
        DeadlineError: over `timeout_s` of wall-clock time; the worker and its group were killed.
    """
    return record_all(
        name,
        artifacts=artifacts,
        cache=cache,
        model_sha256=model_sha256,
        frames=frames,
        recipes=(recipe,),
        layers=layers,
        threads=threads,
        sources=sources,
        progress=progress,
        timeout_s=timeout_s,
    )[0]


def record_all(
    name: str,
    *,
    artifacts: ArtifactStore,
    cache: Path,
    model_sha256: str,
    frames: Sequence[tuple[int, InputFrame]],
    recipes: Sequence[Recipe | None],
    layers: bool,
    threads: int = 1,
    sources: Sequence[ReferenceSource] = (),
    progress: Progress | None = None,
    timeout_s: float,
) -> tuple[Recording, ...]:
    """As `record`, for several recipes at once: a frame is decoded once, and one worker serves them all."""
    source = ready(name, sources, home(artifacts.folder.parent))
    keys = _keys(source, model_sha256, frames, recipes, layers=layers, threads=threads)
    found = [caches.look_up(cache, key, artifacts) for key in keys]
    missing = [i for i, recording in enumerate(found) if recording is None]
    if missing:
        with _scratch() as scratch:
            job = WorkerJob(
                runtime=find(source.runtime).name,
                source=source,
                artifacts=artifacts.folder.absolute(),
                environments=home(artifacts.folder.parent).absolute(),
                scratch=scratch,
                model_sha256=model_sha256,
                frames=tuple(frames),
                recipes=tuple(recipes[i] for i in missing),
                layers=layers,
                threads=threads,
            )
            made = run_worker(job, progress=progress, timeout_s=timeout_s)
        for i, sha256 in zip(missing, made, strict=True):
            caches.keep(cache, keys[i], sha256)
            found[i] = load(artifacts, sha256)
    return tuple(recording for recording in found if recording is not None)


def kept(
    name: str,
    *,
    artifacts: ArtifactStore,
    cache: Path,
    model_sha256: str,
    frames: Sequence[tuple[int, InputFrame]],
    recipe: Recipe | None,
    layers: bool,
    sources: Sequence[ReferenceSource] = (),
) -> Recording | None:
    """As `record`, where the cache has it; None where it would have to be computed. Starts nothing.

    Raises:
        JobError: as `record`.
    """
    source = ready(name, sources, home(artifacts.folder.parent))
    (key,) = _keys(source, model_sha256, frames, (recipe,), layers=layers, threads=1)
    return caches.look_up(cache, key, artifacts)


def _keys(
    source: ReferenceSource,
    model_sha256: str,
    frames: Sequence[tuple[int, InputFrame]],
    recipes: Sequence[Recipe | None],
    *,
    layers: bool,
    threads: int,
) -> list[caches.CacheKey]:
    """What the recordings depend on, by recipe."""
    runtime = find(source.runtime)
    state = runtime.state(source) + (json.dumps([f.name for _, f in frames]) if runtime.by_name else "")
    return [
        caches.CacheKey(
            runtime=runtime.name,
            version=runtime.version(),
            model_sha256=model_sha256,
            source=source.model_dump_json(exclude_defaults=True) + state,
            recipe="" if recipe is None else recipe.model_dump_json(),
            frames=tuple((i, f.kind, f.sha256) for i, f in frames),
            layers=layers,
            threads=threads,
        )
        for recipe in recipes
    ]


def record_times(
    name: str,
    *,
    artifacts: ArtifactStore,
    model_sha256: str,
    rounds: int,
    progress: Progress | None = None,
    timeout_s: float,
) -> Recording:
    """What each operator costs on reference `name`, on this computer and now: as of a `profile` pass of `rounds` invocations.

    Waits for this computer's CPU first, so that nothing else that measures runs beside it. Errors as in `record`.
    """
    source = ready(name, (), home(artifacts.folder.parent))

    def wait() -> None:
        if progress is not None:
            progress(0, rounds)

    with _scratch() as scratch, host_cpu.held(wait):  # a virtual phone's times are of this CPU, too
        job = WorkerJob(
            runtime=source.runtime,
            source=source,
            artifacts=artifacts.folder.absolute(),
            environments=home(artifacts.folder.parent).absolute(),
            scratch=scratch,
            model_sha256=model_sha256,
            frames=(),
            recipes=(),
            layers=False,
            threads=1,
            rounds=rounds,
        )
        (made,) = run_worker(job, progress=progress, timeout_s=timeout_s)
    return load(artifacts, made)


def run_worker(job: WorkerJob, *, progress: Progress | None, timeout_s: float) -> tuple[str, ...]:
    """Run a job in a worker process; the sha256 of its recordings. Errors as in `record`."""
    deadline = time.monotonic() + timeout_s
    with tempfile.TemporaryFile() as log, _worker(log) as process:
        assert process.stdin is not None  # noqa: S101  # it is a pipe
        with contextlib.suppress(BrokenPipeError):  # it died already: the end of its answers says so
            process.stdin.write(job.model_dump_json() + "\n")
            process.stdin.flush()
        for answer in _answers(process, deadline, job):
            if progress is not None:
                progress(answer.done, job.steps)
            if answer.error is not None:
                raise _raised(answer, job)
            if answer.recordings:
                return answer.recordings
        raise _crash(process, log, job)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="farm-reference-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextlib.contextmanager
def _worker(log: IO[bytes]) -> Iterator[subprocess.Popen[str]]:
    package = str(Path(farm.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "farm.reference.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        groups.end(process)


def _answers(process: subprocess.Popen[str], deadline: float, job: WorkerJob) -> Iterator[WorkerAnswer]:
    """Answers as they come; between them the last progress again, so that the caller can give up."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        with contextlib.suppress(ValueError, OSError):  # closed under it after a deadline
            for line in process.stdout:
                lines.put(line)
        lines.put("")

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    last = WorkerAnswer()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise errors.DeadlineError(
                f"reference {job.runtime} did {last.done} of {job.steps} {'rounds' if job.rounds else 'frames'} in its time",
                where=job.runtime,
                remedy=f"{'ask for fewer rounds' if job.rounds else 'submit fewer frames'}, or allow more time",
            )
        try:
            line = lines.get(timeout=min(left, TICK_S))
        except queue.Empty:
            yield last
            continue
        if not line:
            return
        try:
            last = WorkerAnswer.model_validate_json(line)
        except ValidationError:  # half a line: it died while it wrote
            return
        yield last


def _raised(answer: WorkerAnswer, job: WorkerJob) -> errors.FarmError:
    error = answer.error
    assert error is not None  # noqa: S101  # asked before
    kind = getattr(errors, error.type, errors.BugError)
    raised: errors.FarmError = kind(error.message, where=error.where or job.runtime, remedy=error.remedy)
    return raised


def _crash(process: subprocess.Popen[str], log: IO[bytes], job: WorkerJob) -> errors.FarmError:
    status = process.wait(timeout=10)
    log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
    tail = log.read().decode("utf-8", "replace").strip()
    if status == -signal.SIGKILL:
        return errors.StorageError(
            "the reference's process was killed, most likely for want of memory",
            where=job.runtime,
            remedy="free memory on this machine",
        )
    if status < 0:
        return errors.ModelError(
            f"crashes the reference runtime ({signal.Signals(-status).name})",
            where=job.runtime,
            remedy="check the model with `farm inspect`",
        )
    return errors.BugError(f"the worker ended with status {status}: {tail}", where=job.runtime)
