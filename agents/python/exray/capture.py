"""A capture that is being written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from exray import backend as backends
from exray import lifetime
from exray.frame import Frame
from exray.options import Options, Sampling
from exray.system import System

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from exray.backend import Backend
    from exray.totals import Totals

SENSOR_VALUES = 16


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
    layers: bool = False,
    system: float = 0.0,
) -> Capture:
    """Begin a capture. Words as in exray.h's `exray_options`, and two more.

    With `layers`, what every operator of an interpreter computed is logged with its inputs and outputs (`Frame.layers`).
    `system` is the time in seconds between two looks at processor, memory, battery and heat; 0: none.

    Raises:
        OSError: the file cannot be written, or the model not read.
        ValueError: an option makes no sense.
        ModuleNotFoundError: `system` without psutil, or nothing that can write; says what to install.
    """
    options = Options(app, model, dict(labels or {}), sampling, n, byte_budget, ring, memory, signals)
    looking = System(system) if system else None
    return Capture(backends.start(path, options), options, layers=layers, system=looking)


class Capture:
    """Any thread may log. To be closed, or used as a context; what is open when the process ends is closed then.

    After a fork the file is the parent's: in the child a capture is as one that is closed.
    """

    def __init__(
        self, backend: Backend, options: Options, *, layers: bool = False, system: System | None = None
    ) -> None:
        self._backend, self._options, self._layers, self._system = backend, options, layers, system
        lifetime.begin(self)
        if system is not None:
            system.start(self.sensor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def flush(self) -> None:
        """Wait until all that was logged up to now is in the file: before what the app may not survive.

        Raises:
            OSError: writing stopped, with its errno.
        """
        self._backend.flush()

    def close(self) -> Totals:
        """Write all that waits, and the index. All is harmless after it: what is logged then is left out.

        Raises:
            OSError: writing stopped, with its errno: a full disk, say. What was written is readable.
        """
        if self._system is not None:
            self._system.stop()
        lifetime.end(self)
        return self._backend.close()

    def count(self) -> Totals:
        """What it has come to so far."""
        return self._backend.count()

    def frame(self, name: str | None = None) -> Frame:
        """One input through the pipeline, as a context.

        Names are for people and for playback: of the same name is the same input.
        """
        return Frame(self._backend, self._options, name or "", layers=self._layers)

    def sensor(self, name: str, *values: float) -> None:
        """A reading that belongs to a moment: orientation, motion, light, a temperature.

        Raises:
            ValueError: it has no values, or over 16.
        """
        if not 1 <= len(values) <= SENSOR_VALUES:
            raise ValueError(f"{name}: a reading has 1 to {SENSOR_VALUES} values, not {len(values)}")
        self._backend.sensor(name, values)

    def abandon(self) -> None:
        """Leave it to another process, unclosed: what a fork does in the child."""
        self._backend.abandon()
