"""Old events go, the newest stay, and who follows the lab goes on where it was."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from farm.store import changes, eventlog
from farm.store.state import State

if TYPE_CHECKING:
    from pathlib import Path

DAY_S = 86400.0
_FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO events (at, kind) SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', ? - (? - i), 'unixepoch'), 'told' FROM n"""


def test_old_events_go_by_batches_and_numbers_go_on(tmp_path: Path) -> None:
    now, count = time.time(), 30_000  # one a second
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        with state.write() as db:
            db.execute(_FILL, (count, now, count))
        before = now - (count - 2500) + 0.5
        assert [eventlog.forget(state, before, 1000) for _ in range(4)] == [1000, 1000, 500, 0]
        while eventlog.forget(state, now + DAY_S):
            pass
        assert state.read("SELECT min(id), max(id), count(*) FROM events")[0][:] == (
            count - eventlog.RESUME + 1, count, eventlog.RESUME
        )  # fmt: skip
        assert changes.newest(state) == count, "a lab in which nothing happens keeps its place"
        at, _ = changes.since(state, count - eventlog.RESUME, 10)
        assert at == count - eventlog.RESUME + 10, "who may go on from there misses nothing"
