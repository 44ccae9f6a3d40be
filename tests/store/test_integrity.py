"""`farm check`: a whole folder is whole, and each thing that can be wrong is told."""

from __future__ import annotations

import contextlib
import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from farm.cli import app
from farm.errors import StorageError
from farm.store import schema, sqlite
from farm.store.artifacts import ArtifactStore
from farm.store.integrity import check
from farm.store.state import State
from tests.store.kit import add_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    add_job(folder, "over")
    add_job(folder, "open", over=False)
    return folder


def change(data: Path, sql: str) -> None:
    with contextlib.closing(sqlite.connect(data / "state.db")) as db:
        db.execute("PRAGMA foreign_keys = OFF").fetchall()
        db.execute(sql)


def artifact(data: Path, content: bytes) -> Path:
    artifacts = ArtifactStore(data / "artifacts")
    return artifacts.path(artifacts.put(content))


def rot(data: Path) -> None:
    artifact(data, b"capture over").write_bytes(b"capture 0ver")


def lose_what_is_needed(data: Path) -> None:
    artifact(data, b"model open").unlink()


def lose_a_capture(data: Path) -> None:
    artifact(data, b"capture over").unlink()


def stray(data: Path) -> None:
    file = data / "artifacts" / "new-x"
    file.write_bytes(b"half")
    at = time.time() - 2 * 86400
    os.utime(file, (at, at))


def sql(text: str) -> Callable[[Path], None]:
    return lambda data: change(data, text)


@pytest.mark.parametrize(
    ("harm", "kinds", "word", "status"),
    [
        (lambda data: None, [], "", 0),
        (rot, ["damage"], "other bytes", 3),
        (lose_what_is_needed, ["damage"], "job 2 needs it", 3),
        (lose_a_capture, [], "", 0),
        (stray, ["stray"], "a day ago", 0),
        (sql("INSERT INTO leases (run, serial, expires) VALUES (1, 'one', 1.0)"), ["inconsistent"], "lease", 5),
        (sql("UPDATE runs SET status = 'running' WHERE id = 2"), ["inconsistent"], "without a lease", 5),
        (sql("UPDATE jobs SET status = 'done' WHERE id = 2"), ["inconsistent"], "runs that are not: 2", 5),
        (sql("UPDATE runs SET error = NULL"), ["inconsistent"], "without a reason: 1", 5),
        (sql("INSERT INTO events (at, kind, run) VALUES ('', 'done', 1)"), ["inconsistent"], "twice: 1", 5),
        (sql("""UPDATE runs SET document = '{"id": "x"}' WHERE id = 1"""), ["inconsistent"], "validation", 5),
        (sql("DELETE FROM runs WHERE id = 2"), ["inconsistent"], "a job without runs: 2", 5),
        (sql("UPDATE runs SET job = 9 WHERE id = 1"), ["inconsistent", "inconsistent"], "not there", 5),
    ],
)
def test_each_harm_is_told(
    data: Path, harm: Callable[[Path], None], kinds: list[str], word: str, status: int, tmp_path: Path
) -> None:
    harm(data)
    found = check(data)
    assert [p.kind for p in found.problems] == kinds, found.problems
    assert all(p.remedy for p in found.problems)
    assert not word or any(word in p.what for p in found.problems), found.problems
    assert found.removed == int(harm in {lose_a_capture, lose_what_is_needed})
    config = tmp_path / "farm.toml"
    config.write_text(f"data = '{data}'\n")
    done = CliRunner().invoke(app, ["--config", str(config), "check", "--json"])
    assert done.exit_code == status
    assert len(json.loads(done.stdout)["problems"]) == len(kinds)


def test_a_broken_state_file_is_damage(data: Path) -> None:
    file = data / "state.db"
    content = bytearray(file.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    file.write_bytes(content)
    found = check(data)
    assert {p.kind for p in found.problems} == {"damage"}
    assert "restore" in found.problems[0].remedy


def test_it_looks_beside_a_daemon_that_writes(data: Path) -> None:
    state = State(data / "state.db")
    try:
        with state.write() as db:
            db.execute("UPDATE runs SET status = 'running' WHERE id = 2")
            assert check(data).problems == (), "what is not committed is not there"
            db.execute("UPDATE runs SET status = 'queued' WHERE id = 2")
    finally:
        state.close()


def test_a_state_file_of_a_newer_farm_is_refused_untouched(data: Path) -> None:
    change(
        data,
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('farm', 'of_2031', '2031-01-01')",
    )
    before = (data / "state.db").read_bytes()
    with pytest.raises(StorageError, match="of_2031") as e:
        State(data / "state.db")
    assert "upgrade" in e.value.remedy
    assert (data / "state.db").read_bytes() == before
    with pytest.raises(StorageError, match="newer farm"):
        check(data)


def test_every_migration_is_known() -> None:
    assert {m.name for m in schema.migrations._migrations} == schema.NAMES


def test_there_must_be_something_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no state file"):
        check(tmp_path)
