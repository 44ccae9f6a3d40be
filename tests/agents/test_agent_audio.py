"""The agent's pre-processing of sound against the reference's, which is written apart from it (farm/reference/audio.py)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm.capture import exray_pb2 as pb
from farm.model.graph import Tensor
from farm.model.recipe import Audio
from farm.reference import audio, preprocess, wav
from farm.reference.wav import Clip

from .kit import Bench, reshape_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .kit import Array

EXAMPLES = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TOLERANCE = 1e-6
"""Of the range of what is fed: two FFTs and two mathematical libraries."""


@st.composite
def clips(draw: st.DrawFn, rates: st.SearchStrategy[int], longest: int = 3000) -> Clip:
    length, channels = draw(st.integers(0, 3) | st.integers(0, longest)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["noise", "tone", "silence", "extremes"]))
    samples: Array
    if kind == "noise":
        samples = rng.integers(-32768, 32768, (length, channels))
    elif kind == "tone":
        samples = 20000 * np.sin(np.arange(length)[:, None] * rng.uniform(0.01, 3, channels))
    else:
        samples = np.zeros((length, channels)) if kind == "silence" else rng.choice([-32768, 32767], (length, channels))
    return Clip(samples.astype(np.int16), draw(rates))


RATES = st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000]) | st.integers(1000, 60_000)


@st.composite
def recipes(draw: st.DrawFn) -> Audio:
    rate = draw(st.sampled_from([8000, 16000]) | st.integers(4000, 48_000))
    words: dict[str, Any] = {
        "sample_rate": rate,
        "channel": draw(st.sampled_from(["mean", "left", "right"])),
        "scale": draw(st.sampled_from(["unit", "int16"])),
        "features": draw(st.sampled_from(["waveform", "log-mel", "mfcc"])),
        "mean": draw(st.floats(-10, 10)),
        "std": draw(st.floats(0.1, 10)),
        "window": draw(st.sampled_from(["hann", "hamming", "rectangular"])),
        "spectrum": draw(st.sampled_from(["magnitude", "power"])),
        "log": draw(st.sampled_from(["e", "10", "db"])),
        "log_floor": draw(st.floats(1e-6, 1e-2)),
        "frame_step": draw(st.integers(1, 400)),
        "fft_length": 2 ** draw(st.integers(1, 10)),
        "mel_bins": draw(st.integers(1, 48)),
        "low_hz": draw(st.floats(0, rate / 4)),
        "high_hz": draw(st.floats(rate / 3, rate / 2)),
    }
    words["frame_length"] = draw(st.integers(1, words["fft_length"]))
    words["coefficients"] = draw(st.integers(1, words["mel_bins"]))
    return Audio(**words)


def fed(bench: Bench, clip: Clip, recipe: Audio, shape: Sequence[int], dtype: str = "float32", **model: Any) -> Array:
    """What the model's input was, by the layers pass."""
    path = bench.file("input.tflite", reshape_model(shape, dtype, **model))
    options = ("--warmup", "0", *recipe.arguments())
    capture = bench.capture(path, bench.clips(wav.encode(clip)), *options, layers=True)
    return capture.tensors(pb.ROLE_INPUT)[0, 0]


def shape_of(recipe: Audio, frames: int, draw: st.DataObject) -> list[int]:
    if recipe.features == "waveform":
        return draw.draw(st.sampled_from([[frames * 300], [1, frames * 30], [1, frames, 7, 1]]))
    both = [frames, recipe.width]
    return draw.draw(st.sampled_from([both, [1, *both], [1, *both, 1], [1, frames * recipe.width]]))


def close(found: Array, expected: Array) -> None:
    span = max(float(np.ptp(expected)), float(np.abs(expected).max()), 1e-9)
    assert found.shape == expected.shape
    assert np.abs(found.astype(np.float64) - expected).max() <= TOLERANCE * span


@EXAMPLES
@given(draw=st.data(), clip=clips(RATES), recipe=recipes(), frames=st.integers(1, 6))
def test_feeds_what_the_reference_feeds(
    bench: Bench, draw: st.DataObject, clip: Clip, recipe: Audio, frames: int
) -> None:
    shape = shape_of(recipe, frames, draw)
    close(fed(bench, clip, recipe, shape), audio.values(clip, recipe, shape, "clip"))


@EXAMPLES
@given(clip=clips(st.just(16000)), channel=st.sampled_from(["left", "right"]))
def test_samples_of_the_models_own_rate_arrive_as_they_are(bench: Bench, clip: Clip, channel: Any) -> None:
    found = fed(bench, clip, Audio(channel=channel, scale="int16"), [1, 2000], "int16")
    one = clip.samples[:2000, min(1, clip.samples.shape[1] - 1) if channel == "right" else 0]
    assert np.array_equal(found[0], np.pad(one, (0, 2000 - len(one))))


@pytest.mark.parametrize(
    ("rate", "wanted"), [(44100, 16000), (8000, 16000), (768_000, 100), (100, 48_000), (47_999, 48_000)]
)
def test_resamples_far_apart_rates(bench: Bench, rate: int, wanted: int) -> None:
    rng = np.random.default_rng(rate)
    length = min(40_000, 200 * rate // wanted + 1)
    clip = Clip(rng.integers(-32768, 32768, (length, 1)).astype(np.int16), rate)
    recipe = Audio(sample_rate=wanted)
    close(fed(bench, clip, recipe, [150]), audio.values(clip, recipe, [150], "clip"))


def test_a_tone_stays_that_tone(bench: Bench) -> None:
    # By what resampling means, not by a formula: 440 Hz at 44.1 kHz is 440 Hz at 16 kHz.
    at = np.arange(44_100) / 44_100
    clip = Clip((16_384 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)[:, None], 44_100)
    found = fed(bench, clip, Audio(), [16_000])
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert np.abs(found - expected)[100:-100].max() < 1e-3


@EXAMPLES
@given(
    clip=clips(RATES), dtype=st.sampled_from(["int8", "uint8", "int16"]), scale=st.floats(1e-3, 1).map(np.float32),
    zero=st.integers(-100, 100),
)  # fmt: skip
def test_quantizes_features(bench: Bench, clip: Clip, dtype: str, scale: float, zero: int) -> None:
    zero = {"int8": zero, "uint8": 128 + zero, "int16": 0}[dtype]
    recipe = Audio(features="mfcc")
    found = fed(bench, clip, recipe, [1, 5, 10, 1], dtype, scale=float(scale), zero_point=zero)
    real = audio.values(clip, recipe, [1, 5, 10, 1], "clip")
    tensor = Tensor(0, "x", dtype, (1, 5, 10, 1), (float(scale),), (zero,), axis=0, constant=False)
    apart = np.abs(found.astype(np.int64) - preprocess.quantize(real, tensor))
    slack = 1 + TOLERANCE * float(np.abs(real).max()) / float(scale)  # beside a tie
    assert apart.max() <= slack


def test_later_clips_owe_nothing_to_earlier_ones(bench: Bench) -> None:
    rng = np.random.default_rng(5)
    several = [
        Clip(rng.integers(-9000, 9000, (n, c)).astype(np.int16), rate)
        for n, c, rate in [(5000, 2, 44_100), (10, 1, 16_000), (0, 1, 8000), (7000, 1, 16_000), (5000, 3, 44_100)]
    ]
    recipe = Audio(features="log-mel")
    model = bench.file("input.tflite", reshape_model([1, 9, 40, 1]))
    frames = bench.clips(*(wav.encode(clip) for clip in several))
    found = bench.capture(model, frames, *recipe.arguments(), layers=True).tensors(pb.ROLE_INPUT)
    for i, clip in enumerate(several):
        close(found[i, 0], audio.values(clip, recipe, [1, 9, 40, 1], "clip"))


def test_the_header_tells_what_was_done(bench: Bench) -> None:
    recipe = Audio(features="mfcc", channel="right", low_hz=30.5, coefficients=7, mean=-2.5)
    clip = wav.encode(Clip(np.zeros((100, 1), np.int16), 16_000))
    model = bench.file("input.tflite", reshape_model([1, 3, 7]))
    capture = bench.capture(model, bench.clips(clip), "--repetitions", "2", *recipe.arguments())
    told = capture.header.audio
    assert (told.sample_rate, told.channel, told.scale, told.features) == (16_000, "right", "unit", "mfcc")
    assert (told.frame_length, told.frame_step, told.fft_length, told.mel_bins, told.coefficients) == (
        480,
        320,
        512,
        40,
        7,
    )
    assert (told.window, told.spectrum, told.log, told.log_floor) == ("hann", "magnitude", "e", 1e-6)
    assert (told.low_hz, told.high_hz, told.mean, told.std) == (30.5, 4000.0, -2.5, 1.0)
    assert not capture.header.HasField("preprocess")
    assert not capture.header.HasField("text")
    assert all(f.preprocess_ns > 0 for f in capture.of(pb.Frame))


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


FORMAT = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def riff(*chunks: bytes) -> bytes:
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def test_chunks_that_are_no_sound_are_passed_over(bench: Bench) -> None:
    samples = np.arange(-20, 20, dtype=np.int16)
    extensible = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16_000, 32_000, 2, 16, 22, 16, 4) + b"\x01" + bytes(15)
    data = riff(
        chunk(b"LIST", b"odd"), chunk(b"fmt ", extensible), chunk(b"fact", bytes(4)), chunk(b"data", samples.tobytes()),
        b"tail of any kind",
    )  # fmt: skip
    model = bench.file("input.tflite", reshape_model([1, 40], "int16"))
    capture = bench.capture(model, bench.clips(data), "--scale", "int16", layers=True)
    assert np.array_equal(capture.tensors(pb.ROLE_INPUT)[0, 0][0], samples)


def changed(**values: int) -> bytes:
    fields = {"tag": 1, "channels": 1, "rate": 16_000, "bytes": 32_000, "block": 2, "bits": 16, **values}
    return chunk(b"fmt ", struct.pack("<HHIIHH", *fields.values()))


DATA = chunk(b"data", bytes(8))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut off before the end of its RIFF header"),
        (b"RIFX\0\0\0\0WAVE", "not a WAV file"),
        (b"RIFF\0\0\0\0AVI ", "not a WAV file"),
        (riff(), "cut off before the end of its chunks"),
        (riff(changed()), "of which none holds samples"),
        (riff(DATA), "samples before their format"),
        (riff(chunk(b"fmt ", FORMAT[:14]), DATA), "a format chunk of 14 bytes"),
        (riff(changed(tag=3, bits=32, block=4), DATA), "format 3 with 32 bits a sample, not 16-bit PCM"),
        (riff(changed(bits=8, block=1), DATA), "format 1 with 8 bits a sample"),
        (riff(changed(channels=0, block=0), DATA), "0 channels in blocks of 0 bytes"),
        (riff(changed(channels=65, block=130), DATA), "65 channels in blocks of 130 bytes; the limit is 64"),
        (riff(changed(block=4), DATA), "1 channels in blocks of 4 bytes"),
        (riff(changed(rate=99), DATA), "99 samples a second, not 100 to 768000"),
        (riff(changed(rate=4_000_000_000), DATA), "4000000000 samples a second"),
        (riff(changed(), DATA[:-1]), "cut off before the end of its samples"),
        (riff(changed(), chunk(b"data", bytes(7))), "7 bytes are no whole samples of 1 channels"),
        (riff(changed(), b"data\xff\xff\xff\xff"), "4294967295 bytes of samples; the limit is 67108864"),
    ],
)
def test_frame_unreadable_says_what_of_the_file(bench: Bench, data: bytes, message: str) -> None:
    result = bench.run(bench.file("input.tflite", reshape_model([1, 40])), bench.clips(data))
    assert result.status == 2
    assert result.error["code"] == "frame-unreadable"
    assert result.error["where"].endswith("0.wav")
    assert message in result.error["message"]


@pytest.mark.parametrize(
    ("shape", "dtype", "options", "message"),
    [
        ([1, 49, 10], "int32", "--features mfcc", "sound can be fed only to float32, uint8, int8 or int16"),
        ([1, 49, 11], "float32", "--features mfcc", "the recipe gives frames of 10 values"),
        ([1, 10, 49], "float32", "--features mfcc", "the recipe gives frames of 10 values"),
        ([7, 7, 10], "float32", "--features mfcc", "the recipe gives frames of 10 values"),
        ([1, 49, 10], "float32", "--features log-mel", "the recipe gives frames of 40 values"),
        ([9000, 40], "float32", "--features log-mel --frame-step 65536", "samples; the limit is 67108864"),
    ],
)  # fmt: skip
def test_input_shape_says_what_the_recipe_gives(
    bench: Bench, shape: list[int], dtype: str, options: str, message: str
) -> None:
    model = bench.file("input.tflite", reshape_model(shape, dtype))
    result = bench.run(model, bench.clips(riff(changed(), DATA)), *options.split())
    assert result.error["code"] == "input-shape"
    assert message in result.error["message"]
