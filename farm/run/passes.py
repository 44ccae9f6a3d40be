"""One pass: the agent on the device, its progress, its errors as ours, its capture brought home."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from farm.android.commands import files
from farm.errors import (
    AdbError,
    BugError,
    DeviceGoneError,
    FarmError,
    InfrastructureError,
    InputsError,
    ModelError,
    RecipeError,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from farm.capture.recording import PassName
    from farm.fleet.adb import AdbDevice
    from farm.run.stage import Blob
    from farm.run.steps import Row
    from farm.submission import Submission

PULL_SLACK_S = 30.0
DEADLINE_SLACK_S = 5
"""The agent ends by itself that long after our deadline, should it outlive the connection."""
SLOWEST_BYTES_S = 1 << 20
PULL_LIMIT_BYTES = 8 << 30
LINE_LIMIT = 64 << 10

_ERRORS: dict[str, type[FarmError]] = {
    "model-unreadable": ModelError,
    "op-unregistered": ModelError,
    "compile-failed": ModelError,
    "invoke-failed": ModelError,
    "input-shape": InputsError,
    "frame-unreadable": InputsError,
    "vocabulary-invalid": RecipeError,
    "storage-full": StorageError,
}
_REMEDIES = {
    "op-unregistered": "the runtime has no such op: convert the model without it, or add a runtime that has it",
    "input-shape": "submit inputs in the shape the model asks for",
    "context-refused": "unlock the device, and let the farm's app run in the background, in the device's settings",
    "agent-died": "the runtime may not survive this model in an app; --context shell tells, as does the device's log",
    "vocabulary-invalid": "give text.vocabulary as docs/recipes.md describes it",
    "storage-full": "free some of /data/local/tmp on the device",
}
_KINDS: dict[str, type[FarmError]] = {"job": ModelError, "infrastructure": InfrastructureError}


@dataclass(frozen=True)
class Pass:
    """What to run: staged paths on the device."""

    name: PassName
    agent: str
    runtime: str
    model: str
    frames: str
    """The frame list, on the device."""
    capture: str
    """Where the agent writes, on the device."""
    lock: str
    """The file that one agent of a device holds."""
    lease: int
    """Grows from lease to lease: an agent of an older one is ended, or refused."""
    flags: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


def command(work: Pass, submission: Submission) -> list[str]:
    """The agent's arguments."""
    # The isolated model is fed with tensors.
    recipe = submission.recipe.recipe.arguments() if submission.recipe and work.name != "isolated" else []
    measures = work.name == "latency"
    mask = ("--cpu-mask", f"{submission.cpu_mask:x}") if submission.cpu_mask else ()
    return [
        *(work.agent, "run", "--runtime", work.runtime, "--model", work.model, "--pass", work.name),
        *("--frames", work.frames, "--out", work.capture, "--lease", str(work.lease), "--lock", work.lock),
        *("--threads", str(submission.threads), "--kernel", submission.kernel, "--accelerator", submission.accelerator),
        *("--warmup", str(submission.warmup if work.name in {"latency", "profile"} else 1)),
        *("--repetitions", str(submission.repetitions if measures else 1)),
        *("--deadline", str(math.ceil(submission.pass_timeout_s) + DEADLINE_SLACK_S)),
        *mask,
        *work.flags,
        *recipe,
        *(text for key, value in work.labels for text in ("--label", f"{key}={value}")),
    ]


def run(
    device: AdbDevice,
    work: Pass,
    submission: Submission,
    progress: Callable[[int, int], None],
    check: Callable[[], None],
    heard: Callable[[bytes], None] | None = None,
) -> None:
    """Run the agent to its end; `check` is called at least once a second, and what it raises ends the pass.

    `heard` gets what the agent says on stderr, as it comes.

    Raises:
        FarmError: what the agent said went wrong, as the class it belongs to; or the device left, or was too slow.
    """
    lines = _Lines(lambda line: _progress(line, progress))
    result = device.shell(
        command(work, submission),
        submission.pass_timeout_s,
        on_stdout=lines.feed,
        on_stderr=heard,
        on_idle=check,
    )
    if result.exit_code:
        raise agent_error(result.stderr, result.exit_code, f"{device.serial}: pass {work.name}")


def agent_error(stderr: bytes, exit_code: int, where: str) -> FarmError:
    """The error the agent told in its last line, or what can be said without one."""
    text = stderr.decode("utf-8", "replace").strip()
    last = text.splitlines()[-1] if text else ""
    try:
        told: dict[str, Any] = json.loads(last)["error"]
        code, message = str(told["code"]), str(told["message"])
        kind, place = str(told.get("kind", "bug")), str(told.get("where", ""))
    except (ValueError, KeyError, TypeError):
        signal = f" (signal {exit_code - 128})" if exit_code > 128 else ""
        return ModelError(
            f"the agent died with exit code {exit_code}{signal} and said: {text[-300:] or 'nothing'}",
            where=where,
            remedy="the runtime may not survive this model; try --kernel builtin, and report it with the model",
        )
    error = _ERRORS.get(code) or _KINDS.get(kind, BugError)
    return error(
        f"{code}: {message}{f' ({place})' if place else ''}", where=where, remedy=_REMEDIES.get(code, "see the message")
    )


def pull(device: AdbDevice, remote: str, local: Path, on_bytes: Callable[[int], None] | None = None) -> int:
    """Bring a capture home; its size, 0 when there is none.

    Raises:
        StorageError: it is larger than anything the farm asked for.
    """
    size = _size(device, remote)
    if size > PULL_LIMIT_BYTES:
        raise StorageError(f"a capture of {size >> 30} GiB", where=f"{device.serial}: {remote}", remedy="fewer frames")
    if size == 0:
        return 0
    with local.open("wb") as file:
        got = device.pull(remote, file, PULL_SLACK_S + size / SLOWEST_BYTES_S, on_bytes=on_bytes)
    if got < size:
        raise DeviceGoneError(
            f"got {got} of {size} bytes", where=f"{device.serial}: {remote}", remedy="check the cable"
        )
    return got


def frame_list(rows: Sequence[Row], path: Callable[[Blob], str] = lambda blob: blob.remote) -> bytes:
    """The agent's frame list: frame, input, kind, path, name; one line each. Names lose what would end a field.

    `path` tells where a staged file is for the agent.
    """
    lines = []
    for row in rows:
        clean = "".join("_" if c in "\t\r\n" else c for c in row.name)
        lines.append(f"{row.frame}\t{row.position}\t{row.kind}\t{path(row.blob)}\t{clean}\n")
    return "".join(lines).encode()


def _size(device: AdbDevice, remote: str) -> int:
    said = device.send(files.size(remote), PULL_SLACK_S).said
    size = files.parse_size(said)
    if size is None:
        raise AdbError(said.error.strip() or "stat failed", where=f"{device.serial}: {remote}", remedy="")
    return size


def _progress(line: bytes, progress: Callable[[int, int], None]) -> None:
    try:
        told = json.loads(line)["progress"]
        done, of = int(told["done"]), int(told["of"])
    except (ValueError, KeyError, TypeError):
        return  # stdout also carries whatever a library prints
    progress(done, of)


class _Lines:
    """Whole lines out of pieces of a stream."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LINE_LIMIT:]
        for line in lines:
            self._on_line(line)
