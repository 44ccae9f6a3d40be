"""Documents that leave the state file come back as they were; nothing is lost, and what may go is told."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest

from farm.store import archive, sentinels, sqlite
from farm.store.archive import DAY_S
from farm.store.artifacts import ArtifactStore
from farm.store.backup import backup, restore
from farm.store.integrity import check
from farm.store.inventory import items, references
from farm.store.retention import Limits, choose
from tests.history.kit import NOW, archiver, opened

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.document import Job
    from farm.store.state import State


def jobs(state: State) -> list[Job]:
    return [job for number in range(1, 8) if (job := state.job(number))]


def stored(data: Path) -> ArtifactStore:
    return ArtifactStore(data / "artifacts")


def test_a_job_reads_the_same_before_and_after(data: Path) -> None:
    with opened(data) as state:
        before = jobs(state)
        size = sum(len(row[0]) for row in state.read("SELECT document FROM runs"))
        assert archive.move(state, stored(data), NOW - DAY_S, limit=10) == 10
        assert jobs(state) == before, "some of a job are moved, some are not"
        while archive.move(state, stored(data), NOW - DAY_S, limit=10):
            pass
        assert jobs(state) == before
        rows = state.read("SELECT archive IS NULL AS here, count(*) AS n FROM runs GROUP BY 1 ORDER BY 1")
        assert [tuple(row) for row in rows] == [(0, 24), (1, 4)]
        assert sum(len(row[0]) for row in state.read("SELECT document FROM runs")) < size / 2
        short = json.loads(state.read("SELECT document FROM runs WHERE id = 1")[0][0])
        assert short["latency_ms"]["median"] == before[0].runs[0].latency_ms.median  # type: ignore[union-attr]
        assert short["captures"], "retention looks for these"
        assert state.captures(1, "layers", 10) == ("ab" * 32,) * 4
        assert archiver(data, state).status(NOW).archived == 24
        with state.write() as db:
            db.execute("UPDATE jobs SET kind = 'sentinel'")
        assert {len(nights) for nights in sentinels.nights(state).values()} == {14}, (
            "whatever is read of old runs by itself"
        )


def test_the_daemons_step_moves_what_is_old_and_nothing_that_is_still_to_be_read_whole(data: Path) -> None:
    with opened(data) as state:
        with state.write() as db:
            db.execute("UPDATE backfills SET before = 17")
        at = archiver(data, state, document_days=1)
        at.run(NOW)
        assert [row[0] for row in state.read("SELECT id FROM runs WHERE archive IS NOT NULL ORDER BY id")] == [
            *range(17, 25)
        ]
        with state.write() as db:
            db.execute("UPDATE backfills SET before = 0")
        at.run(NOW)
        assert at.status(NOW).archived == 24


def test_a_death_before_the_state_file_knows_loses_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class DiedError(Exception):
        pass

    def die(_folder: Path) -> None:
        raise DiedError

    with opened(data) as state:
        before = jobs(state)
        monkeypatch.setattr(archive, "flush", die)
        with pytest.raises(DiedError):
            archive.move(state, stored(data), NOW)
        monkeypatch.undo()
        left = list(stored(data).folder.glob("??/*"))
        assert len(left) == 1
        assert jobs(state) == before
        archive.move(state, stored(data), NOW)
        assert list(stored(data).folder.glob("??/*")) == left, "the same documents are the same file"
        assert jobs(state) == before
    assert check(data).problems == ()


def test_a_run_that_changes_meanwhile_is_left_for_the_next_time(data: Path) -> None:
    with opened(data) as state:

        class Slow(ArtifactStore):
            """While it writes, somebody changes a run."""

            def put(self, data: bytes) -> str:
                with state.write() as db:
                    db.execute("UPDATE runs SET document = json_set(document, '$.memory_mb', 31.0) WHERE id = 2")
                return super().put(data)

        with pytest.raises(Exception, match="run 2: changed"):
            archive.move(state, Slow(data / "artifacts"), NOW)
        assert state.read("SELECT count(*) FROM runs WHERE archive IS NOT NULL")[0][0] == 0
        archive.move(state, stored(data), NOW)
        job = state.job(1)
        assert job is not None
        assert job.runs[1].memory_mb == 31.0


def test_backup_and_restore_bring_them_along(data: Path, tmp_path: Path) -> None:
    with opened(data) as state:
        archiver(data, state, document_days=1).run(NOW)
        before = jobs(state)
    backup(data, tmp_path / "b.tar")
    restore([tmp_path / "b.tar"], tmp_path / "new")
    assert check(tmp_path / "new").problems == ()
    with opened(tmp_path / "new") as state:
        assert jobs(state) == before
        at = archiver(tmp_path / "new", state)
        assert len(at.status(NOW).due) == 3, "the history is written again from what was restored"
        at.run(NOW)
    for file in (data / "history").rglob("*.parquet"):
        assert (tmp_path / "new" / file.relative_to(data)).read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    ("harm", "kinds", "word"),
    [
        (lambda file: file.unlink(), ["damage"], "documents of runs"),
        (lambda file: file.write_bytes(file.read_bytes()[:-20]), ["damage", "damage"], "documents of runs"),
    ],
)
def test_an_archive_that_is_lost_is_told_and_its_runs_are_short(
    data: Path, harm: object, kinds: list[str], word: str
) -> None:
    with opened(data) as state:
        archive.move(state, stored(data), NOW)
        (file,) = stored(data).folder.glob("??/*")
        harm(file)  # type: ignore[operator]
        found = check(data).problems
        assert [problem.kind for problem in found] == kinds
        assert word in found[0].what
        job = state.job(1)
        assert job is not None
        (words,) = job.runs[0].partial
        assert "see farm check" in words
        assert (job.runs[0].status, job.runs[0].comparisons, job.runs[0].memory_mb) == ("done", (), 30.0)


def test_an_archive_that_lacks_a_run_is_told(data: Path) -> None:
    with opened(data) as state:
        archive.move(state, stored(data), NOW, limit=10)
    with contextlib.closing(sqlite.connect(data / "state.db")) as db:
        db.execute("UPDATE runs SET archive = 1")
    assert [(p.kind, p.what) for p in check(data).problems] == [("inconsistent", "lacks the document of run 6")]


def test_retention_lets_it_be_until_the_history_lets_go(data: Path) -> None:
    def chosen(state: State) -> int:
        with state.reading() as db:
            known = references(db)
        there = list(items(stored(data), known))
        return len(choose(there, Limits(budget_bytes=1, ages_s={"tensors": 1.0}), NOW + 1e9))

    with opened(data) as state:
        at = archiver(data, state, document_days=1)
        at.run(NOW)
        assert chosen(state) == 0
        archiver(data, state, document_days=1, keep_days=1.2).run(NOW)
        assert chosen(state) == 1
        (file,) = stored(data).folder.glob("??/*")
        file.unlink()
        job = state.job(1)
        assert job is not None
        (words,) = job.runs[0].partial
        assert "removed by [history] keep_days" in words
    assert check(data).problems == ()


def test_the_newest_jobs_by_pages(data: Path) -> None:
    with opened(data) as state:
        first = [job.job for job in state.jobs(3)]
        assert first == [7, 6, 5]
        assert [job.job for job in state.jobs(3, before=5)] == [4, 3, 2]
        assert [job.job for job in state.jobs(3, before=2)] == [1]
        assert state.jobs(3, before=1) == []
