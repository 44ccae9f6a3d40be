"""Pictures, clips and texts that were in no file: drawn from a generator, with structure enough for every bug to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.planted.clip import Clip
from benchmarks.planted.picture import Photo

if TYPE_CHECKING:
    from collections.abc import Sequence


def photo(random: np.random.Generator, height: int = 240, width: int = 320) -> Photo:
    """Colored ground at several scales, shapes with edges, and grain."""
    canvas = np.zeros((height, width, 3))
    for cells in (3, 9, 27):
        ground = random.uniform(0, 255, (cells, cells, 3)).astype(np.uint8)
        canvas += np.asarray(Image.fromarray(ground).resize((width, height), Image.Resampling.BICUBIC)) / cells**0.5
    canvas *= 255 / canvas.max()
    y, x = np.mgrid[:height, :width]
    for _ in range(int(random.integers(3, 9))):
        cy, cx, a, b = random.uniform(0, height), random.uniform(0, width), *random.uniform(0.05, 0.3, 2) * height
        inside = ((y - cy) / a) ** 2 + ((x - cx) / b) ** 2 < 1
        if random.integers(2):
            inside = (abs(y - cy) < a) & (abs(x - cx) < b)
        canvas[inside] = random.uniform(0, 255, 3) + 0.2 * (canvas[inside] - 128)
    canvas += random.normal(0, 4, canvas.shape)
    return Photo(np.clip(canvas, 0, 255).astype(np.uint8))


def gray(picture: Photo) -> Photo:
    """The same without color."""
    level = picture.stored.mean(-1, keepdims=True).astype(np.uint8)
    return Photo(np.repeat(level, 3, -1), picture.orientation)


def clip(random: np.random.Generator, rate: int = 16000, seconds: float = 1.2, channels: int = 1) -> Clip:
    """Something like speech: voiced syllables with moving formants, hissing sounds between them, pauses, a noisy room."""
    n = int(rate * seconds)
    t = np.arange(n) / rate
    made = np.zeros((n, channels))
    for _ in range(int(random.integers(3, 6))):
        begin, length = random.uniform(0, 0.8) * seconds, random.uniform(0.1, 0.35)
        shape = np.clip((t - begin) / 0.02, 0, 1) * np.exp(-np.maximum(0, t - begin) / length) * (t >= begin)
        if random.random() < 0.7:
            pitch = random.uniform(90, 250) * (1 + 0.3 * (t - begin) * random.choice([-1, 1]))
            phase = 2 * np.pi * np.cumsum(pitch) / rate
            voice = np.zeros(n)
            formants = random.uniform((250, 800, 2200), (900, 2500, 3600))
            for k in range(1, int(0.45 * rate / 250)):
                weight = sum(
                    1 / (1 + ((k * pitch - f * (1 + random.uniform(-0.3, 0.3) * t)) / 150) ** 2) for f in formants
                )
                voice += weight * np.sin(k * phase)
        else:
            voice = np.diff(random.normal(0, 1, n + 1))
        left = random.uniform(0.2, 1)
        made += (shape * voice / np.abs(voice).max())[:, None] * np.array([left, 1.2 - left])[:channels]
    loud = random.uniform(4000, 20000)
    made = made / np.abs(made).max() * loud + random.normal(0, 15, made.shape)
    return Clip(np.clip(np.round(made), -32768, 32767).astype(np.int16), rate)


def text(random: np.random.Generator, vocabulary: Sequence[str], words: int) -> str:
    """Words of the vocabulary, frequent ones more often, some capitalized, some that it lacks, and punctuation."""
    ranks = np.minimum((len(vocabulary) ** random.random(words)).astype(int), len(vocabulary) - 1)
    out = []
    for rank in ranks:
        word = vocabulary[rank]
        kind = random.random()
        if kind < 0.06:
            word = "".join(random.choice(list("bcdfgklmnprstvz"), int(random.integers(7, 12))))
        elif kind < 0.2:
            word = word.capitalize()
        elif kind < 0.23:
            word = word.upper()
        out.append(word + str(random.choice(["", "", "", "", ",", ".", "!"])))
    return " ".join(out)
