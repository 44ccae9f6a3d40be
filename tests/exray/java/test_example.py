"""The example, right and wrong, from its capture alone; and the binding that runs its model."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tests.agents.kit import RUNTIME, reshape_model, several_inputs_model
from tests.conftest import DEMO

from .kit import Driver, JavaError, command, recorded

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore

MODEL = DEMO / "model.tflite"


@pytest.mark.parametrize(
    ("bug", "verdict", "cause"), [([], "pass", "none"), (["--bug", "bgr"], "fail", "channel")], ids=["right", "bgr"]
)
def test_the_examples_bug_is_named(bug: list[str], verdict: str, cause: str, classes: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for file in sorted((DEMO / "inputs").glob("*.png"))[:16]:
        (pictures / file.name).symlink_to(file)
    capture = tmp_path / "app.mcap"
    example = command(classes, "Classifier", MODEL, RUNTIME, pictures, capture, *bug)
    lines = subprocess.run(example, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == sorted(file.name for file in pictures.iterdir())
    (tmp_path / "farm.toml").write_text(f'data = "{tmp_path / "data"}"\n')
    diagnose = ["diagnose", str(capture), "--model", str(MODEL), "--labels", str(DEMO / "labels.tsv"), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "farm", "--config", str(tmp_path / "farm.toml"), *diagnose],
        check=False, capture_output=True, text=True, timeout=200, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    found = json.loads(done.stdout)["runs"][0]["verdict"]
    assert (found["kind"], found["cause"]) == (verdict, cause)


def opened(java: Driver, model: Path) -> None:
    java("model", model, RUNTIME, 1)


def output(java: Driver, position: int, dtype: Any) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(java("get", position)), dtype)


@pytest.mark.parametrize("name", ["model.tflite", "model_int8.tflite"])
def test_a_model_answers_and_logs_what_pythons_does(
    name: str, tmp_path: Path, artifacts: ArtifactStore, java: Driver
) -> None:
    python = Interpreter(str(DEMO / name))
    python.allocate_tensors()
    (given,), (answered,) = python.get_input_details(), python.get_output_details()
    rng = np.random.default_rng(3)
    whole = np.issubdtype(given["dtype"], np.integer)
    fed = (rng.integers(0, 100, given["shape"]) if whole else rng.normal(size=given["shape"])).astype(given["dtype"])
    python.set_tensor(given["index"], fed)
    python.invoke()
    opened(java, DEMO / name)
    java("set", 0, "byte[]" if whole else "float[]", fed.tobytes())
    java("open", tmp_path / "app.mcap", "model", DEMO / name)
    java("frame", "f", "one")
    java("run model", "f")
    java("stop", "f")
    java("close")
    expected = python.get_tensor(answered["index"])
    np.testing.assert_array_equal(output(java, 0, answered["dtype"]), expected.ravel())
    found = recorded(tmp_path / "app.mcap", artifacts)
    tensors = found.tensors(artifacts, 0)
    np.testing.assert_array_equal(tensors[given["index"]], fed)
    np.testing.assert_array_equal(tensors[answered["index"]], expected)
    for detail, role in ((given, "input"), (answered, "output")):
        spec = found.by_tensor[detail["index"]]
        scale, zero = detail["quantization"]
        assert (spec.role, spec.name) == (role, detail["name"])
        assert (spec.scale, spec.zero_point) == ((np.float32(scale),) if scale else (), (zero,) if scale else ())
    (time,) = found.frame_times(artifacts)
    assert 0 < time.invoke_ns <= time.duration_ns
    java("close model")


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64", "int8"])
@pytest.mark.parametrize("holder", ["array", "direct", "heap", "read-only"])
def test_inputs_are_set_from_arrays_and_buffers(dtype: str, holder: str, tmp_path: Path, java: Driver) -> None:
    (tmp_path / "model.tflite").write_bytes(several_inputs_model([(1, 3), (2, 2)], dtype))
    opened(java, tmp_path / "model.tflite")
    values = [np.arange(3).astype(dtype), np.arange(4).astype(dtype) - 2]
    word = {"float32": "float[]", "int32": "int[]", "int64": "long[]", "int8": "byte[]"}[dtype]
    for position, value in enumerate(values):
        java("set", position, word if holder == "array" else holder, value.tobytes())
    java("run")
    for position, value in enumerate(values):
        assert output(java, position, dtype).tolist() == value.tolist()
    java("close model")


def test_invocations_are_timed_however_they_are_made(tmp_path: Path, artifacts: ArtifactStore, java: Driver) -> None:
    opened(java, MODEL)
    java("open", tmp_path / "app.mcap")
    java("frame", "f", "by hand")
    java("inference of model", "f")
    java("run")
    java("over", "f", "inference")
    java("over", "f", "inference")
    java("stop", "f")
    for text in ("returned", "fail"):
        java("frame", "f", text)
        if text == "fail":
            with pytest.raises(JavaError, match=r"java\.io\.IOException: failed"):
                java("call", "f", text)
        else:
            assert java("call", "f", text) == text
        java("stop", "f")
    java("close")
    java("close model")
    found = recorded(tmp_path / "app.mcap", artifacts)
    times = found.frame_times(artifacts)
    assert [t.name for t in times] == ["by hand", "returned", "fail"]
    assert all(0 < t.invoke_ns <= t.duration_ns for t in times)
    assert {s.role for s in found.specs} == {"input", "output"}
    assert list(found.frames) == [0]


def test_the_benchmarks_loop_tells_what_its_driver_reads(classes: Path, tmp_path: Path) -> None:
    loop = command(classes, "Loop", MODEL, tmp_path / "app.mcap", "5", machine=(f"-Dlitert.library={RUNTIME}",))
    lines = subprocess.run(loop, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    rows = [line.split() for line in lines[:15]]
    assert sorted(arm for arm, _, _ in rows) == sorted("abx" * 5)
    assert all(int(total) > int(api) >= 0 and (int(api) > 0) == (arm == "x") for arm, total, api in rows)
    _, size, _, frames = lines[15].split()
    assert (int(frames), 0 < int(size) <= 96 * 25) == (25, True)
    assert lines[16].startswith("memory ")


def test_a_model_says_what_it_refuses(tmp_path: Path, java: Driver) -> None:
    (tmp_path / "model.tflite").write_bytes(reshape_model([1, 4]))
    (tmp_path / "garbage.tflite").write_bytes(b"no model" * 100)
    cases: list[tuple[list[Any], str]] = [
        ([tmp_path / "none.tflite", RUNTIME, 1], r"LiteRtException: .*none.tflite cannot be read \(LiteRT status \d+\)"),
        ([tmp_path / "garbage.tflite", RUNTIME, 1], r"LiteRtException: .*garbage.tflite .* \(LiteRT status \d+\)"),
        ([MODEL, tmp_path / "none.so", 1], "LiteRtException: the runtime .*none.so cannot be loaded"),
        ([MODEL, "/lib/x86_64-linux-gnu/libm.so.6", 1], "LiteRtException: .*libm.so.6 is no LiteRT"),
        ([MODEL, RUNTIME, 0], "IllegalArgumentException: 0 threads"),
    ]  # fmt: skip
    for arguments, why in cases:
        with pytest.raises(JavaError, match=why):
            java("model", *arguments)
    opened(java, tmp_path / "model.tflite")
    refused: list[tuple[list[Any], str]] = [
        (["set", 0, "float[]", bytes(12)], "IllegalArgumentException: .*input 0 takes 16 bytes, and float.. has 12"),
        (["set", 0, "direct", bytes(17)], "IllegalArgumentException: .*input 0 takes 16 bytes, and a buffer has 17"),
        (["set", 0, "int[]", bytes(16)], "IllegalArgumentException: .*input 0 is of FLOAT32, not int"),
        (["set", 1, "float[]", bytes(16)], "IndexOutOfBounds"),
        (["get", 1], "IndexOutOfBounds"),
        (["get", -1], "IndexOutOfBounds"),
    ]
    for call, why in refused:
        with pytest.raises(JavaError, match=why):
            java(*call)
    java("close model")
    java("close model")
    late: list[list[Any]] = [["run"], ["get", 0], ["set", 0, "float[]", bytes(16)], ["run model", "f"]]
    for call in late:
        java("frame", "f")
        with pytest.raises(JavaError, match=r"IllegalStateException: .*model.tflite is closed"):
            java(*call)
