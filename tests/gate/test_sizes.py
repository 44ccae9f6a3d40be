"""How many frames are needed: against what the authors of ease.ml/ci published, and against counting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from farm.cli import app
from farm.gate import budget, limits, sizes
from farm.gate.explain import explain
from farm.gate.language import parse

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 32


def test_what_the_authors_of_ease_ml_ci_published_is_met() -> None:
    """github.com/easeml/ci, notebooks/SimpleSampleCalculation.ipynb: 5496 samples."""
    (condition,) = parse("n - o > 0.1 +/- 0.1 @ 0.99")
    found = explain("g", [condition], confidence=0.99, steps=STEPS, adaptivity="full", cells=1, differ=0.1)
    assert found.needs[0].hoeffding == 5496
    assert found.needs[0].exact is not None
    assert found.needs[0].exact < 5496


@pytest.mark.parametrize("adaptivity", ["none", "full"])
@pytest.mark.parametrize("tolerance", [0.1, 0.05, 0.01])
@pytest.mark.parametrize("confidence", [0.99, 0.9999])
def test_the_bounds_are_those_of_their_calculator(
    tolerance: float, confidence: float, adaptivity: budget.Adaptivity
) -> None:
    """There, easeml_cicd/core/utils.py: `shb` of one and of two variables, `shb_p` where answers differ on a share p."""
    shared = (1 - confidence) / (STEPS if adaptivity == "none" else 2**STEPS)
    alpha = budget.alpha(confidence, conditions=1, cells=1, courses=budget.courses(adaptivity, STEPS))
    assert sizes.hoeffding(tolerance, alpha) == math.ceil(-math.log(shared) / (2 * tolerance**2))
    assert sizes.hoeffding(tolerance / 2, alpha / 2) == math.ceil(-4 * math.log(shared / 2) / (2 * tolerance**2))
    p, part = 0.1, tolerance / 0.1
    seldom = -math.log(shared) / (p * ((1 + part) * math.log(1 + part) - part))
    assert sizes.bennett(p, tolerance, alpha) == math.ceil(seldom)


def test_exact_sizes_are_below_the_bounds() -> None:
    for tolerance, alpha in ((0.1, 1e-4), (0.05, 1e-6), (0.02, 1e-3)):
        assert sizes.share(tolerance, alpha) < sizes.hoeffding(tolerance, alpha)
    # Bennett's takes the share that differs for known; where few frames are enough, not to know it costs more.
    for tolerance, alpha in ((0.02, 1e-3), (0.01, 1e-4 / 4 / STEPS)):
        assert sizes.paired(0.1, tolerance, alpha) < sizes.bennett(0.1, tolerance, alpha)


@pytest.mark.parametrize(("tolerance", "alpha"), [(0.2, 0.05), (0.1, 0.01)])
def test_a_share_s_size_is_the_least(tolerance: float, alpha: float) -> None:
    def far(n: int) -> float:
        """The worst that a limit is away from what was measured."""
        return max(k / n - limits.share(k, n, alpha)[0] for k in range(n + 1))

    found = sizes.share(tolerance, alpha)
    assert all(far(n) <= tolerance + 1e-12 for n in range(found, found + 5))
    assert far(found - 1) > tolerance


def test_a_pair_s_size_is_the_least() -> None:
    found = sizes.paired(0.1, 0.02, 0.01)

    def low(n: int) -> float:
        each = math.ceil(n * 0.05)
        return limits.paired(each, each, n, 0.01)[0]

    assert low(found) >= -0.02
    assert low(found - 1) < -0.02


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("top1 >= 0.70", 13),  # 0.7 ** 13 < 0.01
        ("top1 < 0.5", 7),
        ("latency.p90 < 5 ms", 44),  # 0.9 ** 44 < 0.01
        ("latency.p90 > 5 ms", 2),
        ("energy.median <= 12 mJ", 7),
        ("memory.peak <= 1.1 * baseline", 8),  # each side has half of alpha
        ("memory.peak <= 1.1 * baseline @ 0", 1),
        ("top1 > 2", None),
    ],
)
def test_with_fewer_a_condition_cannot_pass(text: str, least: int | None) -> None:
    (condition,) = parse(text)
    assert sizes.need(condition, 0.01, 0.1).least == least


def test_sums_and_beyond_all_labels() -> None:
    (weighted,) = parse("n - 1.1 * o > 0.01 +/- 0.021")
    found = sizes.need(weighted, 0.02, 0.1)
    assert found.exact == sizes.share(0.01, 0.01), "the tolerance is shared by the factors, and alpha by the terms"
    (fine,) = parse("n > 0.5 +/- 0.0001 %")
    found = sizes.need(fine, 0.01, 0.1)
    assert found.exact is None
    assert found.hoeffding is not None
    assert found.hoeffding > 1e12


def test_a_promise_is_shared_by_all_that_is_promised_beside_it() -> None:
    conditions = parse("n > 0.5 @ 0.999 and latency.p90 < 5 ms and memory.peak < 1 GiB @ 0")
    found = explain("g", conditions, confidence=0.99, steps=10, adaptivity="none", cells=4, differ=0.1)
    assert [need.alpha for need in found.needs] == [
        pytest.approx(0.001 / 2 / 4 / 10), pytest.approx(0.01 / 2 / 4), 1.0,
    ]  # fmt: skip


def test_a_condition_is_explained_without_a_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["gate", "explain", "accuracy(new) - accuracy(old) > -0.01 +/- 0.01 @ 0.99", "--differ", "0.05"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    assert "3573" in done.stdout
    assert "4903" in done.stdout
    assert CliRunner().invoke(app, ["gate", "explain", "n >"]).exit_code == 2
