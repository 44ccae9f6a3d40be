"""A user's assertions: functions found by name in a file, run in a process of its own with limits.

What is confined: time, memory, the size of files written, the number of open files; the environment is empty, and the process
group is killed at the end. What is not: it runs as this user, and may read what this user may (docs/assertions.md).
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

import farm
from farm.errors import JobError
from farm.report.document import Finding
from farm.report.sequence import Fired
from farm.submission import Submission, UserFile

if TYPE_CHECKING:
    from farm.assess.limits import Limits
    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore

ASSERT, SCORE = "assert_", "score_"
LIMIT_BYTES = 1 << 20
"""Of a file of assertions."""
LIMIT_ANSWER = 16 << 20
SIGNATURES = {ASSERT: ("edge, ref", 2), SCORE: ("window", 1)}


class Side(BaseModel):
    """One target's recordings, by pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    recordings: dict[str, str]
    """The JSON of each."""


class UserJob(BaseModel):
    """What the process is told, as one line of JSON on stdin."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: UserFile
    submission: Submission
    artifacts: Path
    edge: Side
    ref: Side | None


class UserAnswer(BaseModel):
    """What it says, as one line of JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["done", "broken"] = "done"
    findings: tuple[Finding, ...] = ()
    fired: tuple[Fired, ...] = ()
    message: str = ""
    where: str = ""


def functions(source: bytes, name: str) -> tuple[str, ...]:
    """The names of a file's assertions and scores, without running any of it.

    Raises:
        JobError: it is no Python, has none, or one has another signature; names file and line.
    """
    remedy = "define `def assert_something(edge, ref):` (docs/assertions.md)"
    if len(source) > LIMIT_BYTES:
        raise JobError(f"is larger than {LIMIT_BYTES >> 20} MiB", where=name, remedy="split it")
    try:
        tree = ast.parse(source, name)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        line = getattr(e, "lineno", None) or 1
        raise JobError(
            f"is not Python: {getattr(e, 'msg', e)}", where=f"{name}:{line}", remedy="mend the assertion"
        ) from e
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith((ASSERT, SCORE))]
    if not found:
        raise JobError("has no function whose name begins with assert_ or score_", where=f"{name}:1", remedy=remedy)
    for function in found:
        words, count = SIGNATURES[ASSERT if function.name.startswith(ASSERT) else SCORE]
        arguments = function.args
        positional = len(arguments.posonlyargs) + len(arguments.args)
        needed = positional - len(arguments.defaults)
        if not (needed <= count <= positional or (arguments.vararg and needed <= count)) or any(
            default is None for default in arguments.kw_defaults
        ):
            raise JobError(
                f"{function.name} does not take ({words})",
                where=f"{name}:{function.lineno}",
                remedy=f"define `def {function.name}({words}):`",
            )
    return tuple(function.name for function in found)


def ask(
    submission: Submission,
    artifacts: ArtifactStore,
    edge: dict[str, Recording],
    ref: tuple[str, dict[str, Recording]] | None,
    limits: Limits,
) -> tuple[tuple[Finding, ...], tuple[Fired, ...]]:
    """Ask all of a submission's files. One that fails by itself, or goes over a limit, is a failed finding that says so.

    `edge` and `ref` (a name, and recordings) are by pass.
    """
    sides = [Side(name=name, recordings={k: r.model_dump_json() for k, r in found.items()}) for name, found in (
        (edge["latency"].header.source, edge), *([ref] if ref is not None else []))]  # fmt: skip
    findings: list[Finding] = []
    fired: list[Fired] = []
    for file in submission.assertions:
        job = UserJob(
            file=file,
            submission=submission,
            artifacts=artifacts.folder.absolute(),
            edge=sides[0],
            ref=sides[1] if len(sides) > 1 else None,
        )
        answer = _run(job, limits)
        findings += answer.findings
        fired += answer.fired
        if answer.kind == "broken":
            findings.append(
                Finding(
                    assertion=Path(file.name).stem,
                    holds=False,
                    summary=f"{answer.where or file.name}: {answer.message}",
                    remedy="mend the assertion",
                    area="user",
                )
            )
    return tuple(findings), tuple(fired)


def _run(job: UserJob, limits: Limits) -> UserAnswer:
    package = str(Path(farm.__file__).parent.parent)
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": package, "LANG": "C.UTF-8",
                   "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # fmt: skip
    words = [str(limits.memory_mb << 20), str(LIMIT_ANSWER), str(max(1, round(limits.timeout_s)))]
    with tempfile.TemporaryDirectory(prefix="farm-assert-") as folder, tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "farm.assess.user_worker", *words],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.DEVNULL,
            env=environment | {"HOME": folder, "TMPDIR": folder},
            cwd=folder,
            start_new_session=True,
        )
        try:
            process.communicate(job.model_dump_json().encode() + b"\n", timeout=limits.timeout_s)
        except subprocess.TimeoutExpired:
            return UserAnswer(kind="broken", message=f"took longer than {limits.timeout_s:g} s")
        finally:
            with contextlib.suppress(ProcessLookupError):  # what it started ends with it
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        said = out.read(LIMIT_ANSWER + 1)
    return _answer(said, process.returncode, limits)


def _answer(said: bytes, status: int, limits: Limits) -> UserAnswer:
    for line in reversed(said.splitlines()):
        try:
            return UserAnswer.model_validate(json.loads(line))
        except (ValueError, ValidationError):
            continue
    if status == -signal.SIGXCPU:
        return UserAnswer(kind="broken", message=f"took longer than {limits.timeout_s:g} s")
    if status < 0:
        name = signal.Signals(-status).name
        return UserAnswer(kind="broken", message=f"ended its process ({name}), with {limits.memory_mb} MiB allowed")
    return UserAnswer(kind="broken", message=f"ended its process with status {status} and said nothing")
