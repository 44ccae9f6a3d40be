"""A MobileNetV2 with random weights, int8 or float32: its shape and cost are the real one's, its answers mean nothing.

python benchmarks/mobilenet.py FILE [--side 224] [--float]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Array = np.ndarray[Any, Any]

# M. Sandler et al., "MobileNetV2", 2018, table 2: expansion, channels, repetitions, stride.
BLOCKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
LINEAR, RELU6 = (0.04, 0), (6 / 255, -128)
"""Scale and zero point of what a bottleneck gives, and of what a ReLU6 does."""


class Network:
    """A `.tflite` that grows layer by layer. A layer's tensor is (index, side, channels, scale)."""

    def __init__(self, seed: int, *, quantized: bool) -> None:
        self._quantized = quantized
        self._rng = np.random.default_rng(seed)
        self._model = schema.ModelT()
        self._model.version, self._model.description = 3, b"random weights"
        self._model.buffers, self._model.operatorCodes = [schema.BufferT()], []
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators, self._graph.name = [], [], b"main"
        self._model.subgraphs = [self._graph]
        self._codes: dict[int, int] = {}

    def tensor(self, shape: tuple[int, ...], scale: float, zero: int = 0, data: Array | None = None) -> int:
        """Add a tensor, or a constant of `data`'s type. One of scale 0 is not quantized in any model."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape = f"t{len(self._graph.tensors)}".encode(), list(shape)
        whole = data is not None and data.dtype == np.int32
        tensor.type = schema.TensorType.INT32 if whole else schema.TensorType.INT8
        if scale and self._quantized:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero]
        elif scale:
            tensor.type = schema.TensorType.FLOAT32
            data = None if data is None else (data * scale).astype(np.float32)
        tensor.buffer = 0
        if data is not None:
            tensor.buffer = len(self._model.buffers)
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self._model.buffers.append(buffer)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def op(self, builtin: int, inputs: list[int], output: int, kind: int, options: Any) -> None:
        """Add a node."""
        if builtin not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 3
            self._codes[builtin] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        node = schema.OperatorT()
        node.opcodeIndex, node.inputs, node.outputs = self._codes[builtin], inputs, [output]
        node.builtinOptionsType, node.builtinOptions = kind, options
        self._graph.operators.append(node)

    def convolve(self, x: Layer, channels: int, kernel: int, stride: int, *, depthwise: bool, linear: bool) -> Layer:
        """Add a convolution with 'same' padding and, unless `linear`, a ReLU6."""
        fan_in = kernel * kernel * (1 if depthwise else x.channels)
        shape = (1, kernel, kernel, channels) if depthwise else (channels, kernel, kernel, x.channels)
        weights = self._rng.integers(-127, 128, shape).astype(np.int8)
        # Uniform over the type, the weights' deviation is 73 steps; together they keep the layers' size about what it is.
        weight_scale = 1.5 / (73 * fan_in**0.5)
        w = self.tensor(shape, weight_scale, 0, weights)
        bias = self._rng.integers(-50, 50, channels).astype(np.int32)
        b = self.tensor((channels,), x.scale * weight_scale, 0, bias)
        scale, zero = LINEAR if linear else RELU6
        side = -(-x.side // stride)
        y = Layer(self.tensor((1, side, side, channels), scale, zero), side, channels, scale)
        options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
        options.padding = schema.Padding.SAME
        options.strideH = options.strideW = stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = 0 if linear else schema.ActivationFunctionType.RELU6
        if depthwise:
            options.depthMultiplier = 1
            kind, builtin = schema.BuiltinOptions.DepthwiseConv2DOptions, schema.BuiltinOperator.DEPTHWISE_CONV_2D
        else:
            kind, builtin = schema.BuiltinOptions.Conv2DOptions, schema.BuiltinOperator.CONV_2D
        self.op(builtin, [x.index, w, b], y.index, kind, options)
        return y

    def bottleneck(self, x: Layer, expansion: int, channels: int, stride: int) -> Layer:
        """Add an inverted residual block."""
        wide = x
        if expansion > 1:
            wide = self.convolve(x, x.channels * expansion, 1, 1, depthwise=False, linear=False)
        middle = self.convolve(wide, wide.channels, 3, stride, depthwise=True, linear=False)
        y = self.convolve(middle, channels, 1, 1, depthwise=False, linear=True)
        if stride > 1 or channels != x.channels:
            return y
        total = Layer(self.tensor((1, y.side, y.side, channels), *LINEAR), y.side, channels, LINEAR[0])
        options = schema.AddOptionsT()
        self.op(schema.BuiltinOperator.ADD, [x.index, y.index], total.index, schema.BuiltinOptions.AddOptions, options)
        return total

    def mean(self, x: Layer) -> Layer:
        """Average over the image, keeping its dimensions."""
        axes = self.tensor((2,), 0.0, 0, np.array([1, 2], np.int32))
        y = Layer(self.tensor((1, 1, 1, x.channels), *RELU6), 1, x.channels, RELU6[0])
        options = schema.ReducerOptionsT()
        options.keepDims = True
        self.op(schema.BuiltinOperator.MEAN, [x.index, axes], y.index, schema.BuiltinOptions.ReducerOptions, options)
        return y

    def pack(self, x: Layer, y: Layer) -> bytes:
        """Finish the model."""
        self._graph.inputs, self._graph.outputs = [x.index], [y.index]
        builder = flatbuffers.Builder(1 << 22)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


class Layer:
    """A square tensor of the network."""

    def __init__(self, index: int, side: int, channels: int, scale: float) -> None:
        self.index, self.side, self.channels, self.scale = index, side, channels, scale


def mobilenet_v2(side: int = 224, seed: int = 0, *, quantized: bool = True) -> bytes:
    """The model: [1, side, side, 3] -> [1, 1, 1, 1001], int8 or float32, 65 layers, 3.5 million weights."""
    network = Network(seed, quantized=quantized)
    x = Layer(network.tensor((1, side, side, 3), 2 / 255, -1), side, 3, 2 / 255)
    y = network.convolve(x, 32, 3, 2, depthwise=False, linear=False)
    for expansion, channels, repetitions, stride in BLOCKS:
        for i in range(repetitions):
            y = network.bottleneck(y, expansion, channels, stride if i == 0 else 1)
    y = network.mean(network.convolve(y, 1280, 1, 1, depthwise=False, linear=False))
    return network.pack(x, network.convolve(y, 1001, 1, 1, depthwise=False, linear=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--float", action="store_true", help="float32 instead of int8")
    arguments = parser.parse_args()
    arguments.file.write_bytes(mobilenet_v2(arguments.side, quantized=not arguments.float))
