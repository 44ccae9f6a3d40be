"""A daemon's files over REST: the bundle of a run, retention, the floor of free space, strays of dead processes."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.api.messages import NotFoundError
from farm.client import connect
from farm.client.upkeep import UpkeepClient
from farm.daemon import Daemon
from farm.errors import AdbError, StorageError
from farm.report.document import CaptureLink, EvidenceLink, Run
from farm.report.measures import Samples
from farm.run.dossier import HIDDEN, redacted
from farm.run.work import BrokenOffError
from farm.sections.devices import Meter
from farm.settings import Api, Retention, Runs, Settings
from farm.store.integrity import temporaries
from farm.store.tarball import Member, gzipped, tar
from tests.daemon.lab import FRAME, MODEL, MODEL_SHA, Bench, preflight, submission, until, write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.run.work import Progress, Work
    from farm.store.artifacts import ArtifactStore

    Start = Callable[..., Daemon]
DAY = 86400.0


def performing(artifacts: ArtifactStore) -> Callable[[Work, Progress, Callable[[], None]], Run]:
    """Each run leaves a capture; the first attempt at `flaky` fails and leaves evidence."""

    def perform(work: Work, progress: Progress, check: Callable[[], None]) -> Run:
        name, content = work.submission.model_name, f"capture of {work.run_id}.{work.attempt}".encode()
        link = CaptureLink(
            name="latency", sha256=artifacts.put(content), bytes=len(content), complete=True, path="here"
        )
        artifacts.put(f"tensors of {work.run_id}".encode())
        sampled = Samples(sha256=artifacts.put(f"samples of {work.run_id}".encode()), path="here", rows=1)
        run = Run(id=work.run_id, target=None, status="done", attempt=work.attempt, captures=(link,), samples=sampled)
        if name == "flaky" and work.attempt == 1:
            said = f"log of {work.run_id}".encode()
            evidence = EvidenceLink(name="logcat-main.txt", attempt=1, sha256=artifacts.put(said), bytes=len(said))
            raise BrokenOffError(
                AdbError("the cable", remedy="plug it in"), run.model_copy(update={"evidence": (evidence,)})
            )
        while name.startswith("until") and not os.path.exists(name[6:]):  # noqa: PTH110
            time.sleep(0.01)
            check()
        return run

    return perform


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    made: list[Daemon] = []

    def begin(**changed: object) -> Daemon:
        settings = Settings(data=tmp_path / "data", **{"run": Runs(retry_s=0.01), **changed})  # type: ignore[arg-type]
        daemon = Daemon(settings, preflight=preflight, write_report=write_report, fleet=Bench("one"))
        daemon._perform = performing(daemon.artifacts)
        daemon.artifacts.put(MODEL)
        daemon.artifacts.put(FRAME)
        daemon.start(port=0)
        made.append(daemon)
        return daemon

    yield begin
    for daemon in made:
        daemon.stop()


def age(daemon: Daemon, days: float) -> None:
    """Make every artifact so much older."""
    for file in daemon.artifacts.folder.glob("??/*"):
        at = file.stat().st_mtime - days * DAY
        os.utime(file, (at, at))


def unpack(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {m.name: f.read() for m in archive.getmembers() if (f := archive.extractfile(m)) is not None}


def test_a_bundle_holds_all_of_a_run(start: Start, tmp_path: Path) -> None:
    daemon = start(meter=Meter(command=("meter", "--password", "hush", "http://me:hush@there/")))
    with connect(daemon.settings) as client:
        job = client.wait(client.submit(submission("flaky")).job)
        (run,) = job.runs
        assert (run.status, run.attempt) == ("done", 2)
        assert [(e.name, e.attempt) for e in run.evidence] == [("logcat-main.txt", 1)], (
            "kept of the attempt that failed"
        )
        size = UpkeepClient(client).bundle(run.id, tmp_path / "run.tar.gz")
        with pytest.raises(NotFoundError):
            UpkeepClient(client).bundle(99, tmp_path / "none.tar.gz")
    assert not (tmp_path / "none.tar.gz").exists()
    assert (tmp_path / "run.tar.gz").stat().st_size == size
    files = unpack(tmp_path / "run.tar.gz")
    assert files["captures/latency.mcap"] == f"capture of {run.id}.2".encode()
    assert files["evidence/attempt-1/logcat-main.txt"] == f"log of {run.id}".encode()
    assert files["samples.parquet"] == f"samples of {run.id}".encode()
    assert files["report.html"] == b"<h1>flaky done</h1>"
    assert Run.model_validate_json(files["run.json"]) == run
    assert json.loads(files["submission.json"])["model_name"] == "flaky"
    assert json.loads(files["versions.json"])["installed"]["packages"]["ai-edge-litert"]
    assert [e["kind"] for e in json.loads(files["events.json"])["job"]].count("requeued") == 1
    manifest = json.loads(files["manifest.json"])
    assert {f["name"]: f["bytes"] for f in manifest["files"]} == {
        name: len(content) for name, content in files.items() if name != "manifest.json"
    }
    own = (daemon.data / "token").read_bytes().strip()
    assert not [name for name, content in files.items() if b"hush" in content or own in content]


def test_why_an_attempt_failed_is_seen_while_the_run_waits_again(start: Start, tmp_path: Path) -> None:
    daemon = start(run=Runs(retry_s=600))
    with connect(daemon.settings) as client:
        job = client.submit(submission("flaky")).job
        until(lambda: client.job(job).runs[0].error)
        (run,) = client.job(job).runs
        assert (run.status, [e.attempt for e in run.evidence]) == ("queued", [1])
        UpkeepClient(client).bundle(run.id, tmp_path / "run.tar.gz")
        assert "evidence/attempt-1/logcat-main.txt" in unpack(tmp_path / "run.tar.gz")
        client.cancel(job)


def test_retention_removes_captures_and_the_document_says_so(start: Start) -> None:
    daemon = start(retention=Retention(disk_gb=0, capture_days=10, tensor_days=5, every_h=1))
    with connect(daemon.settings) as client:
        job = client.wait(client.submit(submission("ok")).job)
        at = UpkeepClient(client)
        assert at.collect().files == {}
        age(daemon, 7)
        assert at.collect(dry_run=True).files == {"tensors": 1}
        assert at.collect().files == {"tensors": 1}
        age(daemon, 7)
        done = at.collect()
        assert done.files == {"capture": 2}, "the capture, and what was sampled beside it"
        assert done.bytes == {"capture": job.runs[0].captures[0].bytes + len("samples of 1")}
        after = client.job(job.job).runs[0]
        assert [c.removed for c in after.captures] == [True]
        assert after.samples is not None
        assert after.samples.removed
        assert after.status == "done"
        assert daemon.artifacts.has(MODEL_SHA), "model_days is 0: no limit"


def test_what_a_waiting_job_needs_stays_whatever_the_budget(start: Start, tmp_path: Path) -> None:
    daemon = start(retention=Retention(disk_gb=1e-9))
    go = tmp_path / "go"
    with connect(daemon.settings) as client:
        first = client.submit(submission(f"until {go}")).job
        until(lambda: client.job(first).runs[0].status == "running")
        second = client.submit(submission("ok")).job
        age(daemon, 100)
        done = UpkeepClient(client).collect()
        assert done.budget_bytes == 1
        assert daemon.artifacts.has(MODEL_SHA)
        go.touch()
        assert [client.wait(job).status for job in (first, second)] == ["done", "done"]
        age(daemon, 100)
        UpkeepClient(client).collect()
        assert not list(daemon.artifacts.folder.glob("??/*")), "now nothing is needed any more"
        assert client.job(second).runs[0].captures[0].removed


def test_a_full_disk_refuses_work_and_says_what_to_do(start: Start) -> None:
    daemon = start(api=Api(disk_floor_mb=1 << 40))
    with connect(daemon.settings) as client, pytest.raises(StorageError, match="are free") as e:
        client.submit(submission("ok"))
    assert "farm gc" in e.value.remedy


def test_strays_of_dead_processes_go_and_what_is_being_written_stays(start: Start, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "artifacts").mkdir(parents=True)
    (data / "incoming" / "tmpx").mkdir(parents=True)
    (data / "incoming" / "tmpx" / "latency.mcap").write_bytes(b"half")
    stray, fresh = data / "artifacts" / "new-stray", data / "artifacts" / "new-fresh"
    for file in (stray, fresh):
        file.write_bytes(b"half")
    os.utime(stray, (0, 0))
    start()
    assert not stray.exists()
    assert fresh.exists()
    assert list((data / "incoming").iterdir()) == []
    assert temporaries(data) == [fresh]


@given(st.lists(st.tuples(st.text("abc/", min_size=1, max_size=120), st.binary(max_size=2000)), max_size=8))
def test_an_archive_reads_back_with_pythons_own_reader(files: list[tuple[str, bytes]]) -> None:
    files = [(f"x{name}x", content) for name, content in files]
    whole = b"".join(gzipped(tar([Member.of_bytes(name, content) for name, content in files])))
    with tarfile.open(fileobj=io.BytesIO(whole), mode="r:gz") as archive:
        read = [(m.name, f.read()) for m in archive.getmembers() if (f := archive.extractfile(m)) is not None]
    assert read == files


def test_a_file_that_changed_meanwhile_breaks_the_archive_off() -> None:
    with pytest.raises(StorageError):
        b"".join(tar([Member("x", 5, lambda: (b"four",))]))


@given(st.text("abcxyz", min_size=4).map(lambda t: f"hush{t}"), st.sampled_from(["token", "api_key", "x_password"]))
def test_secrets_are_not_told(secret: str, key: str) -> None:
    shown = redacted(
        {
            "a": {key: secret, "url": f"https://me:{secret}@host/", "name": "shelf"},
            "command": ("run", f"--{key}", secret, f"--{key}={secret}", "plain"),
        }
    )
    assert secret not in json.dumps(shown)
    assert shown["a"]["name"] == "shelf"
    assert shown["command"] == ["run", f"--{key}", HIDDEN, f"--{key}={HIDDEN}", "plain"]
