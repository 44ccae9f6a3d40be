"""Where messages go: the addresses of farm.toml, told by names that hold no secret."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from farm.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SecretStr

FILE_LIMIT = 8192
HIDDEN = "(hidden)"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?=://)")


@dataclass(frozen=True)
class Target:
    """One of notify.urls. `source` may hold a password, so it is never printed."""

    name: str
    """`1 mailto`, `2 env:SLACK_URL`: its place in the list, and what may be shown of it."""
    source: SecretStr

    def url(self) -> str:
        """The address itself, read now: an environment variable or a file may have been renewed.

        Raises:
            SettingsError: the variable or the file it stands in is not there, or holds no address.
        """
        kind, _, rest = self.source.get_secret_value().partition(":")
        where, remedy = f"notify.urls: {self.name}", "see docs/notifications.md"
        if kind == "env":
            url = os.environ.get(rest, "")
            if not url:
                raise SettingsError(f"the daemon has no variable {rest}", where=where, remedy=remedy)
        elif kind == "file":
            try:
                with Path(rest).open("rb") as file:
                    url = file.read(FILE_LIMIT).decode("utf-8").strip()
            except OSError as e:
                raise SettingsError(f"cannot be read: {e.strerror}", where=where, remedy=remedy) from e
            except UnicodeDecodeError as e:
                raise SettingsError("is not text", where=where, remedy=remedy) from e
        else:
            url = self.source.get_secret_value()
        if not _SCHEME.match(url) or len(url.split()) != 1:
            raise SettingsError("holds no address, which is SCHEME://...", where=where, remedy=remedy)
        return url


def targets(urls: Sequence[SecretStr]) -> list[Target]:
    """Those of farm.toml, by their place."""
    return [Target(f"{place} {shown(url.get_secret_value())}", url) for place, url in enumerate(urls, 1)]


def shown(url: str) -> str:
    """What may be shown of an address: its scheme, since all else may be a secret; of env: and file:, the name."""
    scheme = _SCHEME.match(url)
    if scheme:
        return scheme[0].lower()
    kind, _, rest = url.partition(":")
    return f"{kind}:{Path(rest).name}"


def scrubbed(text: str, url: str) -> str:
    """`text` without any part of an address: user, password, host, path, values."""
    parts = {part for part in re.split(r"[/?&=@:#,;]+", url.partition("://")[2]) if len(part) > 2}
    for part in sorted({url} | parts | {unquote(part) for part in parts}, key=len, reverse=True):
        text = text.replace(part, HIDDEN)
    return text
