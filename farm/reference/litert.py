"""LiteRT with XNNPACK: fast, and what healthy devices run."""

from __future__ import annotations

import importlib.metadata
import time
import warnings
from typing import TYPE_CHECKING, Any, ClassVar

from farm.errors import ModelError
from farm.model.instrument import exposed
from farm.reference.contract import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from farm.model.graph import Graph
    from farm.reference.contract import Means

    Array = np.ndarray[Any, Any]


class LiteRt(Reference):
    """LiteRT's interpreter on its optimized kernels.

    Layers are read with `experimental_preserve_all_tensors`, which gives the same bits as the instrumented model.
    """

    name = "litert"
    kernel = "delegate"
    resolver: ClassVar[str] = "AUTO"

    @classmethod
    def version(cls) -> str:
        """Of the installed wheel."""
        return importlib.metadata.version("ai-edge-litert")

    def __init__(self, model: bytes, graph: Graph, *, layers: bool, threads: int, means: Means | None = None) -> None:  # noqa: ARG002  # it needs none
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # that keeping all tensors takes memory is known
                self._interpreter: Any = Interpreter(
                    model_content=model,
                    num_threads=threads,
                    experimental_op_resolver_type=OpResolverType[self.resolver],
                    experimental_preserve_all_tensors=layers,
                )
            for detail in self._interpreter.get_input_details():
                if any(d < 0 for d in detail["shape_signature"]):
                    fixed = [max(1, int(d)) for d in detail["shape_signature"]]
                    self._interpreter.resize_tensor_input(detail["index"], fixed)
            self._interpreter.allocate_tensors()
            self._inputs = {
                int(d["index"]): tuple(int(s) for s in d["shape"]) for d in self._interpreter.get_input_details()
            }
        except (ValueError, RuntimeError) as e:
            raise ModelError(
                f"is refused by the runtime: {e}", where=self.name, remedy="check the model with `farm inspect`"
            ) from e
        self._wanted = tuple(
            dict.fromkeys([*graph.inputs, *exposed(graph), *graph.outputs] if layers else graph.outputs)
        )
        self._required = frozenset(graph.outputs)

    @property
    def input_shapes(self) -> dict[int, tuple[int, ...]]:
        """See `Reference`."""
        return self._inputs

    def invoke_ns(self, inputs: Mapping[int, Array]) -> int:
        """See `Reference`."""
        try:
            other = {index: value.shape for index, value in inputs.items() if self._inputs[index] != value.shape}
            for index, shape in other.items():
                self._interpreter.resize_tensor_input(index, shape)
            if other:
                self._interpreter.allocate_tensors()
                self._inputs |= other
            for index, value in inputs.items():
                self._interpreter.set_tensor(index, value)
            start = time.perf_counter_ns()
            self._interpreter.invoke()
            return time.perf_counter_ns() - start
        except (ValueError, RuntimeError) as e:
            raise self._failed(e) from e

    def _failed(self, e: Exception) -> ModelError:
        return ModelError(f"fails in the runtime: {e}", where=self.name, remedy="check the model and its inputs")

    def run(self, inputs: Mapping[int, Array]) -> dict[int, Array]:
        """See `Reference`. A tensor that the runtime never gave memory is left out, unless it is an output."""
        try:
            for index, value in inputs.items():
                self._interpreter.set_tensor(index, value)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as e:
            raise self._failed(e) from e
        values: dict[int, Array] = {}
        for index in self._wanted:
            try:
                values[index] = self._interpreter.get_tensor(index)
            except ValueError as e:
                if index in self._required:
                    raise ModelError(f"output {index} has no value: {e}", where=self.name) from e
        return values
