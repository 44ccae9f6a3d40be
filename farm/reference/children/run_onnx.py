"""An .onnx model on ONNX Runtime: `run_onnx.py`. Layers are what its nodes give, made outputs of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.reference.children import wire
    from farm.reference.children.wire import Array
else:
    import wire  # beside this file: there is no farm where it runs

TYPES = {
    "tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(bool)": "bool",
    **{f"tensor({s}int{n})": f"{s}int{n}" for s in ("", "u") for n in (8, 16, 32, 64)},
}  # fmt: skip


class Onnx(wire.Session):
    """Tensors go by their names in the graph."""

    def __init__(self, request: dict[str, Any]) -> None:
        import onnx
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = request["threads"], 1
        # Constant folding and the like; what changes the arithmetic stays off in a reference.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        model: str | bytes = request["model"]
        own: set[str] = set()
        if request["layers"]:
            graph = onnx.load(request["model"])
            own = {x.name for x in graph.graph.output}
            made = [name for node in graph.graph.node for name in node.output if name and name not in own]
            graph.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
            model = graph.SerializeToString()
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        outputs = [_port(x) for x in self._session.get_outputs()]
        self._types = {x.name: TYPES.get(x.type, x.type) for x in self._session.get_inputs()}
        self.about = {
            "inputs": [_port(x) for x in self._session.get_inputs()],
            "outputs": [p for p in outputs if not own or p["key"] in own],
            "layers": [p for p in outputs if own and p["key"] not in own and p["dtype"] in TYPES.values()],
        }

    def run(self, arrays: Mapping[str, Array], wanted: list[str]) -> dict[str, Array]:
        """See `Session`."""
        fed = {key: value.astype(self._types[key], copy=False) for key, value in arrays.items()}
        return dict(zip(wanted, self._session.run(wanted, fed), strict=True))


def _port(x: Any) -> dict[str, Any]:
    shape = None if x.shape is None else [d if isinstance(d, int) else -1 for d in x.shape]
    return {"key": x.name, "names": [x.name], "dtype": TYPES.get(x.type, x.type), "shape": shape}


if __name__ == "__main__":
    wire.serve(Onnx)
