"""The pages' own files: style, scripts, libraries. Each address carries the file's hash, so that browsers keep it for good."""

from __future__ import annotations

import functools
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    content: bytes
    zipped: bytes
    type: str
    sha256: str

    @property
    def tag(self) -> str:
        """Its version, in addresses and as ETag."""
        return self.sha256[:16]


@functools.cache
def asset(name: str) -> Asset | None:
    """The file of this name below static/; None when there is none that may be served."""
    if name not in names():
        return None
    content = (FOLDER / name).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return Asset(content, gzip.compress(content, 9, mtime=0), TYPES[Path(name).suffix], sha256)


@functools.cache
def names() -> frozenset[str]:
    """Every file that is served: a list made once, so that no name given from outside is ever a path."""
    found = (file for file in FOLDER.rglob("*") if file.suffix in TYPES)
    return frozenset(str(file.relative_to(FOLDER)) for file in found)


def address(name: str) -> str:
    """Where a page finds a file.

    Raises:
        KeyError: there is no such file.
    """
    found = asset(name)
    if found is None:
        raise KeyError(name)
    return f"/static/{name}?v={found.tag}"
