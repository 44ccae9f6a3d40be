"""What a device did to texts: planted bugs are named, alone and in pairs, and nothing else is ever accused."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.planted import word_bugs, words
from farm.model.recipe import Recipe, Text
from tests.assess.planted import TEXT, explain, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.planted.bug import Bug
    from farm.report.explanation import Explanation
    from farm.store.artifacts import ArtifactStore

PAIRS = list(itertools.combinations(word_bugs.BUGS, 2))
seeds = st.integers(0, 2**32 - 1)


def said(bugs: Sequence[Bug], artifacts: ArtifactStore, raw: Sequence[str]) -> Explanation:
    vocabulary = "\n".join(f"{token} {number}" for token, number in TEXT["vocabulary"].items())
    recipe = Recipe(text=Text(vocabulary=artifacts.put(vocabulary.encode()), start=1, unknown=2))
    return explain(raw, recipe, TEXT, words.feed, bugs, artifacts)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds, draw=st.sampled_from(word_bugs.BUGS))
def test_a_bug_is_named(seed: int, draw: word_bugs.Draw, artifacts: ArtifactStore) -> None:
    bug = draw(np.random.default_rng(seed), TEXT)
    found = said([bug], artifacts, texts(seed))
    assert (found.kind, [c.name for c in found.changes]) == ("named", [bug.name])
    assert found.residual == 0
    assert found.diff


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds, draws=st.sampled_from(PAIRS))
def test_pairs_are_named(seed: int, draws: tuple[word_bugs.Draw, word_bugs.Draw], artifacts: ArtifactStore) -> None:
    random = np.random.default_rng(seed)
    both = [draw(random, TEXT) for draw in draws]
    found = said(both, artifacts, texts(seed))
    names = [{c.name for c in found.changes}, *map(set, found.equivalent)]
    assert {b.name for b in both} in names


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds, draw=st.sampled_from(word_bugs.UNKNOWN[:2]))
def test_what_nobody_listed_is_not_given_a_name(seed: int, draw: word_bugs.Draw, artifacts: ArtifactStore) -> None:
    found = said([draw(np.random.default_rng(seed), TEXT)], artifacts, texts(seed))
    assert (found.kind, found.changes) == ("unexplained", ())


@pytest.mark.parametrize(
    ("raw", "draw", "why"),
    [
        (["good movie", "zebra"], word_bugs.truncation, "no text is longer than the input"),
        (["good movie", "zebra"], word_bugs.casing, "capital letters change no id"),
        (["good " * 60], word_bugs.padding, "every text fills the input"),
        (["good movie"], word_bugs.unknown, "the vocabulary has every word"),
    ],
)
def test_what_texts_hide_is_told(raw: list[str], draw: word_bugs.Draw, why: str, artifacts: ArtifactStore) -> None:
    found = said([draw(np.random.default_rng(0), TEXT)], artifacts, raw)
    assert found.kind == "agrees"
    assert why in found.reason
