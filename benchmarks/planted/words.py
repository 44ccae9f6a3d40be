"""From a text to the ids a model is fed, done right, with bugs planted on the way.

Words of the pipeline: `vocabulary` (token -> id), `lowercase`, `length`, `start`, `end`, `unknown`, `pad`, `padding`,
`truncation`, `shape`, `dtype`; `tokenizer` (`words`, `wordpiece`); `inputs` of a model with several: `ids`, `mask`, `segments`.
Bugs add `shift` (of looked-up ids) and `special` (whether start, end, unknown and padding are shifted, too).
Stages: `tokens` (list of strings), `ids` (before start and end), `fed`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.planted.bug import Array, Bug, Pipeline, edited

if TYPE_CHECKING:
    from collections.abc import Sequence

WORD = re.compile(r"[A-Za-z0-9_'\u0080-\U0010ffff]+")


PIECE = re.compile(r"[!-/:-@\[-`{-~]|[^\t-\r !-/:-@\[-`{-~]+")


def feed(text: str, pipeline: Pipeline, bugs: Sequence[Bug] = ()) -> Array:
    """Ids, [1, length]; of a model with several inputs, all of them stacked."""
    p = edited(pipeline, bugs)
    if p["lowercase"]:
        text = "".join(c.lower() if c.isascii() else c for c in text)
    split = p.get("tokenizer", "words") == "wordpiece"
    tokens = _through((PIECE if split else WORD).findall(text), "tokens", bugs)
    if split:
        tokens = [piece for word in tokens for piece in pieces(word, p["vocabulary"])]
    shift, special = p.get("shift", 0), p.get("special", False)
    unknown, last_id = p["unknown"] + shift * special, max(p["vocabulary"].values())
    ids = [p["vocabulary"][t] + shift if t in p["vocabulary"] else unknown for t in tokens]
    ids = [i if 0 <= i <= last_id else unknown for i in ids]  # a model fed other ids stops: apps look before
    ids = _through(ids, "ids", bugs)
    first, last = ([p[end] + shift * special] if p[end] is not None else [] for end in ("start", "end"))
    room = p["length"] - len(first) - len(last)
    ids = ids[:room] if p["truncation"] == "tail" else ids[max(0, len(ids) - room) :]
    ids = [*first, *ids, *last]
    filler = [p["pad"] + shift * special] * (p["length"] - len(ids))
    mask = [1] * len(ids)
    ids, mask = (
        [*row, *rest] if p["padding"] == "right" else [*rest, *row]
        for row, rest in ((ids, filler), (mask, [0] * len(filler)))
    )
    rows = {"ids": _through(ids, "fed", bugs), "mask": mask, "segments": [0] * p["length"]}
    fed = [np.array(rows[name], p["dtype"]).reshape(p["shape"]) for name in p.get("inputs", ("ids",))]
    return np.stack(fed) if len(fed) > 1 else fed[0]


def pieces(word: str, vocabulary: dict[str, int]) -> list[str]:
    """The longest pieces of the vocabulary, from the left; the word itself where there are none for all of it."""
    found: list[str] = []
    rest = word
    while rest:
        mark = "##" if found else ""
        size = next((n for n in range(len(rest), 0, -1) if mark + rest[:n] in vocabulary), 0)
        if not size:
            return [f"{word} "]  # no token has a blank: unknown, also where the word itself is known
        found.append(mark + rest[:size])
        rest = rest[size:]
    return found


def _through(values: list[Any], stage: str, bugs: Sequence[Bug]) -> list[Any]:
    for bug in bugs:
        if bug.stage == stage and bug.change is not None:
            values = list(bug.change(values))  # type: ignore[arg-type]
    return values
