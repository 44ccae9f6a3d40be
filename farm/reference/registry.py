"""The reference runtimes by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import JobError
from farm.reference.litert import LiteRt
from farm.reference.litert_ref import LiteRtRef

if TYPE_CHECKING:
    from farm.reference.contract import Reference

KNOWN: dict[str, type[Reference]] = {runtime.name: runtime for runtime in (LiteRt, LiteRtRef)}


def find(name: str) -> type[Reference]:
    """The runtime called `name`.

    Raises:
        JobError: there is none; lists those there are.
    """
    if name not in KNOWN:
        raise JobError(f"no reference is called {name!r}", where="references", remedy=f"known: {', '.join(KNOWN)}")
    return KNOWN[name]
