"""The state file: claims, fencing, recovery, on a real SQLite file."""

from __future__ import annotations

import ast
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from farm.errors import DaemonError, JobError, StorageError
from farm.report.document import CaptureLink, Failure, Run, Target
from farm.store import schema, sqlite
from farm.store.rows import Lease, Placement, QueuedRun
from farm.store.state import LeaseLostError, State
from farm.submission import InputFrame, Submission, Terms

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = Submission(
    model_name="m", model_sha256="0" * 64, frames=(InputFrame(name="f", kind="image", sha256=("0" * 64,)),)
)
LAB = Failure(kind="infrastructure", code="adb", message="the cable")
ROOT = Path(__file__).parents[2]


def target(serial: str) -> Target:
    return Target(serial=serial, abi="x86_64", kind="virtual")


def place(serial: str) -> Placement:
    return Placement(target(serial))


def claim(state: State, run: QueuedRun, expires: float) -> Lease | None:
    return state.claim(run.id, target(run.serial), expires)


def done(run: int, status: str = "done") -> Run:
    return Run.model_validate({"id": run, "target": None, "status": status})


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = State(tmp_path / "state.db")
    yield made
    made.close()


def test_a_job_reads_back_as_it_was_submitted(state: State) -> None:
    job = state.add_job(ASKED, [place("a"), place("b")])
    read = state.job(job)
    assert read is not None
    assert (read.status, read.model, [r.target for r in read.runs]) == ("queued", "m", [target("a"), target("b")])
    assert state.submission(job) == ASKED
    assert [j.job for j in state.jobs(10)] == [job]
    assert state.job(job + 1) is None


def test_the_same_key_is_the_same_job(state: State) -> None:
    first = state.add_job(ASKED, [place("a")], key="k")
    assert state.add_job(ASKED, [place("a")], key="k") == first
    assert state.job_of_key("k") == first
    assert state.add_job(ASKED, [place("a")]) != first


def test_of_many_claims_at_once_one_gets_the_run(state: State) -> None:
    state.add_job(ASKED, [place("a")])
    (run,) = state.queued()
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: claim(state, run, 1.0), range(32)))
    assert sum(c is not None for c in claims) == 1


def test_a_device_is_leased_to_one_run_at_a_time(state: State) -> None:
    state.add_job(ASKED, [place("a")])
    state.add_job(ASKED, [place("a")])
    first, second = state.queued()
    lease = claim(state, first, 1.0)
    assert lease is not None
    assert claim(state, second, 1.0) is None
    assert state.queued() == (second,), "a claim refused leaves the run as it was"
    state.finish(lease.token, done(first.id))
    later = claim(state, second, 1.0)
    assert later is not None
    assert later.token > lease.token


def test_captures_of_a_jobs_runs_that_are_done(state: State) -> None:
    job = state.add_job(ASKED, [place("a"), place("b"), place("c")])
    for run, status in zip(state.queued(), ("done", "failed", "done"), strict=True):
        lease = claim(state, run, 10.0)
        assert lease is not None
        links = [
            CaptureLink(name=name, sha256=f"{name} {run.id}", bytes=1, complete=name != "profile", path="")
            for name in ("latency", "layers", "profile")
        ]
        state.finish(lease.token, done(run.id, status).model_copy(update={"captures": tuple(links)}))
    first, _, last = (row.id for row in state.rows(job))
    assert state.captures(job, "layers", 4) == (f"layers {last}", f"layers {first}")
    assert state.captures(job, "layers", 1) == (f"layers {last}",)
    assert state.captures(job, "profile", 4) == ()
    assert state.captures(job + 1, "layers", 4) == ()


def test_an_old_token_commits_nothing(state: State) -> None:
    state.add_job(ASKED, [place("a")])
    (run,) = state.queued()
    old = claim(state, run, 1.0)
    assert old is not None
    state.requeue(old.token, LAB, counted=True)
    new = claim(state, run, 2.0)
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
        state.add_job(ASKED, [place("a")])
        state.recover(9, LAB)
        lease = claim(state, state.queued()[0], 1.0)
        assert lease is not None
        tokens.append(lease.token)
        state.close()
    assert tokens == sorted(set(tokens))


def test_what_ran_when_the_daemon_died_runs_again_until_its_attempts_are_used_up(tmp_path: Path) -> None:
    state = State(tmp_path / "state.db")
    job = state.add_job(ASKED, [place("a")])
    for attempt in (1, 2):
        lease = claim(state, state.queued()[0], 1.0)
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
    job = state.add_job(ASKED, [place("a")])
    for _ in range(5):
        lease = claim(state, state.queued()[0], 1.0)
        assert lease is not None
        assert lease.attempt == 1
        state.requeue(lease.token, LAB, counted=False)
    read = state.job(job)
    assert read is not None
    assert read.runs[0].error is None


def test_what_the_last_attempt_recorded_is_kept_when_the_device_never_comes_back(state: State) -> None:
    job = state.add_job(ASKED, [place("a")])
    lease = claim(state, state.queued()[0], 1.0)
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
    job = state.add_job(ASKED, [place("a"), place("b")])
    lease = claim(state, state.queued()[0], 1.0)
    assert lease is not None
    assert state.cancel(job) == [lease]
    assert [r.status for r in state.rows(job)] == ["running", "canceled"]
    state.requeue(lease.token, LAB, counted=True)
    assert [r.status for r in state.rows(job)] == ["canceled", "canceled"], "a canceled job's run does not wait again"
    state.close_job(job, "canceled", "")
    assert state.cancel(job) == []


def shared(serial: str, **more: int) -> Placement:
    return Placement(target(serial), fingerprint=f"same on {serial}", **more)


def test_the_same_work_is_done_once_and_both_jobs_get_it(state: State) -> None:
    first, second = (state.add_job(ASKED, [shared("a")], user=user) for user in ("ann", "bob"))
    (run,) = state.queued()
    lease = claim(state, run, 1.0)
    assert lease is not None
    result = Run(id=run.id, target=target("a"), status="done", memory_mb=7.0)
    assert state.finish(lease.token, result) == [second]
    jobs = [state.job(job) for job in (first, second)]
    runs = [job.runs[0] for job in jobs if job]
    assert [(r.status, r.memory_mb, r.same_as) for r in runs] == [("done", 7.0, None), ("done", 7.0, run.id)]
    assert state.ended() == [first, second]
    third = state.add_job(ASKED, [shared("a")])
    assert [r.job for r in state.queued()] == [third], "what is over is not shared any more"


def test_work_shared_goes_on_when_who_asked_first_gives_up(state: State) -> None:
    jobs = [state.add_job(ASKED, [shared("a")]) for _ in range(3)]
    state.cancel(jobs[0])
    (run,) = state.queued()
    assert run.job == jobs[1]
    lease = claim(state, run, 1.0)
    assert lease is not None
    state.cancel(jobs[1])
    state.finish(lease.token, done(run.id, "canceled"))
    assert [r.job for r in state.queued()] == [jobs[2]]


def test_shared_work_has_the_highest_priority_of_those_who_wait_for_it(state: State) -> None:
    state.add_job(ASKED, [shared("a")])
    state.add_job(ASKED.model_copy(update={"terms": Terms(priority=5)}), [shared("a")])
    assert [r.priority for r in state.queued()] == [5]


def test_a_job_waits_for_those_it_names_and_falls_with_them(state: State) -> None:
    first = state.add_job(ASKED, [place("a")])
    second = state.add_job(ASKED.model_copy(update={"terms": Terms(after=(first,))}), [place("a")])
    assert [(r.job, r.blocked) for r in state.queued()] == [(first, False), (second, True)]
    lease = claim(state, state.queued()[0], 1.0)
    assert lease is not None
    state.finish(lease.token, done(lease.run))
    state.close_job(first, "done", "")
    assert [(r.job, r.blocked) for r in state.queued()] == [(second, False)]
    third = state.add_job(ASKED.model_copy(update={"terms": Terms(after=(second,))}), [place("a")])
    state.cancel(second)
    state.close_job(second, "canceled", "")
    assert [(run.job, why) for run, why in state.doomed(0.0)] == [(third, f"job {second} was not done")]
    with pytest.raises(JobError, match="no job 99"):
        state.add_job(ASKED.model_copy(update={"terms": Terms(after=(99,))}), [place("a")])


def test_a_deadline_dooms_what_has_not_begun(state: State) -> None:
    job = state.add_job(ASKED.model_copy(update={"terms": Terms(deadline=100.0)}), [place("a")])
    assert state.doomed(99.0) == []
    ((run, why),) = state.doomed(100.0)
    assert (run.job, why) == (job, "its deadline passed before a device was free")


def test_a_run_for_any_device_waits_for_another_one_after_a_fault(state: State) -> None:
    state.add_job(ASKED, [Placement(None), Placement(None)])
    run = state.queued()[0]
    lease = state.claim(run.id, target("a"), 1.0)
    assert lease is not None
    assert [r.taken for r in state.queued()] == [frozenset("a")], "its sibling goes elsewhere"
    state.requeue(lease.token, LAB, counted=True)
    again, sibling = state.queued()
    assert (again.serial, again.avoid, sibling.taken) == ("", frozenset("a"), frozenset())
    assert state.claim(run.id, target("b"), 1.0) is not None


def test_device_time_is_summed_by_user(state: State) -> None:
    state.add_job(ASKED, [place("a")], user="ann")
    lease = claim(state, state.queued()[0], 1.0)
    assert lease is not None
    now = time.time()
    assert state.used(now - 60, now + 5)["ann"] == pytest.approx(5, abs=1)
    assert state.used(now + 1, now + 5)["ann"] == pytest.approx(4, abs=1)


def test_readers_see_whole_jobs_while_runs_end(state: State) -> None:
    jobs = [state.add_job(ASKED, [place(f"{n}-{i}") for i in range(4)]) for n in range(10)]
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
            lease = claim(state, run, 1.0)
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
            state.add_job(ASKED, [place("a")] * 50)

    with pytest.raises(StorageError, match="full"):
        fill()
    state._writer.execute("PRAGMA max_page_count = 1000000").fetchall()
    for job in state.jobs(1000):
        assert len(job.runs) == 50
    state.add_job(ASKED, [place("a")])


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + bytes(5000)])
def test_a_file_that_is_no_database_is_a_storage_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(StorageError, match=r"state\.db"):
        State(tmp_path / "state.db")


def test_migrations_are_applied_once(tmp_path: Path) -> None:
    for _ in range(2):
        schema.migrate(tmp_path / "state.db")
    connection = sqlite.connect(tmp_path / "state.db")
    applied = [row[0] for row in connection.execute("SELECT name FROM _sqlite_migrations")]
    assert sorted(applied) == sorted(set(applied))
    assert applied
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
        self.jobs: list[int] = []

    def teardown(self) -> None:
        self.state.close()
        self.folder.cleanup()

    @rule(serials=st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True), shared=st.booleans())
    def submit(self, serials: list[str], shared: bool) -> None:
        self.jobs.append(
            self.state.add_job(ASKED, [Placement(target(s), fingerprint=s if shared else "") for s in serials])
        )

    @precondition(lambda self: self.jobs)
    @rule(pick=st.integers(0, 20))
    def cancel(self, pick: int) -> None:
        self.state.cancel(self.jobs[pick % len(self.jobs)])

    @precondition(lambda self: self.state.queued())
    @rule(pick=st.integers(0, 20))
    def give_up(self, pick: int) -> None:
        queued = self.state.queued()
        self.state.fail_queued(queued[pick % len(queued)].id, LAB)

    @precondition(lambda self: self.state.queued())
    @rule(pick=st.integers(0, 20))
    def claim(self, pick: int) -> None:
        queued = self.state.queued()
        run = queued[pick % len(queued)]
        held = {lease.serial for lease in self.state.leases()}
        lease = claim(self.state, run, 1.0)
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

    @invariant()
    def who_waits_for_another_runs_result_will_get_it(self) -> None:
        rows = self.state.read(
            "SELECT l.status, l.same_as FROM runs r JOIN runs l ON l.id = r.same_as WHERE r.status = 'queued'"
        )
        assert all(row["status"] in {"queued", "running"} and row["same_as"] is None for row in rows)


Leases.TestCase.settings = hypothesis_settings(max_examples=15, stateful_step_count=25, deadline=None)
TestLeases = Leases.TestCase
