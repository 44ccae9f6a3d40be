"""A capture or a stored recording, opened to be looked at: a capture is taken in to a store that lasts as long."""

from __future__ import annotations

import contextlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from farm.capture.container import MAGIC
from farm.capture.ingest import record
from farm.capture.recording import load
from farm.errors import CaptureError
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.capture.recording import Recording

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Opened:
    """A recording, and where its parts are."""

    name: str
    recording: Recording
    artifacts: ArtifactStore


def find(name: str, artifacts: ArtifactStore) -> Path:
    """The file that a path, or the sha256 of a stored artifact, names.

    Raises:
        CaptureError: there is none.
    """
    path = Path(name)
    if path.is_file():
        return path
    if _SHA256.fullmatch(name) and artifacts.has(name):
        return artifacts.path(name)
    raise CaptureError(
        "there is no such file, and no such artifact is stored",
        where=name,
        remedy="name a capture by its path, or by the sha256 that `farm show --json` gives",
    )


@contextlib.contextmanager
def opened(name: str, artifacts: ArtifactStore) -> Iterator[Opened]:
    """What `name` stands for: a capture, or a recording that is stored.

    Raises:
        CaptureError: it is neither, or lost its header.
    """
    path = find(name, artifacts)
    with path.open("rb") as file:
        start = file.read(len(MAGIC))
    if start.startswith(b"{") and _SHA256.fullmatch(name):
        try:
            stored = load(artifacts, name)
        except ValidationError as e:
            raise CaptureError("is neither a capture nor a recording", where=name) from e
        yield Opened(name[:12], stored, artifacts)
        return
    with tempfile.TemporaryDirectory(prefix="farm-capture-") as folder:
        store = ArtifactStore(Path(folder))
        sha256 = record(path, "", store)
        if sha256 is None:
            raise CaptureError(
                "was cut off before its header was whole", where=str(path), remedy="there is nothing to read"
            )
        yield Opened(name[:12] if _SHA256.fullmatch(name) else path.name, load(store, sha256), store)
