"""A capture that is being written, and its frames."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from exray.native import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

Sampling = Literal["every", "first", "on-assertion", "never"]
SAMPLINGS: dict[Sampling, int] = {"every": 0, "first": 1, "on-assertion": 2, "never": 3}
TYPES = {
    "bool": 1, "int8": 3, "int16": 4, "int32": 5, "int64": 6, "uint8": 7, "uint16": 8, "uint32": 9, "uint64": 10,
    "float16": 11, "float32": 13, "float64": 14,
}  # fmt: skip
"""By numpy's name."""
MAX_RANK = 8


@dataclass(frozen=True)
class Totals:
    """What a capture came to."""

    frames: int
    bytes: int
    """Of the file."""
    dropped: int
    """Records that found no room."""
    dropped_bytes: int
    over_budget: int
    """Records left out for the byte budget."""


def open(  # noqa: A001  # exray.open, as gzip.open
    path: str | Path,
    *,
    app: str | None = None,
    model: str | Path | None = None,
    labels: Mapping[str, str] | None = None,
    sampling: Sampling = "every",
    n: int = 0,
    byte_budget: int = 0,
    ring: int = 0,
    memory: bool = True,
    signals: bool = True,
) -> Capture:
    """Begin a capture. Words as in exray.h's `exray_options`.

    Raises:
        OSError: the file cannot be written, or the model not read.
    """
    ffi, library = load()
    kept = [ffi.new("char[]", word.encode()) for pair in (labels or {}).items() for word in pair]
    texts = [None if t is None else ffi.new("char[]", os.fsencode(t)) for t in (app, model)]
    words = ffi.new("char *[]", [*kept, ffi.NULL])
    options = ffi.new("exray_options *")
    options.size = ffi.sizeof("exray_options")
    options.app, options.model = (ffi.NULL if t is None else t for t in texts)
    options.labels = ffi.cast("char const * const *", words)
    options.sampling, options.n = SAMPLINGS[sampling], n
    options.byte_budget, options.ring = byte_budget, ring
    options.no_memory, options.no_signals = not memory, not signals
    handle = library.exray_open(os.fsencode(path), options)
    if handle == ffi.NULL:
        raise OSError(ffi.string(library.exray_error()).decode(errors="replace"))
    return Capture(ffi, library, handle)


class Capture:
    """Any thread may log. To be closed, or used as a context."""

    def __init__(self, ffi: Any, library: Any, handle: Any) -> None:
        self._ffi, self._library, self._handle = ffi, library, handle

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> Totals:
        """Write all that waits, and the index.

        Raises:
            OSError: writing stopped, with its errno: a full disk, say. What was written is readable.
        """
        totals = self._ffi.new("exray_totals *")
        handle, self._handle = self._handle, self._ffi.NULL
        error = self._library.exray_close(handle, totals)
        if error:
            raise OSError(error, os.strerror(error))
        return _totals(totals)

    def count(self) -> Totals:
        """What it has come to so far."""
        totals = self._ffi.new("exray_totals *")
        self._library.exray_count(self._handle, totals)
        return _totals(totals)

    @contextlib.contextmanager
    def frame(self, name: str | None = None) -> Iterator[Frame]:
        """One input through the pipeline. Names are for people and for playback: of the same name is the same input."""
        ffi, library = self._ffi, self._library
        number = library.exray_frame_start(self._handle, ffi.NULL if name is None else name.encode())
        try:
            yield Frame(ffi, library, self._handle, number)
        finally:
            library.exray_frame_stop(self._handle, number)

    def sensor(self, name: str, *values: float) -> None:
        """A reading that belongs to a moment: orientation, motion, light, a temperature."""
        self._library.exray_log_sensor(self._handle, name.encode(), list(values), len(values))


class Frame:
    """One input on its way."""

    def __init__(self, ffi: Any, library: Any, handle: Any, number: int) -> None:
        self._ffi, self._library, self._handle, self._number = ffi, library, handle, number

    @contextlib.contextmanager
    def inference(self, model: Any = None) -> Iterator[None]:
        """Around the invocation alone. With an interpreter or session, what it was fed and answered is logged, too."""
        self._library.exray_inference_start(self._handle, self._number)
        yield
        self._library.exray_inference_stop(self._handle, self._number)
        if model is not None:
            self.model(model)

    def model(self, model: Any) -> None:
        """Log the inputs and outputs of a LiteRT, TFLite or TensorFlow Lite interpreter, as they stand in it.

        Raises:
            TypeError: it is of another kind: log arrays by `input` and `output`.
        """
        if not hasattr(model, "get_input_details"):
            raise TypeError(
                f"{type(model).__name__} is no interpreter: log its arrays with frame.input and frame.output"
            )
        for log, details in ((self.input, model.get_input_details()), (self.output, model.get_output_details())):
            for position, detail in enumerate(details):
                scale, zero = detail["quantization"]
                log(
                    position, model.get_tensor(detail["index"]), name=detail["name"], index=detail["index"],
                    scale=scale, zero_point=zero,
                )  # fmt: skip

    def input(
        self, position: int, value: Any, *, name: str = "", index: int = -1, scale: float = 0.0, zero_point: int = 0
    ) -> None:
        """What the model was fed, by position."""
        with self._tensor(name, value, index, scale, zero_point) as tensor:
            self._library.exray_log_input(self._handle, self._number, position, tensor)

    def output(
        self, position: int, value: Any, *, name: str = "", index: int = -1, scale: float = 0.0, zero_point: int = 0
    ) -> None:
        """What the model answered, by position."""
        with self._tensor(name, value, index, scale, zero_point) as tensor:
            self._library.exray_log_output(self._handle, self._number, position, tensor)

    def layer(self, value: Any, *, name: str = "", index: int = -1, scale: float = 0.0, zero_point: int = 0) -> None:
        """What a layer computed, by its index in the model's graph or its name."""
        with self._tensor(name, value, index, scale, zero_point) as tensor:
            self._library.exray_log_layer(self._handle, self._number, tensor)

    def tensor(self, name: str, value: Any) -> None:
        """An array, anywhere in the pipeline."""
        with self._tensor(name, value, -1, 0.0, 0) as tensor:
            self._library.exray_log_tensor(self._handle, self._number, tensor)

    def image(self, name: str, pixels: Any, format: str = "rgb") -> None:  # noqa: A002  # as in exray.h
        """A picture: uint8 [height, width, channels], or [height, width] of format `gray`."""
        array = np.ascontiguousarray(pixels, np.uint8)
        if array.ndim not in (2, 3) or (array.shape[2] if array.ndim == 3 else 1) != (
            1 if format == "gray" else len(format)
        ):
            raise ValueError(f"a picture of shape {array.shape} is not {format}")
        self._library.exray_log_image(
            self._handle, self._number, name.encode(), format.encode(), array.shape[1], array.shape[0], 0,
            self._ffi.from_buffer(array),
        )  # fmt: skip

    def scalar(self, name: str, value: float) -> None:
        """A number."""
        self._library.exray_log_scalar(self._handle, self._number, name.encode(), value)

    def text(self, name: str, text: str) -> None:
        """A text."""
        self._library.exray_log_text(self._handle, self._number, name.encode(), text.encode())

    def bytes(self, name: str, data: bytes) -> None:
        """Anything else; a WAV file named `frame` is the clip that came in."""
        self._library.exray_log_bytes(self._handle, self._number, name.encode(), self._ffi.from_buffer(data), len(data))

    @contextlib.contextmanager
    def span(self, name: str) -> Iterator[None]:
        """A latency of the app's own."""
        since = self._library.exray_now()
        yield
        self._library.exray_log_span(self._handle, self._number, name.encode(), since)

    def check(self, holds: bool, what: str) -> bool:
        """Tell when something does not hold; makes of a frame one that is logged under `on-assertion`. Returns `holds`."""
        self._library.exray_assert(self._handle, self._number, bool(holds), what.encode())
        return holds

    @contextlib.contextmanager
    def _tensor(self, name: str, value: Any, index: int, scale: float, zero_point: int) -> Iterator[Any]:
        array = np.ascontiguousarray(value)
        kind = TYPES.get(array.dtype.name)
        if kind is None or array.ndim > MAX_RANK:
            raise TypeError(f"{name or 'a tensor'}: {array.dtype} of {array.ndim} dimensions has no word in captures")
        text = self._ffi.new("char[]", name.encode())
        data = self._ffi.from_buffer(array)
        shape: Sequence[int] = array.shape
        yield self._ffi.new(
            "exray_tensor *",
            {
                "name": text, "type": kind, "rank": array.ndim, "shape": list(shape), "scale": scale,
                "zero_point": zero_point, "index": index, "data": data,
            },
        )  # fmt: skip


def _totals(totals: Any) -> Totals:
    return Totals(totals.frames, totals.bytes, totals.dropped, totals.dropped_bytes, totals.over_budget)
