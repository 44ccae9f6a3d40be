"""Nothing that is parsed may crash the agent: the sanitized build on made-up files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .kit import Bench, Result, convolution_model

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WHOLE = convolution_model()
CODES = {"model-unreadable", "model-unsupported", "compile-failed", "op-unregistered", "input-shape", "frame-unreadable",
         "invoke-failed", "list-invalid"}  # fmt: skip


def ends_well(result: Result, *codes: str) -> None:
    assert result.status == 0 or (result.status == 2 and result.error["code"] in (codes or CODES)), result


def zeros(strict: Bench) -> Path:
    return strict.tensors([np.zeros((1, 8, 8, 3), np.float32)])


@EXAMPLES
@given(st.integers(0, len(WHOLE) - 1))
def test_model_cut_off_anywhere(strict: Bench, cut: int) -> None:
    result = strict.run(strict.file("cut.tflite", WHOLE[:cut]), zeros(strict), "--warmup", "0")
    ends_well(result, "model-unreadable")
    assert result.status == 2


@settings(EXAMPLES, max_examples=40)
@given(st.lists(st.tuples(st.integers(8, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_model_with_changed_bytes(strict: Bench, changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for at, value in changes:
        data[at] = value
    ends_well(strict.run(strict.file("changed.tflite", bytes(data)), zeros(strict), "--warmup", "0"))


@EXAMPLES
@given(st.binary(max_size=400))
def test_noise_behind_the_identifier(strict: Bench, noise: bytes) -> None:
    result = strict.run(strict.file("noise.tflite", b"\x10\x00\x00\x00TFL3" + noise), zeros(strict))
    ends_well(result)


NUMBER = st.integers(0, 12).map(str) | st.sampled_from(["99999", "65535", "-1", "", "255", "0x10"])
HEADER = st.builds(
    lambda kind, numbers, gap, end: (kind + gap + gap.join(numbers) + end).encode(),
    st.sampled_from(["P6", "P5", "P", ""]),
    st.lists(NUMBER, max_size=4),
    st.sampled_from([" ", "\n", "\t\r\n", "\n# c\n", "#", ""]),
    st.sampled_from(["\n", "", " ", "#"]),
)


@EXAMPLES
@given(st.binary(max_size=60) | st.builds(lambda a, b: a + b, HEADER, st.binary(max_size=500)))
def test_images_of_any_bytes(strict: Bench, data: bytes) -> None:
    frames = strict.frames((0, 0, "rgb", strict.file("any.ppm", data), "n"))
    model = strict.file("conv.tflite", WHOLE)
    ends_well(strict.run(model, frames, "--warmup", "0"), "frame-unreadable")


FIELD = st.sampled_from(["0", "1", "rgb", "tensor", "", "4294967295", "99999999999"]) | st.text(max_size=5)
LINE = st.lists(FIELD, min_size=3, max_size=6).map(lambda fields: "\t".join(fields).encode("utf-8", "surrogatepass"))


@EXAMPLES
@given(st.binary(max_size=80) | st.lists(LINE, max_size=5).map(b"\n".join))
def test_lists_of_any_bytes(strict: Bench, data: bytes) -> None:
    result = strict.run(strict.file("conv.tflite", WHOLE), strict.file("any.tsv", data), "--warmup", "0")
    ends_well(result, "list-invalid", "frame-unreadable")


def test_sanitized_agent_runs_both_passes(strict: Bench) -> None:
    model = strict.file("conv.tflite", WHOLE)
    image = np.arange(40 * 30 * 3, dtype=np.uint8).reshape(40, 30, 3)
    for method in ("bilinear", "bilinear-half-pixel", "bilinear-align-corners", "bilinear-legacy", "nearest", "area"):
        for layers in (False, True):
            frames = strict.images(image, image[:3, :5], image)
            result = strict.run(model, frames, "--resize", method, "--rotate", "90", "--crop", "0.7", layers=layers)
            assert result.status == 0, result.stderr
