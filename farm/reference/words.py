"""A text into token ids: bytes in, integers out, written apart from the agent's C.

Order: lower case, split, look up, start and end, truncate, pad (docs/recipes.md).
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import InputsError, RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from farm.model.recipe import Text

    Array = np.ndarray[Any, Any]

LIMIT_VOCABULARY = 64 << 20
LIMIT_TEXT = 16 << 20
LIMIT_WORD = 200
"""Bytes; a longer word is unknown to `wordpiece`."""
TYPES = frozenset({"int32", "int64"})
"""Of a model's inputs that are fed text."""
_NUMBERED = re.compile(rb"[^ \t]+[ \t]+([0-9]+)")
_WORDS = re.compile(rb"[A-Za-z0-9_'\x80-\xff]+")
_PIECES = re.compile(rb"[!-/:-@\[-`{-~]|[^!-/:-@\[-`{-~\t-\r ]+")
_UPPER_TO_LOWER = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")


@functools.lru_cache(maxsize=4)
def vocabulary(path: Path, name: str) -> Mapping[bytes, int]:
    """A stored vocabulary (artifacts never change). Errors as in `parse`."""
    if path.stat().st_size > LIMIT_VOCABULARY:
        raise RecipeError(
            f"its vocabulary is larger than {LIMIT_VOCABULARY >> 20} MiB", where=name, remedy="give a token list"
        )
    return parse(path.read_bytes(), name)


def parse(data: bytes, name: str) -> dict[bytes, int]:
    """Ids by token. All lines `token id`, or the id is the line's number from 0; of equal tokens the last counts.

    Raises:
        RecipeError: naming the file: no token, over the limit, or an id over 2**31 - 1.
    """
    if len(data) > LIMIT_VOCABULARY:
        raise RecipeError(f"is larger than {LIMIT_VOCABULARY >> 20} MiB", where=name, remedy="give a token list")
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    if lines[-1] == b"":
        lines.pop()
    filled = [line for line in lines if line]
    if not filled:
        raise RecipeError("holds no token", where=name, remedy="a token a line")
    found = [_NUMBERED.fullmatch(line) for line in filled]
    if not all(found):
        return {line: number for number, line in enumerate(lines) if line}
    ids: dict[bytes, int] = {}
    for line, match in zip(filled, found, strict=True):
        digits = match[1].lstrip(b"0") if match is not None else b""
        if len(digits) > 10 or int(digits or b"0") >= 1 << 31:
            number = lines.index(line) + 1
            raise RecipeError("its id is over 2147483647", where=f"{name}:{number}", remedy="ids are 32-bit numbers")
        ids[re.split(rb"[ \t]", line, maxsplit=1)[0]] = int(digits or b"0")
    return ids


def tokens(data: bytes, text: Text, ids: Mapping[bytes, int], name: str) -> list[int]:
    """The ids of a text's tokens, before start, end, truncation and padding.

    Raises:
        InputsError: naming the file: over the limit.
    """
    if len(data) > LIMIT_TEXT:
        raise InputsError(f"is larger than {LIMIT_TEXT >> 20} MiB", where=name, remedy="cut it into shorter texts")
    if text.lowercase:
        data = data.translate(_UPPER_TO_LOWER)
    if text.tokenizer == "words":
        return [ids.get(word, text.unknown) for word in _WORDS.findall(data)]
    return [piece for word in _PIECES.findall(data) for piece in _split(word, ids, text.unknown)]


def fed(found: Sequence[int], text: Text, length: int) -> tuple[Array, Array]:
    """Truncated, with start and end, padded: int64 [length] of ids, and 1 where a token stands."""
    first, last = ([] if i is None else [i] for i in (text.start, text.end))
    room = length - len(first) - len(last)
    kept = list(found[:room] if text.truncation == "tail" else found[max(0, len(found) - room) :])
    row = [*first, *kept, *last]
    ids, mask = np.full(length, text.pad, np.int64), np.zeros(length, np.int64)
    place = slice(0, len(row)) if text.padding == "right" else slice(length - len(row), length)
    ids[place], mask[place] = row, 1
    return ids, mask


def inputs(
    data: bytes, text: Text, ids: Mapping[bytes, int], shapes: Sequence[tuple[int, ...]], name: str
) -> list[Array]:
    """What each model input of these shapes is fed, int64 in that shape.

    Raises:
        RecipeError: naming `name`: the inputs are not those of the recipe.
    """
    sizes = {int(np.prod(shape)) for shape in shapes}
    if len(shapes) != len(text.inputs) or len(sizes) != 1:
        raise RecipeError(
            f"text.inputs names {len(text.inputs)} inputs of one length; the model's are "
            f"{', '.join(str(list(s)) for s in shapes) or 'none'}",
            where=name,
            remedy='name each in the model\'s order: inputs = ["ids", "mask", "segments"]',
        )
    (length,) = sizes
    if length < (text.start is not None) + (text.end is not None):
        raise RecipeError(
            f"the model's input holds {length} ids: too few for start and end", where=name, remedy="leave them out"
        )
    row, mask = fed(tokens(data, text, ids, name), text, length)
    kinds = {"ids": row, "mask": mask, "segments": np.zeros(length, np.int64)}
    return [kinds[kind].reshape(shape) for kind, shape in zip(text.inputs, shapes, strict=True)]


def _split(word: bytes, ids: Mapping[bytes, int], unknown: int) -> list[int]:
    """Greedily the longest piece, `##` before all but the first; one `unknown` where that does not come to an end."""
    if len(word) > LIMIT_WORD:
        return [unknown]
    found, at = [], 0
    while at < len(word):
        mark = b"##" if at else b""
        end = next((e for e in range(len(word), at, -1) if mark + word[at:e] in ids), None)
        if end is None:
            return [unknown]
        found.append(ids[mark + word[at:end]])
        at = end
    return found
