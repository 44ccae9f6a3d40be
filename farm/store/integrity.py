"""Whether what is stored is whole: the state file, every artifact it names, leases, and nothing half-written.

Reads only; beside a daemon at work as well as without one.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from farm.errors import StorageError
from farm.report.document import Run
from farm.store import archive, schema, sqlite
from farm.store.artifacts import ArtifactStore, sha256_of
from farm.store.inventory import references, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Progress = Callable[[int, int], None]

Kind = Literal["damage", "inconsistent", "stray"]
STRAY_S = 86400.0

_RULES = {
    "a lease without its run": "SELECT token FROM leases l WHERE NOT EXISTS"
    " (SELECT 1 FROM runs WHERE id = l.run AND status = 'running' AND token = l.token AND serial = l.serial)",
    "a run under way without a lease": "SELECT id FROM runs r WHERE status = 'running'"
    " AND NOT EXISTS (SELECT 1 FROM leases WHERE run = r.id)",
    "a job that is over, with runs that are not": "SELECT id FROM jobs j WHERE status IN ('done', 'failed', 'canceled')"
    " AND EXISTS (SELECT 1 FROM runs WHERE job = j.id AND status IN ('queued', 'running'))",
    "a run that is done, without a result": "SELECT id FROM runs WHERE status = 'done' AND document IS NULL",
    "a run that failed, without a reason": "SELECT id FROM runs WHERE status = 'failed' AND error IS NULL",
    "a run that was committed twice": "SELECT run FROM events WHERE kind IN ('done', 'failed') AND run IS NOT NULL"
    " GROUP BY run HAVING count(*) > 1",
    "a run that waits for one that does not do its work": "SELECT r.id FROM runs r JOIN runs l ON l.id = r.same_as"
    " WHERE r.status = 'queued' AND l.status NOT IN ('queued', 'running')",
    "a night that is not over, whose jobs all are": "SELECT id FROM nights n WHERE status = 'open' AND EXISTS"
    " (SELECT 1 FROM jobs WHERE night = n.id) AND NOT EXISTS"
    " (SELECT 1 FROM jobs WHERE night = n.id AND status IN ('queued', 'running'))",
    "a job without runs": "SELECT id FROM jobs j WHERE NOT EXISTS (SELECT 1 FROM runs WHERE job = j.id)",
}
"""What never holds between two transactions; each query gives the numbers of what is wrong."""


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be.

    `damage`: a file is broken or gone (the disk, or somebody's hand). `inconsistent`: the farm's own books contradict each
    other. `stray`: a half-written file that nobody owns any more.
    """

    kind: Kind
    where: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Checked:
    """What was looked at, and what is wrong."""

    problems: tuple[Problem, ...]
    jobs: int = 0
    runs: int = 0
    artifacts: int = 0
    bytes: int = 0
    removed: int = 0
    """Captures and other files that are named but gone, as retention leaves them."""


def check(data: Path, *, hashes: bool = True, progress: Progress = lambda _done, _of: None) -> Checked:
    """Look at a data folder. `hashes`: read every artifact; else only see that those needed are there.

    Raises:
        StorageError: there is no state file, or a newer farm wrote it.
    """
    file, artifacts = data / "state.db", ArtifactStore(data / "artifacts")
    if not file.is_file():
        raise StorageError("there is no state file", where=str(file), remedy="name the farm's `data` folder")
    problems: list[Problem] = []
    jobs = runs = removed = 0
    try:
        with contextlib.closing(sqlite.connect(file, read_only=True)) as db:
            schema.refuse_newer(db, str(file))
            db.execute("BEGIN")
            problems += _database(db, file)
            jobs, runs = (db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("jobs", "runs"))  # noqa: S608
            problems += _archives(db, artifacts)
            missing = list(_missing(db, artifacts))
            removed = len(missing)
            problems += [p for p in missing if p is not None]
    except sqlite.DatabaseError as e:
        problems.append(Problem("damage", str(file), str(e), _RESTORE))
    there = list(stored(artifacts))
    problems += _strays(data)
    for done, (sha256, _) in enumerate(there if hashes else ()):
        progress(done, len(there))
        problems += _hash(artifacts, sha256)
    size = sum(stat.st_size for _, stat in there)
    return Checked(tuple(problems), jobs, runs, len(there), size, removed)


_RESTORE = "stop the daemon, and restore the last backup into a new folder: farm restore FILE --data DIR"


def _database(db: sqlite.Connection, file: Path) -> Iterator[Problem]:
    for row in db.execute("PRAGMA integrity_check(20)"):
        if row[0] != "ok":
            yield Problem("damage", str(file), row[0], _RESTORE)
    for row in db.execute("PRAGMA foreign_key_check"):
        what = f"row {row[1]} of {row[0]} points at a row of {row[2]} that is not there"
        yield Problem("inconsistent", str(file), what, "please report it")
    for what, sql in _RULES.items():
        numbers = [str(row[0]) for row in db.execute(sql)]
        if numbers:
            yield Problem("inconsistent", str(file), f"{what}: {', '.join(numbers[:20])}", "please report it")
    for row in db.execute("SELECT id, document FROM runs WHERE document IS NOT NULL"):
        try:
            Run.model_validate_json(row["document"])
        except ValidationError as e:
            yield Problem("inconsistent", f"{file}: run {row['id']}", str(e).splitlines()[0], "please report it")


def _missing(db: sqlite.Connection, artifacts: ArtifactStore) -> Iterator[Problem | None]:
    """A problem for each file that an open job or a schedule needs and that is gone; None where retention may have removed it."""
    known = references(db)
    for sha256 in sorted(known.scheduled):
        if not artifacts.has(sha256):
            remedy = "remove the schedule and add it again; one of farm.toml reads its files anew"
            yield Problem("damage", str(artifacts.path(sha256)), "a schedule needs it, and it is gone", remedy)
    for named in (known.inputs, known.captures, known.evidence):
        for sha256, jobs in named.items():
            if artifacts.has(sha256):
                continue
            waiting = sorted(jobs & known.open_jobs)
            if waiting and named is known.inputs:
                where = str(artifacts.path(sha256))
                yield Problem("damage", where, f"job {waiting[0]} needs it, and it is gone", "submit the job again")
            else:
                yield None


def _archives(db: sqlite.Connection, artifacts: ArtifactStore) -> Iterator[Problem]:
    """A problem for each artifact that lacks documents which the state file left to it."""
    for row in db.execute("SELECT id, sha256 FROM archives WHERE removed IS NULL").fetchall():
        path = artifacts.path(row["sha256"])
        try:
            held = archive.held(path)
        except StorageError as e:
            yield Problem("damage", str(path), f"holds documents of runs, and {e.message}", _RESTORE)
            continue
        runs = {run["id"] for run in db.execute("SELECT id FROM runs WHERE archive = ?", (row["id"],))}
        if runs - held:
            yield Problem(
                "inconsistent", str(path), f"lacks the document of run {min(runs - held)}", "please report it"
            )


def _hash(artifacts: ArtifactStore, sha256: str) -> Iterator[Problem]:
    path = artifacts.path(sha256)
    try:
        found = sha256_of(path)
    except FileNotFoundError:  # removed by retention since
        return
    except OSError as e:
        yield Problem("damage", str(path), f"cannot be read: {e.strerror}", "check the disk")
        return
    if found != sha256:
        remedy = "check the disk; remove the file, and what can be computed or sent again will be"
        yield Problem("damage", str(path), f"holds other bytes, with sha256 {found[:12]}...", remedy)


def _strays(data: Path) -> Iterator[Problem]:
    old = time.time() - STRAY_S
    for path in temporaries(data):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < old:
                yield Problem("stray", str(path), "was being written a day ago", "the daemon's next start removes it")


def temporaries(data: Path) -> list[Path]:
    """Files and folders that are being written, or were when their process died."""
    found = [path for prefix in ("new-", "old-") for path in (data / "artifacts").glob(f"{prefix}*")]
    found += (data / "references").glob("new-*")
    found += (data / "incoming").glob("*")
    found += [path for name in ("token", "daemon.json") for path in data.glob(f"{name}-*")]
    return found
