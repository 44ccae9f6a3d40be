"""The log of events is for those who follow the lab and for reports of what went wrong; neither looks back for ever."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.store.database import Database

RESUME = 20_000
"""Events a client may have missed and still goes on from; after more it is told where everything stands."""
BATCH = 5000
_FORGET = """
DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY id LIMIT ?) AND at < ?
  AND id <= (SELECT max(id) FROM events) - ?"""


def forget(database: Database, before: float, limit: int = BATCH) -> int:
    """Forget of the oldest `limit` events those from before that moment (Unix seconds); how many. The newest `RESUME` stay."""
    moment = datetime.fromtimestamp(before, UTC).isoformat(timespec="milliseconds")
    with database.write(quiet=True) as db:
        return db.execute(_FORGET, (limit, moment, RESUME)).rowcount
