"""Server-sent events of the whole lab: a snapshot, then each change; to be gone on with; never a burden to the daemon."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import httpx2
import psutil
import pytest

from farm.api.messages import LabEvent
from farm.client import Client, connect
from farm.fleet.device import Device
from farm.queue.board import Doing
from farm.store import changes, nights, regressions
from farm.submission import Terms
from tests.api.conftest import http
from tests.api.test_hostile import dial, head
from tests.daemon.lab import Bench, daemon, submission, until
from tests.notify.kit import add_check, add_schedule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.daemon import Daemon


@pytest.fixture
def client(at: Daemon) -> Iterator[Client]:
    with connect(at.settings) as made:
        yield made


def words(events: list[LabEvent]) -> list[str]:
    """Each event as `job 1 queued`, `run 2 running`, `device one`, `gone one`."""
    return [
        f"job {e.job.job} {e.job.status}" if e.job
        else f"run {e.run.run} {e.run.status}" if e.run
        else f"device {e.device.serial}" if e.device
        else f"gone {e.gone}"
        for e in events
    ]  # fmt: skip


def test_a_snapshot_holds_what_is_open_and_every_device(client: Client, tmp_path: Path) -> None:
    over = client.submit(submission("ok", "serial=one")).job
    client.wait(over)
    job = client.submit(submission(f"until {tmp_path / 'go'}", "serial=two")).job
    until(lambda: client.job(job).runs[0].stage)
    run = client.job(job).runs[0].id
    events = list(client.lab_events(follow=False))
    assert words(events) == [f"job {job} running", f"run {run} running", "device one", "device two"]
    assert events[0].job is not None
    assert (events[0].job.user, events[0].job.model) == (at_user(client), f"until {tmp_path / 'go'}")
    assert events[1].run is not None
    assert (events[1].run.serial, events[1].run.stage) == ("two", "until")
    (tmp_path / "go").touch()
    client.wait(job)


def at_user(client: Client) -> str:
    return client.tokens()[0].user


def test_every_change_is_told(client: Client, at: Daemon) -> None:
    heard: list[LabEvent] = []
    listening = threading.Event()

    def listen() -> None:
        with connect(at.settings) as other:
            for event in other.lab_events():
                heard.append(event)
                listening.set()
                if event.gone:
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    listening.wait(60)
    job = client.submit(submission("ok", "serial=one")).job
    client.wait(job)
    bad = client.submit(submission("job", "serial=one")).job
    client.wait(bad)
    until(lambda: f"job {bad} failed" in words(heard))
    bench = at._fleet
    assert isinstance(bench, Bench)
    bench.attached = [Device("one", "offline", {}), *bench.attached[1:]]
    until(lambda: any(e.device and e.device.state == "offline" for e in heard))
    bench.attached = bench.attached[1:]
    thread.join(60)
    assert not thread.is_alive()
    told = words(heard)
    assert told.index(f"job {job} done") > told.index("run 1 done")
    assert [e.run.message for e in heard if e.run and e.run.status == "failed"] == ["the model is wrong"]
    assert told[-1] == "gone one"


def ids(at: Daemon, last: str | None = None) -> tuple[str, list[str]]:
    """The last id, and the names of the events, of a stream that does not follow."""
    headers = {"last-event-id": last} if last is not None else {}
    with http(at) as raw, raw.stream("GET", "/api/events", params={"follow": False}, headers=headers) as answer:
        assert answer.status_code == 200
        events = list(httpx2.EventSource(answer))
    return next(e.id for e in reversed(events) if e.event == "at"), [e.data for e in events if e.event == "lab"]


def follow(at: Daemon, last: str, number: int) -> list[LabEvent]:
    with http(at) as raw, raw.stream("GET", "/api/events", headers={"last-event-id": last}) as answer:
        lab = (LabEvent.model_validate_json(e.data) for e in httpx2.EventSource(answer) if e.event == "lab")
        return list(itertools.islice((e for e in lab if e.device is None), number))


def test_a_client_goes_on_where_it_was(client: Client, at: Daemon, tmp_path: Path) -> None:
    last, _ = ids(at)
    job = client.submit(submission("ok", "serial=one")).job
    client.wait(job)
    assert words(follow(at, last, 2)) == ["run 1 done", f"job {job} done"], "what it missed, as it is now"
    waiting = client.submit(submission(f"until {tmp_path / 'go'}", "serial=one")).job
    for strange in ("999999999", "-1"):
        with http(at) as raw:
            answer = raw.get("/api/events", params={"follow": False}, headers={"last-event-id": strange})
        if strange == "-1":
            assert answer.status_code == 422
        else:
            assert f'"job":{waiting}' in answer.text, "an id of another lab: a snapshot"
    (tmp_path / "go").touch()
    client.wait(waiting)


def test_a_night_is_told_until_it_is_judged_and_a_gate_when_it_is_checked(at: Daemon) -> None:
    schedule = add_schedule(at.state)
    seen = first = changes.newest(at.state)

    def told() -> list[changes.Now]:
        nonlocal seen
        seen, found = changes.since(at.state, seen, 100)
        return found

    night, _ = nights.begin(at.state, schedule)
    assert told() == [changes.NightNow(night, "nightly", "open", "", judged=0)]
    for new in (True, False):
        nights.tell(at.state, night, "no device is ready")
        assert bool(told()) == new
    nights.fail(at.state, night, "none came")
    assert told() == [changes.NightNow(night, "nightly", "failed", "none came", judged=0)]
    regressions.judged(at.state, night, 1.0, series=0, shifts=())
    assert told() == [changes.NightNow(night, "nightly", "failed", "none came", judged=1)]
    job = at.state.add_job(submission("ok"), [])
    told()
    add_check(at.state, "nightly", 2.0)
    assert told() == [changes.GateNow("nightly", job, "fail", "4a5b6c")]
    streamed = [e.model_dump_json(exclude_defaults=True) for e in follow(at, str(first), 3)]
    assert streamed[1:] == [
        f'{{"night":{{"night":{night},"schedule":"nightly","status":"failed","note":"none came","judged":true}}}}',
        f'{{"gate":{{"gate":"nightly","job":{job},"outcome":"fail","subject":"4a5b6c"}}}}',
    ]


def test_a_stream_outlives_its_daemon(at: Daemon) -> None:
    heard: list[LabEvent] = []

    def listen() -> None:
        with connect(at.settings, make_daemon=daemon) as other:
            for event in other.lab_events():
                heard.append(event)
                if event.job and event.job.status == "done":
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    until(lambda: heard)
    at.stop()
    with connect(at.settings, make_daemon=daemon) as client:
        client.wait(client.submit(submission("ok", "serial=one")).job)
        thread.join(60)
    assert not thread.is_alive()


def test_clients_that_read_nothing_neither_grow_the_daemon_nor_hold_its_end(at: Daemon, tmp_path: Path) -> None:
    job = at.jobs.submit(
        submission(f"until {tmp_path / 'never'}").model_copy(update={"terms": Terms(times=1000)}), None
    ).job
    process = psutil.Process()
    with contextlib.ExitStack() as held:
        deaf = [held.enter_context(dial(at, receive_buffer=4096)) for _ in range(20)]
        for s in deaf[::2]:
            s.sendall(head(at, "GET /api/events"))
        for s in deaf[1::2]:
            s.sendall(head(at, f"GET /api/jobs/{job}/events"))
        for s in deaf:
            until(partial(s.recv, 1, socket.MSG_PEEK))

        def change(times: int) -> None:
            for i in range(times):
                at._board.post(job, 1, Doing("until", i, times))
                time.sleep(0.05)  # for something to pile up

        change(20)
        before = process.memory_info().rss
        change(40)
        assert process.memory_info().rss - before < 16 << 20
        with http(at) as raw:
            assert raw.get("/api/health").status_code == 200
        ended = threading.Thread(target=at.stop)
        ended.start()
        ended.join(30)
        assert not ended.is_alive()
