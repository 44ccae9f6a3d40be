"""The file of the farm's own app."""

from __future__ import annotations

from pathlib import Path

from farm import builds
from farm.errors import AppError


def find(named: str = "") -> Path:
    """The one that is named, else the one that was built here or came along.

    Raises:
        AppError: there is none.
    """
    path = Path(named) if named else builds.apk()
    if not path.is_file():
        raise AppError(
            "the farm's app is not there, and --context app needs it", where=str(path),
            remedy="name one that is: [app] apk in farm.toml" if named else "run: ./run apk",
        )  # fmt: skip
    return path
