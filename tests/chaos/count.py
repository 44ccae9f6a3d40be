"""What is left when the storm is over: runs lost, committed twice, wrong; agents and leases that should be gone."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from farm.capture.container import Container
from farm.capture.ingest import first
from farm.capture.messages import read as messages
from farm.errors import FarmError
from farm.store import sqlite
from farm.store.artifacts import ArtifactStore, sha256_of
from farm.store.integrity import check

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

OVER = ("done", "failed", "canceled")
GRACE_S = 30.0


@dataclass
class Count:
    """All but `done` and `failed` must be 0."""

    lost: int = 0
    twice: int = 0
    wrong: int = 0
    agents: int = 0
    leases: int = 0
    done: int = 0
    failed: int = 0
    why: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The one that `./run chaos` ends with."""
        return f"{self.lost} lost, {self.twice} committed twice, {self.wrong} wrong, {self.agents} stale agents"

    @property
    def sound(self) -> bool:
        """Whether nothing went wrong that should not."""
        return not (self.lost or self.twice or self.wrong or self.agents or self.leases)


def count(data: Path, jobs: Sequence[int], top1: float) -> Count:
    """Read the state file and every capture; `top1` is the accuracy that every run that is done must have."""
    found = Count()
    database = sqlite.connect(data / "state.db", read_only=True)
    try:
        for problem in check(data).problems:  # the state file, every artifact's hash, what lies about
            found.wrong += 1
            found.why.append(f"{problem.where}: {problem.what}")
        known = {row["id"] for row in database.execute("SELECT id FROM jobs")}
        for job in known ^ set(jobs):
            found.lost += job in jobs
            found.twice += job not in jobs  # nobody was told of it: a submission that was taken for two
            found.why.append(f"job {job} was {'lost' if job in jobs else 'made twice'}")
        ends: dict[int, int] = {
            row["run"]: row["n"]
            for row in database.execute(
                "SELECT run, count(*) AS n FROM events WHERE kind IN ('done', 'failed', 'canceled')"
                " AND run IS NOT NULL GROUP BY run"
            )
        }
        recovered = {
            row["run"]
            for row in database.execute("SELECT run FROM events WHERE kind = 'recovered' AND detail = 'failed'")
        }
        store = ArtifactStore(data / "artifacts")
        for row in database.execute("SELECT * FROM runs ORDER BY id"):
            if row["status"] not in OVER:
                found.lost += 1
                found.why.append(f"run {row['id']} is {row['status']}")
                continue
            if ends.get(row["id"], 0) + (row["id"] in recovered) != 1:
                found.twice += 1
                found.why.append(f"run {row['id']} ended {ends.get(row['id'], 0)} times")
            found.done += row["status"] == "done"
            found.failed += row["status"] != "done"
            if told := _wrong(row, store, top1):
                found.wrong += 1
                found.why.append(f"run {row['id']}: {told}")
        found.leases = database.execute("SELECT count(*) FROM leases").fetchone()[0]
    finally:
        database.close()
    return found


def stale_agents(serials: Collection[str]) -> list[int]:
    """Agents that still run on these phones, some time after the last run."""
    deadline = time.monotonic() + GRACE_S
    mine = {f"serial={serial}" for serial in serials}
    while True:
        left = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                ended = process.status() == psutil.STATUS_ZOMBIE
            except psutil.Error:
                continue
            if "--lease" in words and mine & set(words) and not ended:
                left.append(process.pid)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.5)


def _wrong(row: sqlite.Row, store: ArtifactStore, top1: float) -> str:
    """What is wrong with the end of a run; empty when nothing is."""
    if row["status"] == "canceled":
        return "nobody canceled it"
    if row["status"] == "failed":
        error = json.loads(row["error"] or "{}")
        return (
            "" if error.get("kind") == "infrastructure" else f"failed with {error.get('kind')}: {error.get('message')}"
        )
    run = json.loads(row["document"])
    if (run["accuracy"] or {}).get("top1") != top1:
        return f"top-1 is {run['accuracy'] and run['accuracy']['top1']}, not {top1}"
    if run["target"]["serial"] != row["serial"]:
        return f"its document is of {run['target']['serial']}, its row of {row['serial']}"
    for link in run["captures"]:
        file = store.path(link["sha256"])
        if not file.is_file() or sha256_of(file) != link["sha256"]:
            return f"capture {link['name']} is not what was stored"
        if told := _foreign(file, row):
            return told
    return ""


def _foreign(capture: Path, row: sqlite.Row) -> str:
    try:
        with capture.open("rb") as file:
            container = Container(file, str(capture))
            header = first(messages(container), container)
    except FarmError as e:
        return f"its capture cannot be read: {e}"
    told = dict(header.labels) if header is not None else {}
    if (told.get("run"), told.get("serial")) != (str(row["id"]), row["serial"]):
        return f"its capture is of run {told.get('run')} on {told.get('serial')}"
    return ""
