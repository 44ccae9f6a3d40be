"""A .tflite on the interpreter of tflite-runtime or TensorFlow: `run_interpreter.py tflite_runtime|tensorflow`."""

from __future__ import annotations

import importlib
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.reference.children import wire
    from farm.reference.children.wire import Array
else:
    import wire  # beside this file: there is no farm where it runs


class Interpreter(wire.TimedSession):
    """Tensors go by their index. Layers are read with `experimental_preserve_all_tensors`."""

    def __init__(self, module: Any, request: dict[str, Any]) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._interpreter = module.Interpreter(
                model_content=Path(request["model"]).read_bytes(),
                num_threads=request["threads"],
                experimental_preserve_all_tensors=request["layers"],
            )
        for detail in self._interpreter.get_input_details():
            if any(d < 0 for d in detail["shape_signature"]):
                fixed = [max(1, int(d)) for d in detail["shape_signature"]]
                self._interpreter.resize_tensor_input(detail["index"], fixed)
        self._interpreter.allocate_tensors()
        self._shapes = {
            str(d["index"]): tuple(int(s) for s in d["shape"]) for d in self._interpreter.get_input_details()
        }
        self.about = {"inputs": [{"key": key, "shape": shape} for key, shape in self._shapes.items()]}
        self._required = {str(d["index"]) for d in self._interpreter.get_output_details()}

    def _feed(self, arrays: Mapping[str, Array]) -> None:
        other = {key: value.shape for key, value in arrays.items() if self._shapes[key] != value.shape}
        for key, shape in other.items():
            self._interpreter.resize_tensor_input(int(key), shape)
        if other:
            self._interpreter.allocate_tensors()
            self._shapes |= other
        for key, value in arrays.items():
            self._interpreter.set_tensor(int(key), value)

    def run(self, arrays: Mapping[str, Array], wanted: list[str]) -> dict[str, Array]:
        """See `Session`. A tensor that the runtime never gave memory is left out, unless it is an output."""
        self._feed(arrays)
        self._interpreter.invoke()
        values = {}
        for key in wanted:
            try:
                values[key] = self._interpreter.get_tensor(int(key))
            except ValueError:
                if key in self._required:
                    raise
        return values

    def time(self, arrays: Mapping[str, Array]) -> int:
        """See `Session`."""
        self._feed(arrays)
        start = time.perf_counter_ns()
        self._interpreter.invoke()
        return time.perf_counter_ns() - start


def _open(request: dict[str, Any]) -> wire.Session:
    if sys.argv[1] == "tensorflow":
        return Interpreter(importlib.import_module("tensorflow").lite, request)
    return Interpreter(importlib.import_module("tflite_runtime.interpreter"), request)


if __name__ == "__main__":
    wire.serve(_open)
