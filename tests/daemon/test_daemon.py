"""The daemon over its real REST interface: jobs, errors, limits, tokens, leases."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
import pytest

from farm.api.advert import read_advert, read_token
from farm.api.messages import Event, NotFoundError, TokenError
from farm.client import Client, connect
from farm.daemon import Daemon
from farm.errors import DaemonError, InputsError, JobError, NoDeviceError, SelectorError, StorageError
from farm.settings import Runs
from tests.daemon.lab import (
    FRAME,
    FRAME_SHA,
    MODEL_SHA,
    Bench,
    daemon,
    perform,
    preflight,
    settings,
    submission,
    until,
    write_report,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def at(data: Path) -> Iterator[Daemon]:
    made = daemon(settings(data))
    made.start(port=0)
    yield made
    made.stop()


@pytest.fixture
def client(at: Daemon) -> Iterator[Client]:
    with connect(at.settings) as made:
        yield made


def raw(at: Daemon, **headers: str) -> httpx2.Client:
    token = read_token(at.data)
    return httpx2.Client(base_url=at.url, headers={"authorization": f"Bearer {token}", **headers}, trust_env=False)


def test_a_job_runs_on_every_device_and_its_report_is_served(client: Client) -> None:
    job = client.submit(submission("ok"))
    assert [r.target.serial for r in job.runs if r.target] == ["one", "two"]
    over = client.wait(job.job)
    assert over.status == "done"
    assert [(r.status, r.attempt, r.memory_mb, r.error) for r in over.runs] == [("done", 1, 1.0, None)] * 2
    assert [r.target.serial for r in over.runs if r.target] == ["one", "two"], "the plan's target, where none is told"
    assert client.report(job.job) == b"<h1>ok done</h1>"
    assert Path(over.report).read_bytes() == b"<h1>ok done</h1>"
    (listed,) = client.jobs()
    assert (listed.job, listed.status) == (job.job, "done")
    assert [r.verdict for r in listed.runs] == [r.verdict for r in over.runs]


def test_a_selector_narrows_the_job(client: Client) -> None:
    assert len(client.wait(client.submit(submission("ok", "serial=two")).job).runs) == 1


def test_events_tell_progress_and_then_the_end(client: Client, tmp_path: Path) -> None:
    go = tmp_path / "go"
    job = client.submit(submission(f"until {go}", "serial=one")).job
    events = client.events(job)
    seen: list[Event] = []
    for event in events:
        seen.append(event)
        if event.stage:
            break
    assert (seen[-1].stage, seen[-1].done, seen[-1].of, seen[-1].serial) == ("until", 0, 1, "one")
    assert client.job(job).runs[0].stage == "until"
    assert [d.run for d in client.devices()] == [seen[-1].run, None]
    go.touch()
    seen += list(events)
    assert (seen[-1].last, seen[-1].status) == (True, "done")
    assert seen[-2].status == "done"
    assert [e.status for e in client.events(job)] == ["done", "done"], "a job that is over tells so at once"


@pytest.mark.parametrize(
    ("name", "attempts", "code", "status"),
    [
        ("job", 1, "job", "failed"),
        ("lab", 2, "adb", "failed"),
        ("bug", 1, "bug", "failed"),
        ("nan", 1, "bug", "failed"),
    ],
)
def test_only_the_labs_errors_are_tried_again(
    client: Client, at: Daemon, name: str, attempts: int, code: str, status: str
) -> None:
    over = client.wait(client.submit(submission(name, "serial=one")).job)
    (run,) = over.runs
    assert run.error is not None
    assert (over.status, run.status, run.attempt, run.error.code) == (status, status, attempts, code)
    if code == "bug":
        assert {"bug": "ZeroDivisionError", "nan": "confidence"}[name] in Path(run.error.where).read_text()


def test_a_canceled_job_ends_and_gives_its_device_back(client: Client, tmp_path: Path) -> None:
    job = client.submit(submission(f"until {tmp_path / 'never'}", "serial=one")).job
    waiting = client.submit(submission("ok", "serial=one")).job
    until(lambda: client.job(job).runs[0].stage)
    assert client.cancel(job).status == "canceled"
    assert client.wait(job).status == "canceled"
    assert client.wait(waiting).status == "done"
    assert client.cancel(job).status == "canceled"


def test_a_queued_job_is_canceled_before_it_began(client: Client, tmp_path: Path) -> None:
    first = client.submit(submission(f"until {tmp_path / 'go'}", "serial=one")).job
    second = client.submit(submission("ok", "serial=one")).job
    client.cancel(second)
    over = client.wait(second)
    assert (over.status, over.runs[0].attempt) == ("canceled", 0)
    (tmp_path / "go").touch()
    assert client.wait(first).status == "done"


def test_a_run_without_a_sign_of_life_is_tried_again_and_its_late_result_is_refused(data: Path, tmp_path: Path) -> None:
    made = daemon(settings(data, runs=Runs(lease_s=0.3)))
    made.start(port=0)
    try:
        with connect(made.settings) as client:
            free = tmp_path / "free"
            job = client.submit(submission(f"deaf {free}", "serial=one", 0.01)).job
            over = client.wait(job)
            assert (over.runs[0].status, over.runs[0].attempt, over.runs[0].memory_mb) == ("done", 2, 2.0)
            free.touch()
            until(lambda: not any(t.name.startswith("run-") for t in threading.enumerate()))
            assert client.job(job) == over
    finally:
        made.stop()


def test_a_run_whose_device_stays_away_fails(data: Path) -> None:
    bench = Bench("one", "two")
    made = Daemon(
        settings(data, runs=Runs(device_wait_s=0.2)),
        perform=perform,
        preflight=preflight,
        write_report=write_report,
        fleet=bench,
    )
    made.artifacts.put(b"a model")
    made.artifacts.put(FRAME)
    made.start(port=0)
    try:
        with connect(made.settings) as client:
            gone = data.parent / "go"
            first = client.submit(submission(f"until {gone}", "serial=one")).job
            second = client.submit(submission("ok", "serial=one")).job
            until(lambda: client.job(first).status == "running")
            bench.attached = bench.attached[1:]
            error = client.wait(second).runs[0].error
            assert error is not None
            assert (error.code, "device_wait_s" in error.remedy) == ("no-device", True)
            with pytest.raises(SelectorError):
                client.submit(submission("ok", "serial=one"))
            bench.attached = []
            with pytest.raises(NoDeviceError) as e:
                client.submit(submission("ok"))
            assert "farm virtual up" in e.value.remedy
            gone.touch()
    finally:
        made.stop()


def test_errors_arrive_as_they_were_raised(client: Client, at: Daemon) -> None:
    with pytest.raises(JobError) as e:
        client.submit(submission("refused"))
    assert (e.value.message, e.value.where, e.value.remedy) == ("refused", "preflight", "another model")
    with pytest.raises(SelectorError, match="column 1"):
        client.submit(submission("ok", "nonsense"))
    with pytest.raises(InputsError, match="not uploaded"):
        client.submit(submission("ok").model_copy(update={"model_sha256": "0" * 64}))
    with pytest.raises(InputsError, match="not uploaded"):
        client.submit(submission("ok").model_copy(update={"model_sha256": "../../etc/passwd"}))
    for ask in (client.job, client.cancel, client.report, lambda n: list(client.events(n))):
        with pytest.raises(NotFoundError):
            ask(99)
    assert client.jobs() == []


def test_a_bug_in_a_request_is_reported_in_full(at: Daemon) -> None:
    with raw(at) as http:
        answer = http.post("/api/jobs", json=submission("broken preflight").model_dump(mode="json"))
    assert (answer.status_code, answer.json()["kind"]) == (500, "bug")
    assert "ZeroDivisionError" in Path(answer.json()["where"]).read_text()


def test_a_submission_sent_twice_is_one_job(at: Daemon) -> None:
    body = submission("ok").model_dump(mode="json")
    with raw(at, **{"idempotency-key": "k" * 32}) as http:
        first, second = (http.post("/api/jobs", json=body) for _ in range(2))
    assert first.json()["job"] == second.json()["job"]


def test_artifacts_are_sent_once_verified_and_read_back(client: Client, at: Daemon, tmp_path: Path) -> None:
    content = os.urandom(900_000)
    sha256 = hashlib.sha256(content).hexdigest()
    file, empty = tmp_path / "big", tmp_path / "empty"
    file.write_bytes(content)
    empty.touch()
    files = {sha256: file, hashlib.sha256().hexdigest(): empty}
    assert client.upload(files) == len(content)
    assert client.upload(files) == 0
    assert at.artifacts.read(sha256) == content
    with raw(at) as http:
        assert http.get(f"/api/artifacts/{sha256}").content == content
        assert http.get(f"/api/artifacts/{'0' * 64}").status_code == 404
        wrong = http.put(f"/api/artifacts/{'0' * 64}", content=b"something else")
        assert (wrong.status_code, wrong.json()["code"]) == (400, "inputs")
        assert http.put("/api/artifacts/..%2f..%2fetc", content=b"x").status_code in (404, 422)
        assert http.post("/api/missing", json={"sha256": ["../x"]}).status_code == 422
        asked = {"sha256": [MODEL_SHA, "0" * 64, FRAME_SHA, "0" * 64]}
        assert http.post("/api/missing", json=asked).json() == {"sha256": ["0" * 64]}
    with pytest.raises(InputsError, match="cannot be read"):
        client.upload({"1" * 64: tmp_path / "none"})
    assert not list(at.artifacts.folder.glob("new-*"))


def test_bodies_over_the_limit_are_refused_with_and_without_a_length(at: Daemon) -> None:
    too_much = b"x" * ((1 << 20) + 1)
    sha256 = hashlib.sha256(too_much).hexdigest()
    with raw(at) as http:
        assert http.put(f"/api/artifacts/{sha256}", content=too_much).json()["code"] == "too-large"
        chunked = http.put(f"/api/artifacts/{sha256}", content=iter([too_much[:1000], too_much[1000:]]))
        assert chunked.status_code == 413
    # Only announced: nothing of it is read.
    connection = http_connection(at)
    connection.putrequest("POST", "/api/jobs")
    connection.putheader("authorization", f"Bearer {read_token(at.data)}")
    connection.putheader("content-length", str(1 << 40))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    assert not at.artifacts.has(sha256)
    assert not list(at.artifacts.folder.glob("new-*"))


def http_connection(at: Daemon) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(at.url).netloc, timeout=10)


def test_an_upload_that_breaks_off_leaves_nothing(at: Daemon) -> None:
    sha256 = hashlib.sha256(b"x" * 1000).hexdigest()
    connection = http_connection(at)
    connection.putrequest("PUT", f"/api/artifacts/{sha256}")
    connection.putheader("authorization", f"Bearer {read_token(at.data)}")
    connection.putheader("content-length", "1000")
    connection.endheaders()
    connection.send(b"x" * 500)
    until(lambda: list(at.artifacts.folder.glob("new-*")))
    connection.close()
    until(lambda: not list(at.artifacts.folder.glob("new-*")))
    assert not at.artifacts.has(sha256)


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic eDp5", "Bearer \u00e9"])
def test_without_the_token_only_health_answers(at: Daemon, header: str | None) -> None:
    headers = {b"authorization": header.encode("latin-1")} if header else {}
    with httpx2.Client(base_url=at.url, headers=headers, trust_env=False) as http:
        assert http.get("/api/health").json() == {"pid": os.getpid()}
        for method, path in (("GET", "/api/jobs"), ("POST", "/api/jobs"), ("GET", "/openapi.json"), ("GET", "/none")):
            answer = http.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (401, "token")


def test_the_client_raises_a_token_error(at: Daemon) -> None:
    (at.data / "token").write_text("not-the-token")
    with connect(at.settings) as client, pytest.raises(TokenError):
        client.jobs()


def test_a_page_rebound_to_this_address_gets_nothing(at: Daemon) -> None:
    port = urlsplit(at.url).port
    with raw(at) as http:
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port}.evil.example", ""):
            assert http.get("/api/jobs", headers={"host": host}).status_code in (400, 421), host
        assert http.get("/api/jobs", headers={"host": f"localhost:{port}"}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"model_name": 1}',
        b'{"surprise": 1}',
        b"[" * 100_000,
        b"\xff",
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_submission_is_the_callers_error(at: Daemon, body: bytes) -> None:
    with raw(at, **{"content-type": "application/json"}) as http:
        answer = http.post("/api/jobs", content=body)
        assert (answer.status_code // 100, answer.json()["kind"]) == (4, "job")
        assert http.get("/api/jobs/0").status_code == 422
        assert http.get(f"/api/jobs/{10**30}").status_code == 422
        assert http.get("/api/jobs?limit=-1").status_code == 422
        assert http.delete("/api/jobs").status_code == 405
        assert http.get("/api/nothing").json()["code"] == "not-found"


def test_files_of_the_data_folder_are_the_owners(data: Path) -> None:
    made = Daemon(settings(data), perform=perform, fleet=Bench("one"))
    made.start(port=0)
    try:
        assert data.stat().st_mode & 0o777 == 0o700
        for name in ("token", "daemon.json", "daemon.lock"):
            assert (data / name).stat().st_mode & 0o077 == 0
        token = read_token(data)
        assert token is not None
        for file in data.glob("state.db*"):
            assert token.encode() not in file.read_bytes(), "only its hash is stored"
    finally:
        made.stop()


def test_one_daemon_a_folder(at: Daemon) -> None:
    second = daemon(at.settings)
    with pytest.raises(DaemonError, match=f"process {os.getpid()}"):
        second.start(port=0)
    second.stop()
    assert read_advert(at.data) is not None, "the refused one must not take down the advert of the other"


def test_a_port_that_is_taken_is_a_daemon_error_and_lets_go_of_the_folder(at: Daemon, tmp_path: Path) -> None:
    port = urlsplit(at.url).port
    assert port is not None
    for _ in range(2):
        other = daemon(settings(tmp_path / "other"))
        with pytest.raises(DaemonError, match="cannot listen"):
            other.start(port=port)


def test_a_data_folder_that_cannot_be_used_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be used"):
        Daemon(settings(tmp_path / "file" / "data"), perform=perform, fleet=Bench()).start(port=0)
    (tmp_path / "data" / "state.db").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"state\.db"):
        Daemon(settings(tmp_path / "data"), perform=perform, fleet=Bench()).start(port=0)


def test_stop_ends_open_streams_and_every_thread(data: Path, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    made = daemon(settings(data))
    made.start(port=0)
    with raw(made) as http:
        job = http.post("/api/jobs", json=submission(f"until {tmp_path / 'never'}").model_dump(mode="json")).json()[
            "job"
        ]
        with http.stream("GET", f"/api/jobs/{job}/events") as stream:
            lines = stream.iter_lines()
            next(lines)
            until(lambda: len(list(tmp_path.glob("never.*"))) == 2)
            made.stop()
            assert list(lines) is not None  # the stream ended, or this would hang
    until(lambda: set(threading.enumerate()) <= before)
    assert read_advert(data) is None
    made.stop()
    again = daemon(settings(data))
    again.start(port=0)
    try:
        document = again.jobs.job(job)
        assert [r.attempt for r in document.runs] in ([0, 0], [1, 1], [0, 1], [1, 0]), "handing over costs no attempt"
        (tmp_path / "never").touch()
        until(lambda: again.jobs.job(job).status == "done")
        assert [r.attempt for r in again.jobs.job(job).runs] == [1, 1]
    finally:
        again.stop()


def test_a_report_that_cannot_be_written_does_not_keep_the_job_open(data: Path) -> None:
    def broken(job: object, folder: Path) -> Path:
        raise ZeroDivisionError("oops")

    made = Daemon(settings(data), perform=perform, preflight=preflight, write_report=broken, fleet=Bench("one"))
    made.artifacts.put(b"a model")
    made.artifacts.put(FRAME)
    made.start(port=0)
    try:
        with connect(made.settings) as client:
            over = client.wait(client.submit(submission("ok")).job)
            assert (over.status, over.report) == ("done", "")
            with pytest.raises(NotFoundError, match="no report"):
                client.report(over.job)
            assert "ZeroDivisionError" in (data / "bugs" / f"report-{over.job}.txt").read_text()
    finally:
        made.stop()


def test_many_clients_at_once(at: Daemon) -> None:
    jobs: list[int] = []

    def submit() -> None:
        with connect(at.settings) as client:
            job = client.submit(submission("ok")).job
            assert client.wait(job).status == "done"
            jobs.append(job)

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(jobs)) == 8


def test_the_api_is_described(at: Daemon) -> None:
    with raw(at) as http:
        described = json.loads(http.get("/openapi.json").content)
    assert "/api/jobs/{job}/events" in described["paths"]


def test_a_run_that_hears_nothing_does_not_hold_up_the_end_and_is_not_lost(data: Path, tmp_path: Path) -> None:
    free = tmp_path / "free"
    made = daemon(settings(data))
    made.start(port=0)
    job = made.jobs.submit(submission(f"deaf {free}", "serial=one"), None).job
    until(Path(f"{free}.1.started").exists)
    made.stop()
    made = daemon(settings(data))
    made.start(port=0, eager=False)
    try:
        assert [(r.status, r.attempt) for r in made.jobs.job(job).runs] == [("queued", 0)]
        free.touch()
        made.jobs.watch(job)
        until(lambda: made.jobs.job(job).status == "done")
    finally:
        made.stop()
    until(lambda: not any(t.name.startswith("run-") for t in threading.enumerate()))


def test_a_canceled_run_that_hears_nothing_ends_with_its_lease(data: Path, tmp_path: Path) -> None:
    free = tmp_path / "free"
    made = daemon(settings(data, runs=Runs(lease_s=0.3)))
    made.start(port=0)
    try:
        job = made.jobs.submit(submission(f"deaf {free}", "serial=one", 0.01), None).job
        until(Path(f"{free}.1.started").exists)
        made.jobs.cancel(job)
        until(lambda: made.jobs.job(job).status == "canceled")
    finally:
        free.touch()
        made.stop()
