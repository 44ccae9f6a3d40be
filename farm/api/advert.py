"""The files by which daemons and clients of one data folder find each other: lock, token, advert."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pwd
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from farm.api.messages import Advert
from farm.errors import DaemonError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK, TOKEN, ADVERT = "daemon.lock", "token", "daemon.json"


@contextlib.contextmanager
def held(data: Path) -> Iterator[None]:
    """Hold the data folder: one daemon a folder. The kernel lets go of it when the process dies.

    Raises:
        DaemonError: another daemon holds it (its pid is in the message).
    """
    # Never unlinked: a lock on a file that is gone excludes nobody.
    lock = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            pid = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise DaemonError(
                f"another daemon holds this folder, process {pid}",
                where=str(data),
                remedy=f"use it, or end it with `kill {pid}`; set another `data` folder for a second lab",
            ) from e
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def token(data: Path) -> str:
    """The token of this folder, made on first use; readable by its owner only."""
    file = data / TOKEN
    with contextlib.suppress(FileExistsError):
        _write(file, secrets.token_urlsafe(32), replace=False)
    known = read_token(data)
    if known is None:
        raise DaemonError("is empty", where=str(file), remedy="remove it, and a new one is made")
    file.chmod(0o600)
    return known


def read_token(data: Path) -> str | None:
    """The token of this folder; None before its first daemon."""
    with contextlib.suppress(FileNotFoundError):
        return (data / TOKEN).read_text("utf-8").strip() or None
    return None


def owner() -> str:
    """The user of the operating system who runs this process, as jobs and audit lines call them."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return f"uid-{os.getuid()}"


def token_hash(text: str) -> str:
    """What the state file keeps of a token. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def advertised(data: Path, advert: Advert) -> Iterator[None]:
    """Say where the daemon is, as long as it is there."""
    _write(data / ADVERT, advert.model_dump_json(), replace=True)
    try:
        yield
    finally:
        (data / ADVERT).unlink(missing_ok=True)  # ours: the lock is still held


def read_advert(data: Path) -> Advert | None:
    """Where the daemon says it is; None when it does not. It may be dead."""
    with contextlib.suppress(FileNotFoundError, ValidationError):
        return Advert.model_validate_json((data / ADVERT).read_bytes())
    return None


def _write(file: Path, text: str, *, replace: bool) -> None:
    """Appear whole or not at all, with mode 0600.

    Raises:
        FileExistsError: it is there, and `replace` is False.
    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as f:
            f.write(text)
            f.flush()
            os.fsync(f.fileno())
        if replace:
            temporary.replace(file)
        else:
            file.hardlink_to(temporary)
    finally:
        temporary.unlink(missing_ok=True)
