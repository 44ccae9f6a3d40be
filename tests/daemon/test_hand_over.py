"""Daemons that come, go and die, in processes of their own: nothing that was submitted is lost."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm.api.advert import read_advert
from farm.client import connect
from farm.daemon import DEATHS
from farm.report.document import Job
from farm.store.integrity import check
from tests.daemon.lab import daemon, settings, submission, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Spawn = Callable[..., "subprocess.Popen[str]"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def spawn(data: Path) -> Iterator[Spawn]:
    processes: list[subprocess.Popen[str]] = []

    def start(command: str, argument: str) -> subprocess.Popen[str]:
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.daemon.lab", command, str(data), argument],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    text = process.stdout.readline().strip()
    if not text:
        process.wait(60)
        assert process.stderr is not None
        raise AssertionError(process.stderr.read())
    return text


def over(process: subprocess.Popen[str]) -> Job:
    return Job.model_validate_json(line(process).removeprefix("over "))


def started(go: Path, attempt: int, serial: str = "one") -> bool:
    return Path(f"{go}.{serial}.{attempt}").exists()


def holder(data: Path) -> int | None:
    advert = read_advert(data)
    return advert.pid if advert else None


def free_port() -> str:
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return str(s.getsockname()[1])


def test_a_daemon_killed_in_the_middle_of_a_run_resumes(data: Path, spawn: Spawn, tmp_path: Path) -> None:
    go = tmp_path / "go"
    first = spawn("serve", free_port())
    line(first)
    with connect(settings(data), make_daemon=daemon) as client:
        job = client.submit(submission(f"until {go}")).job
        until(lambda: started(go, 1) and started(go, 1, "two"))
        result: list[Job] = []
        waiting = threading.Thread(target=lambda: result.append(client.wait(job)))
        waiting.start()
        first.kill()
        first.wait()
        # The client that waits becomes the daemon itself, and the runs are tried again.
        until(lambda: started(go, 2))
        go.touch()
        waiting.join(60)
        assert holder(data) == os.getpid()
        assert client.embedded
    assert [(r.status, r.attempt) for r in result[0].runs] == [("done", 2)] * 2
    assert check(data).problems == ()


@pytest.mark.slow
def test_a_run_that_kills_its_daemon_each_time_ends(data: Path, spawn: Spawn, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = 0
    for attempt in range(1, DEATHS + 1):
        process = spawn("serve", free_port())
        line(process)
        if attempt == 1:
            with connect(settings(data), make_daemon=daemon) as client:
                job = client.submit(submission(f"until {go}", "serial=one")).job
        until(partial(started, go, attempt))
        process.kill()
        process.wait()
    with connect(settings(data), make_daemon=daemon) as client:
        last = client.wait(job)
    assert last.status == "failed"
    assert {r.error.code for r in last.runs if r.error} == {"daemon"}
    assert check(data).problems == ()


@pytest.mark.slow
def test_a_daemon_that_is_stopped_hands_over_without_costing_an_attempt(
    data: Path, spawn: Spawn, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    first = spawn("serve", free_port())
    line(first)
    client = spawn("submit", f"until {go}")
    line(client)
    until(lambda: started(go, 1))
    first.send_signal(signal.SIGTERM)
    assert first.wait(60) == 0
    until(lambda: holder(data) == client.pid)
    go.touch()
    done = over(client)
    assert [(r.status, r.attempt) for r in done.runs] == [("done", 1)] * 2
    assert client.wait(60) == 0
    assert read_advert(data) is None


def test_two_clients_share_one_embedded_daemon_which_waits_for_the_other(
    data: Path, spawn: Spawn, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    said: list[str] = []
    with connect(settings(data), make_daemon=daemon, say=said.append) as client:
        job = client.submit(submission("ok")).job
        other = spawn("submit", f"until {go}")
        line(other)
        until(lambda: started(go, 1))
        assert client.wait(job).status == "done"
        threading.Timer(0.5, go.touch).start()
    assert any("still running job" in text for text in said)
    assert other.wait(60) == 0
    assert over(other).status == "done"


@pytest.mark.slow
def test_ctrl_c_on_the_embedded_daemon_hands_over_to_the_client_that_waits(
    data: Path, spawn: Spawn, tmp_path: Path
) -> None:
    mine, other = tmp_path / "mine", tmp_path / "other"
    owner = spawn("submit", f"until {mine}")
    line(owner)
    until(lambda: started(mine, 1))
    client = spawn("submit", f"until {other}")
    line(client)
    owner.send_signal(signal.SIGINT)  # gives up its own job, goes on for the other's
    assert owner.stderr is not None
    assert "still running job 2" in owner.stderr.readline()
    owner.send_signal(signal.SIGINT)  # hands over
    assert "handed over" in owner.stderr.readline()
    owner.wait(60)
    mine.touch()
    other.touch()
    assert over(client).status == "done"
    client.wait(60)
    with connect(settings(data), make_daemon=daemon) as at:
        assert at.wait(1).status == "done", "the job given up was not lost either"


@pytest.mark.slow
def test_a_client_that_is_killed_leaves_its_job_to_the_next(data: Path, spawn: Spawn, tmp_path: Path) -> None:
    go = tmp_path / "go"
    owner = spawn("submit", f"until {go}")
    line(owner)
    until(lambda: started(go, 1))
    other = spawn("submit", "ok")
    line(other)
    owner.kill()
    owner.wait()
    go.touch()
    assert over(other).status == "done"


def test_leaving_without_waiting_still_runs_the_job(data: Path) -> None:
    said: list[str] = []
    with connect(settings(data), make_daemon=daemon, say=said.append) as client:
        job = client.submit(submission("ok")).job
    with connect(settings(data), make_daemon=daemon, say=said.append) as client:
        assert client.job(job).status == "done"


def test_a_stale_advert_of_a_reused_port_is_not_believed(data: Path, tmp_path: Path) -> None:
    stranger = daemon(settings(tmp_path / "other"))
    stranger.start(port=0)
    try:
        data.mkdir()
        (data / "daemon.json").write_text(f'{{"url": "{stranger.url}", "pid": 1}}')
        (data / "token").write_text("t" * 40)
        with connect(settings(data), make_daemon=daemon) as client:
            assert client.jobs() == []
            advert = read_advert(data)
            assert advert is not None
            assert advert.url != stranger.url
    finally:
        stranger.stop()


def test_a_look_at_the_list_starts_no_run(data: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    said: list[str] = []

    def give_up() -> None:
        with connect(settings(data), make_daemon=daemon, say=said.append) as client:
            client.submit(submission(f"until {go}"))
            until(lambda: started(go, 1))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()
    assert any("handed over" in text for text in said)
    for file in tmp_path.glob("go.*"):
        file.unlink()
    with connect(settings(data), make_daemon=daemon) as client:
        assert [(j.job, j.status) for j in client.jobs()] == [(1, "running")]
        time.sleep(0.3)
        assert client.cancel(1).status == "canceled"
    assert not started(go, 1)


def test_after_sigterm_what_runs_ends_and_nothing_begins(data: Path, spawn: Spawn, tmp_path: Path) -> None:
    go, waiting = tmp_path / "go", tmp_path / "waiting"
    first = spawn("drain", free_port())
    line(first)
    with connect(settings(data), make_daemon=daemon) as client:
        running = client.submit(submission(f"until {go}")).job
        queued = client.submit(submission(f"until {waiting}")).job
        until(lambda: started(go, 1) and started(go, 1, "two"))
        first.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert first.poll() is None, "it waits for its runs"
        assert client.job(running).status == "running", "and answers meanwhile"
        go.touch()
        assert first.wait(60) == 0
    assert not started(waiting, 1)
    waiting.touch()
    with connect(settings(data), make_daemon=daemon) as client:
        assert [(r.status, r.attempt) for r in client.wait(running).runs] == [("done", 1)] * 2
        assert client.wait(queued).status == "done"


def test_a_signal_that_another_thread_takes_ends_it(spawn: Spawn) -> None:
    """The kernel may give a process's signal to any thread, and Python's handlers run in the main one."""
    first = spawn("drain", free_port())
    line(first)
    threads = {int(thread.name) for thread in Path(f"/proc/{first.pid}/task").iterdir()}
    other = min(threads - {first.pid})  # the oldest: one that stays
    assert ctypes.CDLL(None).tgkill(first.pid, other, signal.SIGTERM) == 0
    assert first.wait(60) == 0


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_hands_over_at_once(data: Path, spawn: Spawn, tmp_path: Path, second: signal.Signals) -> None:
    go = tmp_path / "go"
    first = spawn("drain", free_port())
    line(first)
    with connect(settings(data), make_daemon=daemon) as client:
        job = client.submit(submission(f"until {go}")).job
    until(lambda: started(go, 1))
    first.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert first.poll() is None
    first.send_signal(second)
    assert first.wait(60) == 0
    go.touch()
    with connect(settings(data), make_daemon=daemon) as client:
        assert [(r.status, r.attempt) for r in client.wait(job).runs] == [("done", 1)] * 2
