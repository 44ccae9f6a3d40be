"""One pass: the agent on the device, its progress, its errors as ours, its capture brought home."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from farm.errors import (
    AdbError,
    BugError,
    DeviceGoneError,
    FarmError,
    InfrastructureError,
    InputsError,
    ModelError,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from farm.capture.recording import PassName
    from farm.fleet.adb import AdbDevice
    from farm.submission import Submission

PULL_SLACK_S = 30.0
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
    "storage-full": StorageError,
}
_REMEDIES = {
    "op-unregistered": "the runtime has no such op: convert the model without it, or add a runtime that has it",
    "input-shape": "submit inputs in the shape the model asks for",
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
    labels: tuple[tuple[str, str], ...] = ()


def command(work: Pass, submission: Submission) -> list[str]:
    """The agent's arguments."""
    recipe = submission.recipe.recipe.arguments() if submission.recipe is not None else []
    latency = work.name == "latency"
    return [
        *(work.agent, "run", "--runtime", work.runtime, "--model", work.model, "--pass", work.name),
        *("--frames", work.frames, "--out", work.capture),
        *("--threads", str(submission.threads), "--kernel", submission.kernel),
        *("--warmup", str(submission.warmup if latency else 1)),
        *("--repetitions", str(submission.repetitions if latency else 1)),
        *recipe,
        *(text for key, value in work.labels for text in ("--label", f"{key}={value}")),
    ]


def run(
    device: AdbDevice,
    work: Pass,
    submission: Submission,
    progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> None:
    """Run the agent to its end; `check` is called at least once a second, and what it raises ends the pass.

    Raises:
        FarmError: what the agent said went wrong, as the class it belongs to; or the device left, or was too slow.
    """
    lines = _Lines(lambda line: _progress(line, progress))
    result = device.shell(command(work, submission), submission.pass_timeout_s, on_stdout=lines.feed, on_idle=check)
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


def rescue(device: AdbDevice, remote: str, local: Path) -> bool:
    """Try to bring home what a failed pass left; whether anything came."""
    with contextlib.suppress(FarmError):
        pull(device, remote, local)
    return local.is_file() and local.stat().st_size > 0


def write_list(file: IO[bytes], rows: Sequence[tuple[int, int, str, str, str]]) -> None:
    """The agent's frame list: frame, input, kind, path, name; one line each. Names lose what would end a field."""
    for frame, position, kind, path, name in rows:
        clean = "".join("_" if c in "\t\r\n" else c for c in name)
        file.write(f"{frame}\t{position}\t{kind}\t{path}\t{clean}\n".encode())


def _size(device: AdbDevice, remote: str) -> int:
    result = device.shell(["stat", "-c", "%s", remote], PULL_SLACK_S)
    if result.exit_code or not result.text.isdigit():
        if b"No such file" in result.stderr:
            return 0
        raise AdbError(
            result.stderr.decode("utf-8", "replace").strip() or "stat failed",
            where=f"{device.serial}: {remote}",
            remedy="",
        )
    return int(result.text)


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
