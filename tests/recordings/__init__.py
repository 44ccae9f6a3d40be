"""What real phones printed; SOURCES.md says where it is from."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def recording(name: str) -> str:
    """The text of a recording."""
    return (FOLDER / f"{name}.txt").read_text()
