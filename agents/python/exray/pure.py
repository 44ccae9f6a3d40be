"""A capture that Python writes, where libexray is absent: the same records, without what only C can do.

A crash of the process (SIGSEGV, SIGABRT, ...) loses what the library would still write: the last two seconds at most, as a
kill does. Times include that the interpreter's lock is shared with the thread that writes.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import platform
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from exray import words
from exray.budget import Budget
from exray.container import Container
from exray.memory import Memory
from exray.messages import encode, with_data
from exray.ring import Record, Ring
from exray.specs import Specs
from exray.tensor import TYPES
from exray.totals import Totals
from exray.version import __version__
from exray.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exray.backend import Role
    from exray.options import Options
    from exray.tensor import Array, Tensor

RING = 256 << 10
FRAMES_OPEN = 64
PASS_APP = 5
UINT8, FLOAT64 = TYPES["uint8"], TYPES["float64"]
ABIS = {"aarch64": "arm64-v8a"}
TOPICS = {
    "Header": "/header", "TensorSpec": "/tensor_spec", "TensorData": "/tensor_data", "Frame": "/frame",
    "ElementSpec": "/element_spec", "Element": "/element", "Span": "/span", "Sensor": "/sensor", "Dropped": "/dropped",
    "End": "/end",
}  # fmt: skip


@dataclass(slots=True)
class _Open:
    """A frame that is under way."""

    name: str
    logged: bool
    start: int
    invoke_start: int = 0
    preprocess_ns: int = 0
    invoke_ns: int = 0
    held: list[Record] = field(default_factory=list)
    """Under `on-assertion`: records that wait for a verdict."""
    held_bytes: int = 0


class PureBackend:
    """See `Backend`."""

    def __init__(self, path: str | Path, options: Options) -> None:
        header = _header(options, _sha256(options.model) if options.model is not None else b"")
        self._container, self._budget = _begun(path, header, options.byte_budget)
        self._options, self._closed, self._stopped = options, False, 0
        self._numbers, self._frames = itertools.count(1), dict[int, _Open]()
        self._ending, self._counting = threading.RLock(), threading.RLock()
        self._ring = Ring(options.ring or RING)
        self._specs = Specs(self._put, self._ring.drop)
        self._memory = Memory() if options.memory else None
        self._writer = Writer(self._ring, self._container)

    def start_frame(self, name: str) -> int:
        """See `Backend`."""
        now = time.monotonic_ns()
        if self._closed:
            return 0
        number = next(self._numbers)
        if len(self._frames) >= FRAMES_OPEN:
            self._ring.drop(0)
            return 0
        cut = words.name(name, words.FRAME_NAME_BYTES)
        self._frames[number] = _Open(cut, self._options.logs(number), now)
        return number

    def stop_frame(self, frame: int) -> None:
        """See `Backend`."""
        now = time.monotonic_ns()
        opened = self._frames.pop(frame, None)
        if opened is None or self._closed:
            return
        message = encode(
            "Frame", index=frame - 1, name=opened.name, start_ns=opened.start, preprocess_ns=opened.preprocess_ns,
            invoke_ns=opened.invoke_ns, duration_ns=now - opened.start,
            rss_bytes=self._memory.resident() if self._memory is not None else 0,
        )  # fmt: skip
        for record in opened.held if opened.logged else ():
            self._tell(record)
        if self._budget.affords(len(message), spare=False):
            self._put(Record("Frame", now, message))
        with self._counting:
            self._stopped += 1

    def start_inference(self, frame: int) -> None:
        """See `Backend`."""
        if (opened := self._frames.get(frame)) is not None:
            opened.invoke_start = time.monotonic_ns()
            opened.preprocess_ns = opened.preprocess_ns or opened.invoke_start - opened.start

    def stop_inference(self, frame: int) -> None:
        """See `Backend`."""
        now = time.monotonic_ns()
        opened = self._frames.get(frame)
        if opened is not None and opened.invoke_start:
            opened.invoke_ns += now - opened.invoke_start

    def model_tensor(self, frame: int, role: Role, position: int, tensor: Tensor) -> None:
        """See `Backend`."""
        opened = self._wanted(frame)
        if opened is None or not tensor.values.size:
            return
        spec = self._specs.tensor(role, position, tensor)
        if spec is not None:
            head = encode("TensorData", spec=spec, frame=frame - 1)
            self._keep(opened, "TensorData", with_data(head, 3, tensor.data))

    def tensor(self, frame: int, tensor: Tensor) -> None:
        """See `Backend`."""
        if tensor.values.size:
            self._element(frame, "TENSOR", tensor.name, tensor.data, tensor.type, tensor.values.shape)

    def image(self, frame: int, name: str, format: str, pixels: Array) -> None:  # noqa: A002  # as in exray.h
        """See `Backend`."""
        self._element(frame, "IMAGE", name, pixels.reshape(-1), UINT8, pixels.shape, format)

    def scalar(self, frame: int, name: str, value: float) -> None:
        """See `Backend`."""
        opened = self._wanted(frame)
        if opened is None or (spec := self._specs.element("SCALAR", name, FLOAT64)) is None:
            return
        message = encode("Element", spec=spec, frame=frame, time_ns=time.monotonic_ns(), value=value)
        self._keep(opened, "Element", message)

    def text(self, frame: int, name: str, text: str) -> None:
        """See `Backend`."""
        self._element(frame, "TEXT", name, words.text(text).encode())

    def blob(self, frame: int, name: str, data: bytes) -> None:
        """See `Backend`."""
        self._element(frame, "BYTES", name, data)

    def span(self, frame: int, name: str, since: int) -> None:
        """See `Backend`."""
        now = time.monotonic_ns()
        if self._closed or (spec := self._specs.element("SPAN", name)) is None:
            return
        message = encode("Span", spec=spec, frame=frame, start_ns=since, duration_ns=now - since)
        self._tell(Record("Span", now, message))

    def sensor(self, name: str, values: Sequence[float]) -> None:
        """See `Backend`."""
        if not self._closed:
            now = time.monotonic_ns()
            message = encode("Sensor", time_ns=now, name=words.name(name), values=values)
            self._tell(Record("Sensor", now, message))

    def failed(self, frame: int, what: str) -> None:
        """See `Backend`."""
        if self._closed:
            return
        if (opened := self._wanted(frame)) is not None:
            opened.logged = True
        if (spec := self._specs.element("ASSERTION", what)) is not None:
            now = time.monotonic_ns()
            message = encode("Element", spec=spec, frame=frame, time_ns=now)
            if self._budget.affords(len(message), spare=False):
                self._put(Record("Element", now, message))

    def count(self) -> Totals:
        """See `Backend`."""
        ring, budget = self._ring, self._budget
        return Totals(self._stopped, self._container.size, ring.dropped, ring.dropped_bytes, budget.left_out)

    def flush(self) -> None:
        """See `Backend`."""
        with self._ending:
            if not self._closed:
                self._writer.flush()
        if self._writer.error:
            raise OSError(self._writer.error, os.strerror(self._writer.error))

    def close(self) -> Totals:
        """See `Backend`."""
        with self._ending:
            if self._closed:
                return self.count()
            self._closed = True
        self._ring.close()
        self._writer.stop()
        if self._memory is not None:
            self._memory.close()
        if self._writer.error:
            self._container.abandon()
            raise OSError(self._writer.error, os.strerror(self._writer.error))
        totals, now = self.count(), time.monotonic_ns()
        end = encode(
            "End", invocations=totals.frames, time_ns=now, dropped=totals.dropped, dropped_bytes=totals.dropped_bytes,
            over_budget=totals.over_budget,
        )  # fmt: skip
        try:
            self._container.write(Record("End", now, end))
            self._container.finish()
        except OSError:
            self._container.abandon()
            raise
        return self.count()

    def abandon(self) -> None:
        """See `Backend`."""
        self._closed, self._ending = True, threading.RLock()
        self._container.abandon()
        if self._memory is not None:
            self._memory.close()

    def _put(self, record: Record) -> bool:
        if not self._ring.put(record):
            return False
        self._budget.spend(len(record.message))
        return True

    def _tell(self, record: Record) -> None:
        if self._budget.affords(len(record.message), spare=True):
            self._put(record)

    def _wanted(self, frame: int) -> _Open | None:
        """The frame, if it is open and its elements are logged, or held until it is over."""
        opened = self._frames.get(frame)
        return opened if opened is not None and not self._closed and self._options.may_log(frame) else None

    def _keep(self, opened: _Open, channel: str, message: bytes) -> None:
        record = Record(channel, time.monotonic_ns(), message)
        if self._options.sampling != "on-assertion":
            self._tell(record)
        elif opened.held_bytes + len(message) > self._ring.largest:
            self._ring.drop(len(message))
        else:
            opened.held_bytes += len(message)
            opened.held.append(record)

    def _element(
        self, frame: int, kind: str, name: str, data: object, dtype: int = 0, shape: tuple[int, ...] = (), format: str = "",  # noqa: A002
    ) -> None:  # fmt: skip
        opened = self._wanted(frame)
        if opened is None or (spec := self._specs.element(kind, name, dtype, shape, format)) is None:
            return
        head = encode("Element", spec=spec, frame=frame, time_ns=time.monotonic_ns())
        self._keep(opened, "Element", with_data(head, 4, data))


def _begun(path: str | Path, header: bytes, byte_budget: int) -> tuple[Container, Budget]:
    """A file that holds its header, which stands alone: what follows may never come."""
    with contextlib.ExitStack() as undo:
        try:
            container = Container(path, TOPICS)
            undo.callback(container.abandon)
            container.begin()
            container.write(Record("Header", time.monotonic_ns(), header))
            container.flush()
        except OSError as e:
            raise type(e)(e.errno, f"{path} cannot be written: {e.strerror}") from e
        budget = Budget(byte_budget, container)
        undo.pop_all()
        return container, budget


def _sha256(model: str | Path) -> bytes:
    try:
        with Path(model).open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as e:
        raise type(e)(e.errno, f"the model {model} cannot be read: {e.strerror}") from e


def _program() -> str:
    """What the process was started as, as the library has it."""
    with contextlib.suppress(OSError):
        return os.fsdecode(Path("/proc/self/cmdline").read_bytes().partition(b"\0")[0]).rpartition("/")[2]
    return ""


def _header(options: Options, digest: bytes) -> bytes:
    machine = platform.machine()
    labels = {words.text(key): words.text(value) for key, value in options.labels.items()}
    return encode(
        "Header", format=1, agent_version=__version__, abi=ABIS.get(machine, machine), model_sha256=digest,
        wall_ns=time.time_ns(), monotonic_ns=time.monotonic_ns(), labels=labels, byte_budget=options.byte_budget,
        app=words.text(_program() if options.app is None else options.app), **{"pass": PASS_APP},
    )  # fmt: skip
