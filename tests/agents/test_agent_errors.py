from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from .kit import RUNTIME, Bench, Graph, Result, convolution_model, custom_model, reshape_model, run, sum_model

if TYPE_CHECKING:
    from collections.abc import Callable

JOB, INFRASTRUCTURE = 2, 3
COMPLETE = ("--runtime", "a", "--model", "b", "--frames", "c", "--out", "d")
LATENCY = [*COMPLETE, "--pass", "latency"]


def expect(result: Result, status: int, code: str, *words: str) -> None:
    error = result.error
    assert (result.status, error["code"]) == (status, code), result.stderr
    assert error["kind"] == {JOB: "job", INFRASTRUCTURE: "infrastructure"}[status]
    for word in words:
        assert word in error["message"] + " " + error["where"], error


@pytest.fixture
def model(strict: Bench) -> Path:
    return strict.file("conv.tflite", convolution_model())


@pytest.fixture
def frames(strict: Bench) -> Path:
    return strict.tensors([np.zeros((1, 8, 8, 3), np.float32)])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "no command"),
        (["dance"], "dance"),
        (["hash"], "no files"),
        (["probe"], "--runtime"),
        (["run"], "--runtime"),
        (["run", "--model"], "lacks its value"),
        (["run", "--threads", "0"], "--threads"),
        (["run", "--threads", "-1"], "--threads"),
        (["run", "--threads", "1x"], "--threads"),
        (["run", "--warmup", "99999999999999999999"], "--warmup"),
        (["run", "--repetitions", "0"], "--repetitions"),
        (["run", "--pass", "fast"], "isolated"),
        (["run", "--kernel", "fast"], "fast"),
        (["run", "--rotate", "45"], "45"),
        (["run", "--crop", "0"], "--crop"),
        (["run", "--crop", "1.01"], "--crop"),
        (["run", "--crop", "nan"], "--crop"),
        (["run", "--resize", "cubic"], "cubic"),
        (["run", "--channels", "gbr"], "gbr"),
        (["run", "--mean", "1,2"], "three numbers"),
        (["run", "--mean", "1,2,3,4"], "three numbers"),
        (["run", "--mean", "1,2,inf"], "--mean"),
        (["run", "--std", "1,0,1"], "--std"),
        (["run", "--label", "=x"], "KEY=VALUE"),
        (["run", "--label", "a=1", "--label", "a=2"], "twice"),
        (["run", "--label", "a=" + "x" * 5000], "longer"),
        (["run", "--unknown", "1"], "--unknown"),
        (["run", *COMPLETE], "--pass"),
        (["run", *COMPLETE, "--pass", "layers", "--repetitions", "2"], "--repetitions"),
        (["run", *COMPLETE, "--pass", "isolated", "--repetitions", "2"], "isolated"),
        (["run", *COMPLETE, "--pass", "latency", "--full-frames", "2"], "--full-frames"),
        (["run", *COMPLETE, "--pass", "profile", "--byte-budget", "2"], "--byte-budget"),
        (["run", *COMPLETE, "--pass", "latency", "--lease", "2"], "--lock"),
        (["run", *COMPLETE, "--pass", "latency", "--lock", "x"], "--lease"),
        (["run", *COMPLETE, "--pass", "latency", "--accelerator", "gpu", "--kernel", "builtin"], "builtin"),
        (["run", "--accelerator", "tpu"], "cpu"),
        (["run", "--cpu-mask", "0"], "--cpu-mask"),
        (["run", "--cpu-mask", "0x"], "--cpu-mask"),
        (["run", "--cpu-mask", "1ffffffffffffffff"], "--cpu-mask"),
        (["run", "--cpu-mask", "-1"], "--cpu-mask"),
        (["run", "--full-frames", "-1"], "--full-frames"),
        (["run", "--byte-budget", "18446744073709551616"], "--byte-budget"),
        (["run", "--lease", "0"], "--lease"),
        (["run", "--deadline", "0"], "--deadline"),
        (["run", "--tether", "stdout"], "none"),
        (["run", "--fit", "cover"], "stretch"),
        (["run", "--pad", "256"], "0 to 255"),
        (["run", "--sample-rate", "99"], "100 to 768000"),
        (["run", "--channel", "center"], "mean"),
        (["run", "--fft-length", "500"], "not a power of two"),
        (["run", "--frame-step", "0"], "1 to 65536"),
        (["run", "--low-hz", "-1"], "below 0"),
        (["run", "--low-hz", "20Hz"], "20Hz is not a number"),
        (["run", "--high-hz", "inf"], "not a number"),
        (["run", "--log-floor", "0"], "not above 0"),
        (["run", "--audio-std", "-1"], "not above 0"),
        (["run", "--audio-mean", "nan"], "not a number"),
        (["run", "--start-id", "2147483648"], "-2147483648 to 2147483647"),
        (["run", "--end-id", "-2147483649"], "-2147483648 to 2147483647"),
        (["run", "--pad-id", "--1"], "-2147483648 to 2147483647"),
        (["run", "--text-inputs", "ids,"], "ids"),
        (["run", "--text-inputs", ",".join(["ids"] * 17)], "more than 16 inputs"),
        (["run", *LATENCY, "--features", "mfcc", "--frame-length", "513"], "less than a frame's 513 samples"),
        (["run", *LATENCY, "--features", "mfcc", "--coefficients", "41"], "41 of 40 mel bins"),
        (["run", *LATENCY, "--features", "log-mel", "--high-hz", "8001"], "half of the 16000 samples"),
        (["run", *LATENCY, "--features", "log-mel", "--low-hz", "4000"], "not below the 4000"),
    ],
)
def test_bad_usage(strict: Bench, arguments: list[str], word: str) -> None:
    expect(run(strict.agent, *arguments), JOB, "bad-usage", word)


def test_error_line_is_json_whatever_the_text(strict: Bench) -> None:
    for name in ('quo"te\\', "new\nline\x01\x7f", "größe ✓", "\udcff\udcc3("):
        result = run(strict.agent, "hash", name)
        assert result.error["where"] == name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def test_runtime_missing(strict: Bench, model: Path, frames: Path, tmp_path: Path) -> None:
    for runtime in (tmp_path / "none.so", model, tmp_path):
        bench = Bench(strict.agent, strict.folder, runtime)
        expect(bench.run(model, frames), INFRASTRUCTURE, "runtime-missing", str(runtime))


def functions(strict: Bench) -> list[str]:
    """The symbols the agent asks for, learned from a library without any."""
    empty = strict.folder / "empty.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", empty, strict.file("empty.c", b"int unrelated;\n")], check=True)
    result = run(strict.agent, "probe", "--runtime", empty)
    missing: list[str] = result.lines[0]["probe"]["missing"]
    return missing


@pytest.fixture(scope="module")
def fake_runtime(strict: Bench) -> Callable[[str, list[str]], Bench]:
    """A library with the given symbols and nothing behind them: the agent must refuse it before it calls one."""

    def make(name: str, symbols: list[str]) -> Bench:
        source = strict.file(f"{name}.c", "".join(f"void {s}(void){{__builtin_trap();}}\n" for s in symbols).encode())
        library = strict.folder / f"{name}.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        return Bench(strict.agent, strict.folder, library)

    return make


def test_runtime_that_is_too_old(
    strict: Bench, model: Path, frames: Path, fake_runtime: Callable[[str, list[str]], Bench]
) -> None:
    old = fake_runtime("old", functions(strict))
    expect(old.run(model, frames), INFRASTRUCTURE, "runtime-too-old", "2.1.6")
    probe = run(strict.agent, "probe", "--runtime", old.runtime).lines[0]["probe"]
    assert (probe["loadable"], probe["too_old"], probe["missing"]) == (True, True, [])


def test_runtime_that_lacks_a_symbol(
    strict: Bench, model: Path, frames: Path, fake_runtime: Callable[[str, list[str]], Bench]
) -> None:
    symbols = [s for s in functions(strict) if s != "LiteRtStartProfiler"]
    lacking = fake_runtime("lacking", [*symbols, "LiteRtCreateModelFromFd"])
    expect(lacking.run(model, frames), INFRASTRUCTURE, "runtime-symbol", "LiteRtStartProfiler")
    assert run(strict.agent, "probe", "--runtime", lacking.runtime).lines[0]["probe"]["missing"] == [
        "LiteRtStartProfiler"
    ]
    foreign = fake_runtime("foreign", ["unrelated"])
    expect(foreign.run(model, frames), INFRASTRUCTURE, "runtime-symbol", "not LiteRT")


def test_probe_of_a_usable_runtime(strict: Bench) -> None:
    probe = run(strict.agent, "probe", "--runtime", RUNTIME).lines[0]["probe"]
    assert (probe["loadable"], probe["too_old"], probe["missing"], probe["error"]) == (True, False, [], "")
    assert probe["runtime"] == str(RUNTIME)
    assert probe["agent_version"].count(".") == 2
    missing = run(strict.agent, "probe", "--runtime", "/none/lib.so").lines[0]["probe"]
    assert not missing["loadable"]
    assert "/none/lib.so" in missing["error"]


def test_runtime_that_crashes_is_told_apart(
    strict: Bench, model: Path, frames: Path, fake_runtime: Callable[[str, list[str]], Bench]
) -> None:
    # It has every symbol and the marker, and traps in the first call after the model's file was found sound.
    source = strict.file(
        "crash.c",
        b"int LiteRtCreateEnvironment(void){return 0;}\n"
        + "".join(
            f"void {s}(void){{__builtin_trap();}}\n"
            for s in [*functions(strict), "LiteRtCreateModelFromFd"]
            if s != "LiteRtCreateEnvironment"
        ).encode(),
    )
    library = strict.folder / "crash.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    result = Bench(strict.agent, strict.folder, library).run(model, frames)
    expect(result, JOB, "runtime-crashed", "SIGILL", "reading the model")


def test_model_unreadable(strict: Bench, frames: Path, tmp_path: Path) -> None:
    whole = convolution_model()
    cases = {
        "missing": (tmp_path / "none.tflite", "No such file"),
        "folder": (tmp_path, "not a file"),
        "empty": (strict.file("empty.tflite", b""), "empty"),
        "foreign": (strict.file("foreign.tflite", b"PK\x03\x04" * 100), "TFL3"),
        "short": (strict.file("short.tflite", whole[:7]), "TFL3"),
        "half": (strict.file("half.tflite", whole[: len(whole) // 2]), "cut off"),
        "last byte": (strict.file("last.tflite", whole[:-1]), "cut off"),
    }
    for path, word in cases.values():
        expect(strict.run(path, frames), JOB, "model-unreadable", word, str(path))


def test_model_with_indices_that_lead_nowhere(strict: Bench, frames: Path) -> None:
    def damaged(change: Callable[[Graph], None]) -> bytes:
        graph = Graph()
        x, y = graph.tensor("x", [1, 4]), graph.tensor("y", [1, 4])
        graph.op(schema.BuiltinOperator.RELU, [x], [y])
        change(graph)
        return graph.pack([x], [y])

    def wrong_input(graph: Graph) -> None:
        graph.graph.operators[0].inputs = [7]

    def wrong_code(graph: Graph) -> None:
        graph.graph.operators[0].opcodeIndex = 9

    def wrong_buffer(graph: Graph) -> None:
        graph.graph.tensors[0].buffer = 99

    for change, word in (
        (wrong_input, "an operator's input"),
        (wrong_code, "operator's code"),
        (wrong_buffer, "buffer"),
    ):
        path = strict.file("damaged.tflite", damaged(change))
        expect(strict.run(path, frames), JOB, "model-unreadable", word)


def test_op_unregistered_names_the_operator(strict: Bench) -> None:
    frames = strict.tensors([np.zeros((1, 4), np.float32)])
    for name in ("MyCompany.FancyOp", "op with spaces"):
        for kernel in ("delegate", "builtin"):
            result = strict.run(strict.file("custom.tflite", custom_model(name)), frames, "--kernel", kernel)
            expect(result, JOB, "op-unregistered", name)
            assert result.error["where"] == name


def test_compile_failed_tells_the_runtimes_reason(strict: Bench) -> None:
    graph = Graph()
    a, b, y = graph.tensor("a", [1, 4]), graph.tensor("b", [1, 5]), graph.tensor("y", [1, 4])
    graph.op(schema.BuiltinOperator.ADD, [a, b], [y], (schema.BuiltinOptions.AddOptions, schema.AddOptionsT()))
    graph.model.operatorCodes[0].version = 99
    path = strict.file("version.tflite", graph.pack([a, b], [y]))
    frames = strict.tensors([np.zeros((1, 4), np.float32), np.zeros((1, 5), np.float32)])
    result = strict.run(path, frames)
    assert result.error["code"] in {"compile-failed", "op-unregistered"}, result.stderr
    assert "ADD" in result.error["message"]


@pytest.mark.parametrize(
    ("shape", "dtype", "told"),
    [([1, 8, 8, 1], "float32", "[1, 8, 8, 1]"), ([2, 8, 8, 3], "float32", "[2, 8, 8, 3]"),
     ([1, 192], "float32", "[1, 192]"), ([1, 8, 8, 3], "int32", "[1, 8, 8, 3]")],
)  # fmt: skip
def test_input_shape_that_takes_no_image(strict: Bench, shape: list[int], dtype: str, told: str) -> None:
    path = strict.file("shape.tflite", reshape_model(shape, dtype))
    frames = strict.images(np.zeros((8, 8, 3), np.uint8))
    expect(strict.run(path, frames), JOB, "input-shape", told, "x")


def test_frame_unreadable(strict: Bench, model: Path, tmp_path: Path) -> None:
    bodies = {
        b"P5\n2 2\n255\n" + b"x" * 12: "P6",
        b"P6\n2 2\n65535\n" + b"x" * 24: "maxval 255",
        b"P6\n0 2\n255\n": "header",
        b"P6\n70000 2\n255\n": "70000x2",
        b"P6\n65535 65535\n255\n": "65535x65535",
        b"P6\n99999999 2\n255\n": "header",
        b"P6\n2 2\n255\n" + b"x" * 11: "11 of 12",
        b"P6\n2 2\n255\n" + b"x" * 13: "bytes follow",
        b"": "P6",
    }
    for body, word in bodies.items():
        path = strict.file("bad.ppm", body)
        expect(strict.run(model, strict.frames((0, 0, "rgb", path, ""))), JOB, "frame-unreadable", word, str(path))
    size = 8 * 8 * 3 * 4
    for length, word in ((size - 1, "fewer"), (size + 1, "more"), (0, "fewer")):
        path = strict.file("bad.bin", bytes(length))
        expect(
            strict.run(model, strict.frames((0, 0, "tensor", path, ""))), JOB, "frame-unreadable", word, f"{size} bytes"
        )
    for kind in ("rgb", "tensor"):
        missing = strict.frames((0, 0, kind, tmp_path / "none", ""))
        expect(strict.run(model, missing), JOB, "frame-unreadable", "No such file")


def test_ppm_with_comments_is_read(strict: Bench, model: Path) -> None:
    path = strict.file("ok.ppm", b"P6 # made by hand\n# and more\n2\t1\r\n255\n" + b"abcdef")
    assert strict.run(model, strict.frames((0, 0, "rgb", path, ""))).status == 0


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"", "no frames"),
        (b"\n", "five fields"),
        (b"0\t0\trgb\tp\n", "five fields"),
        (b"0\t0\trgb\tp\tn\tmore\n", "five fields"),
        (b"x\t0\trgb\tp\tn\n", "frame is not a number"),
        (b"4294967296\t0\trgb\tp\tn\n", "frame is not a number"),
        (b"0\t-1\trgb\tp\tn\n", "input is not a number"),
        (b"0\t0\tyuv\tp\tn\n", "none of rgb, pcm, text, tensor"),
        (b"0\t0\trgb\t\tn\n", "no path"),
        (b"0\t0\trgb\tp\tn\x00\n", "NUL"),
        (b"0\t0\trgb\tp\t" + b"n" * 9000 + b"\n", "longer"),
        (b"0\t1\trgb\tp\tn\n", "each of the model's 1 inputs"),
        (b"3\t0\trgb\tp\tn\n4\t0\trgb\tp\tn\n3\t0\trgb\tp\tn\n", "frame 3 comes twice"),
    ],
)
def test_list_invalid_names_the_line(strict: Bench, model: Path, text: bytes, word: str) -> None:
    path = strict.file("bad.tsv", text)
    expect(strict.run(model, path), JOB, "list-invalid", word, str(path))


def test_list_must_give_every_input(strict: Bench) -> None:
    path = strict.file("sum.tflite", sum_model())
    for rows, word in (
        ([(0, 0)], "whole frames of 2 inputs"), ([(0, 0), (0, 0)], "each of"), ([(0, 0), (1, 1)], "consecutive"),
    ):  # fmt: skip
        frames = strict.frames(*((f, i, "tensor", path, "n") for f, i in rows))
        expect(strict.run(path, frames), JOB, "list-invalid", word)


def test_storage_full(strict: Bench, model: Path, frames: Path) -> None:
    for layers in (False, True):
        result = strict.run(model, frames, layers=layers, out=Path("/dev/full"))
        expect(result, INFRASTRUCTURE, "storage-full", "/dev/full", "No space left")


def test_capture_unwritable(strict: Bench, model: Path, frames: Path, tmp_path: Path) -> None:
    result = strict.run(model, frames, out=tmp_path / "none" / "out.mcap")
    expect(result, INFRASTRUCTURE, "capture-unwritable", "No such file")


def test_invoke_failed(strict: Bench) -> None:
    graph = Graph()
    table = graph.tensor("table", [3, 2], data=np.ones((3, 2), np.float32))
    x, y = graph.tensor("x", [1], "int32"), graph.tensor("y", [1, 2])
    graph.op(
        schema.BuiltinOperator.GATHER, [table, x], [y], (schema.BuiltinOptions.GatherOptions, schema.GatherOptionsT())
    )
    model = strict.file("gather.tflite", graph.pack([x], [y]))
    assert strict.run(model, strict.tensors([np.array([2], np.int32)])).status == 0
    result = strict.run(model, strict.tensors([np.array([77], np.int32)]))
    expect(result, JOB, "invoke-failed", str(model))


def test_out_of_memory(bench: Bench) -> None:
    model = bench.file("image.tflite", reshape_model([1, 8, 8, 3]))
    image = bench.folder / "big.ppm"
    with image.open("wb") as file:
        file.write(b"P6\n8000 8000\n255\n")
        file.truncate(17 + 8000 * 8000 * 3)
    frames = bench.frames((0, 0, "rgb", image, "big"))
    command = ["sh", "-c", 'ulimit -v 131072 && exec "$@"', "sh", str(bench.agent), "run"]
    options = ["--runtime", RUNTIME, "--model", model, "--frames", frames, "--out", bench.out, "--pass", "latency"]
    done = subprocess.run([*command, *map(str, options)], capture_output=True, timeout=60, check=False, text=True)
    expect(Result(done.returncode, done.stdout, done.stderr), INFRASTRUCTURE, "out-of-memory", "no memory for")
