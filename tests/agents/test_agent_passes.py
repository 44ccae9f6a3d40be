"""What each pass logs, under which conditions, and how much of it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm.capture import exray_pb2 as pb

from .kit import RUNTIME, Bench, Capture, Graph, convolution_model, reshape_model, sum_model
from .test_agent_errors import INFRASTRUCTURE, JOB, expect, functions

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

RNG = np.random.default_rng(3)


def isolated_model() -> bytes:
    """ADD and RELU with the edge between them broken: RELU's input is a graph input of its own."""
    graph = Graph()
    a, b, total, twin, y = (graph.tensor(name, [1, 4]) for name in ("a", "b", "sum", "sum_in", "relu"))
    graph.op(schema.BuiltinOperator.ADD, [a, b], [total], (schema.BuiltinOptions.AddOptions, schema.AddOptionsT()))
    graph.op(schema.BuiltinOperator.RELU, [twin], [y])
    return graph.pack([a, b, twin], [total, y])


def packed(bench: Bench, frames: list[list[Array]]) -> Path:
    """Write a list of frames with one file each, inputs one after the other behind seven bytes of something else."""
    rows = []
    for index, inputs in enumerate(frames):
        data = b"padding"
        for position, array in enumerate(inputs):
            rows.append((index, position, f"tensor@{len(data)}", bench.folder / f"all{index}.bin", f"frame {index}"))
            data += array.tobytes()
        bench.file(f"all{index}.bin", data + b"more")
    return bench.frames(*rows)


def kinds(capture: Capture) -> list[str]:
    return [type(m).__name__ for m in capture.messages]


def test_profile_logs_times_alone(strict: Bench) -> None:
    model = strict.file("conv.tflite", convolution_model())
    frames = strict.tensors(*([RNG.random((1, 8, 8, 3), np.float32)] for _ in range(3)))
    capture = strict.capture(model, frames, "--repetitions", "2", "--kernel", "builtin", name="profile")
    assert getattr(capture.header, "pass") == pb.PASS_PROFILE
    assert kinds(capture) == ["Header", "Conditions", *["Frame", "OpTimes"] * 6, "Conditions", "End"]
    assert [(f.index, f.repetition) for f in capture.of(pb.Frame)] == [(i, r) for i in range(3) for r in range(2)]
    for frame, times in zip(capture.of(pb.Frame), capture.of(pb.OpTimes), strict=True):
        assert times.frame == frame.index
        assert [(op.tag, op.type, op.index) for op in times.ops] == [("CONV_2D", 2, 0), ("RELU", 2, 1)]


def test_isolated_logs_what_each_op_made_of_its_own_inputs(strict: Bench) -> None:
    model = strict.file("isolated.tflite", isolated_model())
    inputs = [[RNG.normal(size=(1, 4)).astype(np.float32) for _ in range(3)] for _ in range(4)]
    capture = strict.capture(model, packed(strict, inputs), name="isolated")
    assert getattr(capture.header, "pass") == pb.PASS_ISOLATED
    frame = ["Frame", "TensorData", "TensorData"]
    assert kinds(capture) == ["Header", *["TensorSpec"] * 2, "Conditions", *frame * 4, "Conditions", "End"]
    outputs = capture.tensors(pb.ROLE_OUTPUT)
    for index, (a, b, twin) in enumerate(inputs):
        np.testing.assert_array_equal(outputs[index, 0], a + b)
        np.testing.assert_array_equal(outputs[index, 1], np.maximum(twin, 0))


def test_slices_and_whole_files_are_fed_alike(strict: Bench) -> None:
    model = strict.file("sum.tflite", sum_model())
    inputs = [[RNG.normal(size=(1, 4)).astype(np.float32) for _ in range(2)] for _ in range(3)]
    whole = strict.capture(model, strict.tensors(*inputs)).tensors(pb.ROLE_OUTPUT)
    sliced = strict.capture(model, packed(strict, inputs)).tensors(pb.ROLE_OUTPUT)
    assert {k: v.tobytes() for k, v in whole.items()} == {k: v.tobytes() for k, v in sliced.items()}


@pytest.mark.parametrize("offset", ["1", "16", "17", "18446744073709551615", "9223372036854775807"])
def test_slice_that_leads_out_of_its_file(strict: Bench, offset: str) -> None:
    model = strict.file("relu.tflite", reshape_model([1, 4]))
    path = strict.file("16.bin", bytes(16))
    result = strict.run(model, strict.frames((0, 0, f"tensor@{offset}", path, "n")))
    expect(result, JOB, "frame-unreadable", "lead out", str(path))


@pytest.mark.parametrize("offset", ["", "-1", "+1", "1.0", "0x1", "18446744073709551616"])
def test_slice_without_a_sound_offset(strict: Bench, offset: str) -> None:
    model = strict.file("relu.tflite", reshape_model([1, 4]))
    path = strict.file("16.bin", bytes(16))
    result = strict.run(model, strict.frames((0, 0, f"tensor@{offset}", path, "n")))
    expect(result, JOB, "list-invalid", ":1", "offset")


def test_slice_of_a_folder_or_nothing(strict: Bench, tmp_path: Path) -> None:
    model = strict.file("relu.tflite", reshape_model([1, 4]))
    for path in (tmp_path, tmp_path / "none"):
        expect(strict.run(model, strict.frames((0, 0, "tensor@0", path, "n"))), JOB, "frame-unreadable", str(path))


BYTES = 8 * 8 * 3 * 4 + 8 * 8 * 4 * 4  # one frame of the convolution's input and output


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(full=st.none() | st.integers(0, 6), budget=st.none() | st.integers(1, 6 * BYTES))
def test_frames_beyond_the_limits_get_statistics(strict: Bench, full: int | None, budget: int | None) -> None:
    model = strict.file("conv.tflite", convolution_model())
    frames = strict.tensors(*([np.full((1, 8, 8, 3), i, np.float32)] for i in range(5)))
    limits = [] if full is None else ["--full-frames", str(full)]
    limits += [] if budget is None else ["--byte-budget", str(budget)]
    capture = strict.capture(model, frames, *limits, layers=True)
    expected = min(5, 5 if full is None else full, 5 if budget is None else budget // BYTES)
    assert capture.header.byte_budget == (budget or 0)
    specs = {s.id for s in capture.of(pb.TensorSpec)}
    assert [(d.frame, d.spec) for d in capture.of(pb.TensorData)] == [(f, s) for f in range(expected) for s in specs]
    rest = [(f, s) for f in range(expected, 5) for s in specs]
    assert [(d.frame, d.spec) for d in capture.of(pb.Statistics)] == rest
    for s in capture.of(pb.Statistics):
        if s.spec == 1:
            assert (s.count, s.min, s.max, s.mean, s.rms) == (192, *[s.frame] * 4)


def test_isolated_pass_within_a_budget(strict: Bench) -> None:
    model = strict.file("isolated.tflite", isolated_model())
    inputs = [[np.full((1, 4), i, np.float32) for _ in range(3)] for i in range(3)]
    capture = strict.capture(model, packed(strict, inputs), "--full-frames", "1", name="isolated")
    assert [d.frame for d in capture.of(pb.TensorData)] == [0, 0]
    assert [(s.frame, s.mean) for s in capture.of(pb.Statistics)] == [(1, 2), (1, 1), (2, 4), (2, 2)]


def test_conditions_stand_at_both_ends(strict: Bench) -> None:
    model = strict.file("sum.tflite", sum_model())
    capture = strict.capture(model, strict.tensors([np.zeros((1, 4), np.float32)] * 2))
    before, after = capture.of(pb.Conditions)
    (frame,) = capture.of(pb.Frame)
    assert (before.when, after.when) == (pb.Conditions.BEFORE, pb.Conditions.AFTER)
    assert before.time_ns < frame.start_ns < after.time_ns
    told = {
        int(path.parts[-3].removeprefix("cpu"))
        for path in Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
    }
    assert {c.cpu for c in before.clocks} == {c.cpu for c in after.clocks} == told


def test_mask_is_read_back(strict: Bench) -> None:
    model = strict.file("sum.tflite", sum_model())
    frames = strict.tensors([np.zeros((1, 4), np.float32)] * 2)
    own = sum(1 << cpu for cpu in os.sched_getaffinity(0))
    lowest = own & -own
    free = strict.capture(model, frames).header
    assert (free.cpu_mask, free.cpu_mask_used) == (0, own)
    for text in (f"{lowest:x}", f"0x{lowest:X}"):
        bound = strict.capture(model, frames, "--cpu-mask", text).header
        assert (bound.cpu_mask, bound.cpu_mask_used) == (lowest, lowest)


def test_mask_of_absent_processors_is_refused(strict: Bench) -> None:
    if os.cpu_count() == 64:
        pytest.skip("cpu 63 is present on this machine")
    model = strict.file("sum.tflite", sum_model())
    frames = strict.tensors([np.zeros((1, 4), np.float32)] * 2)
    result = strict.run(model, frames, "--cpu-mask", "8000000000000000")
    expect(result, INFRASTRUCTURE, "cpu-mask-refused", "8000000000000000")


def test_processor_that_ran_is_told(strict: Bench) -> None:
    model = strict.file("sum.tflite", sum_model())
    header = strict.capture(model, strict.tensors([np.zeros((1, 4), np.float32)] * 2), "--accelerator", "cpu").header
    assert (header.accelerator, header.accelerator_used) == ("cpu", "cpu")


@pytest.mark.parametrize("accelerator", ["gpu", "npu"])
def test_accelerator_that_is_not_there_is_no_silent_cpu_run(bench: Bench, accelerator: str, tmp_path: Path) -> None:
    if Path("/dev/dri").exists() or Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    model = bench.file("sum.tflite", sum_model())
    frames = bench.tensors([np.zeros((1, 4), np.float32)] * 2)
    # Beside the wheel's other libraries, and alone.
    alone = tmp_path / "libLiteRt.so"
    alone.symlink_to(RUNTIME)
    for runtime in (RUNTIME, alone):
        result = Bench(bench.agent, tmp_path, runtime).run(model, frames, "--accelerator", accelerator)
        expect(result, INFRASTRUCTURE, "accelerator-missing", accelerator)
        assert not (tmp_path / "out.mcap").exists()


def test_help_tells_every_option(bench: Bench) -> None:
    done = subprocess.run([bench.agent, "--help"], capture_output=True, check=True, text=True)
    assert done.stderr == ""
    source = (bench.agent.parents[2] / "src" / "options.c").read_text()
    options = set(re.findall(r'strcmp\(option, "(--[a-z-]+)"\)', source))
    assert len(options) > 20
    assert {option for option in options if option not in done.stdout} == set()


@pytest.mark.parametrize(("name", "answer"), [("latency", 0), ("isolated", 0), ("profile", -1), ("layers", -1)])
def test_profiler_is_kept_from_asking_for_memory(strict: Bench, name: str, answer: int) -> None:
    # A library in the runtime's place that asks as the profiler does, and gives up with what it was told.
    source = strict.file(
        "asking.c",
        b"#include <stdio.h>\n#include <sys/resource.h>\n"
        b"int LiteRtCreateEnvironment(void) { struct rusage u; int told = getrusage(RUSAGE_SELF, &u);\n"
        b'  fprintf(stderr, "ERROR: told %d %d\\n", told, u.ru_maxrss > 0); return 1; }\n'
        + "".join(f"void {s}(void) {{}}\n" for s in functions(strict) if s != "LiteRtCreateEnvironment").encode()
        + b"void LiteRtCreateModelFromFd(void) {}\n",
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-o", strict.folder / "asking.so", source], check=True)
    bench = Bench(strict.agent, strict.folder, strict.folder / "asking.so")
    result = bench.run(strict.file("sum.tflite", sum_model()), strict.file("none.tsv", b""), name=name)
    expect(result, INFRASTRUCTURE, "runtime-failed", f"told {answer}")
