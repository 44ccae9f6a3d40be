"""Messages between a worker and the program that drives a runtime: a JSON header and raw arrays, over pipes.

    "FARM" | length of the header, u32 | header, JSON | each array's bytes, in the header's order

Little-endian. `arrays` in the header lists [key, dtype, shape]. Both ends import this file, and it imports numpy alone.
"""

from __future__ import annotations

import json
import os
import queue
import struct
import sys
import threading
import traceback
from abc import ABC, abstractmethod
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Array = np.ndarray[Any, Any]
    Message = tuple[dict[str, Any], dict[str, Array]]

MAGIC = b"FARM"
HEAD = struct.Struct("<4sI")
LIMIT_HEADER = 64 << 20
LIMIT_ARRAYS = 16 << 30
LIMIT_RANK = 32
ERROR_CHARACTERS = 2000


class WireError(ValueError):
    """The other side sent something else than a message."""


class Session(ABC):
    """A model that was opened. Arrays have the shapes and types that `about` told, open sizes as opened."""

    about: dict[str, Any]
    """What the worker is told of it: inputs, outputs, layers."""

    @abstractmethod
    def run(self, arrays: Mapping[str, Array], wanted: list[str]) -> dict[str, Array]:
        """One frame; what was `wanted`, by key, as far as it can be had."""


class TimedSession(Session):
    """One that can tell what an invocation takes."""

    @abstractmethod
    def time(self, arrays: Mapping[str, Array]) -> int:
        """Nanoseconds of one invocation."""


def write(file: IO[bytes], header: Mapping[str, Any], arrays: Mapping[str, Array] | None = None) -> None:
    """Send a message."""
    values = {key: np.ascontiguousarray(value).reshape(np.shape(value)) for key, value in (arrays or {}).items()}
    listed = [[key, value.dtype.name, list(value.shape)] for key, value in values.items()]
    text = json.dumps({**header, "arrays": listed}).encode()
    file.write(HEAD.pack(MAGIC, len(text)) + text)
    for value in values.values():
        file.write(value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes())
    file.flush()


def read(file: IO[bytes]) -> Message | None:
    """The next message; None where the other side ended.

    Raises:
        WireError: it is none, or was cut off.
    """
    head = _exactly(file, HEAD.size, at_end=True)
    if head is None:
        return None
    magic, length = HEAD.unpack(head)
    if magic != MAGIC or length > LIMIT_HEADER:
        raise WireError("not a message")
    try:
        header = json.loads(_exactly(file, length) or b"")
        listed = [(str(key), _dtype(name), tuple(map(int, shape))) for key, name, shape in header.pop("arrays")]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
        raise WireError(f"a broken header: {e}") from e
    left, arrays = LIMIT_ARRAYS, {}
    for key, dtype, shape in listed:
        size = dtype.itemsize
        for side in shape:
            size *= side
        left -= max(size, 0)
        if len(shape) > LIMIT_RANK or any(side < 0 for side in shape) or left < 0:
            raise WireError(f"{key!r} cannot be of shape {shape}")
        # bytearray: the array can be written to, and nobody else holds it
        arrays[key] = np.frombuffer(bytearray(_exactly(file, size) or b""), dtype).reshape(shape)
    return header, arrays


def serve(open_: Callable[[dict[str, Any]], Session]) -> None:
    """Answer requests until stdin ends: `open` a model, `run` a frame, `time` an invocation; each may name sessions to `close`.

    Everything that fails is an answer, too: `error`, and its `kind`: `model` where the runtime refuses, `environment` where it
    cannot be loaded.
    """
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what runtimes print must not be read as an answer
    requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(sys.stdin.buffer, requests), daemon=True).start()
    sessions: dict[int, Session] = {}
    while True:
        header, arrays = requests.get()
        try:
            answer, values = _answer(open_, sessions, header, arrays)
        except ImportError as e:
            answer, values = {"error": _words(e), "kind": "environment"}, {}
        except MemoryError:
            answer, values = {"error": "ran out of memory", "kind": "memory"}, {}
        except Exception as e:  # each runtime has errors of its own
            traceback.print_exc()
            answer, values = {"error": _words(e), "kind": "model"}, {}
        write(answers, answer, values)


def _answer(
    open_: Callable[[dict[str, Any]], Session],
    sessions: dict[int, Session],
    header: dict[str, Any],
    arrays: dict[str, Array],
) -> Message:
    what = header["do"]
    for number in header.get("close", ()):
        sessions.pop(number, None)
    if what == "open":
        number = header["session"]
        sessions[number] = open_(header)
        return dict(sessions[number].about), {}
    session = sessions[header["session"]]
    if what == "time":
        if not isinstance(session, TimedSession):
            raise TypeError("this runtime tells no times")
        return {"ns": session.time(arrays)}, {}
    return {}, session.run(arrays, header["wanted"])


def _receive(file: IO[bytes], requests: queue.SimpleQueue[Message]) -> None:
    try:
        while (message := read(file)) is not None:
            requests.put(message)
    finally:
        os._exit(1)  # the worker is gone, however busy this process is


def _words(e: BaseException) -> str:
    return f"{type(e).__name__}: {e}"[:ERROR_CHARACTERS]


def _dtype(name: object) -> np.dtype[Any]:
    dtype = np.dtype(str(name))
    if dtype.kind not in "biufc" or dtype.name != name:
        raise WireError(f"no type of numbers: {name!r}")
    return dtype.newbyteorder("<")


def _exactly(file: IO[bytes], size: int, *, at_end: bool = False) -> bytes | None:
    data = file.read(size)
    if len(data) == size:
        return data
    if at_end and not data:
        return None
    raise WireError(f"cut off after {len(data)} of {size} bytes")
