"""Pipes and terminals under asyncio, without buffers of their own: who does not read stops who writes."""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 256 * 1024


class Pipe:
    """One end of a pipe or a terminal; closed once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    @property
    def descriptor(self) -> int:
        """The file descriptor, as long as it is open."""
        return self._descriptor

    async def read(self) -> bytes:
        """What is there, at most `CHUNK` bytes; empty at the end."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return os.read(self._descriptor, CHUNK)
            except BlockingIOError:
                await _ready(self._descriptor, loop.add_reader, loop.remove_reader)
            except OSError as error:
                if error.errno == errno.EIO:  # a terminal that its last process has closed
                    return b""
                raise

    async def write(self, data: bytes) -> None:
        """Write all of `data`.

        Raises:
            BrokenPipeError: nobody will read it.
        """
        loop = asyncio.get_running_loop()
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                await _ready(self._descriptor, loop.add_writer, loop.remove_writer)
            except OSError as error:
                if error.errno == errno.EIO:
                    raise BrokenPipeError(error.errno, error.strerror) from error
                raise

    def close(self) -> None:
        """Close it; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


async def _ready(
    descriptor: int, add: Callable[[int, Callable[[], None]], None], remove: Callable[[int], bool]
) -> None:
    future = asyncio.get_running_loop().create_future()
    add(descriptor, lambda: None if future.done() else future.set_result(None))
    try:
        await future
    finally:
        remove(descriptor)
