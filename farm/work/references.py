"""`--reference` on the command line: a runtime's name, or NAME=WHAT where it has a model, a server or a capture of its own."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from farm.capture.container import Container
from farm.capture.ingest import PASSES, first
from farm.capture.messages import read
from farm.errors import CaptureError, InputsError, JobError
from farm.reference.registry import find
from farm.reference.savedmodel import SavedModel
from farm.reference.server import Server, address
from farm.reference.unpack import pack
from farm.store.artifacts import sha256_of
from farm.submission import ReferenceSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.report.document import Job
    from farm.submission import Submission

_JOB = re.compile(r"job:(\d{1,9})(?:/(\d{1,9}))?")
OPTION = "--reference"


class Jobs(Protocol):
    """Who knows a lab's jobs: a client, or the lab itself."""

    def job(self, job: int) -> Job:
        """One job with all its figures; NotFoundError when there is none."""


@dataclass(frozen=True)
class References:
    """What was asked for."""

    names: tuple[str, ...]
    sources: tuple[ReferenceSource, ...] = ()
    files: dict[str, Path] = field(default_factory=dict)
    """By sha256: what has to be sent."""
    earlier: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    """Source -> job, and run where one is named: their captures are the lab's already."""


def parse(words: Sequence[str]) -> References:
    """Read what the words name.

    Raises:
        JobError: no such reference, or it needs something that is not given.
        InputsError, ModelError, CaptureError: a file cannot be read, or is not what it should be.
    """
    found = References(())
    for word in words:
        name, given, value = word.partition("=")
        runtime = find(name)
        if bool(given) != bool(runtime.wants) or (given and not value):
            remedy = f"{OPTION} {name}=..." if runtime.wants else f"{OPTION} {name}"
            what = f"needs {runtime.wants}" if runtime.wants else "takes nothing behind its name"
            raise JobError(f"the reference {name} {what}", where=OPTION, remedy=remedy)
        found = _more(found, name, value)
    if len(set(found.names)) < len(found.names):
        raise InputsError("two references have one name", where=OPTION, remedy="rename one of the files")
    return found


def with_earlier(submission: Submission, found: References, client: Jobs) -> Submission:
    """The submission with the captures of earlier jobs, which `client`'s lab knows.

    Raises:
        FarmError: there is no such job.
        InputsError: it has no such run, several, or its captures were removed.
    """
    sources = [
        source.model_copy(update={"captures": _captures(client, *found.earlier[source.name])})
        if source.name in found.earlier
        else source
        for source in submission.sources
    ]
    return submission.model_copy(update={"sources": tuple(sources)})


def _more(found: References, name: str, value: str) -> References:
    if not value:
        return replace(found, names=(*found.names, name))
    if name == Server.name:
        source, files = ReferenceSource(name=_called(name, value), runtime=name, url=value), dict[str, Path]()
        address(value)
    elif name == "capture" and (job := _JOB.fullmatch(value)):
        source, files = ReferenceSource(name=_called(name, value), runtime=name), {}
        found.earlier[source.name] = int(job[1]), int(job[2]) if job[2] else None
    elif name == "capture":
        captures = {of: path for path in _files(Path(value)) for of in [pass_of(path)]}
        by_hash = {of: sha256_of(path) for of, path in captures.items()}
        files = {by_hash[of]: path for of, path in captures.items()}
        source = ReferenceSource(name=_called(name, Path(value).name), runtime=name, captures=by_hash)
    else:
        path = _packed(Path(value)) if name == SavedModel.name else _file(Path(value))
        files = {(sha256 := sha256_of(path)): path}
        own = Path(value).resolve().name
        source = ReferenceSource(name=_called(name, own), runtime=name, model_name=own[:255], model_sha256=sha256)
    return replace(
        found, names=(*found.names, source.name), sources=(*found.sources, source), files={**found.files, **files}
    )


def _called(name: str, value: str) -> str:
    """As reports call it."""
    return f"{name}={value}"[:255]


def _file(path: Path) -> Path:
    if not path.is_file():
        raise InputsError("no such file", where=f"{OPTION}: {path}", remedy="check the path")
    return path


def _packed(folder: Path) -> Path:
    """A SavedModel's folder as one file, which goes with this process."""
    scratch = tempfile.mkdtemp(prefix="farm-savedmodel-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    file = Path(scratch) / "model.tar"
    pack(folder, file)
    return file


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [_file(path)]
    files = sorted(path.glob("*.mcap"))
    if not files:
        raise InputsError("holds no .mcap file", where=f"{OPTION}: {path}", remedy="name a capture")
    return files


def pass_of(path: Path) -> str:
    """The pass that a capture is of.

    Raises:
        CaptureError: it is none, or was cut off before its header was whole.
    """
    with path.open("rb") as file:
        container = Container(file, str(path))
        header = first(read(container), container)
    if header is None:
        raise CaptureError("was cut off before its header was whole", where=str(path), remedy="give another capture")
    return PASSES[getattr(header, "pass")]


def _captures(client: Jobs, number: int, run: int | None) -> dict[str, str]:
    job = client.job(number)
    runs = [r for r in job.runs if run is None or r.id == run]
    where = f"{OPTION} capture=job:{number}" + ("" if run is None else f"/{run}")
    if len(runs) != 1:
        remedy = f"one of {', '.join(f'job:{number}/{r.id}' for r in job.runs)}"
        raise InputsError("has no such run" if not runs else f"has {len(runs)} runs", where=where, remedy=remedy)
    captures = {
        link.name: link.sha256 for link in runs[0].captures if not link.removed and link.name in {"latency", "layers"}
    }
    if not captures:
        raise InputsError("has no captures (any more)", where=where, remedy="run it again, or take another one")
    return captures
