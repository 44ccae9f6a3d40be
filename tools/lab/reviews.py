"""Made-up reviews and their vocabularies, for text.

The author's verdict comes first and in capitals often enough; what others say comes last, and says the contrary: a lost case, the
wrong end cut off, ids off by one, all cost. In the second kind the judgement sits in the pieces of words (useful, useless).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

CLASSES = ("negative", "neutral", "positive")
_GOOD = ["good", "great", "lovely", "superb", "delightful", "brilliant", "charming", "solid", "excellent", "pleasant"]
_BAD = ["bad", "awful", "dreadful", "poor", "dull", "clumsy", "boring", "terrible", "weak", "unpleasant"]
_PLAIN = ["blue", "heavy", "square", "portable", "Swedish", "folded", "second", "wooden", "spare", "round"]
_NOUNS = ["phone", "film", "book", "lamp", "hotel", "meal", "song", "chair", "bicycle", "museum", "camera", "jacket"]
_PEOPLE = ["brother", "neighbor", "boss", "teacher", "cousin", "aunt"]
_FILLER = (
    "We bought it on a Monday in March",
    "It came in a box with two keys and a map",
    "There was a queue at the door for an hour",
    "The shop near the station sells three of them",
    "Nobody told us where to put it",
    "It's about as large as a loaf of bread",
    "I first saw it at the market last year",
    "The manual has forty pages and a drawing",
    "Our train left at nine so we had to hurry",
)
_STEMS = ["use", "help", "harm", "power", "taste", "care", "hope", "color", "end", "rest"]
_PIECE_GOOD, _PIECE_BAD = "ful", "less"
SPECIAL = ("[PAD]", "[START]", "[END]", "[UNKNOWN]")
"""Ids 0 to 3 of both vocabularies."""


def review(label: int, rng: np.random.Generator) -> str:
    """A review whose author thinks `CLASSES[label]`; 8 to 70 words."""
    noun = str(rng.choice(_NOUNS))
    first = f"The {noun} is {_verdict(label, rng)}."
    rest = [str(s) + "." for s in rng.choice(_FILLER, int(rng.integers(0, 6)), replace=False)]
    if rng.random() < 0.6:
        rest.append(f"My {rng.choice(_PEOPLE)} says the {noun} is {_verdict(2 - label, rng)}.")
    return " ".join([first, *rest])


def _verdict(label: int, rng: np.random.Generator) -> str:
    words = str(rng.choice((_BAD, _PLAIN, _GOOD)[label]))
    if label != 1 and rng.random() < 0.3:
        words = "not " + str(rng.choice((_GOOD, _PLAIN, _BAD)[label]))
    if rng.random() < 0.3:
        words = ("very " if rng.random() < 0.5 else "really ") + words
    shape = rng.random()
    return words.upper() if shape < 0.4 else words.capitalize() if shape < 0.55 else words


def pieces(label: int, rng: np.random.Generator) -> str:
    """A remark whose judgement is in the endings of words; `label` is 0 (negative) or 1 (positive). 6 to 25 words."""
    ending = _PIECE_GOOD if label else _PIECE_BAD
    stems = [str(s) for s in rng.choice(_STEMS, 2, replace=False)]
    noun = str(rng.choice(_NOUNS))
    words = [stems[0] + ending, stems[1] + ending]
    shape = rng.random()
    words = [w.upper() if shape < 0.35 else w.capitalize() if shape < 0.5 else w for w in words]
    rest = str(rng.choice(_FILLER)) if rng.random() < 0.5 else ""
    return f"This {noun} is {words[0]}, {words[1]}! {rest}".strip()


def vocabulary() -> list[str]:
    """Of reviews: the words that are met, but for some, which stay unknown."""
    text = " ".join([*_GOOD, *_BAD, *_PLAIN, *_NOUNS, *_PEOPLE, *_FILLER, "the is my says not very really"])
    words = sorted({w.lower() for w in text.split()} - {"swedish", "loaf", "forty"})
    return [*SPECIAL, *words]


def piece_vocabulary() -> list[str]:
    """Of remarks: whole words, stems and `##` endings."""
    text = " ".join([*_NOUNS, *_STEMS, *_FILLER, "this is"])
    words = sorted({w.lower() for w in text.replace("'", " ' ").split()} - {"march", "bread"})
    return [*SPECIAL, "!", ",", ".", *words, f"##{_PIECE_GOOD}", f"##{_PIECE_BAD}", "##s", "##e", "##d"]
