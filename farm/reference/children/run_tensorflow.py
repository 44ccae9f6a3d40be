"""A Keras model or a SavedModel on TensorFlow: `run_tensorflow.py keras|savedmodel`.

Either becomes one frozen graph, calls inlined, as TFLite's converter sees it: the operators' names are those that the
converter gives the tensors of the .tflite, and each operator's value can be fetched.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.reference.children import wire
    from farm.reference.children.wire import Array
else:
    import wire  # beside this file: there is no farm where it runs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the plain kernels: the same bits on every processor of a kind

NUMBERS = frozenset(
    {"bool", "float16", "float32", "float64", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64))}
)
"""What a capture holds."""
NO_LAYERS = frozenset({"Placeholder", "Const", "NoOp", "Identity", "ReadVariableOp", "VarHandleOp"})
"""Operators, as TensorFlow names them, that compute nothing: what is fed, constants, variables."""


class Frozen(wire.Session):
    """A graph with inputs and outputs in order, each with the names it goes by."""

    def __init__(self, tf: Any, function: Any, inputs: list[str], outputs: list[str], *, layers: bool) -> None:
        self._tf = tf
        self._pruned: dict[tuple[str, ...], Any] = {}
        try:
            from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

            function = convert_variables_to_constants_v2(function, lower_control_flow=False)
        except Exception as e:  # tables and other resources cannot be frozen: then there are answers, and no layers
            sys.stderr.write(f"not frozen: {type(e).__name__}: {e}\n")
            layers = False
        self._function = function
        fed = [t for t in function.inputs if t.dtype.name != "resource"]
        self._inputs = [(t.name, t.dtype) for t in fed]
        self._outputs = [t.name for t in function.outputs]
        self.about = {
            "inputs": _ports(zip(fed, inputs, strict=True)),
            "outputs": _ports(zip(function.outputs, outputs, strict=True)),
            "layers": _layers(function.graph) if layers else [],
        }

    def run(self, arrays: Mapping[str, Array], wanted: list[str]) -> dict[str, Array]:
        """See `Session`."""
        fed = [self._tf.constant(arrays[key], dtype) for key, dtype in self._inputs]
        if set(wanted) <= set(self._outputs):  # a function that could not be frozen cannot be cut either
            values = dict(zip(self._outputs, self._tf.nest.flatten(self._called(fed)), strict=True))
        else:
            values = dict(zip(wanted, self._cut(tuple(wanted))(*fed), strict=True))
        return {key: values[key].numpy() for key in wanted}

    def _called(self, fed: list[Any]) -> Any:
        names = getattr(self._function, "_arg_keywords", None)
        if names and len(names) == len(fed):
            return self._function(**dict(zip(names, fed, strict=True)))
        return self._function(*fed)

    def _cut(self, wanted: tuple[str, ...]) -> Any:
        if wanted not in self._pruned:
            graph = self._function.graph
            self._pruned[wanted] = self._function.prune(
                self._function.inputs, [graph.get_tensor_by_name(name) for name in wanted]
            )
        return self._pruned[wanted]


def _ports(named: Any) -> list[dict[str, Any]]:
    return [
        {"key": tensor.name, "names": [name, tensor.name], "dtype": tensor.dtype.name, "shape": _shape(tensor)}
        for tensor, name in named
    ]


def _shape(tensor: Any) -> list[int] | None:
    return None if tensor.shape.rank is None else [-1 if d is None else int(d) for d in tensor.shape]


def _layers(graph: Any) -> list[dict[str, Any]]:
    return [
        {"key": tensor.name, "names": [tensor.name], "dtype": tensor.dtype.name, "shape": _shape(tensor)}
        for op in graph.get_operations()
        if op.type not in NO_LAYERS
        for tensor in op.outputs[:1]
        if tensor.dtype.name in NUMBERS
    ]


def _keras(tf: Any, request: dict[str, Any]) -> wire.Session:
    import keras

    model = keras.models.load_model(request["model"], compile=False, safe_mode=True)
    specs = [
        tf.TensorSpec([1 if i == 0 and d is None else d for i, d in enumerate(x.shape)], x.dtype, name=_plain(x.name))
        for x in model.inputs
    ]

    def call(*inputs: Any) -> Any:
        return tf.nest.flatten(model(list(inputs) if len(inputs) > 1 else inputs[0], training=False))

    function = tf.function(call).get_concrete_function(*specs)
    outputs = list(getattr(model, "output_names", None) or [f"output_{i}" for i in range(len(function.outputs))])
    return Frozen(tf, function, [x.name for x in model.inputs], outputs, layers=request["layers"])


def _savedmodel(tf: Any, request: dict[str, Any]) -> wire.Session:
    loaded = tf.saved_model.load(request["model"])
    signatures = loaded.signatures
    if not signatures:
        raise ValueError("has no signature: export it with one, serving_default")
    chosen = "serving_default" if "serving_default" in signatures else sorted(signatures)[0]
    function = signatures[chosen]
    function._farm_keeps = loaded  # or its variables go
    fed = [t for t in function.inputs if t.dtype.name != "resource"]
    names = list(getattr(function, "_arg_keywords", None) or [t.name for t in fed])
    return Frozen(tf, function, names, sorted(function.structured_outputs), layers=request["layers"])


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _open(request: dict[str, Any]) -> wire.Session:
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(request["threads"])
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # once it computed, it is as it is
        pass
    return _keras(tf, request) if sys.argv[1] == "keras" else _savedmodel(tf, request)


if __name__ == "__main__":
    wire.serve(_open)
