"""A data folder in one file, taken while the farm works; and back. Only new files, where an earlier backup is named."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from farm import __version__
from farm.errors import InputsError, StorageError
from farm.store import schema, sqlite
from farm.store.artifacts import CHUNK, ArtifactStore
from farm.store.database import now
from farm.store.inventory import References, references
from farm.store.tarball import Member, tar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[int, int], None]

FORMAT = 1
MANIFEST, STATE = "manifest.json", "state.db"
MANIFEST_LIMIT = 256 << 20
_ARTIFACT = re.compile(r"artifacts/([0-9a-f]{2})/([0-9a-f]{62})")
_REPORT = re.compile(r"reports/[1-9][0-9]{0,18}/[A-Za-z0-9._-]{1,100}")


class Manifest(BaseModel):
    """The first file of a backup: what is in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    farm: str
    created: str
    """UTC, ISO 8601."""
    data: str
    """The folder it was taken of."""
    artifacts: dict[str, int]
    """sha256 -> bytes, of all that the state file names and that was there."""
    included: tuple[str, ...]
    """Those that are in this file; the others are in the backups before it."""
    missing: int
    """Artifacts that are named and were gone: retention removed them."""


@dataclass(frozen=True)
class Made:
    """What was written, or read back."""

    artifacts: int
    """Files of this backup."""
    named: int
    """Files that the state names and that were there."""
    bytes: int
    missing: int


def backup(data: Path, file: Path, *, since: Path | None = None, progress: Progress = lambda _done, _of: None) -> Made:
    """Write the state of `data`, the files it names and the reports into `file`; without those that the backup `since` holds.

    The state is one moment's; artifacts never change, so those it names are of that moment too. What can be computed again
    (tensors, tables) and the folder's token are left out. `file` appears whole or not at all.

    Raises:
        StorageError: there is no state file, a newer farm wrote it, or there is no room.
        InputsError: `since` is no backup.
    """
    state, artifacts = data / STATE, ArtifactStore(data / "artifacts")
    if not state.is_file():
        raise StorageError("there is no state file", where=str(state), remedy="name the farm's `data` folder")
    held = frozenset[str]() if since is None else frozenset(read_manifest(since).artifacts)
    with _writing(file) as folder:
        snapshot = folder / STATE
        known = _snapshot(state, snapshot)
        there, missing = {}, 0
        for sha256 in {
            **known.inputs,
            **known.captures,
            **known.evidence,
            **dict.fromkeys(known.archives | known.scheduled),
        }:
            try:
                there[sha256] = artifacts.path(sha256).stat().st_size
            except FileNotFoundError:
                missing += 1
        included = sorted(there.keys() - held)
        manifest = Manifest(
            format=FORMAT, farm=__version__, created=now(), data=str(data.absolute()), artifacts=there,
            included=tuple(included), missing=missing,
        )  # fmt: skip

        def members() -> Iterator[Member]:
            yield Member.of_bytes(MANIFEST, manifest.model_dump_json().encode())
            yield Member.of_file(STATE, snapshot)
            for report in sorted(data.glob("reports/*/*")):
                name = report.relative_to(data).as_posix()
                if report.is_file() and _REPORT.fullmatch(name):
                    yield Member.of_file(name, report)
            for done, sha256 in enumerate(included):
                progress(done, len(included))
                yield Member.of_file(f"artifacts/{sha256[:2]}/{sha256[2:]}", artifacts.path(sha256))

        size = 0
        with (folder / "new.tar").open("wb") as out:
            for part in tar(members()):
                size += out.write(part)
            out.flush()
            os.fsync(out.fileno())
        (folder / "new.tar").replace(file)
    return Made(len(included), len(there), size, missing)


def restore(files: Sequence[Path], data: Path, *, progress: Progress = lambda _done, _of: None) -> Made:
    """Make the new folder `data` of a backup and those it builds on, oldest first; each file must hash to its name.

    Raises:
        InputsError: a file is no backup, is cut off, or names what it must not; or `data` is not empty.
        StorageError: a newer farm wrote it, a backup that it builds on is missing, or there is no room.
    """
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise InputsError("is not empty", where=str(data), remedy="restore into a new folder, then set `data` to it")
    data.parent.mkdir(parents=True, exist_ok=True)
    size = count = 0
    with tempfile.TemporaryDirectory(dir=data.parent, prefix=f".{data.name}-restoring-") as name:
        folder = Path(name) / "data"
        folder.mkdir(mode=0o700)
        artifacts = ArtifactStore(folder / "artifacts")
        for file in files:
            manifest = read_manifest(file)
            got = 0
            with _opened(file) as members:
                for member, content in members:
                    progress(got, len(manifest.included))
                    got += _take(member, content, folder, artifacts, str(file))
            if got != len(manifest.included) or not (folder / STATE).is_file():
                raise InputsError(
                    f"holds {got} of {len(manifest.included)} files", where=str(file), remedy="it was cut off"
                )
            count, size = count + got, size + file.stat().st_size
        lacking = [sha256 for sha256 in manifest.artifacts if not artifacts.has(sha256)]
        if lacking:
            raise StorageError(
                f"{len(lacking)} files are in none of these backups",
                where=str(files[-1]),
                remedy="name the backups it builds on before it: farm restore FULL LATER ... --data DIR",
            )
        _move_reports(folder / STATE, Path(manifest.data), data.absolute())
        with contextlib.suppress(FileNotFoundError):
            data.rmdir()
        folder.rename(data)
    return Made(count, len(manifest.artifacts), size, manifest.missing)


def read_manifest(file: Path) -> Manifest:
    """What a backup says of itself.

    Raises:
        InputsError: it is none, or of a newer farm.
    """
    with _opened(file) as members:
        name, content = next(members, ("", io.BytesIO()))
        text = content.read(MANIFEST_LIMIT) if name == MANIFEST else b""
    with contextlib.suppress(ValidationError):
        manifest = Manifest.model_validate_json(text)
        if manifest.format > FORMAT:
            raise InputsError(f"is of a newer farm ({manifest.farm})", where=str(file), remedy="restore it with that")
        return manifest
    raise InputsError("is no backup of a farm", where=str(file), remedy="name a file that `farm backup` wrote")


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """A backup's files, in order; each can be read until the next is asked for."""
    try:
        archive = tarfile.open(file, "r|")  # noqa: SIM115  # closed below
    except tarfile.TarError as e:
        raise InputsError(f"is no backup, or was cut off ({e})", where=str(file), remedy="take another") from e
    except OSError as e:
        raise InputsError(f"cannot be read: {e.strerror or e}", where=str(file), remedy="name a backup") from e
    with archive:
        try:
            yield _members(archive, str(file))
        except tarfile.TarError as e:
            raise InputsError(f"was cut off ({e})", where=str(file), remedy="take another") from e


def _members(archive: tarfile.TarFile, where: str) -> Iterator[tuple[str, IO[bytes]]]:
    for member in archive:
        content = archive.extractfile(member) if member.isfile() else None
        if content is None:
            raise InputsError(f"holds {member.name[:80]!r}, which is no file", where=where, remedy="it is no backup")
        yield member.name, content


def _take(name: str, content: IO[bytes], folder: Path, artifacts: ArtifactStore, where: str) -> int:
    """One file of a backup to its place; whether it was an artifact. Nothing is believed of a name but what is known here."""
    parts = iter(lambda: content.read(CHUNK), b"")
    if found := _ARTIFACT.fullmatch(name):
        artifacts.put_stream(parts, expected=found[1] + found[2])
        return 1
    if name == STATE or _REPORT.fullmatch(name):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("wb") as out:
            shutil.copyfileobj(content, out, CHUNK)
        return 0
    if name != MANIFEST:
        raise InputsError(f"holds {name[:80]!r}", where=where, remedy="it is no backup")
    return 0


def _snapshot(state: Path, to: Path) -> References:
    """Copy the state file as it is at one moment, whoever writes to it; what that moment's jobs name."""
    with contextlib.closing(sqlite.connect(state, read_only=True)) as source:
        schema.refuse_newer(source, str(state))
        with contextlib.closing(sqlite.connect(to)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, without a log beside it
            return references(target)


def _move_reports(state: Path, old: Path, new: Path) -> None:
    with contextlib.closing(sqlite.connect(state)) as db:
        try:
            schema.refuse_newer(db, str(state))
            problems = [row[0] for row in db.execute("PRAGMA integrity_check(1)") if row[0] != "ok"]
            db.execute(
                "UPDATE jobs SET report = ? || substr(report, ?) WHERE substr(report, 1, ?) = ?",
                (f"{new}/", len(f"{old}/") + 1, len(f"{old}/"), f"{old}/"),
            )
        except sqlite.DatabaseError as e:
            problems = [str(e)]
    if problems:
        raise InputsError(f"its state file is broken: {problems[0]}", where=str(state), remedy="take another backup")


@contextlib.contextmanager
def _writing(file: Path) -> Iterator[Path]:
    """A folder beside `file` to make it in."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as name:
            yield Path(name)
    except OSError as e:
        raise StorageError(f"cannot be written: {e.strerror or e}", where=str(file), remedy="free some space") from e
    except sqlite.DatabaseError as e:
        raise StorageError(str(e), where=str(file), remedy="see `farm check`") from e
