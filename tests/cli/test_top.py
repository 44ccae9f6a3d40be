"""`farm top` on a lab at work: for people on a terminal, once, and for scripts."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from farm.api.messages import Event, JobState, LabEvent
from farm.cli import app
from farm.cli.top import BAR, FAILURES, Lab, bar
from farm.client import connect
from tests.conftest import ROOT
from tests.daemon.lab import daemon, settings, submission, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """A lab with a run under way on `one`, one waiting behind it, and one that failed."""
    at = daemon(settings(tmp_path / "data"))
    at.start(port=0)
    with connect(at.settings) as client:
        failed = client.submit(submission("job", "serial=two")).job
        client.wait(failed)
        first = client.submit(submission(f"until {tmp_path / 'never'}", "serial=one")).job
        client.submit(submission("ok", "serial=one"))
        until(lambda: client.job(first).runs[0].stage)
    file = tmp_path / "farm.toml"
    file.write_text("data = 'data'\n")
    yield file
    at.stop()


def test_scripts_get_one_document(config: Path) -> None:
    told = json.loads(CliRunner().invoke(app, ["--config", str(config), "top", "--json"]).stdout)
    assert [(d["device"], d["condition"]) for d in told["devices"]] == [("one", "device"), ("two", "device")]
    assert [(r["serial"], r["stage"], r["done"], r["of"]) for r in told["running"]] == [("one", "until", 0, 1)]
    assert (told["queued"], told["jobs"]) == (1, 2)
    assert [(f["serial"], f["message"]) for f in told["failures"]] == [("two", "the model is wrong")]


def test_once_prints_a_table_and_ends(config: Path) -> None:
    text = CliRunner().invoke(app, ["--config", str(config), "top", "--once"]).stdout
    assert "1 running, 1 queued in 2 jobs; 2 device" in text
    assert "the model is wrong" in text


def test_on_a_terminal_q_ends_it(config: Path) -> None:
    mine, its = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-c", "from farm.cli import main; main()", "--config", str(config), "top"],
        stdin=its, stdout=its, stderr=its, cwd=ROOT, env={**os.environ, "TERM": "xterm", "COLUMNS": "150", "LINES": "40"},
    )  # fmt: skip
    os.close(its)
    seen = b""
    deadline = time.monotonic() + 60
    try:
        while b"the model is wrong" not in seen:
            assert time.monotonic() < deadline, seen
            if select.select([mine], [], [], 1.0)[0]:
                seen += os.read(mine, 65536)
        assert program.poll() is None
        os.write(mine, b"q")
        while program.poll() is None:
            assert time.monotonic() < deadline, "q was not heard"
            if select.select([mine], [], [], 0.1)[0]:
                try:
                    os.read(mine, 65536)
                except OSError:  # the other end is closed
                    break
        assert program.wait(60) == 0
    finally:
        if program.poll() is None:
            program.kill()
            program.wait()
        os.close(mine)


STATUSES = ["queued", "running", "done", "failed", "canceled"]
events = st.lists(
    st.builds(
        lambda job, run, status: LabEvent(run=Event(job=job, run=run, serial="s", status=status)),
        st.integers(1, 3), st.integers(1, 20), st.sampled_from(STATUSES),
    )
    | st.builds(
        lambda job, status: LabEvent(job=JobState(job=job, status=status, user="u", model="m")),
        st.integers(1, 3), st.sampled_from(STATUSES),
    ),
    max_size=60,
)  # fmt: skip


@given(events)
def test_what_is_shown_is_what_was_said_last(said: list[LabEvent]) -> None:
    lab = Lab()
    runs: dict[int, str] = {}
    jobs: dict[int, str] = {}
    failed: list[int] = []
    for event in said:
        lab.apply(event)
        if event.job is not None:
            jobs[event.job.job] = event.job.status
        elif event.run is not None and event.run.run is not None:
            runs[event.run.run] = event.run.status
            if event.run.status == "failed":
                failed = [n for n in failed if n != event.run.run] + [event.run.run]
    seen = lab.glance()
    assert [run.run for run in seen.running] == sorted(n for n, status in runs.items() if status == "running")
    assert seen.queued == sum(status == "queued" for status in runs.values())
    assert seen.jobs == sum(status in {"queued", "running"} for status in jobs.values())
    assert [f.run for f in seen.failures] == failed[::-1][:FAILURES]


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_bar_has_one_width(done: int, of: int) -> None:
    text = bar(Event(job=1, run=1, status="running", done=done, of=of))
    assert (len(text.partition(" ")[0]) == BAR) if of else text == ""
