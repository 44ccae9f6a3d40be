"""A capture that libexray writes."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from exray import words
from exray.backend import Role
from exray.library import load
from exray.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exray.options import Options
    from exray.tensor import Array, Tensor

SAMPLINGS = {"every": 0, "first": 1, "on-assertion": 2, "never": 3}


class NativeBackend:
    """See `Backend`. Calls take turns: the library's own threads do not, but it forgets a capture that is closed."""

    def __init__(self, path: str | Path, options: Options) -> None:
        self._ffi, self._library = load()
        ffi = self._ffi
        pairs = [ffi.new("char[]", words.text(word).encode()) for pair in options.labels.items() for word in pair]
        app = ffi.NULL if options.app is None else ffi.new("char[]", words.text(options.app).encode())
        model = ffi.NULL if options.model is None else ffi.new("char[]", os.fsencode(options.model))
        labels = ffi.new("char *[]", [*pairs, ffi.NULL])
        given = ffi.new(
            "exray_options *",
            {
                "size": ffi.sizeof("exray_options"), "app": app, "model": model,
                "labels": ffi.cast("char const * const *", labels), "sampling": SAMPLINGS[options.sampling],
                "n": options.n, "byte_budget": options.byte_budget, "ring": options.ring,
                "no_memory": not options.memory, "no_signals": not options.signals,
            },
        )  # fmt: skip
        self._handle = self._library.exray_open(os.fsencode(path), given)
        if self._handle == ffi.NULL:
            raise OSError(ffi.string(self._library.exray_error()).decode(errors="replace"))
        # A thread that is interrupted by a signal whose handler logs, too, meets its own lock.
        self._lock = threading.RLock()
        self._ending = threading.RLock()  # a flush takes as long as the disk does: nobody but `close` waits for it
        self._totals = Totals(0, 0, 0, 0, 0)

    def start_frame(self, name: str) -> int:
        """See `Backend`."""
        return self._call(self._library.exray_frame_start, words.name(name, words.FRAME_NAME_BYTES).encode()) or 0

    def stop_frame(self, frame: int) -> None:
        """See `Backend`."""
        self._call(self._library.exray_frame_stop, frame)

    def start_inference(self, frame: int) -> None:
        """See `Backend`."""
        self._call(self._library.exray_inference_start, frame)

    def stop_inference(self, frame: int) -> None:
        """See `Backend`."""
        self._call(self._library.exray_inference_stop, frame)

    def model_tensor(self, frame: int, role: Role, position: int, tensor: Tensor) -> None:
        """See `Backend`."""
        described, _kept = self._described(tensor)
        if role is Role.LAYER:
            self._call(self._library.exray_log_layer, frame, described)
        elif role is Role.INPUT:
            self._call(self._library.exray_log_input, frame, position, described)
        else:
            self._call(self._library.exray_log_output, frame, position, described)

    def tensor(self, frame: int, tensor: Tensor) -> None:
        """See `Backend`."""
        described, _kept = self._described(tensor)
        self._call(self._library.exray_log_tensor, frame, described)

    def image(self, frame: int, name: str, format: str, pixels: Array) -> None:  # noqa: A002  # as in exray.h
        """See `Backend`."""
        height, width, _ = pixels.shape
        data = self._ffi.from_buffer(pixels)
        self._call(
            self._library.exray_log_image, frame, words.name(name).encode(), format.encode(), width, height, 0, data
        )

    def scalar(self, frame: int, name: str, value: float) -> None:
        """See `Backend`."""
        self._call(self._library.exray_log_scalar, frame, words.name(name).encode(), value)

    def text(self, frame: int, name: str, text: str) -> None:
        """See `Backend`."""
        self._call(self._library.exray_log_text, frame, words.name(name).encode(), words.text(text).encode())

    def blob(self, frame: int, name: str, data: bytes) -> None:
        """See `Backend`."""
        self._call(
            self._library.exray_log_bytes, frame, words.name(name).encode(), self._ffi.from_buffer(data), len(data)
        )

    def span(self, frame: int, name: str, since: int) -> None:
        """See `Backend`."""
        self._call(self._library.exray_log_span, frame, words.name(name).encode(), since)

    def sensor(self, name: str, values: Sequence[float]) -> None:
        """See `Backend`."""
        self._call(self._library.exray_log_sensor, words.name(name).encode(), list(values), len(values))

    def failed(self, frame: int, what: str) -> None:
        """See `Backend`."""
        self._call(self._library.exray_assert, frame, 0, words.name(what).encode())

    def count(self) -> Totals:
        """See `Backend`."""
        totals = self._ffi.new("exray_totals *")
        with self._lock:
            if self._handle:
                self._library.exray_count(self._handle, totals)
                self._totals = _totals(totals)
        return self._totals

    def flush(self) -> None:
        """See `Backend`."""
        with self._ending:
            error = self._library.exray_flush(self._handle) if self._handle else 0
        if error:
            raise OSError(error, os.strerror(error))

    def close(self) -> Totals:
        """See `Backend`."""
        totals = self._ffi.new("exray_totals *")
        with self._ending, self._lock:
            handle, self._handle = self._handle, self._ffi.NULL
        if handle:
            error = self._library.exray_close(handle, totals)
            self._totals = _totals(totals)
            if error:
                raise OSError(error, os.strerror(error))
        return self._totals

    def abandon(self) -> None:
        """See `Backend`. Its memory stays: the thread that empties the ring, and may be in the middle of it, is not here."""
        self._handle = self._ffi.NULL
        self._lock, self._ending = threading.RLock(), threading.RLock()

    def _call(self, function: Any, *arguments: Any) -> Any:
        with self._lock:
            return function(self._handle, *arguments) if self._handle else None

    def _described(self, tensor: Tensor) -> tuple[Any, Any]:
        """As exray.h has it, and what has to live as long."""
        text = self._ffi.new("char[]", words.name(tensor.name).encode())
        data = self._ffi.from_buffer(tensor.data)
        fields = {
            "name": text, "type": tensor.type, "rank": tensor.values.ndim, "shape": list(tensor.values.shape),
            "scale": tensor.scale, "zero_point": tensor.zero_point, "index": tensor.index, "data": data,
        }  # fmt: skip
        return self._ffi.new("exray_tensor *", fields), (text, data)


def _totals(totals: Any) -> Totals:
    return Totals(totals.frames, totals.bytes, totals.dropped, totals.dropped_bytes, totals.over_budget)
