"""A small share of the diagnosis benchmark: real models, planted bugs, and the right name for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.diagnosis import Plan, run, table


@pytest.mark.slow
@pytest.mark.parametrize("model", ["movie_review", "mobilenet_v1_0.25_224_quant", "kws_float32"])
def test_planted_bugs_are_named(model: str, testdata: Path, tmp_path: Path) -> None:
    words = {
        "movie_review": ("control", "padding-side", "vocabulary-shift", "shuffled", "casing"),
        "mobilenet_v1_0.25_224_quant": ("control", "single permutation", "single rotate", "gamma"),
        "kws_float32": ("control", "single log", "single transposed", "clipping"),
    }[model]
    kinds = ("control", "single", "unknown")
    results = run(Plan(model, testdata, tmp_path, seed=1, kinds=kinds, pairs=0, words=words))
    assert len(results) >= len(words) - 1
    assert not [r for r in results if r.outcome not in {"right", "hidden"}], table(results)
    assert not [r for r in results if r.kind == "control" and r.verdict == "fail"]


@pytest.mark.slow
def test_planted_bugs_of_the_repos_own_models_are_named(tmp_path: Path) -> None:
    """Needs no test data."""
    kinds, words = (
        ("control", "single", "unknown", "hidden"),
        ("control", "padding-side", "shuffled", "hidden truncation"),
    )
    results = run(Plan("reviews", tmp_path, tmp_path, seed=1, kinds=kinds, pairs=0, words=words))
    assert {r.kind for r in results} == set(kinds)
    assert not [r for r in results if r.outcome != "right"], table(results)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["things", "things_int8", "boxes_nms", "whistles_int8", "words"])
def test_faults_behind_the_input_are_named(model: str, tmp_path: Path) -> None:
    results = run(Plan(model, tmp_path, tmp_path, seed=1, kinds=("control", "system"), pairs=0, part=0))
    assert len(results) > 1
    assert not [r for r in results if r.outcome != "right"], table(results)
