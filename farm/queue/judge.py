"""Asks another process what a night says: judged in the daemon's own, REST would wait for thousands of series."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

import farm
from farm import groups
from farm.errors import BugError, DaemonError
from farm.queue.judge_worker import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.queue.judging import Asked
    from farm.trend.night import Judgement

LOOK_S = 0.1
LONGEST_S = 3600.0
"""Of one night."""
CHUNK = 1 << 16


class Judge:
    """A context: the process starts with the first question, and ends with the context, or with ours."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, asked: Asked, stopping: Callable[[], bool]) -> Judgement | None:
        """The judgement of a night; None: `stopping` said so before it was there.

        Raises:
            DaemonError: the process ended, or took longer than LONGEST_S: asked again, it starts anew.
            BugError: it says that it went wrong.
        """
        process = self._process = self._process or _started()
        assert process.stdin is not None  # noqa: S101  # asked for
        with contextlib.suppress(BrokenPipeError):  # its end is told below
            process.stdin.write(asked.model_dump_json().encode() + b"\n")
            process.stdin.flush()
        line = _line(process, stopping)
        if line is None:
            self._end()
            return None
        try:
            answer = Answer.model_validate_json(line)
        except ValidationError:
            self._end()
            status = process.wait()
            how = signal.Signals(-status).name if status < 0 else f"status {status}"
            raise DaemonError(
                f"judging a night ended its process ({how})", where="regressions", remedy="it is judged again by itself"
            ) from None
        if answer.judgement is None:
            raise BugError(f"a night cannot be judged: {answer.error}", where="regressions", remedy="please report it")
        return answer.judgement

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            groups.end(process)


def _started() -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(farm.__file__).parent.parent), "LANG": "C.UTF-8",
        "HOME": "/nonexistent", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "farm.queue.judge_worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd="/",
        start_new_session=True,
    )  # fmt: skip


def _line(process: subprocess.Popen[bytes], stopping: Callable[[], bool]) -> bytes | None:
    """What it says, or as much as it said until it ended or was ended; None once `stopping`."""
    assert process.stdout is not None  # noqa: S101  # asked for
    said, until = bytearray(), time.monotonic() + LONGEST_S
    while not said.endswith(b"\n"):
        if stopping():
            return None
        if time.monotonic() > until:
            process.kill()
        if select.select([process.stdout], [], [], LOOK_S)[0]:
            part = os.read(process.stdout.fileno(), CHUNK)
            if not part:
                break
            said += part
    return bytes(said)
