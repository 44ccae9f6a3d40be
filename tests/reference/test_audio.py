"""The features, against formulas written out value by value, and scipy's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from farm.errors import RecipeError
from farm.model.recipe import Audio
from farm.reference import audio
from farm.reference.wav import Clip

Array = np.ndarray[Any, Any]


def tone(hertz: float, rate: int, n: int, amplitude: float = 10_000) -> Array:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(n) / rate)


def mel(hertz: float) -> float:
    return 1127 * math.log(1 + hertz / 700)


def triangle(bin_: int, m: int, a: Audio) -> float:
    """Weight of a frequency bin in mel bin m, as TensorFlow's `linear_to_mel_weight_matrix` documents it."""
    if bin_ == 0:
        return 0.0
    edges = [mel(a.low_hz) + (mel(a.high_hz) - mel(a.low_hz)) * i / (a.mel_bins + 1) for i in range(a.mel_bins + 2)]
    at = mel(bin_ * a.sample_rate / a.fft_length)
    left, middle, right = edges[m : m + 3]
    return max(0.0, min((at - left) / (middle - left), (right - at) / (right - middle)))


def logarithm(value: float, kind: str) -> float:
    return math.log(value) if kind == "e" else math.log10(value) * (10 if kind == "db" else 1)


@pytest.mark.parametrize(
    "recipe",
    [
        Audio(features="mfcc"),
        Audio(features="mfcc", sample_rate=8000, frame_length=200, frame_step=80, fft_length=256, mel_bins=20, low_hz=100,
              high_hz=3800, window="hamming", spectrum="power", log="db", log_floor=1e-3, coefficients=20, mean=1.5, std=3),
        Audio(features="log-mel", scale="int16", log="10", window="rectangular", frame_length=512),
    ],
    ids=["default", "another", "log-mel"],
)  # fmt: skip
def test_features_are_the_formulas(recipe: Audio) -> None:
    n = recipe.frame_length + 2 * recipe.frame_step
    samples = np.random.default_rng(1).integers(-20_000, 20_000, n).astype(np.float64)
    made = audio.features(samples, recipe)
    kinds = {"hann": "hann", "hamming": "hamming", "rectangular": "boxcar"}
    window = scipy.signal.get_window(kinds[recipe.window], recipe.frame_length, fftbins=True)
    scaled = samples if recipe.scale == "int16" else samples / 32768
    for frame in range(3):
        start = frame * recipe.frame_step
        spectrum = np.abs(scipy.fft.rfft(scaled[start : start + recipe.frame_length] * window, recipe.fft_length))
        spectrum = spectrum**2 if recipe.spectrum == "power" else spectrum
        energies = [
            sum(s * triangle(b, m, recipe) for b, s in enumerate(spectrum.tolist())) for m in range(recipe.mel_bins)
        ]
        values = np.array([logarithm(e + recipe.log_floor, recipe.log) for e in energies])
        if recipe.features == "mfcc":  # tf.signal.mfccs_from_log_mel_spectrograms: the unnormalized DCT-II / sqrt(2 M)
            values = scipy.fft.dct(values, type=2)[: recipe.coefficients] / math.sqrt(2 * recipe.mel_bins)
        assert made[frame] == pytest.approx((values - recipe.mean) / recipe.std, rel=1e-9, abs=1e-9)


def test_a_tone_is_loudest_in_its_own_mel_bin() -> None:
    recipe = Audio(features="log-mel")
    made = audio.features(tone(1000, 16_000, 480), recipe)[0]
    weights = audio.mel_weights(recipe)
    assert made.argmax() == weights[round(1000 * 512 / 16_000)].argmax()


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 16_000), (44_100, 16_000), (48_000, 16_000), (16_000, 22_050)])
def test_a_resampled_tone_is_the_tone(rate: int, wanted: int) -> None:
    n = rate // 4
    made = audio.resample(tone(700, rate, n), rate, wanted, 1 << 20)
    assert len(made) == n * wanted // rate
    inside = slice(200, len(made) - 200)
    assert np.abs(made - tone(700, wanted, len(made)))[inside].max() < 0.002 * 10_000


def test_what_the_new_rate_cannot_hold_is_filtered_out() -> None:
    made = audio.resample(tone(11_000, 48_000, 12_000), 48_000, 16_000, 1 << 20)
    assert np.abs(made[200:-200]).max() < 0.002 * 10_000


@given(st.integers(0, 40), st.sampled_from([(16_000, 8000), (11_025, 16_000), (100, 16_000)]), st.integers(1, 60))
def test_resampling_is_the_sum_of_the_document(n: int, rates: tuple[int, int], limit: int) -> None:
    rate, wanted = rates
    samples = np.random.default_rng(n).normal(size=n)
    made = audio.resample(samples, rate, wanted, limit)
    assert len(made) == min(limit, max(1, n * wanted // rate))
    cut = min(1.0, wanted / rate)
    for i in range(0, len(made), 7):
        total = 0.0
        for j in range(n):
            t = (i * rate / wanted - j) * cut
            if abs(t) < 16:
                total += (
                    samples[j]
                    * cut
                    * (math.sin(math.pi * t) / (math.pi * t) if t else 1.0)
                    * (0.5 + 0.5 * math.cos(math.pi * t / 16))
                )
        assert made[i] == pytest.approx(total, abs=1e-9)


def test_channels_and_length() -> None:
    clip = Clip(np.array([[1, 3], [2, 5], [4, -4]], np.int16), 16_000)
    for channel, right in (("mean", [2, 3.5, 0, 0]), ("left", [1, 2, 4, 0]), ("right", [3, 5, -4, 0])):
        assert audio.fitted(clip, Audio(channel=channel), 4).tolist() == right  # type: ignore[arg-type]  # a channel
    mono = Clip(clip.samples[:, :1], 16_000)
    assert audio.fitted(mono, Audio(channel="right"), 2).tolist() == [1, 2]
    assert audio.fitted(Clip(np.zeros((0, 1), np.int16), 8000), Audio(), 3).tolist() == [0, 0, 0]


def test_a_waveform_fills_its_input() -> None:
    clip = Clip(np.array([[16_384], [-32_768]], np.int16), 16_000)
    made = audio.values(clip, Audio(mean=0.5, std=2), (1, 3), "a.wav")
    assert (made.dtype, made.tolist()) == (np.float32, [[0, -0.75, -0.25]])
    assert audio.values(clip, Audio(scale="int16"), (2,), "a.wav").tolist() == [16_384, -32_768]


@pytest.mark.parametrize("shape", [(1, 49, 10, 1), (1, 1, 49, 10), (1, 490), (49, 10)])
def test_features_fit_these_inputs(shape: tuple[int, ...]) -> None:
    assert audio.samples_needed(Audio(features="mfcc"), shape, "a.wav") == 48 * 320 + 480


@pytest.mark.parametrize("shape", [(1, 10, 49, 1), (1, 49, 11), (1, 489), (7, 7, 10), ()])
def test_other_inputs_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(RecipeError, match="mfcc gives frames of 10 values"):
        audio.samples_needed(Audio(features="mfcc"), shape, "a.wav")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"fft_length": 500}, "not a power of two"),
        ({"frame_length": 600}, "not a power of two of at least 600"),
        ({"high_hz": 9000}, "at most 8000"),
        ({"low_hz": 4000}, "in order"),
        ({"coefficients": 41}, "41 coefficients of 40"),
    ],
)
def test_what_cannot_be_computed_is_refused(words: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Audio.model_validate({"features": "mfcc", **words})
    Audio.model_validate({"features": "waveform", **words})
