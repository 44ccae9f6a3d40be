"""Freed pages go back to the disk, by and by or at once; nothing that is stored changes by it, whatever dies."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

import pytest

from farm.errors import StorageError
from farm.store import space, sqlite
from farm.store.integrity import check
from farm.store.state import State
from tests.conftest import killed_after
from tests.store.kit import TARGET, add_job

if TYPE_CHECKING:
    from pathlib import Path

MB = 10**6


def fill(data: Path, megabytes: int = 30) -> None:
    """A job, and so many MB of free pages between what is stored before and after them."""
    add_job(data, "first")
    with contextlib.closing(State(data / "state.db")) as state:
        with state.write() as db:
            db.executemany(
                "INSERT INTO events (at, kind, detail) VALUES ('2026', 'filler', ?)", [("x" * 10_000,)] * (100 * megabytes)
            )  # fmt: skip
        add = state.add_job(state.submission(1), [])
        state.close_job(add, "done", "")
        with state.write() as db:
            db.execute("DELETE FROM events WHERE kind = 'filler'")


def make_old(data: Path) -> None:
    """A state file as older versions made it: it cannot be cut."""
    with contextlib.closing(sqlite.connect(data / "state.db")) as db:
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")
        assert db.execute("PRAGMA auto_vacuum").fetchone()[0] == 0


def on_disk(data: Path) -> int:
    with contextlib.closing(sqlite.connect(data / "state.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return (data / "state.db").stat().st_size


def test_a_new_file_is_cut_slice_by_slice_beside_who_reads_and_writes(tmp_path: Path) -> None:
    fill(tmp_path)
    large = on_disk(tmp_path)
    with contextlib.closing(State(tmp_path / "state.db")) as state, state.reading() as reader:
        before = state.job(1)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM jobs").fetchone()
        slices = 0
        while space.give_back(state):
            slices += 1
            state.add_job(state.submission(1), [])
        assert slices >= 3
        assert space.space(state).free <= space.KEPT * 4096
        assert state.job(1) == before
    assert on_disk(tmp_path) < large - 12 * MB
    assert [p for p in check(tmp_path).problems if "without runs" not in p.what] == []


def test_an_old_file_is_cut_once_it_was_written_anew(tmp_path: Path) -> None:
    fill(tmp_path)
    make_old(tmp_path)
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        with state.write() as db:
            db.execute("INSERT INTO events (at, kind, detail) VALUES ('2026', 'filler', hex(zeroblob(15000000)))")
            db.execute("DELETE FROM events WHERE kind = 'filler'")
        assert space.space(state).free > 20 * MB
        assert space.give_back(state) == 0
        before = state.job(1)
        was, now = space.rewrite(state)
        assert (was.bytes - now.bytes > 20 * MB, now.free) == (True, 0)
        assert state.job(1) == before
        assert state.read("PRAGMA auto_vacuum")[0][0] == space.INCREMENTAL
    assert on_disk(tmp_path) == now.bytes


def test_it_is_not_written_anew_while_a_run_is_under_way_or_without_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = add_job(tmp_path, "first", over=False)
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        lease = state.claim(next(r.id for r in state.queued() if r.job == job), TARGET, 1.0)
        assert lease is not None
        with pytest.raises(StorageError, match="1 runs are under way"):
            space.rewrite(state)
    add_job(tmp_path / "quiet", "first")
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: full)
    with (
        contextlib.closing(State(tmp_path / "quiet" / "state.db")) as state,
        pytest.raises(StorageError, match="needed"),
    ):
        space.rewrite(state)


PROGRAM = """
import sys
from pathlib import Path
from farm.store import space
from farm.store.state import State
state = State(Path(sys.argv[1]) / "state.db")
print("begun", flush=True)
while space.give_back(state):
    pass
print(space.rewrite(state), flush=True)
"""


@pytest.mark.slow
def test_a_process_killed_while_it_gives_back_or_rewrites_leaves_the_file_whole(tmp_path: Path) -> None:
    fill(tmp_path / "data", 60)
    with contextlib.closing(State(tmp_path / "data" / "state.db")) as state:
        before = state.job(1)
    killed = 0
    for after in (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3):
        data = tmp_path / f"{after}"
        shutil.copytree(tmp_path / "data", data)
        killed += killed_after(after, PROGRAM, data)
        assert [p for p in check(data).problems if "without runs" not in p.what] == []
        with contextlib.closing(State(data / "state.db")) as state:
            assert state.job(1) == before
            space.rewrite(state)
        shutil.rmtree(data)
    assert killed >= 3
