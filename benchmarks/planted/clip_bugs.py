"""What goes wrong with clips. Each function draws its parameters from the generator it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.planted.bug import Array, Bug, Kind, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    Random = np.random.Generator
    Draw = Callable[[Random, Pipeline], Bug]

RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000)


def _words(name: str, parameters: dict[str, Any], kind: Kind = "bug", **words: Any) -> Bug:
    return Bug(name, kind, parameters, edit=lambda p: p | words)


def _other(random: Random, choices: tuple[Any, ...], right: Any) -> Any:
    wrong = [c for c in choices if c != right]
    return wrong[int(random.integers(len(wrong)))]


def scale(random: Random, pipeline: Pipeline) -> Bug:
    """Integers for fractions, or the other way round."""
    other = _other(random, ("unit", "int16"), pipeline["scale"])
    return _words("scale", {"factor": 32768.0 if other == "int16" else 1 / 32768}, scale=other)


def gain(random: Random, pipeline: Pipeline) -> Bug:
    """Samples times some factor."""
    factor = float(np.exp(random.uniform(np.log(0.05), np.log(0.6)) * random.choice([1, -1])))
    return Bug("scale", parameters={"factor": factor}, stage="scaled", change=lambda v: v * factor)


def rate(random: Random, pipeline: Pipeline) -> Bug:
    """The clip taken for one of another rate than its own."""
    assumed = int(_other(random, RATES, None) if random.random() < 0.7 else random.integers(6000, 50000))
    return _words("sample-rate", {"assumed": assumed}, assume_rate=assumed)


def not_resampled(random: Random, pipeline: Pipeline) -> Bug:
    """Fed as recorded, whatever its rate."""
    return _words("sample-rate", {"assumed": pipeline["rate"]}, assume_rate=pipeline["rate"])


def channel(random: Random, pipeline: Pipeline) -> Bug:
    """Another channel of a stereo clip."""
    other = _other(random, ("mean", "left", "right"), pipeline["channel"])
    return _words("channel", {"channel": other}, channel=other)


def reverse(random: Random, pipeline: Pipeline) -> Bug:
    """Backwards in time."""
    if pipeline["features"] != "waveform" and random.integers(2):
        return Bug("time-reversed", parameters={"what": "frames"}, stage="features", change=lambda v: v[::-1])
    return Bug("time-reversed", parameters={"what": "samples"}, stage="fitted", change=lambda v: v[::-1])


def window(random: Random, pipeline: Pipeline) -> Bug:
    """Another window before the transform."""
    other = _other(random, ("hann", "hamming", "rectangular"), pipeline["window"])
    return _words("window", {"window": other}, window=other)


def log(random: Random, pipeline: Pipeline) -> Bug:
    """A logarithm of another base."""
    other = _other(random, ("e", "10", "db"), pipeline["log"])
    return _words("log", {"log": other}, log=other)


def power(random: Random, pipeline: Pipeline) -> Bug:
    """Magnitudes squared, or not squared."""
    return _words("spectrum", {"power": not pipeline["power"]}, power=not pipeline["power"])


def mel(random: Random, pipeline: Pipeline) -> Bug:
    """The mel bins spread over another range."""
    while True:
        low = float(random.choice([pipeline["low"], random.uniform(0, 300)]))
        high = float(
            random.choice([pipeline["high"], pipeline["rate"] / 2, random.uniform(2500, pipeline["rate"] / 2)])
        )
        if abs(low - pipeline["low"]) > 30 or abs(high - pipeline["high"]) > 400:
            return _words("mel-range", {"low": low, "high": high}, low=low, high=high)


def affine(random: Random, pipeline: Pipeline) -> Bug:
    """Another mean and standard deviation of what is fed."""
    slope = float(np.exp(random.uniform(np.log(0.4), np.log(0.8))))
    offset = float(random.uniform(-1, 1) * (0.05 if pipeline["features"] == "waveform" else 3))
    return Bug(
        "affine", parameters={"slope": slope, "offset": offset}, stage="fed", change=lambda v: v * slope + offset
    )


def transposed(random: Random, pipeline: Pipeline) -> Bug:
    """Coefficients by time fed as time by coefficients."""
    return Bug("transposed", stage="features", change=lambda v: v.T)


def resampler(random: Random, pipeline: Pipeline) -> Bug:
    """Samples off by one step of sixteen bits, as another resampler or another rounding leaves them."""
    seed = int(random.integers(1 << 31))
    return Bug(
        "rounding",
        "harmless",
        stage="heard",
        change=lambda v: v + np.random.default_rng(seed).uniform(-0.5, 0.5, v.shape),
    )


def _unknown(name: str, change: Callable[[Array], Array], stage: str = "heard", **parameters: Any) -> Bug:
    return Bug(name, "unknown", parameters, stage=stage, change=change)


def clipping(random: Random, pipeline: Pipeline) -> Bug:
    """Recorded too loud."""
    share = float(random.uniform(0.05, 0.3))

    def change(v: Array) -> Array:
        limit = share * np.abs(v).max()
        return np.clip(v, -limit, limit)

    return _unknown("clipping", change, share=share)


def reverb(random: Random, pipeline: Pipeline) -> Bug:
    """A large room."""
    seconds, seed = float(random.uniform(0.2, 0.6)), int(random.integers(1 << 31))

    def change(v: Array) -> Array:
        n = int(seconds * pipeline["rate"])
        tail = np.random.default_rng(seed).normal(0, 0.05, n) * np.exp(-6 * np.arange(n) / n)
        tail[0] = 1
        size = 1 << (len(v) + n).bit_length()
        return np.fft.irfft(np.fft.rfft(v, size) * np.fft.rfft(tail, size), size)[: len(v)]

    return _unknown("reverb", change, seconds=seconds)


def hiss(random: Random, pipeline: Pipeline) -> Bug:
    """A bad microphone."""
    share, seed = float(random.uniform(0.05, 0.3)), int(random.integers(1 << 31))
    return _unknown(
        "hiss",
        lambda v: v + np.random.default_rng(seed).normal(0, share * max(1.0, float(v.std())), v.shape),
        share=share,
    )


def muffled(random: Random, pipeline: Pipeline) -> Bug:
    """A telephone's band, or pre-emphasis that the model was not trained with."""
    if random.integers(2):
        return _unknown("pre-emphasis", lambda v: np.append(v[:1], v[1:] - 0.97 * v[:-1]))
    n = int(random.integers(5, 15))
    return _unknown("muffled", lambda v: np.convolve(v, np.ones(n) / n, "same"), taps=n)


def dropouts(random: Random, pipeline: Pipeline) -> Bug:
    """Buffers lost."""
    seed = int(random.integers(1 << 31))

    def change(v: Array) -> Array:
        keep = np.random.default_rng(seed).random(len(v) // 512 + 1) > 0.25
        return v * keep.repeat(512)[: len(v)]

    return _unknown("dropouts", change)


def few_bits(random: Random, pipeline: Pipeline) -> Bug:
    """Coarse steps."""
    step = float(1 << int(random.integers(10, 12)))
    return _unknown("few-bits", lambda v: np.round(v / step) * step, step=step)


def leveled(random: Random, pipeline: Pipeline) -> Bug:
    """Quiet made loud, as automatic gain does within a clip."""

    def change(v: Array) -> Array:
        loud = np.sqrt(np.convolve(v**2, np.ones(2001) / 2001, "same"))
        return v / np.maximum(loud, 30) * 3000

    return _unknown("automatic-gain", change)


WAVEFORM: tuple[Draw, ...] = (scale, gain, rate, not_resampled, channel, reverse, affine)
SPECTRAL: tuple[Draw, ...] = (window, log, power, mel, transposed)
HARMLESS: tuple[Draw, ...] = (resampler,)
UNKNOWN: tuple[Draw, ...] = (clipping, reverb, hiss, muffled, dropouts, few_bits, leveled)


def bugs(pipeline: Pipeline) -> tuple[Draw, ...]:
    """Those that can happen to such an input."""
    return WAVEFORM if pipeline["features"] == "waveform" else WAVEFORM + SPECTRAL
