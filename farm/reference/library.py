"""The runtime's library as it is installed here: whether a device ran the same code."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path

LIBRARY = "libLiteRt.so"


@functools.cache
def installed_sha256() -> str:
    """sha256 of this computer's `libLiteRt.so`; empty where it has none."""
    found = importlib.util.find_spec("ai_edge_litert")
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        path = Path(folder) / LIBRARY
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
    return ""
