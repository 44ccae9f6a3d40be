"""The agent's outputs have the bits Python's LiteRT gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.interpreter import Interpreter

from farm.capture import exray_pb2 as pb
from farm.model.instrument import instrument

from .kit import Bench, Capture, convolution_model, sum_model

if TYPE_CHECKING:
    from pathlib import Path

    Array = np.ndarray[Any, Any]

MODELS = (
    "deeplabv3", "kws_float32", "kws_int8", "mobilenet_v1_0.25_224", "mobilenet_v1_0.25_224_ptq_int8",
    "mobilenet_v1_0.25_224_quant", "movie_review", "ssd_mobilenet_v1_coco_quant", "yamnet_quant",
)  # fmt: skip


def random_inputs(model: Path, seed: int) -> list[Array]:
    """Arrays the model can take (small integers where it looks words up)."""
    rng, arrays = np.random.default_rng(seed), []
    for detail in Interpreter(str(model)).get_input_details():
        shape, dtype = detail["shape"], np.dtype(detail["dtype"])
        if dtype.kind == "f":
            arrays.append(rng.normal(size=shape).astype(dtype))
        else:
            low, high = (0, 100) if dtype.itemsize > 1 else (np.iinfo(dtype).min, np.iinfo(dtype).max)
            arrays.append(rng.integers(low, high, shape, endpoint=True).astype(dtype))
    return arrays


def interpreted(model: Path, inputs: list[Array]) -> dict[int, bytes]:
    """Output position -> bytes, by the Interpreter with XNNPACK."""
    interpreter = Interpreter(str(model), num_threads=1)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return {i: interpreter.get_tensor(d["index"]).tobytes() for i, d in enumerate(interpreter.get_output_details())}


def outputs_of(capture: Capture, frame: int) -> dict[int, bytes]:
    return {k[1]: v.tobytes() for k, v in capture.tensors(pb.ROLE_OUTPUT).items() if k[0] == frame}


@pytest.mark.parametrize("name", MODELS)
def test_real_models_answer_as_the_interpreter_does(bench: Bench, testdata: Path, name: str) -> None:
    model = testdata / "models" / f"{name}.tflite"
    frames = [random_inputs(model, seed) for seed in range(2)]
    capture = bench.capture(model, bench.tensors(*frames), "--warmup", "1")
    for i, inputs in enumerate(frames):
        assert outputs_of(capture, i) == interpreted(model, inputs)


@pytest.mark.parametrize("threads", [1, 3])
def test_convolution_answers_as_the_compiled_model_does(bench: Bench, threads: int) -> None:
    model = bench.file("conv.tflite", convolution_model())
    inputs = random_inputs(model, 5)
    compiled = CompiledModel.from_file(str(model))
    feeds, answers = compiled.create_input_buffers(0), compiled.create_output_buffers(0)
    feeds[0].write(inputs[0].ravel())
    compiled.run_by_index(0, feeds, answers)
    expected = answers[0].read(8 * 8 * 4, np.float32).tobytes()
    capture = bench.capture(model, bench.tensors(inputs), "--threads", str(threads))
    assert outputs_of(capture, 0) == {0: expected} == interpreted(model, inputs)


def test_open_batch_becomes_one(bench: Bench) -> None:
    fixed, opened = (bench.file(f"b{o}.tflite", convolution_model(open_batch=o)) for o in (False, True))
    frames = bench.tensors(inputs := random_inputs(fixed, 6))
    capture = bench.capture(opened, frames, layers=True)
    assert [list(s.shape) for s in capture.of(pb.TensorSpec)] == [[1, 8, 8, 3], [1, 8, 8, 4]]
    assert outputs_of(capture, 0) == interpreted(fixed, inputs)


def test_inputs_go_where_the_list_says(bench: Bench) -> None:
    model = bench.file("sum.tflite", sum_model())
    a, b = np.array([[1, 2, 3, 4]], np.float32), np.array([[10, 20, 30, 40]], np.float32)
    capture = bench.capture(model, bench.tensors([a, b], [b, b]), layers=True)
    fed = capture.tensors(pb.ROLE_INPUT)
    assert (fed[0, 0].tolist(), fed[0, 1].tolist()) == (a.tolist(), b.tolist())
    assert capture.tensors(pb.ROLE_OUTPUT)[0, 0].tolist() == (a + b).tolist()
    assert capture.tensors(pb.ROLE_OUTPUT)[1, 0].tolist() == (b + b).tolist()


@pytest.mark.parametrize("kernel", ["delegate", "builtin", "reference"])
def test_every_kernel_runs_and_only_the_delegate_delegates(bench: Bench, kernel: str) -> None:
    model = bench.file("conv.tflite", convolution_model())
    inputs = random_inputs(model, 8)
    capture = bench.capture(model, bench.tensors(inputs), "--kernel", kernel, layers=True)
    expected = np.frombuffer(interpreted(model, inputs)[0], np.float32)
    np.testing.assert_allclose(np.frombuffer(outputs_of(capture, 0)[0], np.float32), expected, rtol=1e-5, atol=1e-5)
    delegated = {op.type for times in capture.of(pb.OpTimes) for op in times.ops} == {8}
    assert delegated == (kernel == "delegate")
    assert capture.header.kernel == kernel


@pytest.mark.parametrize("name", ["kws_int8", "mobilenet_v1_0.25_224"])
def test_instrumented_model_shows_every_layer(bench: Bench, testdata: Path, name: str) -> None:
    plain = testdata / "models" / f"{name}.tflite"
    model = bench.file("instrumented.tflite", instrument(plain.read_bytes()))
    inputs = random_inputs(plain, 9)
    capture = bench.capture(model, bench.tensors(inputs), layers=True)
    shown = outputs_of(capture, 0)
    assert shown == interpreted(model, inputs)
    assert len(shown) > 10
    (final,) = interpreted(plain, inputs).values()
    by_tensor = {s.tensor_index: shown[s.position] for s in capture.of(pb.TensorSpec) if s.role == pb.ROLE_OUTPUT}
    assert by_tensor[Interpreter(str(plain)).get_output_details()[0]["index"]] == final
