"""One file of a user's assertions, in a process of its own: `python -m farm.assess.user_worker MEMORY ANSWER SECONDS`.

The job is one line of JSON on stdin, the answer the last line on stdout.
"""

from __future__ import annotations

import ast
import inspect
import os
import resource
import sys
import traceback
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from farm.assess.pipeline import Pipeline
from farm.assess.user import ASSERT, SCORE, Side, UserAnswer, UserJob
from farm.capture.recording import Recording
from farm.compare.sequence import fired
from farm.model import graph as graphs
from farm.report.document import Finding
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from farm.report.sequence import Fired

    Array = np.ndarray[Any, Any]

WINDOW = 3
"""Frames of a window, where the function does not say `length`."""
SHOWN = 80
OPEN_FILES = 128


@dataclass(frozen=True)
class Moment:
    """One frame of a window, as the device logged it."""

    frame: int
    name: str
    edge: Pipeline

    @property
    def top1(self) -> int:
        """The best class of the first output."""
        return self.edge.top1[self.frame]

    def output(self, position: int = 0) -> Array:
        """As `Pipeline.output`."""
        return self.edge.output(self.frame, position)

    def input(self, position: int = 0) -> Array:
        """As `Pipeline.input`."""
        return self.edge.input(self.frame, position)


def perform(job: UserJob) -> UserAnswer:
    """Load the file, ask each of its functions."""
    artifacts = ArtifactStore(job.artifacts)
    name, source = job.file.name, artifacts.read(job.file.sha256)
    module = types.ModuleType("user_assertions")
    try:
        exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102  # this process is there for it
    except Exception as e:  # a user's code may raise anything
        return UserAnswer(kind="broken", message=f"{type(e).__name__}: {e}", where=_place(e, name))
    edge = _pipeline(job, job.edge, artifacts)
    ref = _pipeline(job, job.ref, artifacts) if job.ref is not None else None
    found = [
        value for key, value in vars(module).items() if key.startswith((ASSERT, SCORE)) and inspect.isfunction(value)
    ]
    findings = [_asserted(f, edge, ref, name, source) for f in found if f.__name__.startswith(ASSERT)]
    scored = [_scored(f, edge, name) for f in found if f.__name__.startswith(SCORE)]
    return UserAnswer(
        findings=(*findings, *(finding for finding, _ in scored)),
        fired=tuple(one for _, one in scored if one is not None),
    )


def _pipeline(job: UserJob, side: Side, artifacts: ArtifactStore) -> Pipeline:
    graph = graphs.read(artifacts.read(job.submission.model_sha256), job.submission.model_name)
    recordings = {name: Recording.model_validate_json(text) for name, text in side.recordings.items()}
    return Pipeline(side.name, job.submission, graph, artifacts, recordings)


def _asserted(function: Callable[..., Any], edge: Pipeline, ref: Pipeline | None, name: str, source: bytes) -> Finding:
    title = function.__name__.removeprefix(ASSERT)

    def finding(holds: bool, summary: str, remedy: str = "") -> Finding:
        return Finding(assertion=title, holds=holds, summary=summary, remedy=remedy, area="user")

    try:
        result = function(edge, ref)
    except AssertionError as e:
        return finding(False, f"{_place(e, name)}: {str(e) or _told(e, name, source)}")
    except Exception as e:  # a user's code may raise anything
        return finding(False, f"{_place(e, name)}: {type(e).__name__}: {e}", "mend the assertion, or what it relies on")
    if isinstance(result, Finding):
        return result.model_copy(update={"assertion": title, "area": "user"})
    if isinstance(result, str):
        return finding(False, result)
    line = function.__code__.co_firstlineno
    # numpy's own True is no True: what counts is how it reads.
    return finding(result is None or bool(result), "holds" if result is None or result else f"{name}:{line}: is not so")


def _scored(function: Callable[..., Any], edge: Pipeline, name: str) -> tuple[Finding, Fired | None]:
    """Severities of all windows of neighboring frames; a window counts for its middle frame."""
    title = function.__name__.removeprefix(SCORE)
    length = max(1, int((function.__kwdefaults__ or {}).get("length", WINDOW)))
    moments = [Moment(frame, edge.frame(frame).name, edge) for frame in edge.frames]
    windows = [moments[i : i + length] for i in range(len(moments) - length + 1)]
    scored: list[tuple[int, str, float]] = []
    for window in windows:
        try:
            severity = float(function(tuple(window)))
        except Exception as e:  # a user's code may raise anything
            broken = f"{_place(e, name)}: {type(e).__name__}: {e}"
            return Finding(assertion=title, holds=False, summary=broken, remedy="mend the score", area="user"), None
        middle = window[length // 2]
        scored.append((middle.frame, middle.name, severity))
    found = fired(title, scored)
    return finding_of(found), found


def finding_of(found: Fired) -> Finding:
    """In words."""
    if not found.count:
        return Finding(assertion=found.name, holds=True, summary=f"silent in {found.windows} windows", area="user")
    first = found.frames[0]
    return Finding(
        assertion=found.name,
        holds=False,
        summary=f"fires at {found.count} of {found.windows} windows, worst at {first.name} (severity {first.severity:.3g})",
        evidence={"fired": float(found.count), "windows": float(found.windows), "worst": first.severity},
        area="user",
    )


def _place(error: BaseException, name: str) -> str:
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == name]
    return f"{name}:{lines[-1] if lines else 1}"


def _told(error: AssertionError, name: str, source: bytes) -> str:
    """The condition that did not hold, and the values of the names in it."""
    trace = error.__traceback__
    frame, line = None, 0
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            frame, line = trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
    if frame is None:
        return "does not hold"
    tests = [
        n.test
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.Assert) and n.lineno <= line <= (n.end_lineno or line)
    ]
    if not tests:
        return "does not hold"
    names = dict.fromkeys(n.id for n in ast.walk(tests[-1]) if isinstance(n, ast.Name))
    values = [f"{n} = {_short(frame.f_locals[n])}" for n in names if n in frame.f_locals and _plain(frame.f_locals[n])]
    with_values = f" ({', '.join(values)})" if values else ""
    return f"not {ast.unparse(tests[-1])}{with_values}"


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float | tuple | list) or getattr(value, "ndim", None) == 0


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def main(memory: int, answer: int, seconds: int) -> int:
    """Take the limits, read the job, answer."""
    answers = os.fdopen(os.dup(1), "w")
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)  # what a user prints is no answer
    job = UserJob.model_validate_json(sys.stdin.buffer.readline())
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, answer),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    try:
        said = perform(job)
    except MemoryError:
        said = UserAnswer(kind="broken", message="ran out of the memory it is allowed")
    answers.write(said.model_dump_json() + "\n")
    answers.flush()
    return 0


if __name__ == "__main__":
    status = main(*map(int, sys.argv[1:4]))
    os._exit(status)  # a user's threads are not waited for
