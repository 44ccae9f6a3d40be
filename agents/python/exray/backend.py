"""What a capture's records go through: libexray, or the writer in Python where the library is absent."""

from __future__ import annotations

import enum
import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exray.options import Options
    from exray.tensor import Array, Tensor
    from exray.totals import Totals


class Role(enum.IntEnum):
    """As in exray.proto."""

    INPUT = 1
    OUTPUT = 2
    LAYER = 3


class Backend(Protocol):
    """A capture that is being written.

    Frames are numbers from 1; 0 is none. What is told of a frame that is over, or after `close`, is left out. Any thread
    may call; nothing waits for the disk and nothing raises, `flush` and `close` aside.
    """

    def start_frame(self, name: str) -> int:
        """Its number; 0 where too many are open."""

    def stop_frame(self, frame: int) -> None:
        """Log its times, and what was held of it."""

    def start_inference(self, frame: int) -> None:
        """What comes before the first one is pre-processing."""

    def stop_inference(self, frame: int) -> None:
        """Several add up."""

    def model_tensor(self, frame: int, role: Role, position: int, tensor: Tensor) -> None:
        """What the model was fed, answered, or computed on the way."""

    def tensor(self, frame: int, tensor: Tensor) -> None:
        """An array, anywhere in the pipeline."""

    def image(self, frame: int, name: str, format: str, pixels: Array) -> None:  # noqa: A002  # as in exray.h
        """uint8 [height, width, channels]."""

    def scalar(self, frame: int, name: str, value: float) -> None:
        """A number."""

    def text(self, frame: int, name: str, text: str) -> None:
        """A text."""

    def blob(self, frame: int, name: str, data: bytes) -> None:
        """Anything else."""

    def span(self, frame: int, name: str, since: int) -> None:
        """From a time of `time.monotonic_ns` to now."""

    def sensor(self, name: str, values: Sequence[float]) -> None:
        """1 to 16 values of this moment."""

    def failed(self, frame: int, what: str) -> None:
        """Something does not hold."""

    def count(self) -> Totals:
        """What it has come to so far."""

    def flush(self) -> None:
        """Wait until all that was logged is in the file. Raises `OSError` where writing stopped."""

    def close(self) -> Totals:
        """Write all that waits, and the index. Raises `OSError` where writing stopped, before or now."""

    def abandon(self) -> None:
        """Leave it to another process: the file is the parent's after a fork."""


def start(path: str | Path, options: Options) -> Backend:
    """libexray's, or where that is absent or `EXRAY_PURE=1` the one in Python.

    Raises:
        OSError: the file cannot be written, or the model not read.
        ModuleNotFoundError: there is neither the library nor what the other one needs.
    """
    from exray import library

    if os.environ.get("EXRAY_PURE", "0") != "1":
        if library.is_there():
            from exray.native import NativeBackend

            return NativeBackend(path, options)
        library.refuse_named()
    try:
        from exray.pure import PureBackend
    except ModuleNotFoundError as e:
        raise ModuleNotFoundError(
            f"exray writes without its library by {e.name}: pip install 'exray[pure]', or a wheel with libexray.so",
            name=e.name,
        ) from e
    return PureBackend(path, options)
