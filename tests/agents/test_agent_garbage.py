"""Nothing that is parsed may crash the agent: the sanitized build on made-up files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm.reference import wav

from .kit import Bench, Result, convolution_model, reshape_model, several_inputs_model

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
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


FIELD = st.sampled_from(["0", "1", "rgb", "tensor", "pcm", "text", "", "4294967295", "99999999999"]) | st.text(
    max_size=5
)
LINE = st.lists(FIELD, min_size=3, max_size=6).map(lambda fields: "\t".join(fields).encode("utf-8", "surrogatepass"))


@EXAMPLES
@given(st.binary(max_size=80) | st.lists(LINE, max_size=5).map(b"\n".join))
def test_lists_of_any_bytes(strict: Bench, data: bytes) -> None:
    result = strict.run(strict.file("conv.tflite", WHOLE), strict.file("any.tsv", data), "--warmup", "0")
    ends_well(result, "list-invalid", "frame-unreadable")


WAV = wav.encode(wav.Clip(np.arange(60, dtype=np.int16).reshape(30, 2), 44_100))


@EXAMPLES
@given(st.binary(max_size=100) | st.integers(0, len(WAV)).map(lambda n: WAV[:n]), st.booleans())
def test_clips_of_any_bytes(strict: Bench, data: bytes, behind: bool) -> None:
    options = ("--features", "mfcc", "--coefficients", "4", "--warmup", "0")
    model = strict.file("input.tflite", reshape_model([1, 5, 4]))
    ends_well(strict.run(model, strict.clips(WAV[:44] + data if behind else data), *options), "frame-unreadable")


@EXAMPLES
@given(
    st.lists(st.tuples(st.integers(0, 43), st.integers(0, 255)), min_size=1, max_size=4),
    st.sampled_from(["waveform", "log-mel"]),
)
def test_clips_with_a_changed_header(strict: Bench, changes: list[tuple[int, int]], features: str) -> None:
    data = bytearray(WAV)
    for at, value in changes:
        data[at] = value
    model = strict.file("input.tflite", reshape_model([1, 5, 40], "int8", scale=0.1))
    result = strict.run(model, strict.clips(bytes(data)), "--features", features, "--warmup", "0")
    ends_well(result, "frame-unreadable")


@EXAMPLES
@given(st.binary(max_size=60), st.binary(max_size=60), st.booleans(), st.booleans())
def test_vocabularies_and_texts_of_any_bytes(
    strict: Bench, vocabulary: bytes, text: bytes, own: bool, pieces: bool
) -> None:
    path = strict.file("vocab.txt", text if own else vocabulary)
    model = strict.file("input.tflite", several_inputs_model([[1, 6]] * 2, "int64"))
    options = ("--text-inputs", "ids,mask", "--tokenizer", "wordpiece" if pieces else "words", "--start-id", "1")
    result = strict.run(model, strict.texts(text, inputs=2), "--vocabulary", path, "--warmup", "0", *options)
    ends_well(result, "vocabulary-invalid")


def test_sanitized_agent_runs_both_passes(strict: Bench) -> None:
    model = strict.file("conv.tflite", WHOLE)
    image = np.arange(40 * 30 * 3, dtype=np.uint8).reshape(40, 30, 3)
    for method in ("bilinear", "bilinear-half-pixel", "bilinear-align-corners", "bilinear-legacy", "nearest", "area"):
        for layers in (False, True):
            frames = strict.images(image, image[:3, :5], image)
            result = strict.run(model, frames, "--resize", method, "--rotate", "90", "--crop", "0.7", layers=layers)
            assert result.status == 0, result.stderr
