"""The planter shares nothing with what it tests, and where nothing is planted both make the same of every frame."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.planted import clip, clip_bugs, picture, picture_bugs, sources, words
from farm.model.recipe import Audio, Normalize, Recipe, Text
from farm.reference import audio, preprocess, wav
from farm.reference import words as tokens

FOLDER = Path(picture.__file__).parent
CLIP = {
    "channel": "mean", "rate": 16_000, "scale": "unit", "window": "hann", "frame": 480, "step": 320, "fft": 512, "power": False,
    "bins": 40, "low": 20.0, "high": 4000.0, "log": "e", "floor": 1e-6, "coefficients": 10, "frames": 49, "mean": 0.0, "std": 1.0,
    "features": "mfcc", "samples": None, "dtype": "float32", "quantum": 0.0, "zero_point": 0, "shape": (1, 49, 10, 1),
}  # fmt: skip
PICTURE = {
    "height": 48, "width": 64, "crop": 0.875, "resize": "bilinear", "mean": (127.5,) * 3, "std": (127.5,) * 3, "dtype": "float32",
    "scale": 0.0, "zero_point": 0,
}  # fmt: skip
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[a-z]*.py")), ids=lambda p: p.name)
def test_the_planter_imports_nothing_of_the_farm(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    names += [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    assert names
    assert not [n for n in names if n.split(".")[0] == "farm" or n.startswith("benchmarks.diagnos")]


@settings(max_examples=15)
@given(seed=seeds, kernel=st.sampled_from(picture_bugs.KERNELS[:6]), fit=st.sampled_from(["stretch", "letterbox"]))
def test_pictures_agree_with_the_reference(seed: int, kernel: str, fit: str) -> None:
    random = np.random.default_rng(seed)
    photo = sources.photo(random, *random.integers(30, 120, 2)).tagged(int(random.integers(1, 9)))
    recipe = Recipe.model_validate({
        "crop": 0.875, "resize": kernel, "fit": fit, "normalize": Normalize(mean=(127.5,) * 3, std=(127.5,) * 3)
    })  # fmt: skip
    mine = picture.feed(photo, PICTURE | {"resize": kernel, "fit": fit})[0]
    upright = preprocess.decode(photo.encode(), "photo")
    other = preprocess.values(preprocess.geometry(upright, recipe, 48, 64), recipe)
    assert np.abs(mine - other).max() <= 1.01 / 127.5


@settings(max_examples=10)
@given(seed=seeds, rate=st.sampled_from(clip_bugs.RATES), features=st.sampled_from(["waveform", "log-mel", "mfcc"]))
def test_clips_agree_with_the_reference(seed: int, rate: int, features: str) -> None:
    random = np.random.default_rng(seed)
    made = sources.clip(random, rate, 0.5, int(random.integers(1, 3)))
    p: dict[str, Any] = CLIP | {"features": features, "samples": 8000 if features == "waveform" else None}
    p["shape"] = {"waveform": (8000,), "log-mel": (1, 49, 40), "mfcc": (1, 49, 10, 1)}[features]
    mine = clip.feed(made, p)
    decoded = wav.decode(made.encode(), "clip")
    other = audio.values(decoded, Audio.model_validate({"features": features}), p["shape"], "clip")
    assert np.abs(mine - other).max() <= 1e-4 * max(1e-3, np.ptp(other))


@settings(max_examples=30)
@given(text=st.text(max_size=200), left=st.booleans(), head=st.booleans(), lower=st.booleans())
def test_texts_agree_with_the_reference(text: str, left: bool, head: bool, lower: bool) -> None:
    ids = {"the": 4, "a": 5, "It's": 6, "é": 7}
    text += " the A It's é THE"
    side, end = ("left" if left else "right"), ("head" if head else "tail")
    p = {
        "vocabulary": ids, "lowercase": lower, "length": 12, "start": 1, "end": None, "unknown": 2, "pad": 0, "padding": side,
        "truncation": end, "shape": (1, 12), "dtype": "int32",
    }  # fmt: skip
    recipe = Text.model_validate({
        "vocabulary": "x", "lowercase": lower, "padding": side, "truncation": end, "start": 1, "unknown": 2
    })  # fmt: skip
    known = {token.encode(): number for token, number in ids.items()}
    (other,) = tokens.inputs(text.encode(), recipe, known, [(1, 12)], "text")
    assert np.array_equal(words.feed(text, p), other)
