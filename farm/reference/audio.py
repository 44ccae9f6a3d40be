"""A recording of sound into what a model is fed: numpy in double precision, written apart from the agent's C.

Order: channel, resample, fit to length, scale, features, normalize (docs/recipes.md has the formulas). The mel weights and the
cosine transform are those of `tf.signal.linear_to_mel_weight_matrix` and `tf.signal.mfccs_from_log_mel_spectrograms`.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.model.recipe import Audio
    from farm.reference.wav import Clip

    Array = np.ndarray[Any, Any]

HALF_WIDTH = 16
"""Zero crossings of the resampler's sinc on each side."""
BLOCK = 1 << 20
"""Products of the resampler at a time."""
TYPES = frozenset({"float32", "uint8", "int8", "int16"})
"""Of a model's input that is fed sound."""


def values(clip: Clip, audio: Audio, shape: Sequence[int], name: str) -> Array:
    """What a model input of `shape` is fed, before it is quantized: f32 of that shape.

    Raises:
        RecipeError: naming `name`: the features do not fit the shape.
    """
    needed = samples_needed(audio, shape, name)
    return features(fitted(clip, audio, needed), audio).astype(np.float32).reshape(shape)


def samples_needed(audio: Audio, shape: Sequence[int], name: str) -> int:
    """Samples at the model's rate that fill an input of `shape`. Errors as in `values`."""
    size = int(np.prod(shape))
    if audio.features == "waveform":
        return size
    width = audio.width
    wide = [d for d in shape if d != 1]
    if size == 0 or size % width or len(wide) > 2 or (len(wide) == 2 and wide[1] != width):
        raise RecipeError(
            f"{audio.features} gives frames of {width} values; the model's input is {list(shape)}",
            where=name,
            remedy=f"set {'coefficients' if audio.features == 'mfcc' else 'mel_bins'} to the model's number of them",
        )
    return (size // width - 1) * audio.frame_step + audio.frame_length


def fitted(clip: Clip, audio: Audio, needed: int) -> Array:
    """One channel at the model's rate, cut or filled with zeros: f64 [needed], in units of a 16-bit sample."""
    mono = _channel(clip.samples, audio.channel)
    if clip.rate != audio.sample_rate:
        mono = resample(mono, clip.rate, audio.sample_rate, needed)
    result = np.zeros(needed)
    result[: len(mono)] = mono[:needed]
    return result


def features(samples: Array, audio: Audio) -> Array:
    """Scaled, transformed and normalized: f64 [n] of 16-bit units -> f64 [n], or [frames, coefficients or mel bins]."""
    scaled = samples if audio.scale == "int16" else samples / 32768
    if audio.features == "waveform":
        return (scaled - audio.mean) / audio.std
    log_mel = _logarithm(spectra(scaled, audio) @ mel_weights(audio), audio)
    made = log_mel if audio.features == "log-mel" else log_mel @ _cosines(audio.mel_bins, audio.coefficients)
    return (made - audio.mean) / audio.std


def spectra(samples: Array, audio: Audio) -> Array:
    """Magnitude or power: f64 [n] -> f64 [frames, fft_length / 2 + 1]; a rest shorter than a frame is left out."""
    count = 1 + (len(samples) - audio.frame_length) // audio.frame_step
    starts = np.arange(count) * audio.frame_step
    windows = samples[starts[:, None] + np.arange(audio.frame_length)] * window(audio.window, audio.frame_length)
    magnitude = np.abs(np.fft.rfft(windows, audio.fft_length))
    result: Array = magnitude if audio.spectrum == "magnitude" else magnitude**2
    return result


def window(kind: str, length: int) -> Array:
    """f64 [length], periodic."""
    cosine = np.cos(2 * np.pi * np.arange(length) / length)
    return {"hann": 0.5 - 0.5 * cosine, "hamming": 0.54 - 0.46 * cosine, "rectangular": np.ones(length)}[kind]


def mel_weights(audio: Audio) -> Array:
    """f64 [fft_length / 2 + 1, mel_bins]: triangles on the mel scale, the bin of frequency 0 left out."""
    return _mel_weights(audio.fft_length, audio.sample_rate, audio.mel_bins, audio.low_hz, audio.high_hz)


def resample(samples: Array, rate: int, wanted: int, limit: int) -> Array:
    """f64 [n] at `rate` -> f64 [min(limit, max(1, n * wanted // rate))] at `wanted`: a sinc under a Hann window."""
    count = min(limit, max(1, len(samples) * wanted // rate))
    cut = min(1.0, wanted / rate)
    reach = int(np.ceil(HALF_WIDTH / cut))
    taps = np.arange(-reach, reach + 1)
    padded = np.pad(samples.astype(np.float64), reach + 1)
    result = np.empty(count)
    step = max(1, BLOCK // len(taps))
    phases = wanted // math.gcd(rate, wanted)  # so many different kernels there are
    few = phases * len(taps) <= BLOCK and phases < count
    for first in range(0, count, step):
        places = np.arange(first, min(first + step, count), dtype=np.int64)
        near = places * rate // wanted
        kernel = _kernels(rate, wanted)[places % phases] if few else _kernel(places * rate % wanted, rate, wanted)
        place = np.minimum(near[:, None] + taps + reach + 1, len(padded) - 1)  # beyond the end there are zeros
        result[first : first + len(places)] = np.einsum("it,it->i", padded[place], kernel)
    return result


@functools.lru_cache(maxsize=32)
def _kernels(rate: int, wanted: int) -> Array:
    """f64 [phases, taps]: of one sample after the other, until they repeat."""
    return _kernel(np.arange(wanted // math.gcd(rate, wanted), dtype=np.int64) * rate % wanted, rate, wanted)


def _kernel(after: Array, rate: int, wanted: int) -> Array:
    """f64 [n, taps]: weights of the samples around places that lie `after / wanted` behind a sample."""
    cut = min(1.0, wanted / rate)
    reach = int(np.ceil(HALF_WIDTH / cut))
    time = ((after / wanted)[:, None] - np.arange(-reach, reach + 1)) * cut
    hann = 0.5 + 0.5 * np.cos(np.pi * time / HALF_WIDTH)
    kernel: Array = cut * np.sinc(time) * hann * (np.abs(time) < HALF_WIDTH)
    return kernel


def _channel(samples: Array, channel: str) -> Array:
    if channel == "mean":
        mean: Array = samples.mean(axis=1, dtype=np.float64)
        return mean
    last = samples.shape[1] - 1
    one: Array = samples[:, 0 if channel == "left" else min(1, last)].astype(np.float64)
    return one


def _logarithm(values: Array, audio: Audio) -> Array:
    log: Array = np.log(values + audio.log_floor)
    log *= {"e": 1.0, "10": 1 / np.log(10), "db": 10 / np.log(10)}[audio.log]
    return log


@functools.lru_cache(maxsize=16)
def _mel_weights(fft_length: int, rate: int, bins: int, low: float, high: float) -> Array:
    hertz = np.concatenate([[low, high], np.arange(1, fft_length // 2 + 1) * (rate / fft_length)])
    mel = 1127 * np.log1p(hertz / 700)
    at, edges = mel[2:, None], np.linspace(mel[0], mel[1], bins + 2)
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    weights = np.maximum(0.0, np.minimum((at - left) / (middle - left), (right - at) / (right - middle)))
    return np.vstack([np.zeros((1, bins)), weights])


@functools.lru_cache(maxsize=16)
def _cosines(bins: int, coefficients: int) -> Array:
    angle = np.pi * np.arange(coefficients) * (np.arange(bins)[:, None] + 0.5) / bins
    cosines: Array = np.sqrt(2 / bins) * np.cos(angle)
    return cosines
