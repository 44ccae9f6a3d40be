"""The switch for a phone's faults: a Unix socket in its folder, for its owner only; one JSON line each way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from typing import TYPE_CHECKING

from farm.errors import DeadlineError, DeviceGoneError, FarmError, InfrastructureError, JobError
from farm.virtual.faults import CLEAR, NOTHING, THAW, read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from farm.virtual.faults import Fault

NAME = "switch"
MAX_LINE = 64 << 10
DEADLINE_S = 15.0

_ERRORS: dict[str, type[FarmError]] = {"job": JobError, "infrastructure": InfrastructureError}


@contextlib.contextmanager
def _path(folder: Path) -> Iterator[str]:
    """The socket's path, short enough for sockaddr_un wherever the folder is."""
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{NAME}"
    finally:
        os.close(handle)


async def listen(folder: Path, handle: Callable[[Fault | None], Awaitable[list[str]]]) -> asyncio.Server:
    """Have `handle` called with each fault asked for (None: clear them all); it returns the names of those that last."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(DEADLINE_S):
                answer = await _answer(await reader.readline(), handle)
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, TimeoutError):
            return  # whoever asked has gone, or does not know how to ask
        finally:
            writer.close()

    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        with _path(folder) as path:
            listener.bind(path)
    finally:
        os.umask(mask)
    return await asyncio.start_unix_server(serve, sock=listener, limit=MAX_LINE)


async def _answer(line: bytes, handle: Callable[[Fault | None], Awaitable[list[str]]]) -> dict[str, object]:
    try:
        request = json.loads(line)
        name = str(request["fault"])
        if name == CLEAR:
            return {"active": await handle(None)}
        if name == THAW:  # done already, or nobody were here to answer
            return {"active": await handle(NOTHING)}
        return {"active": await handle(read(name, dict(request.get("options", {})), request.get("for_s")))}
    except FarmError as error:
        return {"error": error.message, "where": error.where, "remedy": error.remedy, "kind": error.kind}
    except OSError as error:
        return {"error": f"the fault could not be made: {error}", "kind": "infrastructure"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return {"error": f"no request: {error!r}", "kind": "job"}


def ask(folder: Path, fault: Fault | None) -> list[str]:
    """Have the phone in `folder` suffer `fault`, or (None) none any more; the names of the faults that last now.

    Raises:
        DeviceGoneError: the phone has ended.
        DeadlineError: it does not answer, since it is frozen.
        InfrastructureError: the fault could not be made.
    """
    request = {"fault": CLEAR} if fault is None else {
        "fault": fault.name, "options": dict(fault.options), "for_s": fault.for_s,
    }  # fmt: skip
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(DEADLINE_S)
        try:
            with _path(folder) as path:
                channel.connect(path)
            channel.sendall(json.dumps(request).encode() + b"\n")
            with channel.makefile("rb") as answers:
                line = answers.readline(MAX_LINE)
        except TimeoutError as error:
            raise DeadlineError(
                f"no answer in {DEADLINE_S:g} s", where=folder.name, remedy=f"farm virtual fault {folder.name} clear"
            ) from error
        except OSError as error:
            raise DeviceGoneError(
                "the virtual phone has ended", where=folder.name, remedy="start another one"
            ) from error
    if not line:
        raise DeviceGoneError("the virtual phone ended", where=folder.name, remedy="start another one")
    answer = json.loads(line)
    if "error" in answer:
        error_class = _ERRORS.get(answer["kind"], InfrastructureError)
        raise error_class(answer["error"], where=answer.get("where") or folder.name, remedy=answer.get("remedy", ""))
    return [str(name) for name in answer["active"]]
