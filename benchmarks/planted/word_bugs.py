"""What goes wrong with texts. Each function draws its parameters from the generator it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.planted.bug import Bug, Kind, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    Random = np.random.Generator
    Draw = Callable[[Random, Pipeline], Bug]


def _words(name: str, parameters: dict[str, Any], kind: Kind = "bug", **words: Any) -> Bug:
    return Bug(name, kind, parameters, edit=lambda p: p | words)


def shift(random: Random, pipeline: Pipeline) -> Bug:
    """A vocabulary file with lines more or less at its top."""
    by = int(random.choice([-3, -2, -1, 1, 2, 3, 4]))
    special = bool(random.integers(2)) and by > 0
    return _words("vocabulary-shift", {"by": by, "special": special}, shift=by, special=special)


def padding(random: Random, pipeline: Pipeline) -> Bug:
    """Filled up at the other side."""
    other = "left" if pipeline["padding"] == "right" else "right"
    return _words("padding-side", {"side": other}, padding=other)


def truncation(random: Random, pipeline: Pipeline) -> Bug:
    """Cut off at the other end."""
    other = "head" if pipeline["truncation"] == "tail" else "tail"
    return _words("truncation-side", {"side": other}, truncation=other)


def casing(random: Random, pipeline: Pipeline) -> Bug:
    """Not made lower case, or made so where case counts."""
    return _words("casing", {}, lowercase=not pipeline["lowercase"])


def unknown(random: Random, pipeline: Pipeline) -> Bug:
    """Another id for what the vocabulary lacks."""
    last = max(pipeline["vocabulary"].values())
    other = int(random.choice([v for v in (0, 1, 3, 7, 100) if v != pipeline["unknown"] and v <= last]))
    return _words("unknown-id", {"id": other}, unknown=other)


def no_start(random: Random, pipeline: Pipeline) -> Bug:
    """The id that begins every text is left out, or one is put there."""
    if pipeline["start"] is None:
        return _words("start-token", {"id": 1}, start=1)
    return _words("start-token", {"id": "none"}, start=None)


def filler(random: Random, pipeline: Pipeline) -> Bug:
    """Filled up with another id."""
    other = int(random.choice([v for v in (0, 1, 2, 3) if v != pipeline["pad"]]))
    return _words("pad-id", {"id": other}, pad=other)


def _unknown(name: str, stage: str, change: Callable[[Any], Any], **parameters: Any) -> Bug:
    return Bug(name, "unknown", parameters, stage=stage, change=change)


def dropped(random: Random, pipeline: Pipeline) -> Bug:
    """Words lost here and there."""
    share, seed = float(random.uniform(0.1, 0.4)), int(random.integers(1 << 31))

    def change(tokens: list[str]) -> list[str]:
        keep = np.random.default_rng(seed).random(len(tokens)) > share
        return [t for t, k in zip(tokens, keep, strict=True) if k]

    return _unknown("words-dropped", "tokens", change, share=share)


def shuffled(random: Random, pipeline: Pipeline) -> Bug:
    """Words in no order."""
    seed = int(random.integers(1 << 31))
    return _unknown("shuffled", "tokens", lambda t: [t[i] for i in np.random.default_rng(seed).permutation(len(t))])


def clipped_ids(random: Random, pipeline: Pipeline) -> Bug:
    """Rare words taken for another rare word."""
    most = int(random.integers(50, 500))
    return _unknown("clipped-ids", "ids", lambda ids: [min(i, most) for i in ids], most=most)


def stemmed(random: Random, pipeline: Pipeline) -> Bug:
    """Words cut to their first letters."""
    n = int(random.integers(3, 6))
    return _unknown("stemmed", "tokens", lambda tokens: [t[:n] for t in tokens], letters=n)


def doubled(random: Random, pipeline: Pipeline) -> Bug:
    """Each word twice."""
    return _unknown("doubled", "tokens", lambda tokens: [t for t in tokens for _ in range(2)])


BUGS: tuple[Draw, ...] = (shift, padding, truncation, casing, unknown, no_start, filler)
UNKNOWN: tuple[Draw, ...] = (dropped, shuffled, clipped_ids, stemmed, doubled)
