"""Clusters of first divergences, and the words for who is affected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.compare.fleet import correlations, fleet
from farm.compare.patterns import patterns
from farm.compare.slices import describe, explanation_table, worst_slices
from farm.report.document import Accuracy, Comparison, Divergence, Job, LayerDiff, Run, Target, Verdict

LAYERS = 10
SMALL = 1e-6


def run(number: int, *, model: str, kernel: str, at: int | None, sdk: int = 34, top1: float = 0.8) -> Run:
    """A run whose error grows from layer `at` on."""
    random = np.random.default_rng(number)
    errors = [
        SMALL * random.uniform(1, 3) if at is None or i < at else 0.1 * random.uniform(1, 1.2) for i in range(LAYERS)
    ]
    layers = tuple(
        LayerDiff(node=i, tensor=f"layer{i}", op="CONV_2D", dtype="float32", shape=(1,), running_nrmse=e, cosine=1.0,
                  sqnr_db=None, max_abs=e)
        for i, e in enumerate(errors)
    )  # fmt: skip
    parted = None if at is None else Divergence(node=at, tensor=f"layer{at}", op="CONV_2D", running_nrmse=errors[at])
    comparison = Comparison(
        reference="litert-ref", reference_version="1", frames=8, threshold=0.01, first_divergence=parted, layers=layers
    )
    return Run(
        id=number,
        target=Target(serial=f"serial{number}", abi="arm64-v8a", kind="phone", model=model, sdk=sdk),
        status="done",
        verdict=Verdict(kind="pass" if at is None else "fail", cause="none" if at is None else "unexplained",
                        summary="", confidence=1, n=200),
        accuracy=Accuracy(n=100, top1=top1, top5=None, top1_interval=(0, 1), reference_top1=0.8),
        comparisons=(comparison,),
        conditions={"kernel": kernel, "threads": "1"},
    )  # fmt: skip


def job(*runs: Run) -> Job:
    return Job(job=1, status="done", model="m.tflite", model_sha256="m", inputs="", frames=100, runs=runs)


def test_runs_that_part_alike_are_one_cluster_and_told_by_what_they_share() -> None:
    runs, number = [], 0
    for model in ("Pixel 3", "Pixel 8", "Galaxy S21", "Redmi 9"):
        for kernel in ("delegate", "builtin"):
            for _ in range(4):
                number += 1
                at = 3 if kernel == "builtin" else 7 if model == "Redmi 9" else None
                runs.append(run(number, model=model, kernel=kernel, at=at, top1=0.4 if at == 7 else 0.8))
    found = fleet([job(*runs)])
    assert [(c.node, len(c.runs)) for c in found.clusters] == [(3, 16), (7, 4)]
    first, second = (c.description for c in found.clusters)
    assert first is not None
    assert first.patterns == ("kernel = builtin",)
    assert second is not None
    assert set(second.patterns[0].split(" and ")) == {"kernel = delegate", "model = Redmi 9"}
    assert (second.described, second.right, second.meant) == (4, 4, 4)
    assert found.table[1].words == "kernel = builtin"
    assert "Redmi 9" in found.slices[0].words
    assert all(row.cluster is None for row in found.rows if row.divergence is None)


def test_a_healthy_fleet_has_nothing_to_tell() -> None:
    found = fleet([job(*(run(i, model=f"m{i % 3}", kernel="delegate", at=None) for i in range(12)))])
    assert not found.clusters
    assert not found.table
    assert not found.slices


def test_a_fleet_of_one_and_of_none() -> None:
    assert len(fleet([job(run(1, model="a", kernel="builtin", at=2))]).clusters) == 1
    assert not fleet([job()]).rows


def test_numbers_are_told_by_a_limit() -> None:
    rows: list[dict[str, str | float]] = [
        {"sdk": sdk, "abi": "x" if i % 2 else "y"} for i, sdk in enumerate([28, 29, 30, 31] * 8)
    ]
    told = describe(rows, np.array([row["sdk"] in (28, 29) for row in rows]))
    assert told is not None
    assert told.patterns == ("sdk <= 29",)


def test_what_nothing_tells_is_not_described() -> None:
    random = np.random.default_rng(3)
    rows: list[dict[str, str | float]] = [{"a": str(i % 3), "b": str(i % 2)} for i in range(60)]
    assert describe(rows, random.permutation(np.arange(60) < 30)) is None


def test_slices_of_chance_are_rare() -> None:
    rows: list[dict[str, str | float]] = [{"a": str(i % 5), "b": str(i % 7), "c": float(i % 11)} for i in range(200)]
    found = sum(
        bool(worst_slices(rows, (np.random.default_rng(seed).uniform(size=200) < 0.2).astype(float)))
        for seed in range(60)
    )
    assert found <= 9  # of 60 at 5 %: more has probability 0.002


def test_a_bad_slice_is_told_in_the_fewest_words() -> None:
    random = np.random.default_rng(0)
    rows: list[dict[str, str | float]] = [{"light": ["day", "night"][i % 2], "size": float(i % 9)} for i in range(400)]
    chance = np.array([0.6 if row["light"] == "night" else 0.05 for row in rows])
    first, *_ = worst_slices(rows, (random.uniform(size=400) < chance).astype(float))
    assert first.words == "light = night"
    assert first.support == 200


def test_an_explanation_table_ends_when_it_tells_enough() -> None:
    rows: list[dict[str, str | float]] = [{"abi": ["arm", "x86"][i % 2], "os": str(i % 4)} for i in range(80)]
    affected = np.array([row["abi"] == "arm" for row in rows])
    table = explanation_table(rows, affected)
    assert table[0].words == "all"
    assert len(table) == 2
    assert table[1].words in {"abi = arm", "abi = x86"}


@given(st.lists(st.fixed_dictionaries({"a": st.sampled_from("xyz"), "n": st.floats(-5, 5)}), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_patterns_hold_for_the_rows_they_say(rows: list[dict[str, str | float]]) -> None:
    found = patterns(rows, most=2, least=1)
    assert len({p.rows.tobytes() for p in found}) == len(found)
    for p in found:
        for i, row in enumerate(rows):
            fits = all(
                (row[c.attribute] == c.value if c.sign == "=" else float(row[c.attribute]) <= float(c.value)
                 if c.sign == "<=" else float(row[c.attribute]) > float(c.value))
                for c in p.conditions
            )  # fmt: skip
            assert bool(p.rows[i]) == fits


@given(st.data())
def test_correlations_are_those_of_the_layers_that_both_have(data: st.DataObject) -> None:
    comparisons = []
    for number in range(data.draw(st.integers(1, 4))):
        compared = run(number, model="m", kernel="k", at=data.draw(st.integers(0, LAYERS - 1))).comparisons[0]
        kept = data.draw(st.sets(st.integers(0, LAYERS - 1), min_size=3))
        comparisons.append(compared.model_copy(update={"layers": tuple(d for d in compared.layers if d.node in kept)}))
    found = correlations(comparisons)
    for i, a in enumerate(comparisons):
        for j, b in enumerate(comparisons):
            mine, other = ({d.node: np.log10(d.running_nrmse) for d in c.layers} for c in (a, b))
            both = sorted(mine.keys() & other.keys())
            wanted = np.corrcoef([mine[n] for n in both], [other[n] for n in both])[0, 1] if len(both) > 1 else 1.0
            assert found[i, j] == pytest.approx(wanted, abs=1e-9)
