"""The repo's own models (tests/lab/models) with the data that was drawn for them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.diagnosed.subject import Subject, stored
from benchmarks.planted import clip, clip_bugs, picture, picture_bugs, word_bugs, words
from farm.model import graph as graphs
from farm.work.prepare import Options, RecipeFlags, prepare

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))  # where `lab` is

from lab.data import frame, write  # noqa: E402

if TYPE_CHECKING:
    from farm.model.recipe import Audio, Recipe
    from farm.model.recipe import Text as TextRecipe
    from farm.store.artifacts import ArtifactStore

MODELS = ROOT / "tests" / "lab" / "models"
FRAMES = 40
KITS = {
    "things": "model",
    "things_int8": "model_int8",
    "boxes": "model",
    "boxes_int8": "model_int8",
    "boxes_nms": "model_nms",
    "masks": "model",
    "masks_int8": "model_int8",
    "dials": "model",
    "dials_int8": "model_int8",
    "words": "model",
    "words_int8": "model_int8",
    "whistles": "model",
    "whistles_int8": "model_int8",
    "reviews": "model",
    "reviews_int8": "model_int8",
    "remarks": "model",
}
"""Name: the file in the folder of its kit."""


def load(name: str, folder: Path, artifacts: ArtifactStore, random: np.random.Generator) -> Subject:
    """A model of the repo, with held-out frames that begin where `random` says. Files are written below `folder`."""
    kit = name.split("_", maxsplit=1)[0]
    path = MODELS / kit / f"{KITS[name]}.tflite"
    own = path.with_suffix(".recipe.toml")
    first = int(random.integers(1000)) * 10
    written = write(kit, folder / f"{kit}-{random.integers(1 << 40)}", FRAMES, first=first)
    made = prepare(
        path,
        written.inputs,
        written.labels,
        own if own.is_file() else path.with_name("model.recipe.toml"),
        None,
        RecipeFlags(),
        Options(),
    )
    for file in made.files.values():
        artifacts.put_file(file)
    asked = made.submission
    assert asked.recipe is not None  # every kit has one
    raws = [frame(kit, first + n).raw for n in range(FRAMES)]
    model, recipe = path.read_bytes(), asked.recipe.recipe
    graph = graphs.read(model, name)
    held = stored(graph)
    raw: tuple[Any, ...]
    frames = asked.frames
    if recipe.audio is not None:
        raw = tuple(_clip(r) for r in raws)
        pipeline = held | {"quantum": held["scale"]} | _audio(recipe.audio, held["shape"])
        kinds = (clip_bugs.bugs(pipeline), clip_bugs.HARMLESS, clip_bugs.UNKNOWN)
    elif recipe.text is not None:
        raw = tuple(raws)
        pipeline = held | _text(recipe.text, artifacts, held["shape"])
        if len(graph.inputs) > 1:
            named = [graph.tensors[t].name for t in graph.inputs]
            pipeline["inputs"] = tuple(next(i for i in recipe.text.inputs if i in n) for n in named)
        kinds = (word_bugs.BUGS, (), word_bugs.UNKNOWN)
    else:
        raw = tuple(picture.Photo(np.asarray(r)).tagged(int(random.integers(1, 9))) for r in raws)
        frames = tuple(
            f.model_copy(update={"sha256": (artifacts.put(r.encode()),)}) for f, r in zip(frames, raw, strict=True)
        )
        pipeline = held | _picture(recipe, held["shape"])
        kinds = (
            tuple(d for d in picture_bugs.BUGS if picture_bugs.applies(d, pipeline)),
            picture_bugs.HARMLESS,
            picture_bugs.UNKNOWN,
        )
    feed: Any = clip.feed if recipe.audio is not None else words.feed if recipe.text is not None else picture.feed
    bugs, harmless, unknown = kinds
    subject = Subject(
        name=name, model=model, graph=graph, recipe=recipe, pipeline=pipeline, raw=raw, frames=frames, bugs=bugs,
        harmless=harmless, unknown=unknown, feed=feed,
    )  # fmt: skip
    if KITS[name] != "model_int8":
        return subject
    bad, twin = (path.with_name(f"{n}.tflite").read_bytes() for n in ("model_badcalib", "model"))
    return replace(subject, badly_calibrated=bad, float_twin=twin)


def _clip(raw: Any) -> clip.Clip:
    return clip.Clip(np.round(raw.samples * 32768).astype(np.int16), raw.rate)


def _three(value: float | tuple[float, ...]) -> tuple[float, ...]:
    return (value,) * 3 if isinstance(value, int | float) else value


def _picture(recipe: Recipe, shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        "height": shape[1], "width": shape[2], "crop": recipe.crop, "resize": recipe.resize, "fit": recipe.fit,
        "pad": recipe.pad, "mean": _three(recipe.normalize.mean), "std": _three(recipe.normalize.std),
        "minds_aliasing": True,  # ribs and fine weaves: nearest costs 14 points
    }  # fmt: skip


def _audio(a: Audio, shape: tuple[int, ...]) -> dict[str, Any]:
    size = int(np.prod(shape))
    waveform = a.features == "waveform"
    return {
        "channel": a.channel, "rate": a.sample_rate, "scale": a.scale, "window": a.window,
        "frame": a.frame_length, "step": a.frame_step, "fft": a.fft_length, "power": a.spectrum == "power",
        "bins": a.mel_bins, "low": a.low_hz, "high": a.high_hz, "log": a.log, "floor": a.log_floor,
        "coefficients": a.coefficients, "frames": 0 if waveform else size // a.coefficients, "mean": a.mean, "std": a.std,
        "features": a.features, "samples": size if waveform else None,
    }  # fmt: skip


def _text(t: TextRecipe, artifacts: ArtifactStore, shape: tuple[int, ...]) -> dict[str, Any]:
    lines = artifacts.read(t.vocabulary).decode().splitlines()
    return {
        "vocabulary": {token: number for number, token in enumerate(lines)}, "lowercase": t.lowercase,
        "tokenizer": t.tokenizer, "length": int(np.prod(shape)), "start": t.start, "end": t.end, "unknown": t.unknown,
        "pad": t.pad, "padding": t.padding, "truncation": t.truncation,
    }  # fmt: skip
