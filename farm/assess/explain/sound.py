"""Clips, and what a device that goes another way than the recipe makes of them: the hypotheses about sound."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from farm.compare.difference import real
from farm.reference import audio as dsp
from farm.reference import wav

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.assess.explain.seen import Seen
    from farm.model.recipe import Audio

    Array = np.ndarray[Any, Any]

SMALL = 1e-3
"""Share of the input's range that two right implementations may part by, of float inputs."""
KEPT_SAMPLES = 64
"""Resampled clips kept for the next hypothesis."""


@dataclass(frozen=True)
class Way:
    """One way to make a model's input of a clip."""

    audio: Audio
    assumed: int | None = None
    """Hz that every clip is taken for; None: its own."""
    backwards: Literal["", "clip", "samples", "frames"] = ""
    """The recorded clip, the samples that are used, or the frames of features."""
    gain: float = 1.0
    """Of the samples."""
    transposed: bool = False
    """Coefficients by time."""
    resampler: Literal["sinc", "linear", "nearest"] = "sinc"


@dataclass(frozen=True)
class Map:
    """value * slope + offset of all that is fed."""

    slope: float = 1.0
    offset: float = 0.0


@dataclass
class Sounds:
    """f clips, and what the device fed of them, in real numbers."""

    audio: Audio
    """The recipe's."""
    clips: tuple[wav.Clip, ...]
    fed: tuple[Array, ...]
    """f64 [n] each."""
    shape: tuple[int, ...]
    low: float
    """What the input's type can hold, in real numbers."""
    high: float
    span: float
    """Range of what was fed."""
    floor: float
    """RMSE that the right explanation leaves."""
    _samples: dict[tuple[Any, ...], Array] = field(default_factory=dict)

    @classmethod
    def of(cls, seen: Seen, audio: Audio) -> Sounds:
        """Of what was seen.

        Raises:
            InputsError: a frame is no WAV file.
        """
        index = seen.index
        fed = tuple(real(d[index], seen.tensor).reshape(-1) for d in seen.device)
        low, high = -np.inf, np.inf
        dtype = seen.device[0][index].dtype
        if dtype.kind in "iu":
            limits = np.iinfo(str(dtype))
            low, high = sorted(real(np.array([limits.min, limits.max], dtype), seen.tensor).tolist())
        finite = np.concatenate(fed)
        finite = finite[np.isfinite(finite)]
        span = float(np.ptp(finite)) if finite.size else 0.0
        return cls(
            audio=audio,
            clips=tuple(wav.decode(seen.artifacts.read(f.sha256[0]), f.name) for f in seen.frames),
            fed=fed,
            shape=seen.expected[0][index].shape,
            low=low,
            high=high,
            span=span,
            floor=float(np.hypot(SMALL * span, 0.3 * seen.step)),
        )

    @property
    def spectral(self) -> bool:
        """Features, not samples, are fed."""
        return self.audio.features != "waveform"

    def silent(self) -> bool:
        """No clip has a sound in it."""
        return all(not c.samples.any() for c in self.clips)

    def some(self, frames: Sequence[int]) -> Sounds:
        """Of these frames alone."""
        return replace(
            self,
            clips=tuple(self.clips[f] for f in frames),
            fed=tuple(self.fed[f] for f in frames),
            _samples={},
        )

    def samples(self, way: Way, frame: int) -> Array:
        """What the features are made of: f64 [n], in 16-bit units, before `gain`."""
        clip = self.clips[frame]
        rate = way.assumed or clip.rate
        to = way.audio.sample_rate
        key = (frame, way.audio.channel if clip.samples.shape[1] > 1 else "", rate, to, way.resampler, way.backwards)
        if key not in self._samples:
            needed = dsp.samples_needed(self.audio, self.shape, "")
            if rate == way.audio.sample_rate or way.resampler == "sinc":
                made = clip.samples[::-1] if way.backwards == "clip" else clip.samples
                found = dsp.fitted(wav.Clip(made, rate), way.audio, needed)
            else:
                found = roughly(self.mono(way, frame), rate / way.audio.sample_rate, needed, way.resampler)
            while len(self._samples) >= KEPT_SAMPLES:
                self._samples.pop(next(iter(self._samples)))
            self._samples[key] = found[::-1] if way.backwards == "samples" else found
        return self._samples[key]

    def mono(self, way: Way, frame: int) -> Array:
        """One channel of the whole clip at its own rate: f64 [n], in 16-bit units."""
        samples = self.clips[frame].samples
        made = samples[::-1] if way.backwards == "clip" else samples
        return dsp.fitted(wav.Clip(made, way.audio.sample_rate), way.audio, len(made))

    def made(self, way: Way, frame: int) -> Array:
        """What such a device feeds, before it is quantized: f64 [n]."""
        values = dsp.features(self.samples(way, frame) * way.gain, way.audio)
        if way.backwards == "frames":
            values = values[::-1]
        return (values.T if way.transposed else values).reshape(-1)

    def left(self, way: Way, how: Map | None = None) -> Array:
        """Squared error of each frame: f64 [f]. What lies beyond the input's type sticks at its limits on both sides."""
        how = how or Map()
        return np.array(
            [
                _square(np.clip(self.made(way, f) * how.slope + how.offset, self.low, self.high) - d)
                for f, d in enumerate(self.fed)
            ]
        )

    def mapped(self, way: Way, *, scale_only: bool = False) -> Map | None:
        """The best map in the sense of least squares; None where nothing varies. `scale_only`: of the samples, of a waveform."""
        x = np.concatenate([self.made(way, f) for f in range(len(self.fed))])
        y = np.concatenate(self.fed)
        inside = np.isfinite(y) & (y > self.low) & (y < self.high)
        x, y = x[inside], y[inside]
        if x.size < 2 or np.ptp(x) <= 0:
            return None
        if scale_only:
            zero = -self.audio.mean / self.audio.std  # what silence is fed as
            slope = _dot(x - zero, y - zero) / max(_dot(x - zero, x - zero), 1e-300)
            return Map(slope, zero * (1 - slope))
        mean = float(x.mean()), float(y.mean())
        slope = _dot(x - mean[0], y - mean[1]) / _dot(x - mean[0], x - mean[0])
        return Map(slope, mean[1] - slope * mean[0])

    def rmse(self, way: Way, how: Map | None = None) -> float:
        """Over all values."""
        return float((self.left(way, how).sum() / max(1, sum(d.size for d in self.fed))) ** 0.5)


def roughly(samples: Array, ratio: float, count: int, how: str = "linear") -> Array:
    """Every `ratio`-th sample without a filter, as apps of their own making do: f64 [n] -> f64 [count], zeros beyond the end."""
    at = np.arange(count) * ratio
    if how == "nearest":
        place = np.floor(at + 0.5).astype(np.int64)
        inside = place < len(samples)
        nearest: Array = np.where(inside, samples[np.minimum(place, len(samples) - 1)], 0.0)
        return nearest
    between: Array = np.interp(at, np.arange(len(samples)), samples, right=0.0)
    return between


def _square(error: Array) -> float:
    found = _dot(error, error)
    return found if np.isfinite(found) else 1e300


def _dot(a: Array, b: Array) -> float:
    return float(np.einsum("i,i->", a, b))  # not `@`: BLAS would start threads, which wait for each other
