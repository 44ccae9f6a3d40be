"""Checks of a real daemon over stored runs: what is compared, what it costs, and what is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from farm.api.messages import ForbiddenError, NotFoundError, TokenRequest
from farm.client import Client
from farm.client.gates import GateClient
from farm.errors import GateError
from tests.gate.lab import Manner, gate, up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gate.lab import GateLab

PAIRED = "accuracy(new) - accuracy(old) > -0.1 +/- 0.05"
SLOWER = "latency.p90 < 1.05 * baseline"
GATES = (
    gate("paired", PAIRED),
    gate("differ", "d < 0.05"),
    gate("twice", "top1 > 0.5", steps=4),
    gate("spent", "top1 > 0.5 and memory.peak < 200 MiB @ 0", steps=2, mode="fn-free"),
    gate("full", "top1 > 0.5", "latency.median < 2 ms", adaptivity="full", mode="fp-free", steps=8),
    gate("first-change", "top1 > 0.5", "latency.median < 2 ms", adaptivity="first-change", mode="fp-free", steps=8),
    gate("every", "top1 > 0.5", mode="fn-free"),
    gate("one", "top1 > 0.5", on="serial=one"),
    gate("invocations", SLOWER),
    gate("both", SLOWER, "memory.peak < 2 * baseline @ 0"),
    gate("runs", SLOWER, over="runs"),
    gate("measured", f"{SLOWER} @ 0 and memory.peak <= 100 MiB @ 0"),
)
NOISY = tuple(1 + 0.001 * i for i in range(100))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateLab]:
    with up(tmp_path_factory.mktemp("gates") / "data", *GATES) as found:
        yield found


@pytest.fixture
def at(shared: GateLab) -> GateLab:
    """The lab, with a test set that no other test uses."""
    shared.frames += 1
    return shared


def test_frames_are_paired_and_a_job_is_compared_with_the_last_that_passed(at: GateLab) -> None:
    first, second, worse, last = (at.job("m", Manner(wrong=w)) for w in (20, 22, 90, 23))
    alone = at.check("paired", first)
    assert (alone.outcome, alone.cells[0].decisions[0].n) == ("undecided", 0)
    assert "no earlier job passed" in alone.summary
    assert alone.budget is not None
    assert alone.budget.spent == 0, "nothing was learnt of the test set"
    begun = at.check("paired", second, against=str(first))
    (decision,) = begun.cells[0].decisions
    assert begun.outcome == "pass"
    assert decision.parts == {"top1(new)": (at.frames - 22) / at.frames, "top1(old)": (at.frames - 20) / at.frames}
    assert decision.estimate == pytest.approx(-2 / at.frames)
    assert decision.low is not None
    assert decision.low > -0.08, "2 frames differ: no unpaired test could say so much"
    assert at.check("paired", worse).outcome == "fail"
    final = at.check("paired", last)
    assert (final.against, final.outcome) == (f"job {second}, the last that passed", "pass")
    assert [answer.job for answer in at.at.history("paired")] == [last, worse, second, first]


def test_the_same_question_twice_has_one_answer_and_is_paid_for_once(at: GateLab) -> None:
    job = at.job("m", Manner(), commit="abc123")
    with ThreadPoolExecutor(4) as pool:
        asked = list(pool.map(lambda _: at.daemon.gates.check("twice", job, "", commit="", user="ana"), range(4)))
    first, again = asked[0], at.check("twice", job, commit="def456")
    assert all(one.id == first.id for one in asked)
    assert (first.subject, again.subject) == ("abc123", "def456")
    assert again.model_copy(update={"subject": first.subject}) == first
    assert first.budget is not None
    assert first.budget.spent == 1
    view = next(view for view in at.at.views() if view.name == "twice")
    assert view.budget is not None
    assert (view.budget.left, view.last) == (3, first)


def test_a_test_set_that_is_spent_answers_nothing_more(at: GateLab) -> None:
    jobs = [at.job("m", Manner()) for _ in range(3)]
    assert [at.check("spent", job).outcome for job in jobs] == ["pass", "pass", "undecided"]
    last = at.check("spent", jobs[2])
    answers, cost = last.cells[0].decisions
    assert (answers.answer, answers.estimate, cost.answer) == ("undecided", None, "pass")
    assert last.summary.count("label a new one") == 1
    at.frames += 1  # another test set
    assert at.check("spent", at.job("m", Manner())).outcome == "pass"


@pytest.mark.parametrize(
    ("adaptivity", "outcomes"), [("full", ["pass", "pass"]), ("first-change", ["pass", "undecided"])]
)
def test_of_a_test_set_that_is_used_adaptively_the_answer_alone_is_told(
    at: GateLab, adaptivity: str, outcomes: list[str]
) -> None:
    answers = [at.check(adaptivity, at.job("m", Manner(wrong=wrong))) for wrong in (20, 22)]
    assert [answer.outcome for answer in answers] == outcomes
    assert answers[0].sure == 0.99, "of a pass, in fp-free mode"
    hidden, cost = answers[0].cells[0].decisions
    assert hidden.answer == "withheld"
    assert (hidden.estimate, hidden.low, hidden.high, hidden.more, hidden.parts) == (None, None, None, None, {})
    assert (cost.answer, cost.estimate) == ("pass", 1.0)
    (row,) = at.daemon.state.read("SELECT document FROM gate_checks WHERE id = ?", answers[0].id)
    assert str((at.frames - 20) / at.frames)[:5] not in row[0], "nor is it stored"


def test_every_device_has_to_pass_and_a_run_without_a_result_is_no_pass(at: GateLab) -> None:
    both = at.check("every", at.job("m", Manner(), on=""))
    assert [cell.serial for cell in both.cells] == ["one", "two"]
    assert both.outcome == "pass"
    assert [cell.decisions[0].alpha for cell in both.cells] == pytest.approx([0.01 / 2 / 32] * 2)
    broken = at.job("m", Manner(fails_on="two"), on="")
    answer = at.check("every", broken)
    assert answer.outcome == "undecided", "no mode makes a pass of it"
    assert "is failed: the cable" in answer.summary
    assert at.check("one", broken).outcome == "pass"
    with pytest.raises(GateError, match="none of its runs is of this gate"):
        at.check("one", at.job("m", Manner(), on="serial=two"))


def test_latency_is_counted_in_invocations_or_in_runs(at: GateLab) -> None:
    old, same, slow = (at.job("m", Manner(ms=[f * ms for ms in NOISY])) for f in (1.0, 1.0, 1.2))
    against = str(old)
    assert at.check("invocations", same, against=against).outcome == "pass"
    assert at.check("invocations", slow, against=against).outcome == "fail"
    one = at.check("runs", same, against=against)
    assert (one.outcome, one.cells[0].decisions[0].n, one.cells[0].decisions[0].counted) == ("undecided", 1, "runs")
    assert (one.sure, at.check("invocations", same, against=against).sure) == (0, 0.99)
    measured = at.check("measured", same, against=against)
    assert (measured.outcome, measured.confidence, measured.budget) == ("pass", 0.0, None)
    nine, slow_nine = (at.job("m", Manner(ms=[f * ms for ms in NOISY]), times=9) for f in (1.0, 1.2))
    assert at.check("runs", slow_nine, against=str(nine)).outcome == "fail"


def test_a_reason_that_conditions_share_is_told_once(at: GateLab) -> None:
    answer = at.check("both", at.job("alone", Manner()))
    assert answer.summary == "alone on one: 2 conditions: no earlier job passed gate both: name one with --against JOB"


def test_without_captures_counts_stand_in_and_it_is_said(at: GateLab) -> None:
    old, new = at.job("m", Manner(wrong=20)), at.job("m", Manner(wrong=20))
    same = at.check("differ", new, against=str(old)).cells[0].decisions[0]
    assert (same.answer, same.estimate, same.n) == ("pass", 0.0, at.frames)
    for capture in at.client.job(old).runs[0].captures:
        at.daemon.artifacts.path(capture.sha256).unlink()
    answer = at.check("paired", new, against=str(old))
    assert answer.outcome == "undecided"
    (note,) = answer.cells[0].notes
    assert note.startswith("not paired: run ")
    assert note.endswith("its captures were removed by retention")
    assert answer.cells[0].decisions[0].estimate == 0.0


def test_an_accepted_level_is_a_baseline(at: GateLab) -> None:
    slow, accepted, new = (at.job("accepted", Manner(ms=[f * ms for ms in NOISY])) for f in (1.0, 2.0, 2.0))
    assert at.check("invocations", new, against="baseline").cells[0].decisions[0].n == 0
    run = at.client.job(accepted).runs[0].id
    with at.daemon.state.write() as db:  # as `farm regressions accept` does
        db.execute(
            "INSERT INTO baselines (series, at, user, reason) SELECT series, at, 'ana', 'a safer kernel' FROM points"
            " WHERE run = ?",
            (run,),
        )
    answer = at.check("invocations", new, against="baseline")
    assert answer.cells[0].against == (run,)
    assert answer.outcome == "pass"
    assert at.check("invocations", new, against=str(slow)).outcome == "fail"


def test_gates_say_what_they_need(at: GateLab) -> None:
    one, many = at.at.explain("paired", cells=1), at.at.explain("paired", cells=50, differ=0.02)
    assert one.needs[0].exact is not None
    assert many.needs[0].alpha == pytest.approx(one.needs[0].alpha / 50)
    assert at.at.explain("runs").needs[0].counted == "runs"
    with pytest.raises(NotFoundError, match="there is no such gate") as e:
        at.at.explain("pared")
    assert e.value.remedy == "did you mean 'paired'?"


def test_a_check_takes_the_scope_to_submit(at: GateLab) -> None:
    job = at.job("m", Manner())
    reader = at.daemon.door.create(TokenRequest(name="reader", user="ana", scope="read")).token
    with Client.at(at.daemon.url, reader) as client:
        assert GateClient(client).views()
        with pytest.raises(ForbiddenError):
            GateClient(client).check("twice", job)
    at.check("twice", job)
    newest = next(line for line in at.client.audit() if line.action == "check gate")
    assert newest.subject == f"gate twice, job {job}: pass"
