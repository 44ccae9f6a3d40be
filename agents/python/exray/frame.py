"""One input on its way through the pipeline."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from exray import layers as every_layer
from exray import model as models
from exray.backend import Role
from exray.tensor import as_array, tensor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from exray.backend import Backend
    from exray.options import Options

FORMATS = {"rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4, "argb": 4, "gray": 1}
"""Channels."""


class Frame:
    """A context. What is logged before or after it is left out."""

    def __init__(self, backend: Backend, options: Options, name: str, *, layers: bool = False) -> None:
        self._backend, self._options, self._name, self._layers = backend, options, name, layers
        self._number, self._wanted = 0, False

    def __enter__(self) -> Self:
        self._number = self._backend.start_frame(self._name)
        self._wanted = self._number > 0 and self._options.may_log(self._number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._backend.stop_frame(self._number)

    def run(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Invoke a model, time it, and log what it was fed and answered. Returns what the call returned.

        An interpreter of LiteRT or TFLite is run by `invoke()`; a LiteRT compiled model by `run_by_index` or, where the first
        argument is a name, `run_by_name`; an ONNX Runtime session by `run`; anything else is called. Of what is neither, the
        arrays of numbers among the arguments and in the answer count, in their order, in lists and dicts too. What captures have
        no word for (strings, say) is left out.

        Raises:
            TypeError: it can be neither run nor called.
        """
        call = models.call(model, args, kwargs)
        if self._wanted:
            for position, fed in call.inputs():
                self._backend.model_tensor(self._number, Role.INPUT, position, fed)
        with self.inference():
            answer = call.run()
        if self._wanted:
            for position, answered in call.outputs(answer):
                self._backend.model_tensor(self._number, Role.OUTPUT, position, answered)
            if self._layers and models.is_interpreter(model):
                self.layers(model)
        return answer

    @contextlib.contextmanager
    def inference(self, interpreter: Any = None) -> Iterator[None]:
        """Around the invocation alone. With an interpreter, what it was fed and answered is logged at its end, as by `model`.

        Raises:
            TypeError: it is none, and nothing was timed: use `run`.
        """
        if interpreter is not None:
            models.refuse_others(interpreter)
        self._backend.start_inference(self._number)
        try:
            yield
        finally:
            self._backend.stop_inference(self._number)
        if interpreter is not None:
            self.model(interpreter)

    def model(self, interpreter: Any) -> None:
        """Log the inputs and outputs of a LiteRT or TFLite interpreter, as they stand in it.

        Raises:
            TypeError: it is of another kind: log arrays by `input` and `output`, or use `run`.
        """
        models.refuse_others(interpreter)
        if not self._wanted:
            return
        for role, details in (
            (Role.INPUT, interpreter.get_input_details()),
            (Role.OUTPUT, interpreter.get_output_details()),
        ):
            for position, value in models.of_interpreter(interpreter, details):
                self._backend.model_tensor(self._number, role, position, value)
        if self._layers:
            self.layers(interpreter)

    def layers(self, interpreter: Any) -> None:
        """Log what every operator computed, by its tensor's index, with its quantization.

        Raises:
            TypeError: it is no interpreter.
            ValueError: it does not keep what its operators compute; says how it would.
        """
        models.refuse_others(interpreter)
        if not self._wanted:
            return
        for value in every_layer.of(interpreter):
            self._backend.model_tensor(self._number, Role.LAYER, 0, value)

    def input(
        self, position: int, value: Any, *, name: str = "", index: int = -1, scale: float = 0.0, zero_point: int = 0
    ) -> None:
        """What the model was fed, by position.

        Raises:
            TypeError: captures have no word for it.
        """
        made = tensor(name, value, scale, zero_point, index)
        self._backend.model_tensor(self._number, Role.INPUT, position, made)

    def output(
        self, position: int, value: Any, *, name: str = "", index: int = -1, scale: float = 0.0, zero_point: int = 0
    ) -> None:
        """What the model answered, by position; raises as `input`."""
        made = tensor(name, value, scale, zero_point, index)
        self._backend.model_tensor(self._number, Role.OUTPUT, position, made)

    def layer(self, value: Any, *, name: str = "", index: int = -1, scale: float = 0.0, zero_point: int = 0) -> None:
        """What a layer computed, by its index in the model's graph or its name; raises as `input`."""
        self._backend.model_tensor(self._number, Role.LAYER, 0, tensor(name, value, scale, zero_point, index))

    def tensor(self, name: str, value: Any) -> None:
        """An array, anywhere in the pipeline; raises as `input`."""
        self._backend.tensor(self._number, tensor(name, value))

    def image(self, name: str, pixels: Any, format: str = "rgb") -> None:  # noqa: A002  # as in exray.h
        """A picture: uint8 [height, width, channels], or [height, width] of format `gray`.

        Raises:
            ValueError: its format is not known, or its shape another one.
            TypeError: it is not of uint8: that would be another picture.
        """
        array = as_array(pixels)
        if format not in FORMATS:
            raise ValueError(f"{name}: the format {format!r} is none of {', '.join(FORMATS)}")
        if array.dtype != np.uint8:
            raise TypeError(f"{name}: a picture is of uint8, not {array.dtype}: log it by frame.tensor")
        shaped = array[..., None] if array.ndim == 2 else array
        if shaped.ndim != 3 or shaped.shape[2] != FORMATS[format] or not shaped.size:
            raise ValueError(f"{name}: a picture of shape {array.shape} is not {format}")
        self._backend.image(self._number, name, format, shaped)

    def scalar(self, name: str, value: float) -> None:
        """A number."""
        self._backend.scalar(self._number, name, float(value))

    def text(self, name: str, text: str) -> None:
        """A text."""
        self._backend.text(self._number, name, text)

    def bytes(self, name: str, data: bytes) -> None:
        """Anything else; a WAV file named `frame` is the clip that came in."""
        self._backend.blob(self._number, name, data if isinstance(data, bytes) else bytes(data))

    @contextlib.contextmanager
    def span(self, name: str) -> Iterator[None]:
        """A latency of the app's own, also of what fails."""
        since = time.monotonic_ns()
        try:
            yield
        finally:
            self._backend.span(self._number, name, since)

    def check(self, holds: bool, what: str) -> bool:
        """Tell when something does not hold; makes of a frame one that is logged under `on-assertion`. Returns `holds`."""
        if not holds:
            self._backend.failed(self._number, what)
        return holds
