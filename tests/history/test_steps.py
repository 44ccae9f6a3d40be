"""What is due is done in steps that end soon, and go on where they were, whoever takes them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from farm.history import archiver as archivers
from farm.store import archive, eventlog, finished, space
from tests.history.kit import DAYS, NOW, add, archiver, opened

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.database import Database


@pytest.fixture
def data(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three days to write and 24 documents to move, in steps as short as they can be."""
    monkeypatch.setattr(archivers, "STEP_S", 0.0)
    monkeypatch.setattr(archive.move, "__defaults__", (10,))
    return data


def test_a_step_is_a_day_and_a_batch_and_says_what_is_left(data: Path) -> None:
    with opened(data) as state:
        at = archiver(data, state, document_days=0.5)
        steps = [at.step(NOW)]
        while not steps[-1].over:
            steps.append(archiver(data, state, document_days=0.5).step(NOW))  # whoever takes the next
        told = [(step.days, step.documents, step.days_left, step.documents_left, step.over) for step in steps]
    assert told == [
        (DAYS[:1], 10, 2, 14, False),
        (DAYS[1:2], 10, 1, 4, False),
        (DAYS[2:], 4, 0, 0, False),
        ((), 0, 0, 0, True),
    ]


def test_the_thread_takes_steps_until_all_is_done_and_lets_others_in_between(data: Path) -> None:
    with opened(data) as state:
        at = archiver(data, state, document_days=0.5)
        assert at.run(NOW) == list(DAYS)
        assert (at.status(NOW).archived, at.status(NOW).due) == (24, ())


def test_what_moved_out_is_given_back_to_the_disk_and_its_events_go(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "KEPT", 0)
    monkeypatch.setattr(eventlog, "RESUME", 5)
    with opened(data) as state:
        before = [state.job(number) for number in range(1, 8)]
        with state.write() as db:
            db.execute("UPDATE events SET at = '2026-11-01T01:00:00.000+00:00'")
            events = db.execute("SELECT count(*) FROM events").fetchone()[0]
        size = space.space(state)
        at = archiver(data, state, document_days=0.5)
        at.run(NOW)
        assert (size.bytes - space.space(state).bytes > 50_000, space.space(state).free) == (True, 0)
        assert events > 5
        assert state.read("SELECT count(*) FROM events")[0][0] == 5
        assert [state.job(number) for number in range(1, 8)] == before
        size = space.space(state)
        told = at.compact()
        assert told.before == size.bytes
        assert told.after <= told.before


def test_a_lab_that_keeps_documents_keeps_events_too(data: Path) -> None:
    with opened(data) as state:
        step = archiver(data, state, document_days=0).step(time.time() + 1e9)
        assert (step.documents, step.events, step.documents_left) == (0, 0, 0)


def test_no_step_goes_on_once_the_daemon_ends(data: Path) -> None:
    with opened(data) as state:
        at = archiver(data, state, document_days=0.5)
        at.stop(0.0)
        assert at.run(NOW) == []
        assert len(at.status(NOW).due) == 3


def test_a_day_that_changes_each_time_it_is_written_holds_nobody_up(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = finished.record

    def late(database: Database, day: str, runs: int) -> bool:
        """One more run is over after the day was read, and before it is said to be written."""
        if day == DAYS[0]:
            add(state, day, 1)
        return record(database, day, runs)

    with opened(data) as state:
        with monkeypatch.context() as patch:
            patch.setattr(finished, "record", late)
            assert archiver(data, state).run(NOW) == list(DAYS[1:])
        assert archiver(data, state).run(NOW) == [DAYS[0]]
