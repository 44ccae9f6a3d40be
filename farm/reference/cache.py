"""Recordings of references by what they are made from: a JSON file a key, `<folder>/<key>.json`."""

from __future__ import annotations

import hashlib
import os
import tempfile
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from farm.capture.recording import Recording, load
from farm.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore

FORMAT = 2
"""Raise it when pre-processing or the recording's content changes."""


class CacheKey(BaseModel):
    """Everything a recording depends on. Pictures by their bytes, not their names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    runtime: str
    version: str
    model_sha256: str
    source: str = ""
    """What else answers: JSON of the files, URL and state of a `ReferenceSource`; empty: nothing."""
    recipe: str
    """Its JSON; empty for raw tensors."""
    frames: tuple[tuple[int, str, tuple[str, ...]], ...]
    layers: bool
    threads: int

    def sha256(self) -> str:
        """The key's name."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class _Entry(BaseModel):
    recording: str


def look_up(folder: Path, key: CacheKey, artifacts: ArtifactStore) -> Recording | None:
    """The recording kept for a key; None when there is none, or some of its artifacts were removed."""
    try:
        entry = _Entry.model_validate_json((folder / f"{key.sha256()}.json").read_bytes())
        recording = load(artifacts, entry.recording)
    except (FileNotFoundError, ValidationError, StorageError):
        return None
    needed = {*recording.frames.values(), recording.times, recording.ops} - {""}
    needed.add(entry.recording)
    return recording if all(artifacts.use(sha256) for sha256 in needed) else None


def recording_of(file: Path) -> str | None:
    """The sha256 that an entry names; None where it cannot be read."""
    try:
        return _Entry.model_validate_json(file.read_bytes()).recording
    except (OSError, ValidationError):
        return None


def keep(folder: Path, key: CacheKey, recording_sha256: str) -> None:
    """Remember a recording. Written whole or not at all; the last writer of equal keys wins."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, prefix="new-", delete=False) as file:
        file.write(_Entry(recording=recording_sha256).model_dump_json())
    os.replace(file.name, folder / f"{key.sha256()}.json")  # noqa: PTH105  # both names are in the folder
