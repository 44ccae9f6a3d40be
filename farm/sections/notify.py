"""[notify] of farm.toml: who is told, and when."""

from __future__ import annotations

import datetime
import re
import zoneinfo
from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from farm.sections.base import Section

_TIME = r"([01]\d|2[0-3]):[0-5]\d"
_URL = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:\S.*|[A-Za-z][A-Za-z0-9+.-]*://\S+")


class Notify(Section):
    """Who is told what changed overnight, and of gates that fail."""

    urls: tuple[SecretStr, ...] = Field(default=(), max_length=16)
    """Of apprise (`mailto://`, `slack://`, `workflows://`, `json://`, ...), or `env:NAME` or `file:PATH`, which hold one. Never
    shown: most hold a password."""
    digest_at: str = Field(default="07:30", pattern=rf"^(|{_TIME})$")
    """HH:MM; empty: no digest."""
    zone: str = ""
    """IANA name of the zone of `digest_at` and `quiet`; empty: this computer's."""
    quiet: str = Field(default="", pattern=rf"^(|{_TIME}-{_TIME})$")
    """`22:00-07:00`: nothing is sent from then until then, but what is urgent; empty: at any time."""
    gates: tuple[str, ...] = Field(default=("*",), max_length=64)
    """Names of gates, with `*`, whose failing is told at once."""
    urgent: tuple[str, ...] = Field(default=(), max_length=64)
    """Those of them that are told in quiet hours, too."""
    link: str = Field(default="", pattern=r"^(|https?://[^\s\"'<>]+)$")
    """Address of the lab as its readers reach it, for links to its pages; empty: no links."""
    attempts: int = Field(default=8, ge=1, le=100)
    """Of one message to one address, before it is given up."""
    deadline_s: float = Field(default=30.0, gt=0, le=600)
    """Wall clock of one attempt."""

    @field_validator("urls")
    @classmethod
    def _are_urls(cls, urls: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(_URL.fullmatch(url.get_secret_value()) for url in urls):
            raise ValueError("each is SCHEME://..., env:NAME or file:PATH")
        return urls

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            _ = zoneinfo.ZoneInfo(name) if name else None
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as e:
            raise ValueError("is no time zone: write it as Europe/Berlin") from e
        return name

    @field_validator("quiet")
    @classmethod
    def _lasts(cls, quiet: str) -> str:
        since, _, until = quiet.partition("-")
        if quiet and since == until:
            raise ValueError("begins when it ends")
        return quiet

    @property
    def time(self) -> datetime.time | None:
        """`digest_at`, as a time of day."""
        return datetime.time.fromisoformat(self.digest_at) if self.digest_at else None

    @property
    def hours(self) -> tuple[datetime.time, datetime.time] | None:
        """`quiet`, as two times of day."""
        since, _, until = self.quiet.partition("-")
        return (datetime.time.fromisoformat(since), datetime.time.fromisoformat(until)) if self.quiet else None

    @property
    def tz(self) -> zoneinfo.ZoneInfo | None:
        """`zone`; None: this computer's."""
        return zoneinfo.ZoneInfo(self.zone) if self.zone else None

    def beside(self, folder: Path) -> Notify:
        """The same, with files relative to `folder`."""

        def absolute(url: SecretStr) -> SecretStr:
            scheme, _, path = url.get_secret_value().partition(":")
            return SecretStr(f"file:{folder / Path(path).expanduser()}") if scheme == "file" else url

        return self.model_copy(update={"urls": tuple(absolute(url) for url in self.urls)})
