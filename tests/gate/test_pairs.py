"""Jobs with `--pair`: B is new, A is old, and both ran in turn on one device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from farm.errors import GateError
from tests.gate.lab import Manner, gate, up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gate.lab import GateLab

STEADY = tuple(1 + 0.001 * i for i in range(20))
GATES = (
    gate("answers", "accuracy(new) - accuracy(old) > -0.1 +/- 0.05", "d < 0.2", "top1 > 0.5"),
    gate("times", "pair.latency_ratio < 1.05", "latency.median < 1.05 * baseline"),
    gate("memory", "memory.peak <= 1.1 * baseline @ 0"),
    gate("energy", "energy.median < 5 mJ @ 0", "layers.worst < 1 @ 0"),
    gate("b", "top1 > 0.5", models=["b"]),
    gate("a", "top1 > 0.5", models=["a"]),
)


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateLab]:
    with up(tmp_path_factory.mktemp("pairs") / "data", *GATES) as found:
        yield found


def test_b_is_new_and_a_is_old_frame_by_frame(at: GateLab) -> None:
    answer = at.check("answers", at.pair(Manner(wrong=20), Manner(wrong=22)))
    (cell,) = answer.cells
    assert (answer.outcome, answer.against) == ("pass", "a, the A of its pair")
    assert (cell.model, cell.configuration, cell.runs, cell.notes) == ("b", "b against a", cell.against, ())
    paired, differ, alone = cell.decisions
    assert paired.parts == {"top1(new)": 178 / 200, "top1(old)": 180 / 200}
    assert paired.estimate == pytest.approx(-0.01)
    assert (paired.n, differ.estimate, alone.n) == (200, 0.01, 200)
    assert at.check("answers", at.pair(Manner(wrong=20), Manner(wrong=90))).outcome == "fail"


def test_rounds_are_compared_one_by_one_so_that_heat_is_in_both(at: GateLab) -> None:
    same = at.check("times", at.pair(Manner(ms=STEADY), Manner(ms=STEADY))).cells[0]
    rounds, pooled = same.decisions
    assert (rounds.answer, rounds.n, rounds.counted, rounds.estimate) == ("pass", 10, "rounds", 1.0)
    assert (pooled.answer, pooled.n) == ("undecided", 10 * at.frames), "the device got ten times slower meanwhile"
    slower = at.check("times", at.pair(Manner(ms=STEADY), Manner(ms=[1.2 * ms for ms in STEADY])))
    assert slower.outcome == "fail"
    assert slower.cells[0].decisions[0].estimate == pytest.approx(1.2)
    twice = at.check("times", at.pair(Manner(ms=STEADY), Manner(ms=STEADY), times=2)).cells[0]
    assert (twice.decisions[0].n, len(twice.runs)) == (20, 2)


def test_what_a_pair_does_not_tell_is_said(at: GateLab) -> None:
    job = at.pair(Manner(memory_mb=100), Manner(memory_mb=109))
    assert at.check("memory", job).outcome == "pass"
    energy, layers = at.check("energy", job).cells[0].decisions
    assert energy.reason == "the energy of a pair's two variants is not told apart: submit each alone"
    assert layers.reason.endswith("tells no layers.worst: submit its B alone")
    assert at.check("b", job).outcome == "pass"
    with pytest.raises(GateError, match="none of its runs is of this gate"):
        at.check("a", job)
    with pytest.raises(GateError, match="whose B is compared with its A"):
        at.check("memory", job, against="last-passed")
    broken = at.check("b", at.pair(Manner(fails_on="one"), Manner()))
    assert broken.outcome == "undecided"
    assert "is failed: the cable" in broken.summary


def test_a_job_that_is_no_pair_is_compared_with_none(at: GateLab) -> None:
    pair, alone = at.pair(Manner(), Manner()), at.job("b", Manner())
    assert at.check("memory", pair).outcome == "pass"
    assert "no earlier job passed gate memory" in at.check("memory", alone).summary
    with pytest.raises(GateError, match="it is a pair, which is compared with itself"):
        at.check("memory", alone, against=str(pair))
    ratio = at.check("times", alone, against=str(at.job("b", Manner()))).cells[0].decisions[0]
    assert "is no pair: `farm submit --pair` runs two in turn" in ratio.reason


def test_without_captures_a_pair_says_so(at: GateLab) -> None:
    job = at.pair(Manner(wrong=20), Manner(wrong=20))
    for capture in at.client.job(job).runs[0].captures:
        at.daemon.artifacts.path(capture.sha256).unlink(missing_ok=True)  # equal rounds are one file
    paired, differ, alone = at.check("answers", job).cells[0].decisions
    assert (paired.answer, differ.answer, alone.answer) == ("undecided", "undecided", "pass")
    assert "its captures were removed by retention" in differ.reason
