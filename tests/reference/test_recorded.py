"""An earlier capture as the reference: frames by name, tensors by index or name, other quantizations dequantized."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm.capture import exray_pb2 as pb
from farm.errors import CaptureError, InputsError
from farm.model import graph as graphs
from farm.reference.record import record
from farm.submission import InputFrame, ReferenceSource
from tests.capture import kit
from tests.conftest import DEMO

if TYPE_CHECKING:
    from pathlib import Path

    from google.protobuf.message import Message

    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

MODEL = DEMO / "model_int8.tflite"
GRAPH = graphs.read_file(MODEL)
OUTPUT = GRAPH.tensors[GRAPH.outputs[0]]
LAYER = GRAPH.tensors[GRAPH.nodes[3].outputs[0]]


def spec(number: int, tensor: graphs.Tensor, value: Array, **fields: Any) -> pb.TensorSpec:
    dtype = {"int8": pb.DTYPE_INT8, "float32": pb.DTYPE_FLOAT32}[value.dtype.name]
    made = kit.spec(number, value.shape, dtype)
    made.tensor_index, made.name = tensor.index, tensor.name
    if value.dtype == np.int8:
        made.scale.extend(tensor.scale)
        made.zero_point.extend(tensor.zero_point)
    for key, other in fields.items():
        if key in {"scale", "zero_point"}:
            made.ClearField(key)
            getattr(made, key).extend(other)
        else:
            setattr(made, key, other)
    return made


def frames(*names: str) -> list[tuple[int, InputFrame]]:
    return [(i, InputFrame(name=name, kind="image", sha256=("0" * 64,))) for i, name in enumerate(names)]


def play(
    artifacts: ArtifactStore, asked: list[tuple[int, InputFrame]], *, deep: bool = False, **captures: Path
) -> Recording:
    stored = {of: artifacts.put_file(path) for of, path in captures.items()}
    return record(
        "capture=earlier",
        artifacts=artifacts,
        cache=artifacts.folder.parent / "references",
        model_sha256=artifacts.put_file(MODEL),
        frames=asked,
        recipe=None,
        layers=deep,
        sources=(ReferenceSource(name="capture=earlier", runtime="capture", captures=stored),),
        timeout_s=60,
    )


def capture(path: Path, log: int, specs: list[tuple[pb.TensorSpec, Array]], names: dict[int, str]) -> Path:
    messages: list[Message] = [kit.header(log), *(s for s, _ in specs)]
    for index, name in names.items():
        messages += [
            pb.Frame(index=index, name=name, invoke_ns=1),
            *(kit.data(s.id, index, v + index) for s, v in specs),
        ]
    return kit.made(path, *messages)


def test_frames_are_found_by_name(artifacts: ArtifactStore, tmp_path: Path) -> None:
    value = np.arange(12, dtype=np.int8).reshape(1, 12)
    file = capture(tmp_path / "a.mcap", pb.PASS_LATENCY, [(spec(1, OUTPUT, value), value)], {0: "b.png", 1: "a.png"})
    made = play(artifacts, frames("a.png", "b.png"), latency=file)
    assert made.header.source == "capture=earlier"
    assert made.header.labels["frames matched"] == "by name"
    assert made.tensors(artifacts, 0)[OUTPUT.index].tolist() == (value + 1).tolist()
    assert made.tensors(artifacts, 1)[OUTPUT.index].tolist() == value.tolist()
    assert made.by_tensor[OUTPUT.index].scale == pytest.approx(OUTPUT.scale)
    with pytest.raises(InputsError, match=r"no output of c\.png"):
        play(artifacts, frames("a.png", "c.png"), latency=file)


def test_layers_are_of_the_frames_that_have_them(artifacts: ArtifactStore, tmp_path: Path) -> None:
    out = np.zeros((1, 12), np.int8)
    inner = np.ones(tuple(LAYER.shape), np.int8)
    latency = capture(tmp_path / "a.mcap", pb.PASS_LATENCY, [(spec(1, OUTPUT, out), out)], {0: "x", 1: "y"})
    both = [(spec(1, OUTPUT, out), out), (spec(2, LAYER, inner), inner)]
    layers = capture(tmp_path / "b.mcap", pb.PASS_LAYERS, both, {5: "y"})
    made = play(artifacts, frames("x", "y", "z"), deep=True, latency=latency, layers=layers)
    assert made.tensors(artifacts, 1).keys() == {OUTPUT.index, LAYER.index}
    assert made.tensors(artifacts, 0).keys() == {OUTPUT.index}
    assert 2 not in made.frames


def test_what_another_quantization_logged_is_real_numbers(artifacts: ArtifactStore, tmp_path: Path) -> None:
    """Another model's indices are others: names decide."""
    value = np.arange(12, dtype=np.int8).reshape(1, 12)
    other = spec(1, OUTPUT, value, tensor_index=0, scale=[0.5], zero_point=[2])
    real = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 12)
    file = capture(tmp_path / "a.mcap", pb.PASS_LATENCY, [(other, value)], {0: "x"})
    made = play(artifacts, frames("x"), latency=file)
    assert made.tensors(artifacts, 0)[OUTPUT.index].tolist() == ((value - 2.0) * 0.5).tolist()
    assert made.by_tensor[OUTPUT.index].scale == ()
    file = capture(tmp_path / "b.mcap", pb.PASS_LATENCY, [(spec(1, OUTPUT, real), real)], {0: "x"})
    found = play(artifacts, frames("x"), latency=file).tensors(artifacts, 0)[OUTPUT.index]
    assert found.dtype == np.float32
    assert np.array_equal(found, real)


def test_a_runtime_that_tells_no_indices_is_read_by_position(artifacts: ArtifactStore, tmp_path: Path) -> None:
    value = np.full((1, 12), 7, np.int8)
    nameless = spec(1, OUTPUT, value, tensor_index=-1, name="whatever", position=0)
    file = capture(tmp_path / "a.mcap", pb.PASS_LATENCY, [(nameless, value)], {0: "x"})
    assert play(artifacts, frames("x"), latency=file).tensors(artifacts, 0)[OUTPUT.index].tolist() == value.tolist()


def test_what_is_no_capture_or_empty_is_named(artifacts: ArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "x.mcap").write_bytes(b"not a capture")
    with pytest.raises(CaptureError):
        play(artifacts, frames("x"), latency=tmp_path / "x.mcap")
    with pytest.raises(InputsError, match="neither outputs nor layers"):
        play(artifacts, frames("x"))
