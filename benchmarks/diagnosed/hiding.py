"""Inputs that cannot show a bug: the farm must not name it, and the proof is that the model is fed the same."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.diagnosed.judge import named, proof
from benchmarks.diagnosed.row import Row
from benchmarks.planted import clip_bugs, picture_bugs, sources, word_bugs
from benchmarks.planted.bug import Bug
from benchmarks.planted.clip import Clip
from benchmarks.planted.picture import Photo
from farm.submission import InputFrame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.diagnosed.bench import Bench

FRAMES = 8


def run(bench: Bench, seed: int, words: Sequence[str]) -> Iterator[tuple[Row, float]]:
    """A row and its seconds for each thing that inputs of this kind can hide."""
    random = np.random.default_rng([seed, 1])
    for why, raw, bug in _hiding(bench, random):
        told = f"{bug} of {why}"
        if words and not any(w in f"{bench.subject.name} hidden {told}" for w in words):
            continue
        start, kind = time.monotonic(), bench.subject.frames[0].kind
        frames = tuple(
            InputFrame(
                name=f"hidden {i}",
                kind=kind,
                sha256=(bench.artifacts.put(r.encode()),),
            )
            for i, r in enumerate(raw)
        )
        other = replace(bench, subject=replace(bench.subject, raw=tuple(raw), frames=frames))
        shown = proof(other.subject, (bug,), other.logged)
        said = other.diagnose((bug,))
        explanation = said.explanation
        false = explanation is not None and bool(named(explanation.changes)) and explanation.kind == "named"
        yield (
            Row(
                bug=bug.name,
                planted=told,
                # Fed the same, it must not be named; fed otherwise, the inputs hide nothing and this case is ill made.
                outcome="error" if shown.shown else "wrong" if false else "right",
                said="" if explanation is None else f"{explanation.kind}: {explanation.reason}",
                verdict=said.assessment.verdict.kind,
                cause=said.assessment.verdict.cause,
                hidden=bug.name,
            ),
            time.monotonic() - start,
        )


def _hiding(bench: Bench, random: np.random.Generator) -> Iterator[tuple[str, list[Any], Bug]]:
    p, kind = bench.subject.pipeline, bench.subject.frames[0].kind
    if kind == "image":
        gray = [sources.gray(sources.photo(random)) for _ in range(FRAMES)]
        yield "gray pictures", gray, picture_bugs.permutation(random, p)
        side = 300 if p.get("fit") == "letterbox" else 200  # bars beside a picture would turn with it
        flat = [Photo(np.full((side, 300, 3), random.integers(0, 256, 3), np.uint8)) for _ in range(FRAMES)]
        yield "pictures of one color", flat, picture_bugs.rotate(random, p)
        yield "pictures of one color", flat, picture_bugs.crop(random, p)
        if p["dtype"] != "float32":
            ends = [Photo(np.full((side, 300, 3), 255 * (i % 2), np.uint8)) for i in range(FRAMES)]
            slope = float(random.uniform(1.1, 3))
            louder = Bug("affine", parameters={"slope": slope, "offset": 0.0}, stage="fed", change=lambda v: v * slope)
            yield "pictures that saturate the input", ends, louder
        square = [sources.photo(random, 300, 300) for _ in range(FRAMES)]
        yield "square pictures", square, picture_bugs.letterbox(random, p)
        alike = [Photo(np.concatenate([s.stored, s.stored[:, ::-1]], 1)) for s in square]
        mirror = Bug("flip", parameters={"axis": "x"}, stage="turned", change=lambda v: v[:, ::-1])
        yield "symmetric pictures", alike, mirror
        upright = [sources.photo(random) for _ in range(FRAMES)]
        yield "pictures without orientation", upright, picture_bugs.exif(random, p)
    elif kind == "audio":
        mono = [sources.clip(random, p["rate"]) for _ in range(FRAMES)]
        yield "mono clips", mono, clip_bugs.channel(random, p)
        yield "clips of the model's rate", mono, clip_bugs.not_resampled(random, p)
        silent = [Clip(np.zeros((p["rate"], 1), np.int16), p["rate"]) for _ in range(FRAMES)]
        yield "silent clips", silent, clip_bugs.gain(random, p)
        yield "silent clips", silent, clip_bugs.reverse(random, p)
    else:
        known = [
            t for t, number in p["vocabulary"].items() if number > 3 and t.isascii() and t.isalpha() and t == t.lower()
        ]
        short = [" ".join(random.choice(known, max(4, p["length"] // 7))) for _ in range(FRAMES)]
        yield "texts shorter than the input", short, word_bugs.truncation(random, p)
        yield "texts in lower case", short, word_bugs.casing(random, p)
        yield "texts of known words", short, word_bugs.unknown(random, p)
        long = [" ".join(random.choice(known, 2 * p["length"])) for _ in range(FRAMES)]
        yield "texts longer than the input", long, word_bugs.padding(random, p)
