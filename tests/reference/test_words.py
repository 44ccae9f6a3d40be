from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import InputsError, RecipeError
from farm.model.recipe import Text
from farm.reference import words

LISTED = b"[PAD]\n[UNK]\nthe\ncat\r\n##s\n##at\nc\n.\nun\n##aff\n##able\n\nzoo\n"
IDS = words.parse(LISTED, "vocab.txt")


def text(**changes: Any) -> Text:
    return Text(vocabulary="vocab.txt", unknown=1, **changes)


def ids(content: bytes, **changes: Any) -> list[int]:
    return words.tokens(content, text(**changes), IDS, "a.txt")


def test_a_token_a_line_has_the_lines_number() -> None:
    assert (IDS[b"[PAD]"], IDS[b"cat"], IDS[b"zoo"], b"" in IDS) == (0, 3, 12, False)


def test_numbers_at_every_line_are_the_ids() -> None:
    assert words.parse(b"<PAD> 0\nthe\t 007\n\ncat 3\nthe 9", "v") == {b"<PAD>": 0, b"the": 9, b"cat": 3}
    assert words.parse(b"the 4\nnew york\n", "v") == {b"the 4": 0, b"new york": 1}


@pytest.mark.parametrize(("data", "where", "says"), [(b"", "v", "no token"), (b"\n\r\n", "v", "no token"),
                                                     (b"a 1\nb 2147483648", "v:2", "over 2147483647")])  # fmt: skip
def test_no_vocabulary(data: bytes, where: str, says: str) -> None:
    with pytest.raises(RecipeError, match=says) as caught:
        words.parse(data, "v")
    assert caught.value.where == where


def test_words_are_runs_of_letters_digits_and_bytes_from_128() -> None:
    assert ids(b"The cat, the_cat THE!") == [2, 3, 1, 2]
    assert ids(b"The", lowercase=False) == [1]
    accented = words.parse("é\ndon't\n".encode(), "v")
    assert words.tokens("é don't É".encode(), text(), accented, "a") == [0, 1, 1]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"unaffable cats.", [8, 9, 10, 3, 4, 7]),
        (b"cat..zoo", [3, 7, 7, 12]),
        (b"cab", [1]),  # no piece ends it: one unknown, and nothing of what was found before
        (b" \t\n", []),
        (b"c" * 201, [1]),
        (b"cat\0 the", [1, 2]),
    ],
)
def test_wordpieces(content: bytes, found: list[int]) -> None:
    assert ids(content, tokenizer="wordpiece") == found


@pytest.mark.parametrize(
    ("changes", "row", "mask"),
    [
        ({}, [2, 3, 2, 3], [1, 1, 1, 1]),
        ({"truncation": "head"}, [3, 2, 3, 12], [1, 1, 1, 1]),
        ({"start": 50, "end": 60}, [50, 2, 3, 60], [1, 1, 1, 1]),
        ({"start": 50, "truncation": "head"}, [50, 2, 3, 12], [1, 1, 1, 1]),
    ],
)
def test_truncation_keeps_start_and_end(changes: dict[str, Any], row: list[int], mask: list[int]) -> None:
    made, told = words.fed(ids(b"the cat the cat zoo"), text(**changes), 4)
    assert (made.tolist(), told.tolist()) == (row, mask)


def test_padding_on_either_side() -> None:
    for padding, row, mask in (("right", [9, 2, 3, 7, 7], [1, 1, 1, 0, 0]), ("left", [7, 7, 9, 2, 3], [0, 0, 1, 1, 1])):
        made, told = words.fed([2, 3], text(start=9, pad=7, padding=padding), 5)
        assert (made.tolist(), told.tolist()) == (row, mask)
    made, told = words.fed([], text(start=9, end=8, pad=7), 2)
    assert (made.tolist(), told.tolist()) == ([9, 8], [1, 1])


def test_a_model_with_several_inputs() -> None:
    three = text(inputs=("ids", "mask", "segments"))
    found = words.inputs(b"the cat", three, IDS, [(1, 4)] * 3, "a.txt")
    assert [f.tolist() for f in found] == [[[2, 3, 0, 0]], [[1, 1, 0, 0]], [[0, 0, 0, 0]]]
    for shapes in ([(1, 4)], [(1, 4), (1, 4), (1, 5)], []):
        with pytest.raises(RecipeError, match=r"text\.inputs names 3 inputs"):
            words.inputs(b"", three, IDS, shapes, "a.txt")
    with pytest.raises(RecipeError, match="too few for start and end"):
        words.inputs(b"", text(start=1, end=2), IDS, [(1, 1)], "a.txt")


def test_a_text_over_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "LIMIT_TEXT", 3)
    with pytest.raises(InputsError, match="larger than"):
        ids(b"abcd")


def wordpiece(word: bytes) -> list[int]:
    """Every split, longest first piece first: what greedy means."""

    def rest(at: int) -> list[int] | None:
        if at == len(word):
            return []
        for end in range(len(word), at, -1):
            piece = (b"##" if at else b"") + word[at:end]
            if piece in IDS:
                found = rest(end)
                return None if found is None else [IDS[piece], *found]
        return None

    return rest(0) or [1]


@given(st.text("acstunfble", min_size=1, max_size=8))
def test_wordpiece_is_greedy(word: str) -> None:
    assert ids(word.encode(), tokenizer="wordpiece") == wordpiece(word.encode())


@given(st.binary(max_size=60), st.integers(2, 9), st.sampled_from(["words", "wordpiece"]))
def test_any_bytes_are_ids(content: bytes, length: int, tokenizer: str) -> None:
    rules = text(tokenizer=tokenizer, start=5, end=6)
    row, mask = words.fed(words.tokens(content, rules, IDS, "a"), rules, length)
    assert (row.shape, mask.sum() >= 2, row[0]) == ((length,), True, 5)
    assert np.isin(row[mask == 0], [0]).all()
