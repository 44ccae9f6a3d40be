"""What is stored, and what for: the artifacts' files, read together with the state file that names them."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from farm.store.retention import Item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.store import sqlite
    from farm.store.artifacts import ArtifactStore
    from farm.store.retention import Kind


@dataclass
class References:
    """Artifacts by what the state file says of them: sha256 -> the jobs that have it."""

    captures: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Also what was sampled beside the frames: neither can be had again."""
    evidence: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    inputs: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    archives: set[str] = field(default_factory=set)
    """Documents of old runs: of many jobs each, and never to be had again."""
    scheduled: set[str] = field(default_factory=set)
    """What schedules submit next."""
    open_jobs: set[int] = field(default_factory=set)
    running_since: float | None = None

    def kind(self, sha256: str) -> Kind:
        """What it is. What nobody names was computed (tensors, tables, instrumented models), or never submitted."""
        if sha256 in self.inputs or sha256 in self.scheduled:
            return "input"
        if sha256 in self.captures:
            return "capture"
        return "evidence" if sha256 in self.evidence else "tensors"

    def jobs(self, sha256: str) -> set[int]:
        """Of which it is a part."""
        return set().union(*(named.get(sha256, ()) for named in (self.captures, self.evidence, self.inputs)))


def references(db: sqlite.Connection) -> References:
    """What the jobs and runs of a state file name, as of one moment if `db` is in a transaction."""
    found = References()
    fed = {
        row["id"]: set(inputs_of(json.loads(row["document"]))) for row in db.execute("SELECT id, document FROM inputs")
    }
    for row in db.execute("SELECT id, status, submission, inputs FROM jobs"):
        if row["status"] in ("queued", "running"):
            found.open_jobs.add(row["id"])
        for sha256 in fed[row["inputs"]].union(inputs_of(json.loads(row["submission"]))):
            found.inputs[sha256].add(row["id"])
    sql = (
        "SELECT job, document -> '$.captures' AS captures, document -> '$.evidence' AS evidence,"
        " document ->> '$.samples.sha256' AS samples FROM runs WHERE document IS NOT NULL"
    )
    for row in db.execute(sql):
        for link in json.loads(row["captures"] or "[]"):
            found.captures[link["sha256"]].add(row["job"])
        if row["samples"]:
            found.captures[row["samples"]].add(row["job"])
        for link in json.loads(row["evidence"] or "[]"):
            found.evidence[link["sha256"]].add(row["job"])
    found.archives = {row["sha256"] for row in db.execute("SELECT sha256 FROM archives WHERE removed IS NULL")}
    for row in db.execute("SELECT submission FROM schedules WHERE removed IS NULL AND submission <> ''"):
        found.scheduled.update(inputs_of(json.loads(row["submission"])))
    found.running_since = db.execute("SELECT min(started) FROM runs WHERE status = 'running'").fetchone()[0]
    return found


def inputs_of(submission: dict[str, Any]) -> Iterator[str]:
    """The sha256 of every file a stored submission, or a part of one, names; an older version's names fewer kinds."""
    sources = submission.get("sources") or ()
    # Without a model of its own, a source says ""; elsewhere that is a mistake, which whoever looks the file up must see.
    yield from (source["model_sha256"] for source in sources if source["model_sha256"])
    yield from (capture for source in sources for capture in (source.get("captures") or {}).values())
    for part in (submission, *(submission.get("variants") or ())):
        if part.get("model_sha256") is not None:
            yield part["model_sha256"]
        for use in (part.get("recipe"), part.get("expected")):
            text = use and use["recipe"].get("text")
            if text:
                yield text["vocabulary"]
    for frame in submission.get("frames") or ():
        yield from frame["sha256"]
        if frame.get("mask") is not None:
            yield frame["mask"]
    if submission.get("float_twin"):
        yield submission["float_twin"]["model_sha256"]
    yield from ((submission.get("baseline") or {}).get("captures") or {}).values()
    if (submission.get("app") or {}).get("sensors"):
        yield submission["app"]["sensors"]
    if submission.get("contract"):
        yield submission["contract"]
    for file in submission.get("assertions") or ():
        yield file["sha256"]


def stored(artifacts: ArtifactStore) -> Iterator[tuple[str, os.stat_result]]:
    """Every artifact there is, by sha256; one removed meanwhile is left out."""
    for folder in _folders(artifacts):
        with os.scandir(folder.path) as files:
            for file in files:
                try:
                    yield folder.name + file.name, file.stat()
                except FileNotFoundError:
                    continue


def items(artifacts: ArtifactStore, known: References) -> Iterator[Item]:
    """What is stored, as retention looks at it."""
    for sha256, stat in stored(artifacts):
        jobs = known.jobs(sha256)
        yield Item(
            sha256, known.kind(sha256), stat.st_size, stat.st_mtime, frozenset(jobs),
            sha256 in known.archives or sha256 in known.scheduled or not jobs.isdisjoint(known.open_jobs),
        )  # fmt: skip


def _folders(artifacts: ArtifactStore) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(artifacts.folder) as found:
            return [entry for entry in found if len(entry.name) == 2 and entry.is_dir()]
    except FileNotFoundError:  # nothing was ever stored
        return []
