"""Spoken-like words and whistles, and WAV files of them.

Words are two sounds in a row, each the mirror in time of another one (a reversed clip is another word), told apart by where
their formants lie (a wrong sample rate or mel range moves them), and spoken or shouted (a wrong scale). Whistles rise or
fall, are high or low, soft or loud: time, rate and scale carry a bit each.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float64]

WORDS = tuple(f"{word} {how}" for word in ("ai", "ia", "au", "ua", "sha", "ash") for how in ("spoken", "shouted"))
WHISTLES = tuple(f"{a} {b} {c}" for a in ("rising", "falling") for b in ("low", "high") for c in ("soft", "loud"))
_FORMANTS = {"a": (730, 1090, 2440), "i": (270, 2290, 3010), "u": (300, 870, 2240)}  # Peterson and Barney 1952, men
_SOUNDS = {"sha": ("s", "a"), "ash": ("a", "s")}
_STEP = 0.005  # seconds between the points at which the mouth's shape is known


def word(label: int, rng: np.random.Generator, rate: int = 16_000, seconds: float = 1.0) -> Samples:
    """A clip of `WORDS[label]`: float64 [rate * seconds] in -1..1."""
    name, how = WORDS[label].split()
    first, last = _SOUNDS.get(name, tuple(name))
    level = rng.uniform(0.04, 0.07) if how == "spoken" else rng.uniform(0.16, 0.28)
    length = rng.uniform(0.45, 0.7)
    begin = rng.uniform(0.05, seconds - 0.05 - length)
    turn, glide = rng.uniform(0.42, 0.58), rng.uniform(0.05, 0.18)
    at = np.arange(0, length, _STEP) / length
    late = ((at - turn) / glide + 0.5).clip(0, 1)  # 0: the first sound, 1: the last
    voice = _voiced(first, last, late, length, rng, rate)
    hiss = (1 - late) * (first == "s") + late * (last == "s")
    time = np.arange(int(length * rate)) / rate
    edges = np.minimum(1, np.minimum(time, length - time) / 0.04).clip(0)
    sound = voice + 0.5 * np.interp(time, at * length, hiss) * _noise(len(time), 1900, 3600, rng, rate)
    sound *= edges * level / max(float(np.sqrt((sound**2).mean())), 1e-9)
    clip = _noise(int(rate * seconds), 30, 3900, rng, rate) * 10 ** rng.uniform(-3.2, -2.3)
    start = int(begin * rate)
    clip[start : start + len(sound)] += sound
    return clip.clip(-1, 1)


def _voiced(first: str, last: str, late: Samples, length: float, rng: np.random.Generator, rate: int) -> Samples:
    """Harmonics of a gliding pitch, shaped by formants that move from one vowel's to the other's."""
    pitch = rng.uniform(95, 220) * (1 + rng.uniform(-0.15, 0.15) * np.linspace(-1, 1, len(late)))
    size = rng.uniform(0.92, 1.1)  # of the head
    ends = [np.array(_FORMANTS.get(s, _FORMANTS["a"])) * size for s in (first, last)]
    formants = ends[0] + (ends[1] - ends[0]) * late[:, None]
    loud = 1 - (1 - late) * (first == "s") - late * (last == "s")
    time = np.arange(int(length * rate)) / rate
    points = np.arange(len(late)) * _STEP
    phase = 2 * np.pi * np.cumsum(np.interp(time, points, pitch)) / rate
    out = np.zeros(len(time))
    for harmonic in range(1, int(3900 / pitch.max())):
        near = ((harmonic * pitch[:, None] - formants) / np.array((60.0, 90.0, 130.0))) ** 2
        gain = (1 / (1 + near) * np.array((1.0, 0.7, 0.35))).sum(1) * loud / harmonic**0.3
        out += np.interp(time, points, gain) * np.sin(harmonic * phase)
    return out


def _noise(n: int, low: float, high: float, rng: np.random.Generator, rate: int) -> Samples:
    """Noise between two frequencies, of RMS 1."""
    spectrum = np.fft.rfft(rng.normal(0, 1, n))
    at = np.fft.rfftfreq(n, 1 / rate)
    spectrum[(at < low) | (at > high)] = 0
    noise = np.fft.irfft(spectrum, n)
    return np.asarray(noise / max(float(np.sqrt((noise**2).mean())), 1e-9))


def whistle(label: int, rng: np.random.Generator, rate: int = 8_000, seconds: float = 0.5) -> Samples:
    """A clip of `WHISTLES[label]`: float64 [rate * seconds] in -1..1."""
    falling, high, loud = label // 4, label // 2 % 2, label % 2
    middle = rng.uniform(1500, 2000) if high else rng.uniform(550, 800)
    span = rng.uniform(1.25, 1.5)
    time = np.arange(int(rate * seconds)) / rate
    begin, length = rng.uniform(0.02, 0.1), rng.uniform(0.3, 0.37)
    at = ((time - begin) / length).clip(0, 1)
    frequency = middle * span ** ((at - 0.5) * (-1 if falling else 1))
    edges = np.minimum(1, np.minimum(time - begin, begin + length - time) / 0.02).clip(0)
    amplitude = rng.uniform(0.35, 0.7) if loud else rng.uniform(0.05, 0.1)
    clip = amplitude * edges * np.sin(2 * np.pi * np.cumsum(frequency) / rate + rng.uniform(0, 6))
    return np.asarray(clip + _noise(len(time), 30, min(3900, rate * 0.49), rng, rate) * 10 ** rng.uniform(-3, -2.2))


def wav(samples: NDArray[Any], rate: int, form: str = "s16") -> bytes:
    """A WAV file of float samples in -1..1, [n] or [n, channels]; `form` is u8, s16, s24, s32 or f32."""
    x = np.atleast_2d(samples.T).T.clip(-1, 1 - 2**-15)
    bits = {"u8": 8, "s16": 16, "s24": 24, "s32": 32, "f32": 32}[form]
    if form == "f32":
        data = x.astype("<f4").tobytes()
    elif form == "u8":
        data = np.floor(x * 128 + 128.5).clip(0, 255).astype(np.uint8).tobytes()
    else:
        wide = np.round(x * 2.0 ** (bits - 1)).astype("<i8" if form == "s32" else "<i4").clip(-(2**31), 2**31 - 1)
        data = wide.astype("<i4").reshape(-1, 1).view(np.uint8)[:, : bits // 8].tobytes()
    frame = x.shape[1] * bits // 8
    kind = 3 if form == "f32" else 1
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, kind, x.shape[1], rate, rate * frame, frame, bits)
    pad = b"\0" * (len(data) % 2)
    body = b"WAVE" + header + struct.pack("<4sI", b"data", len(data)) + data + pad
    return struct.pack("<4sI", b"RIFF", len(body)) + body
