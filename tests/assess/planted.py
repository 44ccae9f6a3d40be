"""What the farm says of planted clips and texts: the device's input is the planter's, the expected one the reference's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.planted import sources
from farm.assess.explain import audio, text
from farm.assess.explain.seen import Seen
from farm.model import graph as graphs
from farm.reference.frames import FrameReader
from farm.submission import InputFrame
from tests.model.build import Builder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.planted.bug import Bug
    from farm.model.recipe import Recipe
    from farm.report.explanation import Explanation
    from farm.store.artifacts import ArtifactStore

CLIP: dict[str, Any] = {
    "channel": "mean", "rate": 16_000, "scale": "unit", "window": "hann", "frame": 480, "step": 320, "fft": 512, "power": False,
    "bins": 40, "low": 20.0, "high": 4000.0, "log": "e", "floor": 1e-6, "coefficients": 10, "frames": 24, "mean": 0.0, "std": 1.0,
    "features": "mfcc", "samples": None, "dtype": "float32", "quantum": 0.0, "zero_point": 0, "shape": (1, 24, 10, 1),
}  # fmt: skip
WAVEFORM = CLIP | {"features": "waveform", "samples": 8000, "shape": (8000,)}
INT8 = CLIP | {"dtype": "int8", "quantum": 0.6, "zero_point": 83}
WORDS = (
    "the",
    "movie",
    "was",
    "good",
    "bad",
    "very",
    "boring",
    "great",
    "plot",
    "and",
    "of",
    "it",
    "i",
    "loved",
    "hated",
)
TEXT: dict[str, Any] = {
    "vocabulary": {"<pad>": 0, "<start>": 1, "<unknown>": 2} | {w: i + 3 for i, w in enumerate(WORDS)},
    "lowercase": True, "length": 40, "start": 1, "end": None, "unknown": 2, "pad": 0, "padding": "right", "truncation": "tail",
    "shape": (1, 40), "dtype": "int32",
}  # fmt: skip


def clips(seed: int, count: int = 4) -> list[Any]:
    """Of several rates and channels."""
    random = np.random.default_rng(seed)
    kinds = [(44_100, 2), (16_000, 2), (8000, 1), (16_000, 1)]
    return [sources.clip(random, *(r := kinds[i % 4])[:1], 0.7, r[1]) for i in range(count)]


def texts(seed: int) -> list[str]:
    """Shorter and longer than the input."""
    random = np.random.default_rng(seed)
    return [sources.text(random, WORDS, n) + " zebra The" for n in (10, 25, 60, 80)]


def explain(
    raw: Sequence[Any],
    recipe: Recipe,
    pipeline: dict[str, Any],
    feed: Callable[..., Any],
    bugs: Sequence[Bug],
    artifacts: ArtifactStore,
) -> Explanation:
    b = Builder()
    scale = {"scale": [pipeline["quantum"]], "zero_point": [pipeline["zero_point"]]} if pipeline.get("quantum") else {}
    x, y = (b.main.tensor(n, pipeline["shape"], pipeline["dtype"], **scale) for n in ("x", "y"))  # type: ignore[arg-type]
    b.main.op("TANH", [x], [y])
    b.main.ends([x], [y])
    graph = graphs.read(b.pack())
    kind: Any = recipe.kind
    frames = tuple(InputFrame(name=f"{i}", kind=kind, sha256=(artifacts.put(r.encode()),)) for i, r in enumerate(raw))
    expected = tuple(FrameReader(f, artifacts, graph, {0: pipeline["shape"]}).inputs(recipe) for f in frames)
    seen = Seen(
        graph=graph,
        artifacts=artifacts,
        recipe=recipe,
        deployed=recipe,
        frames=frames,
        device=tuple({0: feed(r, pipeline, bugs)} for r in raw),
        expected=expected,
    )
    evidence = audio.observe(seen) if kind == "audio" else text.observe(seen)
    return evidence.infer()
