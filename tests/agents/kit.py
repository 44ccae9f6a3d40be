"""What the agent's tests share: building it, running it, reading its captures, and small models to run it on."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import ai_edge_litert
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from mcap.reader import make_reader

from farm.capture import exray_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.protobuf.message import Message

    Array = np.ndarray[Any, Any]

PASSES = ("latency", "profile", "layers", "isolated")
M = TypeVar("M", bound="Message")

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "agents" / "native"
RUNTIME = Path(ai_edge_litert.__file__).parent / "libLiteRt.so"
PLATFORM = f"linux-{os.uname().machine}"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One test process at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(target: str, folder: str) -> Path:
    """Make the agent; up to date, that takes no time."""
    with locked(NATIVE / "build" / ".lock"):
        subprocess.run(["make", "-C", str(NATIVE), target], check=True, capture_output=True)
    return NATIVE / "build" / folder / "exray-agent"


@dataclass(frozen=True)
class Result:
    status: int
    stdout: str
    stderr: str

    @property
    def error(self) -> dict[str, str]:
        """The error of the last line on stderr."""
        error: dict[str, str] = json.loads(self.stderr.splitlines()[-1])["error"]
        assert set(error) == {"code", "kind", "message", "where"}
        return error

    @property
    def lines(self) -> list[dict[str, dict[str, Any]]]:
        return [json.loads(line) for line in self.stdout.splitlines()]


def run(agent: Path, *arguments: str | Path, cwd: Path | None = None) -> Result:
    """Run the agent to its end; a sanitizer's complaint fails the test."""
    done = subprocess.run([agent, *arguments], capture_output=True, timeout=60, check=False, cwd=cwd)
    stderr = done.stderr.decode(errors="strict")
    assert "Sanitizer" not in stderr, stderr
    assert "runtime error:" not in stderr, stderr
    return Result(done.returncode, done.stdout.decode(), stderr)


@dataclass
class Capture:
    """A capture's messages by type, in the file's order."""

    messages: list[Message] = field(default_factory=list)

    def of(self, kind: type[M]) -> list[M]:
        return [m for m in self.messages if isinstance(m, kind)]

    @property
    def header(self) -> pb.Header:
        return self.of(pb.Header)[0]

    def tensors(self, role: pb.Role) -> dict[tuple[int, int], Array]:
        """(frame, position) -> the tensor."""
        specs = {s.id: s for s in self.of(pb.TensorSpec)}
        return {
            (d.frame, specs[d.spec].position): as_array(specs[d.spec], d.data)
            for d in self.of(pb.TensorData)
            if specs[d.spec].role == role
        }


def as_array(spec: pb.TensorSpec, data: bytes) -> Array:
    name = pb.DType.Name(spec.dtype).removeprefix("DTYPE_").lower()
    return np.frombuffer(data, np.dtype(name)).reshape(tuple(spec.shape))


def parse(schema_name: str, data: bytes) -> Message:
    message: Message = getattr(pb, schema_name.removeprefix("exray."))()
    message.ParseFromString(data)
    return message


def read(path: Path) -> Capture:
    """Read a whole capture through its index, checking every CRC."""
    with path.open("rb") as file:
        found = make_reader(file, validate_crcs=True).iter_messages(log_time_order=False)
        return Capture([parse(s.name, m.data) for s, _, m in found if s])


@dataclass(frozen=True)
class Bench:
    """An agent and a folder to run it in."""

    agent: Path
    folder: Path
    runtime: Path = RUNTIME

    def file(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    def frames(self, *rows: tuple[int, int, str, Path, str]) -> Path:
        lines = ("\t".join(map(str, row)) + "\n" for row in rows)
        return self.file("frames.tsv", "".join(lines).encode())

    def tensors(self, *frames: Sequence[Array]) -> Path:
        """Write a list with every frame's inputs as raw tensors."""
        rows = []
        for index, inputs in enumerate(frames):
            for position, array in enumerate(inputs):
                path = self.file(f"{index}_{position}.bin", np.ascontiguousarray(array).tobytes())
                rows.append((index, position, "tensor", path, f"frame {index}"))
        return self.frames(*rows)

    def images(self, *frames: Array) -> Path:
        """Write a list with every frame as a PPM for input 0."""
        paths = [self.file(f"{i}.ppm", ppm(image)) for i, image in enumerate(frames)]
        return self.frames(*((i, 0, "rgb", path, path.name) for i, path in enumerate(paths)))

    @property
    def out(self) -> Path:
        return self.folder / "out.mcap"

    def clips(self, *files: bytes) -> Path:
        """Write a list with every frame as a WAV for input 0."""
        paths = [self.file(f"{i}.wav", data) for i, data in enumerate(files)]
        return self.frames(*((i, 0, "pcm", path, path.name) for i, path in enumerate(paths)))

    def texts(self, *files: bytes, inputs: int = 1) -> Path:
        """Write a list with every frame as a text for all inputs."""
        paths = [self.file(f"{i}.txt", data) for i, data in enumerate(files)]
        return self.frames(*((i, n, "text", path, path.name) for i, path in enumerate(paths) for n in range(inputs)))

    def run(
        self,
        model: Path,
        frames: Path,
        *options: str | Path,
        layers: bool = False,
        name: str = "latency",
        out: Path | None = None,
    ) -> Result:
        name, target = "layers" if layers else name, out or self.out
        fixed = ("--runtime", self.runtime, "--model", model, "--pass", name, "--frames", frames, "--out", target)
        return run(self.agent, "run", *fixed, *options)

    def capture(
        self, model: Path, frames: Path, *options: str | Path, layers: bool = False, name: str = "latency"
    ) -> Capture:
        result = self.run(model, frames, *options, layers=layers, name=name)
        assert result.status == 0, result.stderr
        return read(self.out)


def emulated(emulator: list[str | Path], agent: Path, *arguments: str | Path) -> Result:
    """Run an agent of another kind to its end."""
    done = subprocess.run([*emulator, agent, *arguments], capture_output=True, text=True, timeout=120, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Pair:
    """An agent as it runs here, and one of another kind."""

    here: Bench
    emulator: list[str | Path]
    agent: Path
    runtime: Path

    def captures(self, model: Path, frames: Path, name: str, *options: str) -> tuple[Capture, Capture]:
        out = self.here.folder / "there.mcap"
        paths: list[str | Path] = ["--model", model, "--frames", frames, "--out", out, "--runtime", self.runtime]
        result = emulated(self.emulator, self.agent, "run", *paths, "--pass", name, *options)
        assert result.status == 0, result.stderr
        return self.here.capture(model, frames, *options, name=name), read(out)

    def alike(self, name: str) -> tuple[Capture, Capture]:
        """One pass of two models through both, which have to log the same; the last model's captures."""
        rng = np.random.default_rng(8)
        models: dict[str, tuple[bytes, Array]] = {
            "int8.tflite": (reshape_model([1, 64, 64, 3], "int8", scale=0.1), rng.integers(-128, 128, (1, 64, 64, 3))),
            "conv.tflite": (convolution_model(), rng.random((1, 8, 8, 3))),
        }
        for file, (model, values) in models.items():
            dtype = np.int8 if file == "int8.tflite" else np.float32
            frames = self.here.tensors([values.astype(dtype)], [values[:, ::-1].astype(dtype)])
            here, there = self.captures(self.here.file(file, model), frames, name)
            assert here.header.model_sha256 == there.header.model_sha256
            assert [type(m).__name__ for m in here.messages] == [type(m).__name__ for m in there.messages]
            for role in (pb.ROLE_INPUT, pb.ROLE_OUTPUT):
                expected, found = here.tensors(role), there.tensors(role)
                assert expected.keys() == found.keys()
                for key, array in expected.items():
                    np.testing.assert_allclose(found[key], array, rtol=1e-5, atol=1e-5 if dtype is np.float32 else 0)
        return here, there


def ppm(image: Array) -> bytes:
    height, width, _ = image.shape
    return b"P6\n%d %d\n255\n" % (width, height) + image.tobytes()


_TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "uint8": schema.TensorType.UINT8,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
}


class Graph:
    """A small .tflite, built tensor by tensor."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.description = b"made by a test"
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.name = b"main"
        self.model.subgraphs = [self.graph]

    def tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str = "float32",
        *,
        data: Array | None = None,
        scale: float | None = None,
        zero_point: int = 0,
        open_batch: bool = False,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name = name.encode()
        tensor.shape = list(shape)
        tensor.type = _TYPES[dtype]
        if open_batch:
            tensor.shapeSignature = [-1, *shape[1:]]
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [scale]
            tensor.quantization.zeroPoint = [zero_point]
        tensor.buffer = 0
        if data is not None:
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(schema.BufferT())
            self.model.buffers[-1].data = list(np.ascontiguousarray(data).tobytes())
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def op(
        self,
        builtin: int,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: tuple[int, Any] | None = None,
        custom: str = "",
    ) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = builtin
        code.deprecatedBuiltinCode = min(builtin, 127)
        code.version = 1
        if custom:
            code.customCode = custom.encode()
        self.model.operatorCodes.append(code)
        op = schema.OperatorT()
        op.opcodeIndex = len(self.model.operatorCodes) - 1
        op.inputs, op.outputs = list(inputs), list(outputs)
        if options:
            op.builtinOptionsType, op.builtinOptions = options
        self.graph.operators.append(op)

    def pack(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        self.graph.inputs, self.graph.outputs = list(inputs), list(outputs)
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def reshape_model(
    shape: Sequence[int], dtype: str = "float32", *, scale: float | None = None, zero_point: int = 0
) -> bytes:
    """Pass the input on, flattened."""
    graph = Graph()
    size = int(np.prod(shape))
    x = graph.tensor("x", shape, dtype, scale=scale, zero_point=zero_point)
    to = graph.tensor("to", [2], "int32", data=np.array([1, size], np.int32))
    y = graph.tensor("y", [1, size], dtype, scale=scale, zero_point=zero_point)
    options = schema.ReshapeOptionsT()
    options.newShape = [1, size]
    graph.op(schema.BuiltinOperator.RESHAPE, [x, to], [y], (schema.BuiltinOptions.ReshapeOptions, options))
    return graph.pack([x], [y])


def several_inputs_model(shapes: Sequence[Sequence[int]], dtype: str) -> bytes:
    """Pass each input on, flattened."""
    graph, ends = Graph(), []
    for n, shape in enumerate(shapes):
        size = int(np.prod(shape))
        x, to = (
            graph.tensor(f"x{n}", shape, dtype),
            graph.tensor(f"to{n}", [1], "int32", data=np.array([size], np.int32)),
        )
        y, options = graph.tensor(f"y{n}", [size], dtype), schema.ReshapeOptionsT()
        options.newShape = [size]
        graph.op(schema.BuiltinOperator.RESHAPE, [x, to], [y], (schema.BuiltinOptions.ReshapeOptions, options))
        ends.append((x, y))
    return graph.pack([x for x, _ in ends], [y for _, y in ends])


def convolution_model(*, open_batch: bool = False) -> bytes:
    """3x3 over 1x8x8x3 to 4 channels with seeded weights, then a ReLU that makes a second layer."""
    graph, rng = Graph(), np.random.default_rng(7)
    x = graph.tensor("image", [1, 8, 8, 3], open_batch=open_batch)
    w = graph.tensor("weights", [4, 3, 3, 3], data=rng.normal(size=(4, 3, 3, 3)).astype(np.float32))
    b = graph.tensor("bias", [4], data=rng.normal(size=4).astype(np.float32))
    c = graph.tensor("conv", [1, 8, 8, 4], open_batch=open_batch)
    y = graph.tensor("relu", [1, 8, 8, 4], open_batch=open_batch)
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    graph.op(schema.BuiltinOperator.CONV_2D, [x, w, b], [c], (schema.BuiltinOptions.Conv2DOptions, options))
    graph.op(schema.BuiltinOperator.RELU, [c], [y])
    return graph.pack([x], [y])


def sum_model() -> bytes:
    """Two inputs of 1x4, one output."""
    graph = Graph()
    a, b, y = (graph.tensor(name, [1, 4]) for name in ("a", "b", "sum"))
    graph.op(schema.BuiltinOperator.ADD, [a, b], [y], (schema.BuiltinOptions.AddOptions, schema.AddOptionsT()))
    return graph.pack([a, b], [y])


def custom_model(name: str) -> bytes:
    """An operator that no runtime has."""
    graph = Graph()
    x, y = graph.tensor("x", [1, 4]), graph.tensor("y", [1, 4])
    graph.op(schema.BuiltinOperator.CUSTOM, [x], [y], custom=name)
    return graph.pack([x], [y])
