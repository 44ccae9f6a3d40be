"""Ask the history from a process of its own, so that no question can take the daemon's time, memory or life."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

import farm
from farm.history.answer import Head, QueryError
from farm.history.query import too_slow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from farm.history.answer import Question

CHUNK = 1 << 16
HEAD_LIMIT = 1 << 20
"""Bytes of the first line: names of columns."""
START_S = 30.0
"""What the process itself may need, beyond the question's time, which it sees to by itself."""


class Asked:
    """A question under way. `close` ends it, whatever it does; `head`, then `parts`, once each."""

    def __init__(self, process: asyncio.subprocess.Process, question: Question) -> None:
        self._process = process
        self._question = question

    @classmethod
    async def start(cls, question: Question) -> Asked:
        """Begin to ask."""
        environment = {
            "PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(Path(farm.__file__).parent.parent), "LANG": "C.UTF-8",
            "HOME": "/nonexistent", "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system",
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "farm.history.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=environment, cwd="/", start_new_session=True, limit=HEAD_LIMIT,
        )  # fmt: skip
        asked = cls(process, question)
        try:
            assert process.stdin is not None  # noqa: S101  # asked for above
            process.stdin.write(question.model_dump_json().encode() + b"\n")
            await process.stdin.drain()  # and it stays open: its end is the question's
        except BaseException:
            asked.close()
            raise
        return asked

    async def head(self) -> Head:
        """What was found.

        Raises:
            FarmError: as the process says; QueryError too where it took too long, or died.
        """
        assert self._process.stdout is not None  # noqa: S101
        try:
            async with asyncio.timeout(self._question.seconds + START_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise too_slow(self._question.seconds) from None
        try:
            return Head.model_validate_json(line)
        except ValidationError:
            raise self._died(await self._process.wait()) from None

    async def parts(self) -> AsyncIterator[bytes]:
        """The body, as it comes.

        Raises:
            QueryError: the process died meanwhile.
        """
        assert self._process.stdout is not None  # noqa: S101
        try:
            while part := await self._process.stdout.read(CHUNK):
                yield part
            if status := await self._process.wait():
                raise self._died(status)
        finally:
            self.close()

    def close(self) -> None:
        """End it, and what it started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _died(self, status: int) -> QueryError:
        if status == -signal.SIGXCPU:
            return too_slow(self._question.seconds)
        how = signal.Signals(-status).name if status < 0 else f"status {status}"
        remedy = "ask of fewer days, or aggregate earlier; or raise history.query_memory_mb"
        return QueryError(f"ended its process ({how})", where="SQL", remedy=remedy)
