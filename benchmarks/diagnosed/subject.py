"""A model, the recipe it was trained with, the same as a pipeline of the planter's, and inputs."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from benchmarks.planted import clip, clip_bugs, picture, picture_bugs, sources, word_bugs, words
from farm.model import graph as graphs
from farm.model.recipe import Audio, Detection, Normalize, Recipe, Text
from farm.submission import InputFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from benchmarks.planted.bug import Array, Bug, Pipeline
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

    Draw = Callable[[np.random.Generator, Pipeline], Bug]

PICTURES = {
    "mobilenet_v1_0.25_224": (0.875, "classification", 40),
    "mobilenet_v1_0.25_224_quant": (0.875, "classification", 40),
    "mobilenet_v1_0.25_224_ptq_int8": (0.875, "classification", 40),
    "ssd_mobilenet_v1_coco_quant": (1.0, "detection", 12),
    "deeplabv3": (1.0, "segmentation", 8),
}
"""Crop, task, frames."""
CLIPS = {"kws_float32": 24, "kws_int8": 24, "yamnet_quant": 12}
TEXTS = {"movie_review": 24}
PUBLISHED = (*PICTURES, *CLIPS, *TEXTS)
"""Models of the test data."""
BAD = {"mobilenet_v1_0.25_224_ptq_int8": "mobilenet_v1_0.25_224_ptq_int8_badcalib01"}
TWIN = "mobilenet_v1_0.25_224"


@dataclass(frozen=True)
class Subject:
    """One model and its frames."""

    name: str
    model: bytes
    graph: Graph
    recipe: Recipe
    pipeline: Pipeline
    raw: tuple[Any, ...]
    """Photos, clips or texts."""
    frames: tuple[InputFrame, ...]
    bugs: tuple[Draw, ...]
    harmless: tuple[Draw, ...]
    unknown: tuple[Draw, ...]
    feed: Callable[[Any, Pipeline, Sequence[Bug]], Array]
    badly_calibrated: bytes | None = None
    """The same model, calibrated with wrong inputs."""
    float_twin: bytes | None = None

    def fed(self, bugs: Sequence[Bug], frames: Sequence[int]) -> list[Array]:
        """Model inputs of these frames."""
        return [self.feed(self.raw[f], self.pipeline, bugs) for f in frames]


def load(name: str, testdata: Path, artifacts: ArtifactStore, random: np.random.Generator) -> Subject:
    """A model of the test data, with frames drawn from `random`."""
    model = (testdata / "models" / f"{name}.tflite").read_bytes()
    graph = graphs.read(model, name)
    if name in PICTURES:
        subject = _pictures(name, model, graph, testdata, artifacts, random)
        if name not in BAD:
            return subject
        bad, twin = ((testdata / "models" / f"{n}.tflite").read_bytes() for n in (BAD[name], TWIN))
        return replace(subject, badly_calibrated=bad, float_twin=twin)
    return (_clips if name in CLIPS else _texts)(name, model, graph, testdata, artifacts, random)


def stored(graph: Graph) -> dict[str, Any]:
    """The words of a pipeline that the model itself says."""
    tensor = graph.tensors[graph.inputs[0]]
    return {
        "shape": tuple(max(1, d) for d in tensor.shape),
        "dtype": tensor.dtype,
        "scale": tensor.scale[0] if tensor.scale else 0.0,
        "zero_point": tensor.zero_point[0] if tensor.zero_point else 0,
    }


def _pictures(
    name: str, model: bytes, graph: Graph, testdata: Path, artifacts: ArtifactStore, random: np.random.Generator
) -> Subject:
    crop, task, count = PICTURES[name]
    held = stored(graph)
    pipeline = held | {
        "height": held["shape"][1],
        "width": held["shape"][2],
        "crop": crop,
        "resize": "bilinear",
        "mean": (127.5,) * 3,
        "std": (127.5,) * 3,
    }
    folder = testdata / "images" / "imagenet_sample100"
    with (folder / "labels.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    photos, frames = [], []
    for i in random.permutation(len(rows))[:count]:
        with Image.open(folder / rows[i]["file"]) as image:
            upright = picture.Photo(np.asarray(ImageOps.exif_transpose(image).convert("RGB")))
        photo = upright.tagged(int(random.integers(1, 9)))
        label = int(rows[i]["index_1001"]) if task == "classification" else None
        photos.append(photo)
        frames.append(InputFrame(name=f"{i}.png", kind="image", sha256=(artifacts.put(photo.encode()),), label=label))
    return Subject(
        name=name,
        model=model,
        graph=graph,
        recipe=Recipe(
            task=task,  # type: ignore[arg-type]
            detection=Detection() if task == "detection" else None,
            crop=crop,
            normalize=Normalize(mean=(127.5,) * 3, std=(127.5,) * 3),
        ),
        pipeline=pipeline,
        raw=tuple(photos),
        frames=tuple(frames),
        bugs=tuple(d for d in picture_bugs.BUGS if picture_bugs.applies(d, pipeline)),
        harmless=picture_bugs.HARMLESS,
        unknown=picture_bugs.UNKNOWN,
        feed=picture.feed,
    )


def _clips(
    name: str, model: bytes, graph: Graph, testdata: Path, artifacts: ArtifactStore, random: np.random.Generator
) -> Subject:
    del testdata  # clips are drawn, of all rates and channels
    held = stored(graph)
    features = name.startswith("kws")
    pipeline = held | {
        "quantum": held["scale"], "channel": "mean", "rate": 16_000, "scale": "unit", "window": "hann", "frame": 480,
        "step": 320,
        "fft": 512, "power": False, "bins": 40, "low": 20.0, "high": 4000.0, "log": "e", "floor": 1e-6,
        "coefficients": 10, "frames": 49,
        "mean": 0.0, "std": 1.0, "features": "mfcc" if features else "waveform", "samples": None if features else 15_600,
    }  # fmt: skip
    raw = tuple(
        sources.clip(
            random,
            rate=int(random.choice([8000, 16_000, 16_000, 22_050, 44_100])),
            channels=int(random.integers(1, 3)),
            seconds=float(random.uniform(0.8, 2)),
        )
        for _ in range(CLIPS[name])
    )
    frames = tuple(
        InputFrame(name=f"{i}.wav", kind="audio", sha256=(artifacts.put(c.encode()),)) for i, c in enumerate(raw)
    )
    return Subject(
        name=name,
        model=model,
        graph=graph,
        recipe=Recipe(audio=Audio(features="mfcc" if features else "waveform")),
        pipeline=pipeline,
        raw=raw,
        frames=frames,
        bugs=clip_bugs.bugs(pipeline),
        harmless=clip_bugs.HARMLESS,
        unknown=clip_bugs.UNKNOWN,
        feed=clip.feed,
    )


def _texts(
    name: str, model: bytes, graph: Graph, testdata: Path, artifacts: ArtifactStore, random: np.random.Generator
) -> Subject:
    data = (testdata / "text" / f"{name}_vocab.txt").read_bytes()
    ids = {token: int(number) for token, number in (line.split(" ") for line in data.decode().split("\n") if line)}
    held = stored(graph)
    pipeline = held | {
        "vocabulary": ids, "lowercase": True, "length": held["shape"][1], "start": 1, "end": None, "unknown": 2, "pad": 0,
        "padding": "right", "truncation": "tail",
    }  # fmt: skip
    known = [token for token, number in ids.items() if number > 3]
    raw = tuple(sources.text(random, known, int(n)) for n in random.integers(10, 500, TEXTS[name]))
    frames = tuple(
        InputFrame(name=f"{i}.txt", kind="text", sha256=(artifacts.put(t.encode()),)) for i, t in enumerate(raw)
    )
    return Subject(
        name=name,
        model=model,
        graph=graph,
        recipe=Recipe(text=Text(vocabulary=artifacts.put(data), start=1, unknown=2)),
        pipeline=pipeline,
        raw=raw,
        frames=frames,
        bugs=word_bugs.BUGS,
        harmless=(),
        unknown=word_bugs.UNKNOWN,
        feed=words.feed,
    )
