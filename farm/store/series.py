"""Series and their points in the state file: written with the run they are of, read for pages, judges and gates."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from farm import __version__
from farm.report.document import Run
from farm.trend import figures as of_runs
from farm.trend.series import Key, Point, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.store import sqlite
    from farm.store.database import Database, Reader
    from farm.trend.figures import Figure

BACKFILL = "points"
PAGE = 10_000
"""Points of one series that a reader gets at most."""
_SHARED = """
SELECT r.id, r.job, r.variant, j.night, coalesce(s.name, '') AS schedule FROM runs r JOIN jobs j ON j.id = r.job
LEFT JOIN nights n ON n.id = j.night LEFT JOIN schedules s ON s.id = n.schedule
WHERE (r.id = ?1 OR r.same_as = ?1) AND r.status = 'done' AND j.kind IN ('job', 'nightly')
ORDER BY r.same_as IS NULL, r.id DESC"""
"""A run and those that share its result; of one schedule, the first comes last.

The sentinel has a line of its own, and what is run again decides about a shift.
"""
_POINT = "p.at, p.run, p.night, p.value, p.low, p.high, p.n, c.document"
_SERIES = "s.id, s.schedule, s.model, s.serial, s.configuration, s.metric, s.unit, s.better"


def record(db: sqlite.Connection, run: Run, at: float, *, farm: str = __version__) -> None:
    """The points of a run that is done and ended `at` (Unix seconds), within the transaction that commits its result.

    Jobs that share the run have their points too, each schedule one. Written twice, it is the same.
    """
    found = of_runs.figures(run)
    serial = run.target.serial if run.target is not None else ""
    if not found or not serial:
        return
    for row in {row["schedule"]: row for row in db.execute(_SHARED, (run.id,))}.values():
        model, asked = _asked(db, row["job"], row["variant"])
        more = asked | {"firmware": _firmware(db, serial), "farm": farm}
        circumstances = _circumstances(db, of_runs.circumstances(run, more))
        for figure in found:
            key = Key(
                schedule=row["schedule"], model=run.pair.a.model if run.pair else model, serial=serial,
                configuration=of_runs.configuration(run, figure.condition), metric=figure.metric,
            )  # fmt: skip
            db.execute(
                "INSERT OR IGNORE INTO points (series, at, run, night, value, low, high, n, circumstances)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(_series(db, key, figure), at, row["id"], row["night"]),
                    *(figure.value, figure.low, figure.high, figure.n, circumstances),
                ),
            )


def backfill(database: Database, limit: int) -> bool:
    """Make points of up to `limit` runs that ended before this version; whether there are more. The newest come first."""
    with database.write(quiet=True) as db:
        before = db.execute("SELECT before FROM backfills WHERE what = ?", (BACKFILL,)).fetchone()[0]
        rows = db.execute(
            "SELECT id, status, ended, document FROM runs WHERE id < ? ORDER BY id DESC LIMIT ?", (before, limit)
        ).fetchall()
        for row in rows:
            if row["status"] != "done" or row["ended"] is None or not row["document"]:
                continue
            try:
                run = Run.model_validate_json(row["document"])
            except ValidationError:  # nobody can read it: it must not keep the others waiting
                continue
            record(db, run, row["ended"], farm="")  # which farm measured it was not written down then
        left = rows[-1]["id"] if len(rows) == limit else 0
        db.execute("UPDATE backfills SET before = ? WHERE what = ?", (left, BACKFILL))
    return bool(left)


def is_filled(database: Database) -> bool:
    """Whether nothing is left to `backfill`."""
    return not database.read("SELECT before FROM backfills WHERE what = ?", BACKFILL)[0][0]


def find(
    database: Reader,
    *,
    models: Sequence[str] = (),
    serial: str | None = None,
    metric: str | None = None,
    schedule: str | None = None,
    configuration: str | None = None,
    nightly: bool = False,
    after: int = 0,
    limit: int = 1000,
) -> list[Series]:
    """Series without their points, in the order they began, numbered above `after`. None, or no models: any.

    `nightly`: only those of schedules; the schedule of what people submitted is empty.
    """
    wanted = {"serial": serial, "metric": metric, "schedule": schedule, "configuration": configuration}
    terms, values = ["id > ?"], [after]
    for column, value in wanted.items():
        if value is not None:
            terms.append(f"{column} = ?")
            values.append(value)  # type: ignore[arg-type]
    if nightly:
        terms.append("schedule <> ''")
    if models:
        terms.append(f"model IN ({', '.join('?' * len(models))})")
        values += models  # type: ignore[arg-type]
    sql = f"SELECT {_SERIES} FROM series s WHERE {' AND '.join(terms)} ORDER BY id LIMIT ?"  # noqa: S608  # words of ours
    return [_of_row(row) for row in database.read(sql, *values, limit)]


def get(database: Database, series: int) -> Series | None:
    """One series without its points; None when there is no such series."""
    rows = database.read(f"SELECT {_SERIES} FROM series s WHERE id = ?", series)  # noqa: S608  # words of ours
    return _of_row(rows[0]) if rows else None


def points(
    database: Reader, series: int, *, since: float = 0.0, until: float | None = None, limit: int = PAGE
) -> tuple[Point, ...]:
    """The newest `limit` points of a series between two moments (Unix seconds, both counted in), the oldest first."""
    with database.reading() as db:
        return _points(db, series, since, until, limit)


def with_points(
    database: Database, found: Sequence[Series], *, since: float = 0.0, until: float | None = None, limit: int = PAGE
) -> list[Series]:
    """Series with the newest `limit` of their points, as of one moment."""
    with database.reading() as db:
        db.execute("BEGIN")
        return [s.model_copy(update={"points": _points(db, s.id, since, until, limit)}) for s in found]


def latest(database: Database, series: Sequence[int]) -> dict[int, Point]:
    """The newest point of each series that has any."""
    sql = (
        f"SELECT p.series, {_POINT} FROM json_each(?) i CROSS JOIN points p ON p.series = i.value"  # noqa: S608  # words of ours
        " AND p.at = (SELECT max(at) FROM points WHERE series = i.value) JOIN circumstances c ON c.id = p.circumstances"
        " ORDER BY p.run"
    )
    return {row["series"]: _point(row, {}) for row in database.read(sql, json.dumps(list(series)))}


def _points(db: sqlite.Connection, series: int, since: float, until: float | None, limit: int) -> tuple[Point, ...]:
    sql = (
        f"SELECT {_POINT} FROM points p JOIN circumstances c ON c.id = p.circumstances"  # noqa: S608  # words of ours
        " WHERE p.series = ? AND p.at >= ? AND p.at <= coalesce(?, 9e15) ORDER BY p.at DESC, p.run DESC LIMIT ?"
    )
    read: dict[str, dict[str, str]] = {}
    rows = db.execute(sql, (series, since, until, limit)).fetchall()
    return tuple(_point(row, read) for row in reversed(rows))


def _point(row: sqlite.Row, read: dict[str, dict[str, str]]) -> Point:
    """`read`: circumstances by their text, of which a series has few."""
    text = row["document"]
    if text not in read:
        read[text] = json.loads(text)
    # Its columns are typed: thousands of points need not be proved again.
    return Point.model_construct(
        at=row["at"], run=row["run"], night=row["night"], value=row["value"], low=row["low"], high=row["high"], n=row["n"],
        circumstances=read[text],
    )  # fmt: skip


def _of_row(row: sqlite.Row) -> Series:
    key = Key(
        schedule=row["schedule"], model=row["model"], serial=row["serial"], configuration=row["configuration"],
        metric=row["metric"],
    )  # fmt: skip
    return Series(id=row["id"], key=key, unit=row["unit"], better=row["better"])


def _series(db: sqlite.Connection, key: Key, figure: Figure) -> int:
    named = (key.schedule, key.model, key.serial, key.configuration, key.metric)
    db.execute(
        "INSERT OR IGNORE INTO series (schedule, model, serial, configuration, metric, unit, better)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*named, figure.unit, figure.better),
    )
    found = db.execute(
        "SELECT id FROM series WHERE (schedule, model, serial, configuration, metric) = (?, ?, ?, ?, ?)", named
    ).fetchone()
    return int(found[0])


def _circumstances(db: sqlite.Connection, told: dict[str, str]) -> int:
    text = json.dumps(told, sort_keys=True, ensure_ascii=False)
    db.execute("INSERT OR IGNORE INTO circumstances (document) VALUES (?)", (text,))
    return int(db.execute("SELECT id FROM circumstances WHERE document = ?", (text,)).fetchone()[0])


def _asked(db: sqlite.Connection, job: int, variant: int) -> tuple[str, dict[str, str]]:
    """The model's name, and what the submission says of the conditions: frames and recipes by their content, the commit."""
    row = db.execute(
        "SELECT submission ->> '$.model_name' AS model, submission -> ?1 AS variant,"
        " (SELECT document -> '$.frames' FROM inputs WHERE id = jobs.inputs) AS frames,"
        " submission -> '$.recipe' AS recipe, submission -> '$.expected' AS expected,"
        " submission ->> '$.terms.commit' AS git FROM jobs WHERE id = ?2",
        (f"$.variants[{variant}]", job),
    ).fetchone()
    chosen = json.loads(row["variant"] or "{}")
    recipes = [json.loads(row[name] or "null") for name in ("recipe", "expected")]
    if chosen.get("model_sha256") is not None:
        recipes = [chosen.get("recipe"), chosen.get("expected")]
    asked = {
        "inputs": _digest(json.loads(row["frames"])),
        "recipe": _digest([use and use["recipe"] for use in recipes]) if any(recipes) else "",
        "commit": row["git"] or "",
    }
    return chosen.get("model_name") or row["model"], asked


def _digest(part: Any) -> str:
    """Of what is said; what a later version can say too and nobody did makes no difference."""
    return hashlib.sha256(json.dumps(_said(part), sort_keys=True).encode()).hexdigest()[:12]


def _said(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _said(value) for key, value in part.items() if value not in (None, "", [], {})}
    return [_said(value) for value in part] if isinstance(part, list) else part


def _firmware(db: sqlite.Connection, serial: str) -> str:
    sql = "SELECT properties ->> '$.\"ro.build.fingerprint\"' FROM devices WHERE serial = ?"
    row = db.execute(sql, (serial,)).fetchone()
    return (row[0] if row is not None else "") or ""


def words(database: Database, column: Literal["model", "serial", "metric", "schedule"], limit: int) -> tuple[str, ...]:
    """What there is in a column of the series, in order."""
    sql = f"SELECT DISTINCT {column} FROM series WHERE {column} <> '' ORDER BY {column} LIMIT ?"  # noqa: S608  # of ours
    return tuple(row[0] for row in database.read(sql, limit))
