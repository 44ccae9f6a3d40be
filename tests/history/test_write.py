"""Days are written once, whole, as the same bytes; nothing is lost or twice, whatever dies when."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import time
from typing import TYPE_CHECKING

import pyarrow
import pytest
from pyarrow import parquet

from farm.errors import StorageError
from farm.history import files, query, source, write
from farm.history.tables import DAILY, FIGURES, KEPT, RUNS, TABLES
from farm.store import finished
from farm.store.artifacts import ArtifactStore
from tests.conftest import killed_after
from tests.history.kit import DAYS, NOW, TODAY, add, archiver, opened, question

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.database import Database


def hashes(data: Path) -> dict[str, str]:
    folder = data / "history"
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def asked(data: Path, sql: str) -> list[tuple[object, ...]]:
    _, table, _ = query.answer(question(data, sql), source.datasets(data, source.read(data)))
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


COUNTS = "select count(*), count(distinct run), (select count(*) from layers), (select count(*) from figures) from runs"


def test_days_that_are_over_are_written_once_and_a_query_sees_every_run_once(data: Path) -> None:
    before = asked(data, COUNTS)
    assert before == [(28, 28, 140, 196)]
    with opened(data) as state:
        at = archiver(data, state)
        assert at.status(NOW).due == DAYS
        assert at.run(NOW) == list(DAYS)
        assert at.run(NOW) == [], "twice is once"
        told = at.status(NOW)
        assert (told.days, told.first, told.last, told.runs, told.live) == (3, DAYS[0], DAYS[-1], 24, 4)
        assert at.run(NOW + 86400) == [TODAY]
    assert asked(data, COUNTS) == before
    assert asked(data, "select day::text, count(*) from runs group by 1 order by 1") == [
        *((day, 8) for day in DAYS),
        (TODAY, 4),
    ]
    assert {path.split("/")[0] for path in hashes(data)} == {table.name for table in TABLES}


def test_a_day_written_again_is_the_same_bytes(data: Path) -> None:
    with opened(data) as state:
        archiver(data, state).run(NOW)
        first = hashes(data)
        files.remove(data / "history", DAYS[1])
        archiver(data, state).run(NOW)
    assert hashes(data) == first


def test_files_that_are_gone_are_due_again_and_seen_meanwhile(data: Path) -> None:
    with opened(data) as state:
        archiver(data, state).run(NOW)
        files.remove(data / "history", DAYS[0])
        assert asked(data, COUNTS) == [(28, 28, 140, 196)], "as after a restore, which brings none"
        assert archiver(data, state).status(NOW).due == DAYS[:1]


def test_what_a_file_says_of_itself(data: Path) -> None:
    with opened(data) as state:
        archiver(data, state).run(NOW)
    file = files.path(data / "history", RUNS, DAYS[0])
    schema = parquet.read_schema(file)
    assert schema.metadata is not None
    assert schema.metadata[b"farm.history"] == b"1"
    meanings = schema.field("seconds").metadata
    assert meanings is not None
    assert meanings[b"meaning"].startswith(b"the last attempt took")
    rows = parquet.ParquetFile(file).read().to_pylist()
    assert [(r["run"], r["device"], r["verdict"], r["seconds"]) for r in rows[:2]] == [
        (1, "one", "fail", 30.0),
        (13, "one", "fail", 30.0),
    ]
    assert dict(rows[0]["conditions"])["threads"] == "4"
    assert rows[0]["configuration"] == "threads=4"


def test_a_file_of_an_older_version_lacks_columns_and_is_read(data: Path) -> None:
    with opened(data) as state:
        archiver(data, state).run(NOW)
    file = files.path(data / "history", FIGURES, DAYS[0])
    parquet.write_table(parquet.ParquetFile(file).read().drop_columns(["better", "n"]), file)
    sql = "select day::text, count(better), sum(n) is null from figures group by 1 order by 1"
    assert asked(data, sql)[:2] == [(DAYS[0], 0, True), (DAYS[1], 56, False)]


def test_a_clock_that_goes_back_loses_no_run(data: Path) -> None:
    with opened(data) as state:
        archiver(data, state).run(NOW)
        with state.write() as db:  # all that is written lies ahead of this computer's clock now
            db.execute("UPDATE days SET until = ?", (time.time() + 1000,))
            db.execute("INSERT INTO runs (job, serial, target) SELECT job, serial, target FROM runs WHERE id = 1")
            db.execute("UPDATE runs SET status = 'canceled' WHERE status = 'queued'")
            over_at, ahead = db.execute(
                "SELECT over_at, (SELECT max(until) FROM days) FROM runs ORDER BY id DESC LIMIT 1"
            ).fetchone()
    assert over_at == ahead


def test_a_run_that_is_over_while_its_day_is_written_makes_it_due_again(data: Path) -> None:
    day = DAYS[0]

    with opened(data) as state:
        record = finished.record

        def late(database: Database, day: str, runs: int) -> bool:
            """One more run is over after the day was read, and before it is said to be written."""
            add(state, day, 1)
            return record(database, day, runs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(finished, "record", late)
            assert not write.write_day(state, ArtifactStore(data / "artifacts"), data / "history", day)
        assert asked(data, COUNTS)[0][:2] == (29, 29)
        assert archiver(data, state).run(NOW) == list(DAYS)
    assert asked(data, COUNTS)[0][:2] == (29, 29)


def test_a_daemon_that_ends_leaves_the_day_at_hand_to_the_next(data: Path) -> None:
    with opened(data) as state:
        looked = iter([False, True, True])
        parts = write.write(
            state, ArtifactStore(data / "artifacts"), data / "history", NOW, stopping=lambda: next(looked)
        )
        assert list(parts) == [DAYS[0]]
        assert {path.split("/")[1] for path in hashes(data)} == {f"day={DAYS[0]}"}, "and no half-written file"
        assert archiver(data, state).run(NOW) == list(DAYS[1:])


def test_a_day_that_left_is_not_written_again(data: Path) -> None:
    with opened(data) as state:
        at = archiver(data, state, keep_days=2)
        at.run(NOW)
        told = at.status(NOW)
        assert (told.days, told.removed, told.due, told.live) == (1, 2, (), 4)
        assert at.run(NOW) == []
    assert asked(data, "select distinct day::text from runs order by 1") == [(DAYS[2],), (TODAY,)]


def test_too_many_runs_that_are_not_written_are_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LIVE", 20)
    with pytest.raises(StorageError, match="28 runs of 4 days") as e:
        asked(data, "select 1")
    assert e.value.remedy == "farm history write"


def test_tables_and_rows_have_the_same_columns(data: Path) -> None:
    found = source.read(data)
    for table in DAILY:
        assert all(part.schema.names == [*table.schema().names, "day"] for part in found.live[table.name])
        assert sum(map(len, found.live[table.name])) > 0
    with opened(data) as state, state.write() as db:
        db.execute(
            "INSERT INTO schedules (id, name, source, document, created) VALUES (1, 'nightly', 'file', '{}', 1.0)"
        )
        db.execute("INSERT INTO nights (schedule, fire_at, fired) VALUES (1, 1.5, 2.0)")
        db.execute(
            "INSERT INTO devices (serial, host, first_seen, last_seen, properties, labels) VALUES ('one', '', 1.0, 2.0,"
            """ '{"ro.product.model": "bad \\ud800", "ro.build.version.sdk": "99999999999999999999"}', '["a", "b"]')"""
        )
        db.execute(
            "INSERT INTO series (schedule, model, serial, configuration, metric) VALUES ('nightly', 'm', 'one', '', 'top1')"
        )
        db.execute(
            "INSERT INTO regressions (series, begins, status, found, changed, document) VALUES (1, 1.0, 'suspect', 2.0, 3.0,"
            """ '{"before": 5.0, "after": 6.0, "change": 0.2, "worse": true, "p_value": 0.001}')"""
        )
        db.execute(
            "INSERT INTO gate_checks (at, gate, key, job, answer, outcome, document)"
            " VALUES (1.0, 'nightly', 'x', 1, 'pass', 'pass', '{}')"
        )
    kept = source.read(data).kept
    assert {table.name: len(kept[table.name]) for table in KEPT} == dict.fromkeys((t.name for t in KEPT), 1)
    assert kept["devices"].to_pylist()[0]["labels"] == "a b"
    assert kept["regressions"]["worse"].to_pylist() == [True]
    assert kept["nights"].column("due").type == pyarrow.timestamp("ms")


PROGRAM = """
import sys
from pathlib import Path
from tests.history.kit import archiver, opened, NOW
data = Path(sys.argv[1])
with opened(data) as state:
    print("begun", flush=True)
    archiver(data, state, document_days=0.5).run(NOW)
"""


def test_the_tables_that_still_change_are_there_before_the_last_day_is(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with opened(data) as state:
        add(state, "2026-10-01", 3)
        days = write.write(state, ArtifactStore(data / "artifacts"), data / "history", NOW, stopping=lambda: True)
        assert not list(days)
    assert {name.partition("/")[0] for name in hashes(data)} == {table.name for table in KEPT}


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_a_history_that_is_finished_by_the_next(tmp_path: Path) -> None:
    quiet, stormy = tmp_path / "quiet", tmp_path / "stormy"
    with opened(quiet) as state:
        for day, _ in itertools.product(range(1, 13), range(3)):
            add(state, f"2026-10-{day:02}", 20)
        with state.write() as db:
            db.execute("UPDATE backfills SET before = 0")
    shutil.copytree(quiet, stormy)
    with opened(quiet) as state:
        before = [job.model_dump_json() for number in range(1, 37) if (job := state.job(number))]
        archiver(quiet, state, document_days=0.5).run(NOW)
    killed = 0
    for after in (0.05, 0.1, 0.2, 0.3, 0.4, 0.6):
        killed += killed_after(after, PROGRAM, stormy)
    assert killed >= 3
    with opened(stormy) as state:
        archiver(stormy, state, document_days=0.5).run(NOW)
        after_all = [job.model_dump_json() for number in range(1, 37) if (job := state.job(number))]
    assert hashes(stormy) == hashes(quiet)
    assert after_all == before, "no document is lost"
