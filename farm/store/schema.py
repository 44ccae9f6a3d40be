"""The tables of the state file, as migrations: a released one is never edited, a change is a new one below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Database, Migrations

from farm.store import sqlite

if TYPE_CHECKING:
    from pathlib import Path

migrations = Migrations("farm")


@migrations()
def first(db: Database) -> None:
    """Jobs, runs, leases, tokens, events."""
    for statement in (
        """CREATE TABLE jobs (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             key TEXT UNIQUE,                       -- the client's: a submission sent twice is one job
             status TEXT NOT NULL DEFAULT 'queued',
             canceled INTEGER NOT NULL DEFAULT 0,   -- asked for
             created TEXT NOT NULL,
             submission TEXT NOT NULL,
             summary TEXT NOT NULL,                 -- document.Job without runs, status, report
             report TEXT NOT NULL DEFAULT ''
           ) STRICT""",
        """CREATE TABLE runs (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             job INTEGER NOT NULL REFERENCES jobs(id),
             serial TEXT NOT NULL,
             target TEXT NOT NULL,
             status TEXT NOT NULL DEFAULT 'queued',
             attempt INTEGER NOT NULL DEFAULT 0,
             token INTEGER,                         -- of the newest lease; only its holder may commit
             verdict TEXT,                          -- document.Verdict, for lists
             error TEXT,                            -- document.Failure of the last attempt
             document TEXT                          -- document.Run, once it is over
           ) STRICT""",
        "CREATE INDEX runs_by_job ON runs(job)",
        "CREATE INDEX runs_by_status ON runs(status, job, id)",
        "CREATE INDEX jobs_by_status ON jobs(status)",
        """CREATE TABLE leases (
             token INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
             run INTEGER NOT NULL UNIQUE REFERENCES runs(id),
             serial TEXT NOT NULL UNIQUE,
             expires REAL NOT NULL                     -- CLOCK_MONOTONIC: no lease outlives its daemon
           ) STRICT""",
        """CREATE TABLE tokens (
             sha256 TEXT PRIMARY KEY,
             name TEXT NOT NULL,
             created TEXT NOT NULL
           ) STRICT""",
        """CREATE TABLE events (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             at TEXT NOT NULL,
             kind TEXT NOT NULL,
             job INTEGER,
             run INTEGER,
             detail TEXT NOT NULL DEFAULT ''
           ) STRICT""",
        "CREATE INDEX events_by_job ON events(job)",
    ):
        db.execute(statement)


def migrate(file: Path) -> None:
    """Bring the tables of `file` up to date; each migration is applied whole or not at all."""
    connection = sqlite.connect(file)
    try:
        migrations.apply(Database(connection, execute_plugins=False))
    finally:
        connection.close()
