"""The agent's pre-processing of text against the reference's, which is written apart from it (farm/reference/words.py)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm.capture import exray_pb2 as pb
from farm.errors import RecipeError
from farm.model.recipe import Text
from farm.reference import words
from farm.run.passes import agent_error

from .kit import Bench, several_inputs_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .kit import Array, Capture

EXAMPLES = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ID = st.integers(-(1 << 31), (1 << 31) - 1)
PIECE = st.sampled_from(
    ["a", "b", "ab", "abc", "un", "##a", "##b", "##able", "'", "_x", "9", "!", "é", "ß", "日本", "The", "the"]
)
BYTES = st.binary(max_size=12) | PIECE.map(str.encode) | st.text(max_size=8).map(lambda s: s.encode("utf-8", "replace"))
TOKEN = BYTES.map(lambda token: token.replace(b"\n", b""))
LINE_END = st.sampled_from([b"\n", b"\n", b"\r\n", b"\n\n"])


@st.composite
def vocabularies(draw: st.DrawFn) -> bytes:
    tokens = [*draw(st.lists(TOKEN, max_size=30)), b"filler"]
    if draw(st.booleans()):
        blanks = st.sampled_from([b" ", b"\t", b" \t "])
        number = st.integers(0, (1 << 31) - 1).map(lambda n: str(n).encode()) | st.just(b"007")
        plain = [token.translate(None, b" \t\r") or b"x" for token in tokens]
        lines = [token + draw(blanks) + draw(number) for token in plain]
    else:
        lines = tokens
    return b"".join(line + draw(LINE_END) for line in lines)[: None if draw(st.booleans()) else -1]


@st.composite
def texts(draw: st.DrawFn, vocabulary: bytes) -> bytes:
    known = [line.rsplit(None, 1)[0] if b" " in line else line for line in vocabulary.split(b"\n") if line.strip()]
    part = BYTES | (st.sampled_from(known) if known else st.nothing())
    gap = st.sampled_from([b"", b" ", b" ", b"\n", b"\t\x0b", b"\0", b", ", b"!?"])
    return b"".join(draw(part) + draw(gap) for _ in range(draw(st.integers(0, 25))))


RECIPES = st.builds(
    Text,
    vocabulary=st.just("vocab.txt"),
    tokenizer=st.sampled_from(["words", "wordpiece"]),
    lowercase=st.booleans(),
    padding=st.sampled_from(["right", "left"]),
    truncation=st.sampled_from(["tail", "head"]),
    start=st.none() | ID,
    end=st.none() | ID,
    unknown=ID,
    pad=ID,
    inputs=st.lists(st.sampled_from(["ids", "mask", "segments"]), min_size=1, max_size=3).map(tuple),
)


def played(bench: Bench, vocabulary: bytes, texts: Sequence[bytes], recipe: Text, size: int, dtype: str) -> Capture:
    path = bench.file("input.tflite", several_inputs_model([[1, size]] * len(recipe.inputs), dtype))
    frames = bench.texts(*texts, inputs=len(recipe.inputs))
    options = ["--vocabulary", str(bench.file("vocab.txt", vocabulary)), *recipe.arguments()]
    return bench.capture(path, frames, "--warmup", "0", *options, layers=True)


def expected(vocabulary: bytes, text: bytes, recipe: Text, size: int) -> list[Array]:
    ids = words.parse(vocabulary, "vocab.txt")
    return words.inputs(text, recipe, ids, [(1, size)] * len(recipe.inputs), "text")


@EXAMPLES
@given(st.data(), RECIPES, st.integers(2, 20), st.sampled_from(["int32", "int64"]))
def test_feeds_what_the_reference_feeds(bench: Bench, draw: st.DataObject, recipe: Text, size: int, dtype: str) -> None:
    vocabulary = draw.draw(vocabularies())
    several = draw.draw(st.lists(texts(vocabulary), min_size=1, max_size=4))
    found = played(bench, vocabulary, several, recipe, size, dtype).tensors(pb.ROLE_INPUT)
    for frame, text in enumerate(several):
        for position, wanted in enumerate(expected(vocabulary, text, recipe, size)):
            assert found[frame, position].dtype == np.dtype(dtype)
            assert np.array_equal(found[frame, position], wanted), (text, recipe)


def ids(bench: Bench, vocabulary: bytes, text: bytes, size: int = 8, **options: object) -> list[int]:
    recipe = Text.model_validate({"vocabulary": "vocab.txt", "pad": -1, "unknown": -9, **options})
    (found,) = played(bench, vocabulary, [text], recipe, size, "int32").tensors(pb.ROLE_INPUT).values()
    return [int(v) for v in found[0]]


def test_examples_by_hand(bench: Bench) -> None:
    """By the document, so that the two implementations are not only equal to each other."""
    lines = b"<pad>\nthe\nfilm\n\nit's\r\nfilm\n"
    assert ids(bench, lines, b"The FILM, it's new") == [1, 5, 4, -9, -1, -1, -1, -1]
    assert ids(bench, lines, b"The the", lowercase=False) == [-9, 1, -1, -1, -1, -1, -1, -1]
    numbered = b"the 40\nfilm\t 2147483647\n\nit's 007\n"
    assert ids(bench, numbered, b"it's the film") == [7, 40, 2147483647, -1, -1, -1, -1, -1]
    assert ids(bench, b"the 40\nfilm\n", b"the 40 film") == [-9, -9, 1, -1, -1, -1, -1, -1]  # a line that has no id
    pieces = b"un\n##aff\n##able\nable\n!\n"
    assert ids(bench, pieces, b"Unaffable un!able\0 x", tokenizer="wordpiece") == [0, 1, 2, 0, 4, -9, -9, -1]


def test_both_ends_stay_when_a_text_is_cut(bench: Bench) -> None:
    lines = b"".join(b"%d\n" % i for i in range(100))
    text = b" ".join(b"%d" % i for i in range(20))
    both = {"start": 100, "end": 101}
    assert ids(bench, lines, text, 5, **both) == [100, 0, 1, 2, 101]
    assert ids(bench, lines, text, 5, truncation="head", **both) == [100, 17, 18, 19, 101]
    assert ids(bench, lines, b"7", 5, padding="left", **both) == [-1, -1, 100, 7, 101]
    assert ids(bench, lines, b"", 2, **both) == [100, 101]


def test_huge_lines_and_words(bench: Bench) -> None:
    long = b"x" * 100_000
    assert ids(bench, b"a\n" + long + b"\nb\n", long + b" b " + long + b"y") == [1, 2, -9, -1, -1, -1, -1, -1]
    word = b"y" * 200
    found = ids(bench, b"y\n##y\n" + long, word + b" " + word + b"y", 203, tokenizer="wordpiece")
    assert found == [0, *[1] * 199, -9, -1, -1]


def test_the_header_tells_what_was_done(bench: Bench) -> None:
    recipe = Text(vocabulary="v", tokenizer="wordpiece", start=0, unknown=-5, padding="left", inputs=("mask", "ids"))
    capture = played(bench, b"a\nb\n", [b"a b", b""], recipe, 6, "int32")
    told = capture.header.text
    assert told.vocabulary_sha256 == hashlib.sha256(b"a\nb\n").digest()
    assert (told.tokenizer, told.lowercase, told.padding, told.truncation) == ("wordpiece", True, "left", "tail")
    assert (told.unknown, told.pad, told.start, told.HasField("start"), told.HasField("end")) == (-5, 0, 0, True, False)
    assert list(told.inputs) == ["mask", "ids"]
    assert not capture.header.HasField("preprocess")
    assert all(f.preprocess_ns > 0 for f in capture.of(pb.Frame))


@pytest.mark.parametrize(
    ("vocabulary", "where", "message"),
    [
        (b"", "vocab.txt", "no tokens"),
        (b"\n\r\n\n", "vocab.txt", "no tokens"),
        (b"a 1\n\nb 2147483648\n", "vocab.txt:3", "the token's id is beyond 2147483647"),
        (b"a 1\nb 99999999999999999999999", "vocab.txt:2", "the token's id is beyond 2147483647"),
        (b"x\n" * ((1 << 22) + 1), "vocab.txt", "4194305 tokens; the limit is 4194304"),
        (b"\n" * ((1 << 26) + 1), "vocab.txt", "longer than 67108864 bytes"),
    ],
    ids=["empty", "blank", "id", "long id", "tokens", "bytes"],
)
def test_vocabulary_invalid_says_where(bench: Bench, vocabulary: bytes, where: str, message: str) -> None:
    model = bench.file("input.tflite", several_inputs_model([[1, 8]], "int32"))
    result = bench.run(model, bench.texts(b"a"), "--vocabulary", bench.file("vocab.txt", vocabulary))
    assert result.status == 2
    assert result.error["code"] == "vocabulary-invalid"
    assert result.error["where"].endswith(where)
    assert result.error["message"] == message
    assert isinstance(agent_error(result.stderr.encode(), result.status, "phone"), RecipeError)


@pytest.mark.parametrize(
    ("shapes", "dtype", "options", "code", "message"),
    [
        ([[1, 8]], "float32", "", "input-shape", "text can be fed only to int32 or int64"),
        ([[1, 1]], "int32", "--start-id 1 --end-id 2", "input-shape", "too few values for --start-id and --end-id"),
        ([[1, 8], [1, 9]], "int32", "--text-inputs ids,mask", "input-shape", "as many values as each other"),
        ([[1, 8], [1, 8]], "int32", "", "input-shape", "1 named, the model has 2"),
        ([[1, 8]], "int32", "--text-inputs ids,mask", "input-shape", "2 named, the model has 1"),
    ],
)
def test_input_shape_says_what_the_text_wants(
    bench: Bench, shapes: list[list[int]], dtype: str, options: str, code: str, message: str
) -> None:
    model = bench.file("input.tflite", several_inputs_model(shapes, dtype))
    vocabulary = bench.file("vocab.txt", b"a\n")
    result = bench.run(model, bench.texts(b"a", inputs=len(shapes)), "--vocabulary", vocabulary, *options.split())
    assert result.error["code"] == code
    assert message in result.error["message"]


def test_texts_need_their_vocabulary(bench: Bench) -> None:
    model = bench.file("input.tflite", several_inputs_model([[1, 8]], "int32"))
    result = bench.run(model, bench.texts(b"a"))
    assert (result.error["code"], result.error["where"]) == ("bad-usage", "--vocabulary")
    result = bench.run(model, bench.texts(b"a"), "--vocabulary", bench.folder / "none.txt")
    assert (result.error["code"], result.error["where"]) == ("vocabulary-invalid", str(bench.folder / "none.txt"))


def test_a_text_beyond_the_limit_is_refused(bench: Bench) -> None:
    model = bench.file("input.tflite", several_inputs_model([[1, 8]], "int32"))
    vocabulary = bench.file("vocab.txt", b"a\n")
    result = bench.run(model, bench.texts(b" " * ((1 << 24) + 1)), "--vocabulary", vocabulary)
    assert (result.error["code"], result.error["message"]) == ("frame-unreadable", "longer than 16777216 bytes")
