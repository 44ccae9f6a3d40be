"""The demo's float .tflite as .onnx, for `onnx_classifier.py`: its own weights, its inputs and outputs by their names.

    python as_onnx.py MODEL.tflite MODEL.onnx

Operators are those of the demo's model; a converter that knows others is tf2onnx. Pictures come in as TensorFlow lays them out,
[1, height, width, channels], and are turned once.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

OPERATORS = schema.BuiltinOperator
RELU6 = schema.ActivationFunctionType.RELU6
SAME = schema.Padding.SAME


@dataclass
class Nodes:
    """What the graph comes to, operator by operator; between them pictures are [1, channels, height, width]."""

    model: Any
    graph: Any
    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def shape(self, tensor: int) -> list[int]:
        """As the .tflite has it."""
        return [int(side) for side in self.graph.tensors[tensor].shape]

    def constant(self, tensor: int, turn: tuple[int, ...] | None = None) -> str:
        """Its name, weights turned to ONNX's order of axes."""
        values = np.asarray(self.model.buffers[self.graph.tensors[tensor].buffer].data, np.uint8).view(np.float32)
        values = values.reshape(self.shape(tensor))
        name = f"constant{tensor}"
        turned = np.ascontiguousarray(values.transpose(turn) if turn else values)
        self.constants.append(numpy_helper.from_array(turned, name))
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes: Any) -> None:
        """One more."""
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))

    def activated(self, options: Any, output: int, op: str, inputs: list[str], **attributes: Any) -> None:
        """One whose activation is a part of it in the .tflite."""
        if options.fusedActivationFunction == RELU6:
            self.node(op, inputs, f"plain{output}", **attributes)
            self.node("Clip", [f"plain{output}", "zero", "six"], f"t{output}")
        else:
            self.node(op, inputs, f"t{output}", **attributes)

    def convolution(self, operator: Any, *, depthwise: bool) -> None:
        """SAME pads more behind than before."""
        image, kernel, bias = (int(i) for i in operator.inputs)
        output, options = int(operator.outputs[0]), operator.builtinOptions
        sides, window, strides = self.shape(image)[1:3], self.shape(kernel)[1:3], (options.strideH, options.strideW)
        missing = [
            max((-(-side // stride) - 1) * stride + size - side, 0) if options.padding == SAME else 0
            for side, size, stride in zip(sides, window, strides, strict=True)
        ]
        turn = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
        self.activated(
            options, output, "Conv", [f"t{image}", self.constant(kernel, turn), self.constant(bias)], strides=strides,
            pads=[m // 2 for m in missing] + [m - m // 2 for m in missing], kernel_shape=window,
            group=self.shape(image)[3] if depthwise else 1,
        )  # fmt: skip

    def add(self, operator: Any) -> None:
        """By what it is in the .tflite; raises `ValueError` where that is none of the demo's."""
        code = self.model.operatorCodes[operator.opcodeIndex].builtinCode
        inputs, output = [f"t{i}" for i in operator.inputs], int(operator.outputs[0])
        if code in {OPERATORS.CONV_2D, OPERATORS.DEPTHWISE_CONV_2D}:
            self.convolution(operator, depthwise=code == OPERATORS.DEPTHWISE_CONV_2D)
        elif code == OPERATORS.ADD:
            self.activated(operator.builtinOptions, output, "Add", inputs)
        elif code == OPERATORS.MEAN:
            self.node("GlobalAveragePool", inputs[:1], f"pooled{output}")
            self.node("Flatten", [f"pooled{output}"], f"t{output}")
        elif code == OPERATORS.FULLY_CONNECTED:
            _, matrix, offset = (int(i) for i in operator.inputs)
            constants = [self.constant(matrix), self.constant(offset)]
            self.activated(operator.builtinOptions, output, "Gemm", [inputs[0], *constants], transB=1)
        elif code == OPERATORS.SOFTMAX:
            self.node("Softmax", inputs, f"t{output}", axis=1)
        else:
            raise ValueError(f"operator {code} is none of the demo's model: convert it by tf2onnx")


def converted(data: bytes) -> Any:
    """An ONNX model of a .tflite's bytes."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    made = Nodes(model, graph)
    made.constants += [numpy_helper.from_array(np.float32(v), n) for n, v in (("zero", 0), ("six", 6))]
    fed, answered = int(graph.inputs[0]), int(graph.outputs[0])
    names = [graph.tensors[i].name.decode() for i in (fed, answered)]
    made.node("Transpose", [names[0]], f"t{fed}", perm=[0, 3, 1, 2])
    for operator in graph.operators:
        made.add(operator)
    made.node("Identity", [f"t{answered}"], names[1])
    ports = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, made.shape(i))
        for n, i in zip(names, (fed, answered), strict=True)
    ]
    whole = helper.make_graph(made.nodes, "demo", ports[:1], ports[1:], made.constants)
    found = helper.make_model(whole, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(found)
    return found


if __name__ == "__main__":
    onnx.save(converted(Path(sys.argv[1]).read_bytes()), sys.argv[2])
