"""What jobs were fed: frames and labels, stored once however many jobs had them.

They are most of a submission, and those of a nightly or of CI are the same time after time. A row of jobs has the rest of its
submission, and the number of what it was fed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from farm.submission import Submission

if TYPE_CHECKING:
    import sqlite_utils

    from farm.store import sqlite
    from farm.store.database import Database

PARTS = {"frames", "labels"}
_CREATE = (
    """CREATE TABLE inputs (                    -- what jobs were fed
         id INTEGER PRIMARY KEY,
         sha256 TEXT NOT NULL UNIQUE,          -- of the document
         document TEXT NOT NULL                -- frames and labels of submission.Submission
       ) STRICT""",
    "ALTER TABLE jobs ADD COLUMN inputs INTEGER REFERENCES inputs(id)",  # what `submission` lacks
)
_PART = "json_object('frames', submission -> '$.frames', 'labels', submission -> '$.labels')"
_MOVE = (
    f"INSERT OR IGNORE INTO inputs (sha256, document) SELECT sha256({_PART}), {_PART} FROM jobs",  # noqa: S608  # ours
    f"UPDATE jobs SET inputs = (SELECT id FROM inputs WHERE sha256 = sha256({_PART})),"  # noqa: S608
    " submission = json_remove(submission, '$.frames', '$.labels')",
)


def create(db: sqlite_utils.Database) -> None:
    """The migration: the table, and what jobs of older versions were fed in it."""
    db.conn.create_function("sha256", 1, _sha256, deterministic=True)
    for statement in (*_CREATE, *_MOVE):
        db.execute(statement)


def split(db: sqlite.Connection, submission: Submission) -> tuple[str, int]:
    """What a row of jobs keeps of a submission, and the number of the rest."""
    document = submission.model_dump_json(include=PARTS)
    sha256 = _sha256(document)
    db.execute("INSERT OR IGNORE INTO inputs (sha256, document) VALUES (?, ?)", (sha256, document))
    number = db.execute("SELECT id FROM inputs WHERE sha256 = ?", (sha256,)).fetchone()[0]
    return submission.model_dump_json(exclude=PARTS), int(number)


def whole(database: Database, job: int) -> Submission:
    """What was submitted as a job, which must be there."""
    ((text,),) = database.read(
        "SELECT json_patch(j.submission, i.document) FROM jobs j JOIN inputs i ON i.id = j.inputs WHERE j.id = ?", job
    )
    return Submission.model_validate_json(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
