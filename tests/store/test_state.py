"""The state file: claims, fencing, recovery, on a real SQLite file."""

from __future__ import annotations

import ast
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from farm.errors import DaemonError, StorageError
from farm.report.document import CaptureLink, Failure, Run, Target
from farm.store import schema, sqlite
from farm.store.state import LeaseLostError, State
from farm.submission import InputFrame, Submission

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = Submission(
    model_name="m", model_sha256="0" * 64, frames=(InputFrame(name="f", kind="image", sha256=("0" * 64,)),)
)
LAB = Failure(kind="infrastructure", code="adb", message="the cable")
ROOT = Path(__file__).parents[2]


def target(serial: str) -> Target:
    return Target(serial=serial, abi="x86_64", kind="virtual")


def done(run: int, status: str = "done") -> Run:
    return Run.model_validate({"id": run, "target": None, "status": status})


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(tmp_path / "state.db")
    yield made
    made.close()


def test_a_job_reads_back_as_it_was_submitted(state: State) -> None:
    job = state.add_job(ASKED, [target("a"), target("b")])
    read = state.job(job)
    assert read is not None
    assert (read.status, read.model, [r.target for r in read.runs]) == ("queued", "m", [target("a"), target("b")])
    assert state.submission(job) == ASKED
    assert [j.job for j in state.jobs(10)] == [job]
    assert state.job(job + 1) is None


def test_the_same_key_is_the_same_job(state: State) -> None:
    first = state.add_job(ASKED, [target("a")], key="k")
    assert state.add_job(ASKED, [target("a")], key="k") == first
    assert state.job_of_key("k") == first
    assert state.add_job(ASKED, [target("a")]) != first


def test_of_many_claims_at_once_one_gets_the_run(state: State) -> None:
    state.add_job(ASKED, [target("a")])
    (run,) = state.queued()
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: state.claim(run.id, 1.0), range(32)))
    assert sum(c is not None for c in claims) == 1


def test_a_device_is_leased_to_one_run_at_a_time(state: State) -> None:
    state.add_job(ASKED, [target("a")])
    state.add_job(ASKED, [target("a")])
    first, second = state.queued()
    lease = state.claim(first.id, 1.0)
    assert lease is not None
    assert state.claim(second.id, 1.0) is None
    assert state.queued() == [second], "a claim refused leaves the run as it was"
    state.finish(lease.token, done(first.id))
    later = state.claim(second.id, 1.0)
    assert later is not None
    assert later.token > lease.token


def test_an_old_token_commits_nothing(state: State) -> None:
    state.add_job(ASKED, [target("a")])
    (run,) = state.queued()
    old = state.claim(run.id, 1.0)
    assert old is not None
    state.requeue(old.token, LAB, counted=True)
    new = state.claim(run.id, 2.0)
    assert new is not None
    assert new.attempt == 2
    with pytest.raises(LeaseLostError):
        state.finish(old.token, done(run.id, "failed"))
    with pytest.raises(LeaseLostError):
        state.renew(old.token, 9.0)
    with pytest.raises(LeaseLostError):
        state.requeue(old.token, LAB, counted=True)
    state.finish(new.token, done(run.id))
    with pytest.raises(LeaseLostError):
        state.finish(new.token, done(run.id, "failed"))
    job = state.job(run.job)
    assert job is not None
    assert job.runs[0].status == "done"


def test_tokens_are_never_given_twice_even_by_a_new_process(tmp_path: Path) -> None:
    tokens = []
    for _ in range(3):
        state = State(tmp_path / "state.db")
        state.add_job(ASKED, [target("a")])
        state.recover(9, LAB)
        lease = state.claim(state.queued()[0].id, 1.0)
        assert lease is not None
        tokens.append(lease.token)
        state.close()
    assert tokens == sorted(set(tokens))


def test_what_ran_when_the_daemon_died_runs_again_until_its_attempts_are_used_up(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db")
    job = state.add_job(ASKED, [target("a")])
    for attempt in (1, 2):
        lease = state.claim(state.queued()[0].id, 1.0)
        assert lease is not None
        assert lease.attempt == attempt
        state.close()
        state = State(tmp_path / "state.db")
        state.recover(2, LAB)
        assert state.leases() == []
    read = state.job(job)
    assert read is not None
    assert (read.runs[0].status, read.runs[0].error) == ("failed", LAB)
    assert state.ended() == [job]
    state.close_job(job, "failed", "")
    assert state.ended() == []
    state.close()


def test_an_attempt_handed_over_is_not_counted(state: State) -> None:
    job = state.add_job(ASKED, [target("a")])
    for _ in range(5):
        lease = state.claim(state.queued()[0].id, 1.0)
        assert lease is not None
        assert lease.attempt == 1
        state.requeue(lease.token, LAB, counted=False)
    read = state.job(job)
    assert read is not None
    assert read.runs[0].error is None


def test_what_the_last_attempt_recorded_is_kept_when_the_device_never_comes_back(state: State) -> None:
    job = state.add_job(ASKED, [target("a")])
    lease = state.claim(state.queued()[0].id, 1.0)
    assert lease is not None
    capture = CaptureLink(name="latency", sha256="0" * 64, bytes=1, complete=True, path="p")
    partial = Run(id=lease.run, target=None, status="failed", captures=(capture,))
    state.requeue(lease.token, LAB, counted=True, partial=partial)
    gone = Failure(kind="infrastructure", code="no-device", message="away")
    state.fail_queued(lease.run, gone)
    read = state.job(job)
    assert read is not None
    (run,) = read.runs
    assert (run.status, run.attempt, run.error, run.captures) == ("failed", 1, gone, (capture,))
    assert run.target == target("a")


def test_cancel_ends_what_waits_and_names_what_runs(state: State) -> None:
    job = state.add_job(ASKED, [target("a"), target("b")])
    lease = state.claim(state.queued()[0].id, 1.0)
    assert lease is not None
    assert state.cancel(job) == [lease]
    assert [r.status for r in state.rows(job)] == ["running", "canceled"]
    state.requeue(lease.token, LAB, counted=True)
    assert [r.status for r in state.rows(job)] == ["canceled", "canceled"], "a canceled job's run does not wait again"
    state.close_job(job, "canceled", "")
    assert state.cancel(job) == []


def test_readers_see_whole_jobs_while_runs_end(state: State) -> None:
    jobs = [state.add_job(ASKED, [target(f"{n}-{i}") for i in range(4)]) for n in range(10)]
    stop = threading.Event()

    def read() -> int:
        seen = 0
        while not stop.is_set():
            for job in jobs:
                document = state.job(job)
                assert document is not None
                assert len(document.runs) == 4
                seen += 1
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for run in state.queued():
            lease = state.claim(run.id, 1.0)
            assert lease is not None
            state.finish(lease.token, done(run.id))
        stop.set()
        assert all(r.result() for r in readers)


def test_after_close_everything_is_refused(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db")
    state.close()
    with pytest.raises(DaemonError):
        state.add_job(ASKED, [])
    with pytest.raises(DaemonError):
        state.jobs(1)


def test_a_full_disk_is_a_storage_error_and_changes_nothing(state: State) -> None:
    pages = state._writer.execute("PRAGMA page_count").fetchone()[0]
    state._writer.execute(f"PRAGMA max_page_count = {pages}").fetchall()

    def fill() -> None:
        for _ in range(1000):
            state.add_job(ASKED, [target("a")] * 50)

    with pytest.raises(StorageError, match="full"):
        fill()
    state._writer.execute("PRAGMA max_page_count = 1000000").fetchall()
    for job in state.jobs(1000):
        assert len(job.runs) == 50
    state.add_job(ASKED, [target("a")])


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_database_is_a_storage_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(StorageError, match=r"state\.db"):
        State(tmp_path / "state.db")


def test_migrations_are_applied_once(tmp_path: Path) -> None:
    for _ in range(2):
        schema.migrate(tmp_path / "state.db")
    connection = sqlite.connect(tmp_path / "state.db")
    assert connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()[0] == 1
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()


def test_one_module_picks_the_sqlite_library() -> None:
    importers = set()
    for file in (ROOT / "farm").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(n.split(".")[0] in ("sqlite3", "pysqlite3") for n in names):
                importers.add(file.relative_to(ROOT).as_posix())
    assert importers == {"farm/store/sqlite.py"}


def test_sqlite_utils_uses_the_same_library() -> None:
    from sqlite_utils import utils

    assert vars(utils)["sqlite3"].Connection is sqlite.Connection


class Leases(RuleBasedStateMachine):
    """Any order of claims, ends, losses and restarts: each run's result is committed once, by its newest attempt."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.state = State(Path(self.folder.name) / "state.db")
        self.tokens: list[tuple[int, int]] = []  # every one ever given: token, run
        self.newest: dict[int, int] = {}
        self.over: set[int] = set()

    def teardown(self) -> None:
        self.state.close()
        self.folder.cleanup()

    @rule(serials=st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True))
    def submit(self, serials: list[str]) -> None:
        self.state.add_job(ASKED, [target(s) for s in serials])

    @precondition(lambda self: self.state.queued())
    @rule(pick=st.integers(0, 20))
    def claim(self, pick: int) -> None:
        queued = self.state.queued()
        run = queued[pick % len(queued)]
        held = {lease.serial for lease in self.state.leases()}
        lease = self.state.claim(run.id, 1.0)
        assert (lease is None) == (run.serial in held)
        if lease is not None:
            assert all(lease.token > t for t, _ in self.tokens)
            self.tokens.append((lease.token, run.id))
            self.newest[run.id] = lease.token

    @precondition(lambda self: self.tokens)
    @rule(pick=st.integers(0, 20), how=st.sampled_from(["finish", "requeue", "renew"]))
    def use(self, pick: int, how: str) -> None:
        token, run = self.tokens[pick % len(self.tokens)]
        valid = self.newest.get(run) == token
        try:
            if how == "finish":
                self.state.finish(token, done(run))
                assert run not in self.over
                self.over.add(run)
            elif how == "requeue":
                self.state.requeue(token, LAB, counted=False)
            else:
                self.state.renew(token, 2.0)
        except LeaseLostError:
            assert not valid
            return
        assert valid
        if how != "renew":
            del self.newest[run]

    @rule()
    def restart(self) -> None:
        self.state.close()
        self.state = State(Path(self.folder.name) / "state.db")
        self.state.recover(1000, LAB)
        self.newest.clear()

    @invariant()
    def leases_are_the_running_runs(self) -> None:
        leases = self.state.leases()
        assert {lease.run: lease.token for lease in leases} == self.newest
        assert len({lease.serial for lease in leases}) == len(leases)


Leases.TestCase.settings = hypothesis_settings(max_examples=15, stateful_step_count=25, deadline=None)
TestLeases = Leases.TestCase
