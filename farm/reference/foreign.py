"""References with a model of their own: its tensors matched with the submitted model's, and turned into them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import InputsError, ModelError
from farm.model.instrument import exposed
from farm.model.signature import signature
from farm.reference.contract import Reference
from farm.reference.matching import Layout, Port, ambiguous, layout, pair, pair_layers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.model.graph import Graph, Tensor
    from farm.reference.contract import Means
    from farm.reference.matching import Pair

    Array = np.ndarray[Any, Any]

NAMED_IN_NOTES = 4


class Foreign(Reference):
    """Its own model's inputs and outputs are the submitted model's: by name, else by shape, else by order.

    A float model is fed the recipe's real numbers, not those that the submitted model's input was quantized to, and answers in
    real numbers; they are compared with the device's after these were dequantized.
    """

    kernel = "delegate"

    def __init__(self, model: bytes, graph: Graph, *, layers: bool, threads: int, means: Means | None = None) -> None:
        self._graph = graph
        self._shapes = {i: tuple(max(1, d) for d in graph.tensors[i].shape) for i in graph.inputs}
        inputs, outputs, others = self._open(means, layers=layers, threads=threads)
        self._types = {port["key"]: str(port["dtype"]) for port in inputs}
        names = signature(model)
        own = [_port(graph.tensors[i], self._shapes[i], names.inputs) for i in graph.inputs]
        self._inputs = pair(own, [_theirs(p) for p in inputs])
        if {p.other for p in self._inputs} != {p["key"] for p in inputs}:
            raise self._misfit("inputs", inputs, graph.inputs)
        own = [_port(graph.tensors[i], graph.tensors[i].shape, names.outputs) for i in graph.outputs]
        self._outputs = pair(own, [_theirs(p) for p in outputs])
        if not self._outputs:
            raise self._misfit("outputs", outputs, graph.outputs)
        wanted = {i: graph.tensors[i].name for i in exposed(graph) if i not in graph.outputs} if layers else {}
        self._layers = pair_layers(wanted, [_theirs(p) for p in others])
        self._candidates = len(wanted)
        self._seen = bool(others)
        self._called = {p["key"]: str(p["names"][0]) for p in (*inputs, *outputs)}

    @abstractmethod
    def _open(
        self, means: Means | None, *, layers: bool, threads: int
    ) -> tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]], Sequence[dict[str, Any]]]:
        """Open the model; its inputs, outputs and layers, each `key`, `names`, `dtype`, `shape` (None: not known)."""

    @abstractmethod
    def _call(self, arrays: Mapping[str, Array], wanted: Sequence[str]) -> Mapping[str, Array]:
        """One frame, by keys of the model's own."""

    @property
    def input_shapes(self) -> dict[int, tuple[int, ...]]:
        """See `Reference`."""
        return self._shapes

    @property
    def real_inputs(self) -> frozenset[int]:
        """See `Reference`."""
        return frozenset(
            int(p.own)
            for p in self._inputs
            if self._graph.tensors[int(p.own)].scale and self._types[p.other].startswith(("float", "bfloat"))
        )

    @property
    def notes(self) -> dict[str, str]:
        """See `Reference`."""
        notes = {
            "outputs matched": self._words(self._outputs),
            "inputs matched": self._words(self._inputs),
        }
        if self._candidates:
            some = f"{len(self._layers)} of {self._candidates} by name"
            notes["layers matched"] = some if self._seen else "none: it shows outputs alone"
        if self.real_inputs:
            notes["inputs fed"] = "real numbers, not quantized"
        missing = [
            self._graph.tensors[i].name for i in self._graph.outputs if str(i) not in {p.own for p in self._outputs}
        ]
        if missing:
            notes["outputs without a partner"] = ", ".join(missing[:NAMED_IN_NOTES])
        return notes

    def run(self, inputs: Mapping[int, Array]) -> dict[int, Array]:
        """See `Reference`. A layer whose sizes turn out to be others, or fit two layouts, is left out."""
        fed = {}
        for found in self._inputs:
            laid = found.layout.apply(inputs[int(found.own)])
            fed[found.other] = self._cast(laid, self._types[found.other], int(found.own))
        keys = [p.other for p in self._outputs]
        values = self._call(fed, list(dict.fromkeys([*keys, *self._layers.values()])))
        made = {}
        turned = any(p.layout.axes for p in self._inputs)
        for index, key in self._layers.items():
            value = values.get(key)
            own = tuple(max(1, d) for d in self._graph.tensors[index].shape)
            if value is None or value.size != np.prod(own, dtype=np.int64) or (turned and ambiguous(own, value.shape)):
                continue
            way = layout(own, value.shape)
            if way is not None:
                made[index] = _laid(value, way, own, self._graph.tensors[index])
        for found in self._outputs:
            if found.other not in values:
                raise ModelError(f"its output {found.other!r} was not given", where=self.name, remedy="check the model")
            given, own = values[found.other], self._graph.tensors[int(found.own)].shape
            way = layout(own, given.shape)
            if way is None:
                raise ModelError(
                    f"its output {found.other!r} is {list(given.shape)}, the submitted model's {list(own)}",
                    where=self.name,
                    remedy="is it the model that this one was converted from?",
                )
            made[int(found.own)] = _laid(given, way, None if -1 in own else own, self._graph.tensors[int(found.own)])
        return made

    def invoke_ns(self, inputs: Mapping[int, Array]) -> int:  # noqa: ARG002  # refused whatever they are
        """Its operators are not the submitted model's."""
        raise ModelError(
            "runs a model of its own: the submitted model's operators cannot be timed on it",
            where=self.name,
            remedy="time them on litert, litert-ref, tflite-runtime or tensorflow",
        )

    def _cast(self, value: Array, dtype: str, index: int) -> Array:
        kind = "f" if "float" in dtype else np.dtype(dtype).kind
        if value.dtype.kind != kind and not (value.dtype.kind in "iu" and kind in "iu"):
            raise InputsError(
                f"its input wants {dtype}, the submitted model's {self._graph.tensors[index].name!r} {value.dtype.name}",
                where=self.name,
                remedy="give the model as it was before conversion, with inputs of the same kind",
            )
        if dtype == value.dtype.name:
            return value
        cast: Array = value.astype(dtype)
        if kind in "iu" and not np.array_equal(cast, value):
            raise InputsError(
                f"its input, {dtype}, cannot hold the values of this one", where=self.name, remedy="see above"
            )
        return cast

    def _words(self, pairs: Sequence[Pair]) -> str:
        """How each was found, and what was turned."""
        told = [
            f"{self._called[p.other]} by {p.how}" + (", turned between NHWC and NCHW" if p.layout.axes else "")
            for p in pairs
        ]
        more = f" and {len(told) - NAMED_IN_NOTES} more" if len(told) > NAMED_IN_NOTES else ""
        return "; ".join(told[:NAMED_IN_NOTES]) + more

    def _misfit(self, word: str, theirs: Sequence[dict[str, Any]], own: Sequence[int]) -> ModelError:
        got = ", ".join(f"{p['names'][0]} {p['dtype']} {p['shape']}" for p in theirs)
        wanted = ", ".join(f"{(t := self._graph.tensors[i]).name} {t.dtype} {list(t.shape)}" for i in own)
        return ModelError(
            f"its {word} ({got}) cannot be matched with those of the submitted model ({wanted})",
            where=self.name,
            remedy="is it the model that this one was converted from?",
        )


def _laid(value: Array, way: Layout, own: Sequence[int] | None, tensor: Tensor) -> Array:
    """A reference's value as the submitted model lays it out; real numbers of another width as the model has them."""
    laid = way.back.apply(value, own)
    wanted = tensor.dtype if tensor.dtype.startswith("float") else "float32"
    return laid.astype(wanted) if laid.dtype.kind == "f" and laid.dtype.name != wanted else laid


def _port(tensor: Tensor, shape: tuple[int, ...], names: Mapping[int, str]) -> Port:
    chosen = (names[tensor.index],) if tensor.index in names else ()
    return Port(str(tensor.index), (tensor.name,), shape, chosen)


def _theirs(port: Mapping[str, Any]) -> Port:
    shape = None if port["shape"] is None else tuple(int(d) for d in port["shape"])
    names = tuple(map(str, port["names"]))
    return Port(str(port["key"]), names, shape, names[:1])


def unquantized(graph: Graph, indices: frozenset[int]) -> Graph:
    """The same graph, in which these inputs are float32: pre-processing for it ends before quantization."""
    tensors = tuple(
        replace(t, dtype="float32", scale=(), zero_point=()) if t.index in indices else t for t in graph.tensors
    )
    return replace(graph, tensors=tensors)
