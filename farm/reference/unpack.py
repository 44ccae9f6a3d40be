"""A SavedModel's folder in a tar, there and back. Nothing of an archive gets out of its folder, and it has limits."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from farm.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_FILES = 10_000
LIMIT_BYTES = 4 << 30
MARK = "saved_model.pb"


def pack(folder: Path, file: Path) -> None:
    """Write `folder` into a tar `file`: the same content gives the same bytes.

    Raises:
        ModelError: it is no SavedModel.
    """
    if not (folder / MARK).is_file():
        raise ModelError(
            f"is no SavedModel: it has no {MARK}", where=str(folder), remedy="give the folder that has one"
        )
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                member = tarfile.TarInfo(path.relative_to(folder).as_posix())
                member.size, member.mode = path.stat().st_size, 0o644
                with path.open("rb") as content:
                    tar.addfile(member, content)


def unpack(file: Path, folder: Path) -> Path:
    """Unpack a SavedModel's tar into `folder`, which is made; the folder that holds the model.

    Raises:
        ModelError: it is no tar, holds something else than files and folders, is too large, or is no SavedModel.
    """
    remedy = "give the folder of a SavedModel"
    if (folder / MARK).is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    try:
        with tarfile.open(file, "r:") as tar:
            for count, member in enumerate(tar, 1):
                size += member.size
                if count > LIMIT_FILES or size > LIMIT_BYTES:
                    raise ModelError(
                        f"holds more than {LIMIT_FILES} files or {LIMIT_BYTES >> 30} GiB",
                        where="savedmodel",
                        remedy=remedy,
                    )
                if not (member.isreg() or member.isdir()):
                    raise ModelError(f"holds {member.name!r}, which is no file", where="savedmodel", remedy=remedy)
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, OSError, ValueError) as e:
        raise ModelError(f"its archive cannot be unpacked: {e}", where="savedmodel", remedy=remedy) from e
    if not (folder / MARK).is_file():
        raise ModelError(f"holds no {MARK}", where="savedmodel", remedy=remedy)
    return folder
