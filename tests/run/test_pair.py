"""Two variants on one lease: A B A B on a virtual phone, and what is said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from farm.compare.pair import conclude
from farm.report.document import Latency, Pair, Side
from farm.work.matrix import axes, expand
from farm.work.prepare import Prepared, RecipeFlags
from tests.conftest import DEMO
from tests.run.test_perform import Bench, bench

if TYPE_CHECKING:
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.virtual import VirtualPhone


@pytest.fixture
def b(adb: AdbServer, phone: VirtualPhone, tmp_path: Path) -> Bench:
    return bench(adb, phone, tmp_path)


@pytest.mark.slow
def test_a_slower_variant_is_told_from_chance(b: Bench) -> None:
    base = b.submission()
    asked = axes([DEMO / "model.tflite"], "delegate,reference", "1", "cpu", "")
    made = expand(Prepared(base, {}), asked, None, None, RecipeFlags(), {"pair": True})
    submission = made.submission.model_copy(update={"pair_rounds": 4, "frames": base.frames[::10]})
    run = b.perform(submission)
    assert run.pair is not None
    assert run.verdict is not None
    assert [c.name for c in run.captures] == [f"latency-{side}{n}" for n in range(4) for side in "ab"]
    assert (run.pair.a.name, run.pair.b.name) == ("kernel=delegate", "kernel=reference")
    assert run.pair.latency_interval[0] > 2, "reference kernels are much slower"
    assert run.pair.latency_ratio > run.pair.noise_ratio
    assert run.pair.agreement == 1.0
    assert run.pair.p_value == 1.0
    assert (run.verdict.kind, run.verdict.cause) == ("pass", "none")
    assert "kernel=reference takes" in run.verdict.summary


def side(name: str, top1: float | None = None) -> Side:
    return Side(name=name, model="m", latency_ms=Latency(median=1, p90=1, n=1, interval=(1, 1)), top1=top1)


@pytest.mark.parametrize(
    ("ratio", "interval", "top1", "p", "kind", "words"),
    [
        (1.3, (1.2, 1.4), (None, None), None, "pass", "B takes 1.300x the time of A [1.200, 1.400]"),
        (1.01, (0.98, 1.03), (None, None), None, "pass", "no difference in time"),
        (1.0, (0.9, 1.1), (0.9, 0.5), 0.001, "fail", "top-1 0.900 and 0.500"),
        (1.0, (0.9, 1.1), (0.5, 0.9), 0.001, "pass", "top-1 0.500 and 0.900"),
        (1.0, (0.9, 1.1), (0.9, 0.89), 0.5, "pass", "p = 0.5"),
    ],
)
def test_a_difference_is_named_and_lost_accuracy_fails(
    ratio: float,
    interval: tuple[float, float],
    top1: tuple[float | None, float | None],
    p: float | None,
    kind: str,
    words: str,
) -> None:
    pair = Pair(
        a=side("A", top1[0]), b=side("B", top1[1]), rounds=10, frames=3, latency_ratio=ratio,
        latency_interval=interval, noise_ratio=1.0, p_value=p,
    )  # fmt: skip
    verdict = conclude(pair)
    assert verdict.kind == kind
    assert words in verdict.summary
