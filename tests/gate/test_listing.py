"""`farm gate list` as people read it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from farm.cli import app
from farm.gate.check import unanswered
from farm.store import gate_checks
from tests.daemon.lab import until
from tests.gate.lab import GateLab, Manner, gate
from tests.gate.test_nights import night
from tests.schedule.lab import schedule

if TYPE_CHECKING:
    from pathlib import Path

GATES = (
    gate("release", "top1 > 0.5", steps=8, schedules=["nightly", "gone"]),
    gate("costs", "memory.peak < 1 GiB @ 0"),
)


@pytest.mark.slow
def test_it_tells_when_each_was_checked_the_answer_and_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "farm.toml").write_text('data = "data"\n')

    def listed() -> str:
        done = CliRunner().invoke(app, ["--config", str(tmp_path / "farm.toml"), "gate", "list"])
        assert done.exit_code == 0, done.stderr
        return " ".join(done.stdout.split())

    with GateLab(tmp_path / "data", GATES).started() as at:
        assert "release top1 > 0.5 every device nightly, gone never - -" in listed()
        assert "no schedule is called nightly, gone: see farm schedule list" in listed()
        at.daemon.schedules.add(schedule(), at.asked("m"))
        job = night(at, Manner())
        until(lambda: not gate_checks.due(at.daemon.state, "release", ["nightly"], 0.0))
        told = listed()
        assert f", job {job} pass 7 of 8 checks left" in told
        unable = unanswered(GATES[0], job, "none of its runs is of this gate", user="nightly", now=time.time())
        gate_checks.add(at.daemon.state, "another", unable, test_set="", cost=0.0)
        assert f", job {job} undecided 7 of 8 checks left" in listed(), "what looked at no test set hides none"
        assert "costs memory.peak < 1 GiB @ 0 every device - never - -" in told
        assert "no schedule is called gone:" in told
        at.check("costs", job)
        assert f", job {job} pass - no schedule" in listed(), "a figure that is measured anew wears nothing out"
