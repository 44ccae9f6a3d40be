"""The tables of the state file, as migrations: a released one is never edited, a change is a new one below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils import Database, Migrations

from farm import __version__
from farm.errors import StorageError
from farm.store import inputs, sqlite

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


@migrations()
def lab(db: Database) -> None:
    """Users, priorities, dependencies, variants; devices with their history, reservations; scopes, audit."""
    for statement in (
        "ALTER TABLE jobs ADD COLUMN user TEXT NOT NULL DEFAULT 'local'",
        "ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT 'job'",  # job, sentinel
        "ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0",  # higher first
        "ALTER TABLE jobs ADD COLUMN not_before REAL NOT NULL DEFAULT 0",  # Unix seconds
        "ALTER TABLE jobs ADD COLUMN deadline REAL",  # Unix seconds; what has not begun by then fails
        "CREATE INDEX jobs_by_user ON jobs(user, status)",
        """CREATE TABLE dependencies (
             job INTEGER NOT NULL REFERENCES jobs(id),
             after INTEGER NOT NULL REFERENCES jobs(id),
             PRIMARY KEY (job, after)
           ) STRICT""",
        "ALTER TABLE runs ADD COLUMN variant INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE runs ADD COLUMN repetition INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE runs ADD COLUMN configuration TEXT NOT NULL DEFAULT ''",  # the variant's name
        "ALTER TABLE runs ADD COLUMN floating INTEGER NOT NULL DEFAULT 0",  # on any matching device
        "ALTER TABLE runs ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0",  # of daemons, while it ran
        "ALTER TABLE runs ADD COLUMN started REAL",  # Unix seconds, of the newest attempt
        "ALTER TABLE runs ADD COLUMN ended REAL",
        "ALTER TABLE runs ADD COLUMN not_before REAL NOT NULL DEFAULT 0",  # Unix seconds: back-off
        "ALTER TABLE runs ADD COLUMN waited REAL NOT NULL DEFAULT 0",  # seconds spent waiting for conditions
        "ALTER TABLE runs ADD COLUMN avoid TEXT NOT NULL DEFAULT '[]'",  # serials where an attempt failed
        "ALTER TABLE runs ADD COLUMN fingerprint TEXT NOT NULL DEFAULT ''",  # equal: the same work
        "ALTER TABLE runs ADD COLUMN same_as INTEGER",  # the run whose result this one shares
        "CREATE INDEX runs_by_fingerprint ON runs(fingerprint) WHERE fingerprint <> ''",
        "CREATE INDEX runs_by_ended ON runs(ended) WHERE ended IS NOT NULL",
        "CREATE INDEX runs_by_same_as ON runs(same_as) WHERE same_as IS NOT NULL",
        "ALTER TABLE tokens ADD COLUMN scope TEXT NOT NULL DEFAULT 'admin'",  # read, submit, operate, admin
        "ALTER TABLE tokens ADD COLUMN user TEXT NOT NULL DEFAULT 'local'",
        "DELETE FROM tokens",  # the data folder's own, which each start adds anew
        "ALTER TABLE tokens ADD COLUMN expires REAL",  # Unix seconds
        "ALTER TABLE tokens ADD COLUMN revoked REAL",
        "CREATE UNIQUE INDEX tokens_by_name ON tokens(name) WHERE revoked IS NULL",
        """CREATE TABLE devices (
             serial TEXT PRIMARY KEY,
             host TEXT NOT NULL DEFAULT '',           -- of farm.toml's [[host]]; '' is [adb]
             name TEXT NOT NULL DEFAULT '',
             pool TEXT NOT NULL DEFAULT '',
             labels TEXT NOT NULL DEFAULT '[]',
             first_seen REAL NOT NULL,                -- Unix seconds, as all below
             last_seen REAL NOT NULL,
             properties TEXT NOT NULL DEFAULT '{}',   -- of getprop, those that say what it is
             enrolment TEXT,                          -- fleet.enrolment.Enrolment
             enrolled REAL,
             faults INTEGER NOT NULL DEFAULT 0,       -- in a row
             quarantined REAL,
             quarantine TEXT NOT NULL DEFAULT '',     -- the reason
             needs_human TEXT NOT NULL DEFAULT ''     -- the reason; '' when nobody is needed
           ) STRICT""",
        """CREATE TABLE device_events (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             at REAL NOT NULL,
             serial TEXT NOT NULL,
             kind TEXT NOT NULL,
             detail TEXT NOT NULL DEFAULT ''
           ) STRICT""",
        "CREATE INDEX device_events_by_serial ON device_events(serial, id)",
        """CREATE TABLE reservations (
             serial TEXT PRIMARY KEY,
             user TEXT NOT NULL,
             since REAL NOT NULL,
             expires REAL NOT NULL,
             reason TEXT NOT NULL DEFAULT ''
           ) STRICT""",
        """CREATE TABLE audit (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             at REAL NOT NULL,
             user TEXT NOT NULL,
             token TEXT NOT NULL,                     -- its name
             action TEXT NOT NULL,
             subject TEXT NOT NULL DEFAULT '',
             status INTEGER NOT NULL DEFAULT 0        -- HTTP's; 0: not answered, or not yet
           ) STRICT""",
    ):
        db.execute(statement)


@migrations()
def nightlies(db: Database) -> None:
    """Schedules and their nights; series and their points; regressions; annotations; gate checks; what people were told."""
    for statement in (
        """CREATE TABLE schedules (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             name TEXT NOT NULL,
             source TEXT NOT NULL,                    -- file (farm.toml), command
             document TEXT NOT NULL,                  -- schedule.schedule.Schedule
             submission TEXT NOT NULL DEFAULT '',     -- submission.Submission, prepared; '' until it is
             problem TEXT NOT NULL DEFAULT '',        -- why it could not be prepared the last time, or what it lacks
             next_at REAL,                            -- Unix seconds, as all below: the first moment that has no night yet
             paused REAL,
             pause TEXT NOT NULL DEFAULT '',          -- the reason
             created REAL NOT NULL,
             removed REAL
           ) STRICT""",
        "CREATE UNIQUE INDEX schedules_by_name ON schedules(name) WHERE removed IS NULL",
        """CREATE TABLE nights (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             schedule INTEGER NOT NULL REFERENCES schedules(id),
             key TEXT UNIQUE,                         -- the client's, of one that was asked for: sent twice, it is one night
             fire_at REAL NOT NULL,                   -- when it was due
             fired REAL NOT NULL,                     -- when it was made
             missed INTEGER NOT NULL DEFAULT 0,       -- earlier moments that fell into a downtime, and that this one stands for
             status TEXT NOT NULL DEFAULT 'open',     -- open, over, skipped (blackout), failed (could not be submitted)
             note TEXT NOT NULL DEFAULT '',           -- why it was skipped or failed, what it waits for or lacks
             missing TEXT NOT NULL DEFAULT '[]',      -- schedule.schedule.Missing of each device that matched and was not ready
             ended REAL,
             UNIQUE (schedule, fire_at)
           ) STRICT""",
        "CREATE INDEX nights_by_fired ON nights(fired)",
        "CREATE INDEX nights_open ON nights(schedule) WHERE status = 'open'",
        "ALTER TABLE jobs ADD COLUMN night INTEGER REFERENCES nights(id)",
        "CREATE INDEX jobs_by_night ON jobs(night) WHERE night IS NOT NULL",
        """CREATE TABLE series (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             schedule TEXT NOT NULL,                  -- its name; '' for what people submitted
             model TEXT NOT NULL,                     -- its name: its bytes may change from night to night
             serial TEXT NOT NULL,
             configuration TEXT NOT NULL,
             metric TEXT NOT NULL,
             unit TEXT NOT NULL DEFAULT '',
             better TEXT NOT NULL DEFAULT 'low',      -- low, high
             UNIQUE (schedule, model, serial, configuration, metric)
           ) STRICT""",
        "CREATE INDEX series_by_serial ON series(serial)",
        """CREATE TABLE circumstances (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             document TEXT NOT NULL UNIQUE            -- {name: text}, keys sorted: runtime, firmware, model's sha256, ...
           ) STRICT""",
        """CREATE TABLE points (
             series INTEGER NOT NULL REFERENCES series(id),
             at REAL NOT NULL,                        -- when the run ended
             run INTEGER NOT NULL REFERENCES runs(id),
             night INTEGER REFERENCES nights(id),
             value REAL NOT NULL,
             low REAL,                                -- 95 % interval
             high REAL,
             n INTEGER,
             circumstances INTEGER NOT NULL REFERENCES circumstances(id),
             PRIMARY KEY (series, at, run)
           ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX points_by_run ON points(run)",
        """CREATE TABLE backfills (                   -- what older versions left to be made up for, the newest first
             what TEXT PRIMARY KEY,                   -- points
             before INTEGER NOT NULL                  -- the number of the last run that was looked at; 0: all were
           ) STRICT""",
        "INSERT INTO backfills SELECT 'points', coalesce(max(id), 0) + 1 FROM runs",
        """CREATE TABLE regressions (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             series INTEGER NOT NULL REFERENCES series(id),
             begins REAL NOT NULL,                    -- the first point of the new level
             status TEXT NOT NULL,                    -- trend.regression.Status
             found REAL NOT NULL,
             changed REAL NOT NULL,
             document TEXT NOT NULL,                  -- trend.shift.Shift
             job INTEGER REFERENCES jobs(id),         -- that ran it again
             user TEXT NOT NULL DEFAULT '',           -- who acknowledged, accepted or ignored it
             reason TEXT NOT NULL DEFAULT '',
             until REAL                               -- of what is ignored
           ) STRICT""",
        "CREATE INDEX regressions_by_series ON regressions(series, begins)",
        "CREATE INDEX regressions_by_status ON regressions(status)",
        """CREATE TABLE baselines (                   -- from here on a series is judged anew
             series INTEGER NOT NULL REFERENCES series(id),
             at REAL NOT NULL,
             user TEXT NOT NULL,
             reason TEXT NOT NULL,
             PRIMARY KEY (series, at)
           ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE judged (                      -- nights whose series were looked at for shifts, once each
             night INTEGER PRIMARY KEY REFERENCES nights(id),
             at REAL NOT NULL,
             series INTEGER NOT NULL                  -- how many were looked at
           ) STRICT""",
        """CREATE TABLE annotations (                 -- of people; what circumstances tell is not written twice
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             at REAL NOT NULL,
             kind TEXT NOT NULL,                      -- runtime, firmware, commit, note
             text TEXT NOT NULL,
             model TEXT NOT NULL DEFAULT '',          -- '': every one
             serial TEXT NOT NULL DEFAULT '',
             user TEXT NOT NULL
           ) STRICT""",
        "CREATE INDEX annotations_by_at ON annotations(at)",
        """CREATE TABLE gate_checks (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             key TEXT NOT NULL UNIQUE,                -- sha256 over gate and runs: the same check twice is one
             at REAL NOT NULL,
             gate TEXT NOT NULL,
             job INTEGER NOT NULL REFERENCES jobs(id),
             subject TEXT NOT NULL DEFAULT '',        -- what was checked: a commit, a job
             test_set TEXT NOT NULL DEFAULT '',       -- sha256 over the frames that answered; '' when none was used
             cost REAL NOT NULL DEFAULT 0,            -- share of the promise that the test set's use took
             answer TEXT NOT NULL,                    -- pass, fail, undecided
             outcome TEXT NOT NULL,                   -- the same, or what the gate's mode makes of it
             nightly INTEGER NOT NULL DEFAULT 0,      -- it was asked once the job's night was over: never again of this job
             document TEXT NOT NULL                   -- gate.answer.GateAnswer
           ) STRICT""",
        "CREATE INDEX gate_checks_by_gate ON gate_checks(gate, at)",
        "CREATE INDEX gate_checks_by_test_set ON gate_checks(test_set, at)",
        """CREATE TABLE told (
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             key TEXT NOT NULL UNIQUE,                -- what is told once: `digest 2026-11-22`, `gate 12`
             kind TEXT NOT NULL,                      -- digest, gate, asked
             at REAL NOT NULL,                        -- when it was written: what it says holds up to then
             title TEXT NOT NULL,
             text TEXT NOT NULL,                      -- the same as `html`, for who takes only text
             html TEXT NOT NULL,
             urgent INTEGER NOT NULL DEFAULT 0        -- not held by quiet hours
           ) STRICT""",
        "CREATE INDEX told_by_kind ON told(kind, at)",
        """CREATE TABLE deliveries (                  -- of what is told, one to each of farm.toml's notify.urls
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             told INTEGER NOT NULL REFERENCES told(id),
             target TEXT NOT NULL,                    -- notify.target.Target.name: no address, which may hold a password
             attempts INTEGER NOT NULL DEFAULT 0,
             not_before REAL NOT NULL DEFAULT 0,      -- back-off
             began REAL,                              -- an attempt whose end is not known
             ended REAL,                              -- it was sent, or given up
             sent INTEGER NOT NULL DEFAULT 0,
             error TEXT NOT NULL DEFAULT '',          -- of the last attempt
             UNIQUE (told, target)
           ) STRICT""",
        "CREATE INDEX deliveries_waiting ON deliveries(not_before) WHERE ended IS NULL",
    ):
        db.execute(statement)


@migrations()
def history(db: Database) -> None:
    """When a run was over for good, days that are written, where old documents are, what jobs were fed; what lists look for."""
    for statement in (
        """CREATE TABLE days (                        -- written to the history: its runs, all of them, once
             day TEXT PRIMARY KEY,                    -- UTC, YYYY-MM-DD
             until REAL NOT NULL,                     -- Unix seconds, as all below: the midnight that ends it
             runs INTEGER NOT NULL,
             written REAL NOT NULL,
             removed REAL                             -- by [history] keep_days
           ) STRICT""",
        """CREATE TABLE archives (                    -- documents of old runs, many to an artifact
             id INTEGER PRIMARY KEY AUTOINCREMENT,
             sha256 TEXT NOT NULL UNIQUE,
             runs INTEGER NOT NULL,
             newest REAL NOT NULL,                    -- when the last of its runs was over
             made REAL NOT NULL,
             removed REAL                             -- by [history] keep_days: the artifact may go
           ) STRICT""",
        "ALTER TABLE runs ADD COLUMN over_at REAL",  # when it was done, failed or canceled for good
        "ALTER TABLE runs ADD COLUMN archive INTEGER REFERENCES archives(id)",  # has the document; `document` is a short one
        "UPDATE runs SET over_at = coalesce(ended, started, (SELECT unixepoch(created, 'subsec') FROM jobs WHERE id = job))"
        " WHERE status IN ('done', 'failed', 'canceled')",
        # However a run ends. Never in a day that is written: a clock that goes back must not lose it.
        """CREATE TRIGGER runs_over AFTER UPDATE OF status ON runs
             WHEN new.status IN ('done', 'failed', 'canceled') AND new.over_at IS NULL BEGIN UPDATE runs
             SET over_at = max(unixepoch('subsec'), (SELECT coalesce(max(until), 0) FROM days)) WHERE id = new.id; END""",
        "CREATE INDEX runs_by_over_at ON runs(over_at) WHERE over_at IS NOT NULL",
        "CREATE INDEX runs_to_archive ON runs(over_at) WHERE archive IS NULL AND document IS NOT NULL",
        "CREATE INDEX runs_by_archive ON runs(archive) WHERE archive IS NOT NULL",
        "CREATE INDEX jobs_by_kind ON jobs(kind, id)",
    ):
        db.execute(statement)
    inputs.create(db)


@migrations()
def dashboard(db: Database) -> None:
    """Browsers that are let in; how long devices were busy, without opening the runs' documents; what pages wait for."""
    for statement in (
        """CREATE TABLE sessions (
             sha256 TEXT PRIMARY KEY,                  -- of the cookie's text
             token TEXT NOT NULL,                      -- tokens.sha256: the session is as good as that, and no longer
             created REAL NOT NULL,                    -- Unix seconds
             expires REAL NOT NULL
           ) STRICT""",
        "CREATE INDEX runs_by_serial ON runs(serial, ended, started)",
        "ALTER TABLE events ADD COLUMN subject INTEGER",  # number of a night, a gate's check, a regression: see `kind`
        # However one of these moves, it is in the log, in the same transaction; `at` is as `database.now` writes it.
        """CREATE TRIGGER night_began AFTER INSERT ON nights BEGIN
         INSERT INTO events (at, kind, subject) VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'night', new.id); END""",
        """CREATE TRIGGER night_moved AFTER UPDATE ON nights WHEN (new.status, new.note) <> (old.status, old.note) BEGIN
         INSERT INTO events (at, kind, subject) VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'night', new.id); END""",
        """CREATE TRIGGER night_judged AFTER INSERT ON judged BEGIN
         INSERT INTO events (at, kind, subject) VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'night', new.night); END""",
        """CREATE TRIGGER gate_checked AFTER INSERT ON gate_checks BEGIN
         INSERT INTO events (at, kind, subject) VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'gate', new.id); END""",
        """CREATE TRIGGER regression_found AFTER INSERT ON regressions BEGIN
         INSERT INTO events (at, kind, subject) VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'regression', new.id); END""",
        """CREATE TRIGGER regression_moved AFTER UPDATE OF status ON regressions WHEN new.status <> old.status BEGIN
         INSERT INTO events (at, kind, subject) VALUES (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'), 'regression', new.id); END""",
    ):
        db.execute(statement)


NAMES = frozenset({"first", "lab", "nightlies", "history", "dashboard"})
"""Every migration above; a test keeps it."""


def migrate(file: Path) -> None:
    """Bring the tables of `file` up to date; each migration is applied whole or not at all.

    Raises:
        StorageError: a newer farm wrote it; nothing was changed.
    """
    connection = sqlite.connect(file)
    try:
        refuse_newer(connection, str(file))
        migrations.apply(Database(connection, execute_plugins=False))
    finally:
        connection.close()


def refuse_newer(connection: sqlite.Connection, where: str) -> None:
    """See that this farm knows every migration that was applied.

    Raises:
        StorageError: it does not: a newer one wrote the file.
    """
    db = Database(connection, execute_plugins=False)
    newer = [migration.name for migration in migrations.applied(db) if migration.name not in NAMES]
    if newer:
        raise StorageError(
            f"was written by a newer farm (migration {newer[-1]!r}), which this one ({__version__}) cannot read",
            where=where,
            remedy="use that farm again, or restore a backup made before the upgrade (docs/upgrade.md)",
        )
