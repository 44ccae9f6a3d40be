"""Pictures, clips and texts into model inputs, as docs/recipes.md says: written apart from the farm, to train and measure by.

A recipe is the plain dict that its TOML file gives; what it leaves out has the documented default.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Recipe = Mapping[str, Any]


def picture(pixels: NDArray[np.uint8], size: tuple[int, int], recipe: Recipe) -> Floats:
    """uint8 [h, w, 3] RGB into float32 [H, W, 3] for a model of size (H, W); stretched or letterboxed."""
    image = Image.fromarray(np.ascontiguousarray(np.rot90(pixels, recipe.get("rotate", 0) // 90)))
    kept = [int(side * recipe.get("crop", 1.0) + 0.5) for side in image.size]
    left, top = ((side - keep) // 2 for side, keep in zip(image.size, kept, strict=True))
    image = image.crop((left, top, left + kept[0], top + kept[1]))
    kernel, (high, wide) = recipe.get("resize", "bilinear"), size
    if recipe.get("fit", "stretch") == "letterbox":
        shrink = min(high / kept[1], wide / kept[0])
        fits = [max(1, int(side * shrink + 0.5)) for side in kept]
        inner = _resized(image, fits[0], fits[1], kernel)
        image = Image.new("RGB", (wide, high), (recipe.get("pad", 0),) * 3)
        image.paste(inner, ((wide - inner.width) // 2, (high - inner.height) // 2))
    else:
        image = _resized(image, wide, high, kernel)
    out = np.asarray(image, np.float64)
    out = out[..., ::-1] if recipe.get("channels", "rgb") == "bgr" else out
    normalize = recipe.get("normalize", {"mean": 0.0, "std": 1.0})
    return np.asarray((out - normalize["mean"]) / normalize["std"], np.float32)


def _resized(image: Image.Image, wide: int, high: int, kernel: str) -> Image.Image:
    if kernel == "bilinear":
        return image.resize((wide, high), Image.Resampling.BILINEAR)
    if kernel != "nearest":
        raise ValueError(f"no {kernel} here")
    columns, rows = ((2 * np.arange(n) + 1) * side // (2 * n) for n, side in zip((wide, high), image.size, strict=True))
    return Image.fromarray(np.ascontiguousarray(np.asarray(image)[rows][:, columns]))


def sound(samples: NDArray[Any], rate: int, shape: tuple[int, ...], recipe: Recipe) -> Floats:
    """A clip, float [n, channels] in -1..1, into float32 of the model's input shape without its batch."""
    words = recipe["audio"]
    x = np.round(samples * 32768).clip(-32768, 32767) / (32768 if words.get("scale", "unit") == "unit" else 1)
    channel = words.get("channel", "mean")
    x = x.mean(1) if channel == "mean" else x[:, min(int(channel == "right"), x.shape[1] - 1)]
    x = resample(x, rate, words.get("sample_rate", 16_000))
    sizes = [s for s in shape if s > 1]
    kind, step, length = (
        words.get(k, d) for k, d in (("features", "waveform"), ("frame_step", 320), ("frame_length", 480))
    )
    needed = sizes[0] if kind == "waveform" else (sizes[0] - 1) * step + length
    x = np.pad(x[:needed], (0, max(0, needed - len(x))))
    if kind != "waveform":
        x = log_mel(x, words)
        x = x if kind == "log-mel" else cosines(x)[:, : words.get("coefficients", 10)]
    x = (x - words.get("mean", 0.0)) / words.get("std", 1.0)
    return np.asarray(x, np.float32).reshape(shape)


def resample(x: NDArray[Any], rate: int, wanted: int) -> NDArray[np.float64]:
    """Windowed sinc of 16 zero crossings a side."""
    if rate == wanted:
        return np.asarray(x, np.float64)
    cut, common = min(1.0, wanted / rate), math.gcd(rate, wanted)
    reach, phases = int(np.ceil(16 / cut)) + 1, wanted // common
    taps = np.arange(-reach, reach + 1)
    # Every `phases` samples of the output, the input's samples lie the same way around it.
    t = ((np.arange(phases) * rate / wanted) % 1.0)[:, None] * cut - taps * cut
    weight = np.where(np.abs(t) < 16, cut * np.sinc(t) * (0.5 + 0.5 * np.cos(np.pi * t / 16)), 0)
    at = np.arange(max(1, len(x) * wanted // rate))
    first = at * (rate // common) // phases
    around = np.lib.stride_tricks.sliding_window_view(np.pad(x, (reach, reach + 1)), len(taps))
    return np.asarray(np.einsum("ij,ij->i", around[first], weight[at % phases]))


def log_mel(x: NDArray[Any], words: Recipe) -> NDArray[np.float64]:
    """Logarithms of mel energies: float64 [frames, mel_bins]."""
    length, step, fft = (words.get(k, d) for k, d in (("frame_length", 480), ("frame_step", 320), ("fft_length", 512)))
    frames = np.lib.stride_tricks.sliding_window_view(x, length)[::step]
    low = {"hann": 0.5, "hamming": 0.54, "rectangular": 1.0}[words.get("window", "hann")]
    window = low - (1 - low) * np.cos(2 * np.pi * np.arange(length) / length)
    spectrum = np.abs(np.fft.rfft(frames * window, fft))
    if words.get("spectrum", "magnitude") == "power":
        spectrum = spectrum**2
    energy = spectrum @ mel_weights(words, fft) + words.get("log_floor", 1e-6)
    return np.asarray(np.log(energy) / {"e": 1.0, "10": np.log(10), "db": np.log(10) / 10}[words.get("log", "e")])


def mel_weights(words: Recipe, fft: int) -> NDArray[np.float64]:
    """Triangles: float64 [fft / 2 + 1, mel_bins]."""

    def mel(hz: Any) -> Any:
        return 1127 * np.log1p(np.asarray(hz) / 700)

    bins, rate = words.get("mel_bins", 40), words.get("sample_rate", 16_000)
    edges = np.linspace(mel(words.get("low_hz", 20.0)), mel(words.get("high_hz", 4000.0)), bins + 2)
    at = mel(np.arange(fft // 2 + 1) * rate / fft)[:, None]
    rising, falling = (at - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - at) / np.diff(edges)[1:]
    weights = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0
    return np.asarray(weights)


def cosines(x: NDArray[Any]) -> NDArray[np.float64]:
    """The DCT that makes MFCCs of log mel energies, all coefficients."""
    n = x.shape[1]
    basis = np.cos(np.pi * np.arange(n) * (np.arange(n)[:, None] + 0.5) / n)
    return np.asarray(x @ basis * np.sqrt(2 / n))


def text(words_of: str, length: int, recipe: Recipe, vocabulary: Sequence[str]) -> tuple[NDArray[np.int32], ...]:
    """A text into int32 [length] for each of the recipe's `inputs`."""
    words = recipe["text"]
    ids = {token: number for number, token in enumerate(vocabulary)}
    unknown, pad = words.get("unknown", 0), words.get("pad", 0)
    text = words_of.translate({c: c + 32 for c in range(65, 91)}) if words.get("lowercase", True) else words_of
    if words.get("tokenizer", "words") == "words":
        found = [ids.get(w, unknown) for w in re.findall(r"[A-Za-z0-9_'\x80-\U0010ffff]+", text)]
    else:
        marks = re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
        found = [i for w in re.findall(rf"[{marks}]|[^\s{marks}]+", text) for i in _pieces(w, ids, unknown)]
    start, end = ([] if words.get(k) is None else [words[k]] for k in ("start", "end"))
    room = length - len(start) - len(end)
    found = found[:room] if words.get("truncation", "tail") == "tail" else found[max(0, len(found) - room) :]
    row = [*start, *found, *end]
    fill = [0] * (length - len(row))
    right = words.get("padding", "right") == "right"

    def padded(values: list[int], with_: int) -> NDArray[np.int32]:
        rest = [with_] * len(fill)
        return np.array([*values, *rest] if right else [*rest, *values], np.int32)

    rows = {"ids": padded(row, pad), "mask": padded([1] * len(row), 0), "segments": np.zeros(length, np.int32)}
    return tuple(rows[name] for name in words.get("inputs", ("ids",)))


def _pieces(word: str, ids: Mapping[str, int], unknown: int) -> list[int]:
    found, at = [], 0
    while at < len(word):
        mark = "##" if at else ""
        end = next((e for e in range(len(word), at, -1) if mark + word[at:e] in ids), None)
        if end is None:
            return [unknown]
        found.append(ids[mark + word[at:end]])
        at = end
    return found
