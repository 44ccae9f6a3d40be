"""What the device did to a text: the ids it fed against those of the text under other recipes.

A text becomes a row of symbols: the ids of its words, and places where start, end, unknown and padding stand. Changes of the
recipe give other rows; the ids that a device put at those places, and what it added to the words', are read off its own rows.
An explanation is right when every id is.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.explain.engine import Candidate, InputEvidence
from farm.reference import words
from farm.report.explanation import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from farm.assess.explain.seen import Seen
    from farm.model.recipe import Text

    Array = np.ndarray[Any, Any]

MOST_CHANGES = 2
PLACES = {"unknown": -(1 << 40), "pad": -(2 << 40), "start": -(3 << 40), "end": -(4 << 40)}
"""What stands for an id in a row of symbols; no vocabulary has such."""
SHIFTED = ((), ("unknown", "start", "end"), tuple(PLACES))
"""What is shifted along with the words: nothing; what a vocabulary file holds, too; or everything."""
EXACT = 1e-9


@dataclass(frozen=True)
class _Way:
    """One way to make ids of a text."""

    text: Text
    """With the changes that move symbols; its ids are the expected ones."""
    changes: tuple[Change, ...] = ()


class _Texts:
    """The frames, decoded, and the rows that a recipe makes of them."""

    def __init__(self, seen: Seen, text: Text) -> None:
        self.text = text
        self.names = tuple(f.name for f in seen.frames)
        self.data = tuple(seen.artifacts.read(f.sha256[0]) for f in seen.frames)
        self.ids: Mapping[bytes, int] = words.vocabulary(seen.artifacts.path(text.vocabulary), "vocabulary")
        self.length = int(np.prod(seen.expected[0][seen.graph.inputs[text.inputs.index("ids")]].shape))
        self.fed = np.stack(
            [np.concatenate([d[i].reshape(-1) for i in seen.graph.inputs]) for d in seen.device]
        ).astype(np.int64)
        """[f, inputs * length]"""

    def symbols(self, text: Text) -> Array:
        """i64 [f, inputs * length]: as `fed`, `PLACES` standing for the ids that are no word's."""
        marked = text.model_copy(
            update={place: mark for place, mark in PLACES.items() if getattr(text, place) is not None}
        )
        rows = []
        for tokens in self._tokens(text.lowercase, text.tokenizer):
            row, mask = words.fed(tokens, marked, self.length)
            kinds = {"ids": row, "mask": mask, "segments": np.zeros_like(row)}
            rows.append(np.concatenate([kinds[kind] for kind in text.inputs]))
        return np.stack(rows)

    @functools.cache  # noqa: B019  # as long as the texts
    def _tokens(self, lowercase: bool, tokenizer: str) -> tuple[list[int], ...]:
        text = self.text.model_copy(
            update={"lowercase": lowercase, "tokenizer": tokenizer, "unknown": PLACES["unknown"]}
        )
        return tuple(words.tokens(d, text, self.ids, n) for d, n in zip(self.data, self.names, strict=True))

    @functools.cached_property
    def at_ids(self) -> Array:
        """bool [inputs * length]: where ids stand, not masks."""
        return np.repeat([kind == "ids" for kind in self.text.inputs], self.length)


def observe(seen: Seen) -> InputEvidence:
    """The evidence of f texts; their recipe must have `text`."""
    assert seen.recipe is not None  # noqa: S101  # a text has no input without one
    assert seen.recipe.text is not None  # noqa: S101
    texts = _Texts(seen, seen.recipe.text)
    ways = list(_moved(texts))
    return InputEvidence(
        agrees=seen.agrees,
        candidates=tuple(itertools.chain.from_iterable(_put(texts, way) for way in ways)),
        hidden=tuple(_hidden(texts)),
    )


def _moved(texts: _Texts) -> Iterator[_Way]:
    """The recipe itself, and with one and two changes that move symbols."""
    moves = list(_moves(texts.text))
    for count in range(MOST_CHANGES + 1):
        for chosen in itertools.combinations(moves, count):
            if len({change.name for change, _ in chosen}) == count:
                update: dict[str, Any] = {}
                for _, words_changed in chosen:
                    update |= words_changed
                yield _Way(texts.text.model_copy(update=update), tuple(change for change, _ in chosen))


def _moves(text: Text) -> Iterator[tuple[Change, dict[str, Any]]]:
    case = "keeps capital letters" if text.lowercase else "makes capital letters small"
    yield _change("casing", case, text, lowercase=not text.lowercase)
    other = "wordpiece" if text.tokenizer == "words" else "words"
    yield _change("tokenizer", f"splits by {other}", text, tokenizer=other)
    side = "left" if text.padding == "right" else "right"
    yield _change("padding-side", f"pads on the {side}", text, padding=side)
    end = "head" if text.truncation == "tail" else "tail"
    yield _change("truncation-side", f"cuts off the {end} of long texts", text, truncation=end)
    for place in ("start", "end"):
        if getattr(text, place) is not None:
            yield _change(f"{place}-token", f"leaves the {place} token out", text, **{place: None})
        else:  # which id it adds is read off
            yield _change(f"{place}-token", f"adds a {place} token", text, **{place: 0})


def _change(name: str, told: str, text: Text, **update: Any) -> tuple[Change, dict[str, Any]]:
    (word, value), *_ = update.items()
    right = getattr(text, word)
    lines = (f"{word} = {_toml(right)}",) if right is not None else (f"no {word}",)
    return Change(part="text", name=name, words=told, parameters={word: str(value)}, lines=lines), update


def _put(texts: _Texts, way: _Way) -> Iterator[Candidate]:
    """With the ids as expected, and with up to as many others as are left of `MOST_CHANGES`."""
    symbols = texts.symbols(way.text)
    right = {place: getattr(texts.text, place) for place in PLACES}
    added = {place for place in PLACES if right[place] is None and getattr(way.text, place) is not None}
    for place in added:
        right[place] = _most(texts.fed[symbols == PLACES[place]])
    left = MOST_CHANGES - len(way.changes)
    options: list[tuple[Change, tuple[str, ...], int]] = []
    if left:
        options += _shifts(texts, symbols, right)
        options += _others(texts, symbols, {p: v for p, v in right.items() if p not in added})
    for count in range(left + 1):
        for chosen in itertools.combinations(options, count):
            if len({change.name for change, _, _ in chosen}) == count and not _moot(chosen):
                yield _candidate(texts, way, symbols, right, chosen)


def _moot(chosen: Sequence[tuple[Change, tuple[str, ...], int]]) -> bool:
    """Whether one changes nothing: an id as expected says something only beside a shift that would have moved it."""
    moved = {place for _, places, by in chosen if by for place in places}
    return any(not by and not moved.intersection(places) for _, places, by in chosen)


def _shifts(
    texts: _Texts, symbols: Array, right: Mapping[str, int | None]
) -> Iterator[tuple[Change, tuple[str, ...], int]]:
    """A number added to all ids of the vocabulary."""
    known = texts.at_ids & (symbols >= 0)
    by = _most((texts.fed - symbols)[known])
    if not by:
        return
    for places in SHIFTED:
        if places and not any((symbols == PLACES[p]).any() for p in places):
            continue
        along = f", {', '.join(p for p in places if right[p] is not None)} among them" if places else ""
        yield (
            Change(
                part="text",
                name="vocabulary-shift",
                words=f"feeds ids that are {abs(by)} too {'high' if by > 0 else 'low'}{along}",
                parameters={"by": by, "with": " ".join(places)},
                lines=("vocabulary: the file the model was trained with, from its first line on",),
            ),
            ("words", *places),
            by,
        )


def _others(
    texts: _Texts, symbols: Array, right: Mapping[str, int | None]
) -> Iterator[tuple[Change, tuple[str, ...], int]]:
    """Another id for unknown words, padding, start or end; also one as expected, which is another where all are shifted."""
    for place, value in right.items():
        at = symbols == PLACES[place]
        if value is None or not at.any():
            continue
        found = _most(texts.fed[at])
        if found is not None:
            name = f"{place}-id" if place in {"unknown", "pad"} else f"{place}-token"
            yield (
                Change(
                    part="text",
                    name=name,
                    words=f"feeds {found} for {_NAMES[place]}",
                    parameters={place: found},
                    lines=(f"{place} = {value}",),
                ),
                (place,),
                found - value,
            )


_NAMES = {
    "unknown": "words that the vocabulary lacks",
    "pad": "padding",
    "start": "the start of a text",
    "end": "its end",
}


def _candidate(
    texts: _Texts,
    way: _Way,
    symbols: Array,
    right: Mapping[str, int | None],
    chosen: Sequence[tuple[Change, tuple[str, ...], int]],
) -> Candidate:
    row = symbols.copy()
    put = {}
    for place, mark in PLACES.items():
        # An id of its own was read off the device as it is, whatever else was shifted.
        added = [by for _, places, by in sorted(chosen, key=lambda c: len(c[1])) if place in places][:1]
        row[symbols == mark] = put[place] = (right[place] or 0) + sum(added)
    known = texts.at_ids & (symbols >= 0)
    by = sum(by for _, places, by in chosen if "words" in places)
    row[known] += by
    if by:
        last = max(texts.ids.values())
        # Its unknown id also where these texts have no unknown word.
        guards = [0, last, put["unknown"], *(i for i in (texts.text.unknown, texts.text.pad) if i is not None)]
        # The model holds no ids beyond its vocabulary: apps put one that it holds.
        guarded = known & ((row < 0) | (row > last)) & np.isin(texts.fed, guards)
        row[guarded] = texts.fed[guarded]
    changes = (*way.changes, *(change for change, _, _ in chosen))
    return Candidate(
        changes=changes,
        sse=(row != texts.fed).sum(1).astype(np.float64),
        n=np.full(len(row), float(row.shape[1])),
        floor=EXACT,
        diff=tuple(itertools.chain.from_iterable(_diff(c, texts.text) for c in changes)),
    )


def _diff(change: Change, text: Text) -> tuple[str, ...]:
    """Both lines where the recipe has the word."""
    word, value = next(iter(change.parameters.items()))
    if word == "by":
        return tuple(f"+ {line}" for line in change.lines)
    given = value if isinstance(value, str) else f"{value:g}"
    spelled = {"True": "true", "False": "false"}.get(
        given, f'"{given}"' if isinstance(getattr(text, word), str) else given
    )
    was = f"- no {word}" if given == "None" else f"- {word} = {spelled}"
    return (was, *(f"+ {line}" for line in change.lines))


def _hidden(texts: _Texts) -> Iterator[str]:
    """What these texts cannot show, and why."""
    plain = texts.symbols(texts.text)
    for change, update in _moves(texts.text):
        if change.name in _WHY and np.array_equal(texts.symbols(texts.text.model_copy(update=update)), plain):
            yield _WHY[change.name]
    if not (plain == PLACES["unknown"]).any():
        yield "the id of unknown words: the vocabulary has every word"


_WHY = {
    "casing": "the casing: capital letters change no id",
    "padding-side": "the side of the padding: every text fills the input",
    "truncation-side": "the side that is cut off: no text is longer than the input",
}


def _most(values: Array) -> Any:
    """The most frequent value; None of none."""
    if not values.size:
        return None
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])


def _toml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
