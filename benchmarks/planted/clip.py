"""From a recorded clip to what a sound model is fed, done right, with bugs planted on the way.

Words of the pipeline: `channel`, `rate`, `samples` (of a waveform; None of features), `scale`, `features`, `window`,
`frame`, `step`, `fft`, `power`, `bins`, `low`, `high`, `log`, `floor`, `coefficients`, `frames`, `mean`, `std`, `dtype`,
`zero_point`, `shape` (the model's input), `quantum` (scale of an integer input). Bugs add `assume_rate` (what the clip is
taken for).
Stages: `recorded` (int16 [n, channels]), `mono` (real), `heard` (at the model's rate), `fitted` (its length), `scaled`,
`features`, `fed` (real), `stored`.
"""

from __future__ import annotations

import functools
import io
import math
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.planted.bug import Array, Bug, Pipeline, changed, edited, quantize

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Clip:
    """Sound as recorded: int16 [n, channels]."""

    recorded: Array
    rate: int

    def encode(self) -> bytes:
        """As a WAV file."""
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(self.recorded.shape[1])
            out.setsampwidth(2)
            out.setframerate(self.rate)
            out.writeframes(self.recorded.astype("<i2").tobytes())
        return file.getvalue()


def feed(clip: Clip, pipeline: Pipeline, bugs: Sequence[Bug] = ()) -> Array:
    """What the model is fed, in its own type and shape."""
    p = edited(pipeline, bugs)
    recorded = changed(clip.recorded, "recorded", bugs).astype(np.float64)
    mono = changed(
        {"mean": recorded.mean(1), "left": recorded[:, 0], "right": recorded[:, -1]}[p["channel"]], "mono", bugs
    )
    heard = changed(resample(mono, p.get("assume_rate") or clip.rate, p["rate"]), "heard", bugs)
    samples = p["samples"] or (p["frames"] - 1) * p["step"] + p["frame"]
    fitted = changed(np.pad(heard, (0, max(0, samples - len(heard))))[:samples], "fitted", bugs)
    scaled = changed(fitted / 32768 if p["scale"] == "unit" else fitted, "scaled", bugs)
    features = changed(scaled if p["features"] == "waveform" else spectral(scaled, p), "features", bugs)
    fed = changed((features - p["mean"]) / p["std"], "fed", bugs)
    return changed(quantize(fed, p | {"scale": p["quantum"]}), "stored", bugs).reshape(p["shape"])


def resample(x: Array, rate: int, wanted: int) -> Array:
    """A sinc windowed by Hann, 16 lobes to a side, cut at the lower of the two rates."""
    if rate == wanted:
        return x
    cut, n = min(1.0, wanted / rate), max(1, len(x) * wanted // rate)
    reach = math.ceil(16 / cut)
    center = np.arange(n) * rate / wanted
    taps = np.arange(-reach, reach + 1)
    index = np.floor(center).astype(int)[:, None] + taps
    t = (center[:, None] - index) * cut
    weight = np.where(np.abs(t) < 16, cut * np.sinc(t) * (0.5 + 0.5 * np.cos(np.pi * t / 16)), 0.0)
    known = (index >= 0) & (index < len(x))
    heard: Array = np.sum(weight * np.where(known, x[np.clip(index, 0, len(x) - 1)], 0.0), 1)
    return heard


def spectral(x: Array, p: Pipeline) -> Array:
    """Log-mel bins or cepstral coefficients: [frames, values]."""
    cut = np.lib.stride_tricks.sliding_window_view(x, p["frame"])[:: p["step"]][: p["frames"]]
    spectrum = np.abs(np.fft.rfft(cut * _window(p["window"], p["frame"]), p["fft"]))
    mel = (spectrum**2 if p["power"] else spectrum) @ _mel(p["bins"], p["low"], p["high"], p["rate"], p["fft"])
    loud: Array = np.log(mel + p["floor"]) * {"e": 1.0, "10": 1 / math.log(10), "db": 10 / math.log(10)}[p["log"]]
    if p["features"] == "log-mel":
        return loud
    m = np.arange(p["bins"])
    basis = np.cos(np.pi * np.outer(m + 0.5, np.arange(p["coefficients"])) / p["bins"])
    cepstrum: Array = loud @ basis * math.sqrt(2 / p["bins"])
    return cepstrum


def _window(name: str, n: int) -> Array:
    turn = np.cos(2 * np.pi * np.arange(n) / n)
    made: dict[str, Array] = {"hann": 0.5 - 0.5 * turn, "hamming": 0.54 - 0.46 * turn, "rectangular": np.ones(n)}
    return made[name]


@functools.lru_cache(64)
def _mel(bins: int, low: float, high: float, rate: int, fft: int) -> Array:
    """[fft / 2 + 1, bins]: triangles, straight in mel."""
    edge = np.linspace(_to_mel(np.array(low)), _to_mel(np.array(high)), bins + 2)
    at = _to_mel(np.arange(fft // 2 + 1) * rate / fft)[:, None]
    rising, falling = (at - edge[:-2]) / (edge[1:-1] - edge[:-2]), (edge[2:] - at) / (edge[2:] - edge[1:-1])
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0
    return weights


def _to_mel(f: Array) -> Array:
    return 1127 * np.log1p(f / 700)
