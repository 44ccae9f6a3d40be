"""What a pipeline may run: how it is run, and where what it was fed and answered stands. Nothing is imported for it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from exray.tensor import Tensor, as_array, is_loggable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from exray.tensor import Array

    Placed = tuple[int, Tensor]

DEEPEST = 8
"""Lists in lists that are looked into; a list may hold itself."""


class Call(Protocol):
    """One invocation. Tensors come with their position among the model's inputs or outputs."""

    def inputs(self) -> Iterator[Placed]:
        """What it is fed, before it runs: some pipelines reuse the memory."""

    def run(self) -> Any:
        """Raises what the model raises."""

    def outputs(self, answer: Any) -> Iterator[Placed]:
        """What it answered."""


def call(model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
    """By what it can do.

    Raises:
        TypeError: it can be neither run nor called.
    """
    if is_interpreter(model):
        return InterpreterCall(model)
    if hasattr(model, "run_by_index") and hasattr(model, "run_by_name"):
        return CompiledCall(model, *args, **kwargs)
    if hasattr(model, "get_inputs") and hasattr(model, "run"):
        return SessionCall(model, *args, **kwargs)
    if callable(model):
        return PlainCall(model, args, kwargs)
    raise TypeError(f"{type(model).__name__} is no interpreter, compiled model or session, and cannot be called")


def is_interpreter(model: Any) -> bool:
    """Whether it is one of LiteRT, TFLite or TensorFlow Lite."""
    return hasattr(model, "get_input_details") and hasattr(model, "invoke")


def refuse_others(model: Any) -> None:
    """Raise `TypeError` where it is no interpreter: nobody else keeps what it was fed."""
    if not is_interpreter(model):
        raise TypeError(
            f"{type(model).__name__} is no interpreter: run it by frame.run, or log arrays by frame.input and frame.output"
        )


def of_interpreter(interpreter: Any, details: Iterable[Mapping[str, Any]]) -> Iterator[Placed]:
    """Its tensors of these details, as they stand in it."""
    for position, detail in enumerate(details):
        scale, zero_point = detail["quantization"]
        value = interpreter.get_tensor(detail["index"])
        yield from _placed(position, detail["name"], value, scale, int(zero_point), detail["index"])


class InterpreterCall:
    """Of LiteRT's Python Interpreter and its elders."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter

    def inputs(self) -> Iterator[Placed]:
        """See `Call`."""
        return of_interpreter(self._interpreter, self._interpreter.get_input_details())

    def run(self) -> Any:
        """See `Call`."""
        return self._interpreter.invoke()

    def outputs(self, _answer: Any) -> Iterator[Placed]:
        """See `Call`."""
        return of_interpreter(self._interpreter, self._interpreter.get_output_details())


class CompiledCall:
    """Of `ai_edge_litert.compiled_model.CompiledModel`: a signature by number or name, and its buffers."""

    def __init__(self, model: Any, signature: int | str, inputs: Any, outputs: Any) -> None:
        self._model, self._signature, self._fed, self._answered = model, signature, inputs, outputs
        number = model.get_signature_index(signature) if isinstance(signature, str) else signature
        self._names = model.get_signature_by_index(number)

    def inputs(self) -> Iterator[Placed]:
        """See `Call`."""
        told = self._model.get_input_tensor_details
        return _of_buffers(self._names["inputs"], self._fed, told, self._names["key"])

    def run(self) -> Any:
        """See `Call`."""
        by_name = isinstance(self._signature, str)
        run = self._model.run_by_name if by_name else self._model.run_by_index
        return run(self._signature, self._fed, self._answered)

    def outputs(self, _answer: Any) -> Iterator[Placed]:
        """See `Call`."""
        told = self._model.get_output_tensor_details
        return _of_buffers(self._names["outputs"], self._answered, told, self._names["key"])


class SessionCall:
    """Of ONNX Runtime's InferenceSession, whose `run` takes these."""

    def __init__(self, session: Any, output_names: Any = None, input_feed: Any = None, run_options: Any = None) -> None:
        self._session, self._wanted, self._options = session, output_names, run_options
        self._fed = input_feed or {}

    def inputs(self) -> Iterator[Placed]:
        """See `Call`."""
        for position, port in enumerate(self._session.get_inputs()):
            if port.name in self._fed:
                yield from _placed(position, port.name, self._fed[port.name])

    def run(self) -> Any:
        """See `Call`."""
        return self._session.run(self._wanted, self._fed, self._options)

    def outputs(self, answer: Any) -> Iterator[Placed]:
        """See `Call`."""
        names = [port.name for port in self._session.get_outputs()]
        for name, value in zip(self._wanted or names, answer, strict=True):
            yield from _placed(names.index(name), name, value)


class PlainCall:
    """Of anything that can be called: its arrays count, in their order."""

    def __init__(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._function, self._args, self._kwargs = function, args, kwargs

    def inputs(self) -> Iterator[Placed]:
        """See `Call`."""
        return _counted(_arrays("", [*self._args, dict(self._kwargs)]))

    def run(self) -> Any:
        """See `Call`."""
        return self._function(*self._args, **self._kwargs)

    def outputs(self, answer: Any) -> Iterator[Placed]:
        """See `Call`."""
        return _counted(_arrays("", answer))


def _placed(
    position: int, name: str, value: Any, scale: float = 0.0, zero: int = 0, index: int = -1
) -> Iterator[Placed]:
    """One, or none where captures have no word for it."""
    array = _array(value)
    if array is not None:
        yield position, Tensor(name, array, scale, zero, index)


def _of_buffers(names: Sequence[str], buffers: Any, told: Callable[[str], Any], signature: str) -> Iterator[Placed]:
    """LiteRT tells no details where the size of an output is known only when it runs, and reads some types alone."""
    try:
        details = told(signature)
    except RuntimeError:
        details = {}
    for position, name in enumerate(names):
        buffer, detail = buffers[name if isinstance(buffers, dict) else position], details.get(name, {})
        try:
            own = buffer.get_tensor_details()
            value = buffer.read(math.prod(own["shape"]), own["dtype"]).reshape(own["shape"])
        except (RuntimeError, TypeError, ValueError):
            continue
        yield from _placed(position, detail.get("name", name), value, index=detail.get("index", -1))


def _counted(found: Iterator[tuple[str, Array]]) -> Iterator[Placed]:
    for position, (name, array) in enumerate(found):
        yield position, Tensor(name, array)


def _arrays(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Array]]:
    """Arrays in lists, tuples and dicts, named by the dict's keys."""
    if depth > DEEPEST:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _arrays(f"{name}/{key}" if name else str(key), inner, depth + 1)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _arrays(name, inner, depth + 1)
    elif hasattr(value, "__array__") or hasattr(value, "__dlpack__"):
        array = _array(value)
        if array is not None:
            yield name, array


def _array(value: Any) -> Array | None:
    try:
        array = as_array(value)
    except TypeError:
        return None
    return array if is_loggable(array) else None
