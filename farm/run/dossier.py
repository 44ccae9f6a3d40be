"""All of a run in one archive: document, submission, captures, evidence, report, versions, settings without secrets."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import farm
from farm.capture.container import Container
from farm.capture.ingest import first, header_of
from farm.capture.messages import read
from farm.errors import FarmError
from farm.fleet.program import adb_program
from farm.run import bundle
from farm.store.artifacts import sha256_of
from farm.store.tarball import Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.report.document import Job, Run
    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore
    from farm.store.database import Database
    from farm.submission import Submission

EVENTS = 2000
PACKAGES = ("ai-edge-litert", "adbutils", "numpy", "mcap", "pydantic", "fastapi")
SECRET = re.compile(r"token|password|passwd|secret|credential|api_?key", re.IGNORECASE)
"""In a setting's name, or in a word of a command: what follows is nobody's business."""
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
HIDDEN = "(hidden)"


def members(
    job: Job, run: Run, submission: Submission, settings: Settings, database: Database, artifacts: ArtifactStore
) -> list[Member]:
    """The files of the archive, the small ones first; `manifest.json` says what is there and what is not any more."""
    report = Path(job.report) if job.report else None
    files = [
        _json("run.json", run.model_dump(mode="json")),
        _json("job.json", job.model_dump(mode="json", exclude={"runs"})),
        _json("submission.json", submission.model_dump(mode="json")),
        _json("settings.json", redacted(settings.model_dump(mode="json"))),
        _json("versions.json", versions(run, settings, artifacts)),
        _json("events.json", _events(database, job.job, run)),
    ]
    removed = []
    stored = [(f"evidence/attempt-{e.attempt}/{e.name}", e.sha256) for e in run.evidence]
    stored += [(f"captures/{c.name}.mcap", c.sha256) for c in run.captures]
    if run.samples is not None:
        stored.append(("samples.parquet", run.samples.sha256))
    for name, sha256 in stored:
        try:
            files.append(Member.of_file(name, artifacts.path(sha256)))
        except FileNotFoundError:
            removed.append({"name": name, "sha256": sha256})
    for bug in sorted((settings.data / "bugs").glob(f"*-{run.id}-*.txt")):
        files.append(Member.of_file(f"bugs/{bug.name}", bug))
    if report is not None and report.is_file():
        files.append(Member.of_file("report.html", report))
    listing = [{"name": file.name, "bytes": file.size} for file in files]
    manifest = {
        "format": 1, "run": run.id, "job": job.job, "files": listing, "removed": removed,
        "artifacts": dict(stored),
    }  # fmt: skip
    return [_json("manifest.json", manifest), *files]


def versions(run: Run, settings: Settings, artifacts: ArtifactStore) -> dict[str, Any]:
    """What ran, as far as the captures tell, and what is installed here now."""
    ran = {}
    for capture in run.captures:
        with contextlib.suppress(FarmError, OSError), artifacts.path(capture.sha256).open("rb") as file:
            container = Container(file, capture.name)
            found = first(read(container), container)
            if found is not None:
                header = header_of(found, "")
                ran[capture.name] = {
                    "agent_sha256": header.agent_sha256,
                    "runtime_sha256": header.runtime_sha256,
                    "runtime": header.source_version,
                }
    here: dict[str, Any] = {"packages": {}}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            here["packages"][package] = importlib.metadata.version(package)
    with contextlib.suppress(FarmError):
        here["adb"] = adb_program()
    if run.target is not None:
        with contextlib.suppress(FarmError, OSError):
            files = bundle.for_abi(
                run.target.abi,
                virtual=run.target.kind == "virtual",
                data=settings.data,
                name=run.conditions.get("runtime_bundle", ""),
            )
            here |= {"agent_sha256": sha256_of(files.agent), "runtime_sha256": sha256_of(files.runtime)}
    return {
        "farm": farm.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "captures": ran,
        "installed": here,
    }


def redacted(value: Any, name: str = "") -> Any:
    """Settings that may be shown: what is called a secret, or stands in an address before the @, is not in them."""
    if isinstance(value, dict):
        return {key: redacted(inner, str(key)) for key, inner in value.items()}
    if SECRET.search(name) and value not in ("", None):
        return HIDDEN
    if isinstance(value, list | tuple):
        return list(_words(value))
    if isinstance(value, str):
        return _USERINFO.sub(f"{HIDDEN}@", value)
    return value


def _words(words: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
    """Of a command line: `--password x` and `--password=x` lose x."""
    hide = False
    for word in words:
        if hide or (isinstance(word, str) and SECRET.search(word) and "=" in word):
            yield f"{word.partition('=')[0]}={HIDDEN}" if not hide else HIDDEN
            hide = False
        else:
            hide = isinstance(word, str) and word.startswith("-") and SECRET.search(word) is not None
            yield redacted(word)


def _events(database: Database, job: int, run: Run) -> dict[str, Any]:
    rows = database.read("SELECT at, kind, run, detail FROM events WHERE job = ? ORDER BY id LIMIT ?", job, EVENTS)
    serial = run.target.serial if run.target else ""
    device = database.read(
        "SELECT at, kind, detail FROM device_events WHERE serial = ? ORDER BY id DESC LIMIT ?", serial, EVENTS
    )
    own = [dict(row) for row in rows if row["run"] in {None, run.id}]
    return {"job": own, "device": [dict(row) for row in reversed(device)]}


def _json(name: str, value: Any) -> Member:
    return Member.of_bytes(name, json.dumps(value, indent=2).encode())
