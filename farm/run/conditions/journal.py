"""What was changed on a device and is to be changed back: a small file for each, written before the change.

`kill -9` of a run or of the daemon leaves the file; whoever comes next puts things right (`tuning.restore`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = "restore"
SUFFIX = ".json"


class Change(BaseModel):
    """One setting: where it is, what it was (None: not set) and what it was set to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["setting", "fixed-performance", "screen"]
    table: str = ""
    """global, system or secure."""
    key: str = ""
    old: str | None = None
    new: str = ""

    @property
    def name(self) -> str:
        """As the run's conditions name it."""
        return self.key or self.kind.replace("-", "_")


class Entries(BaseModel):
    """The file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    serial: str
    changes: tuple[Change, ...] = ()


class Journal:
    """The changes of one device; `locked` keeps two from undoing them at once."""

    def __init__(self, data: Path, serial: str) -> None:
        self.serial = serial
        self._path = data / FOLDER / f"{quote(serial, safe='')}{SUFFIX}"

    def read(self) -> tuple[Change, ...]:
        """What is still to be undone, the oldest first. A file that cannot be read holds nothing."""
        try:
            return Entries.model_validate_json(self._path.read_bytes()).changes
        except (OSError, ValidationError):
            return ()

    def add(self, change: Change) -> None:
        """Note a change that is about to be made; on the disk when this returns."""
        self.write((*self.read(), change))

    def write(self, changes: tuple[Change, ...]) -> None:
        """What is still to be undone; nothing: the file goes."""
        if not changes:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(Entries(serial=self.serial, changes=changes).model_dump_json().encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)

    @contextlib.contextmanager
    def locked(self, *, wait: bool) -> Iterator[bool]:
        """Whether nobody else is at it, as long as the block lasts; `wait` until that is so."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True


def waiting(data: Path) -> list[str]:
    """The serials of devices that are not yet as they were."""
    return sorted(unquote(path.stem) for path in (data / FOLDER).glob(f"*{SUFFIX}"))
