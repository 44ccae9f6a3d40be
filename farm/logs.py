"""The daemon's log: lines for people or JSON lines, to stderr and, if asked for, to data/logs with rotation.

Whoever logs gives what it is about as `extra`: run, job, serial, user, token (its name), subject, status. Texts of tokens never
get here; what looks like one is hidden all the same.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.settings import Log

FIELDS = ("job", "run", "serial", "user", "token", "subject", "status")
FILE, FILE_BYTES, FILES = "farm.jsonl", 16 << 20, 5
"""In data/logs: at most so much, so many times."""
HIDDEN = "(hidden)"
_SECRETS = re.compile(
    r"(?i)(bearer\s+|token=|password=|://[^/@\s:]*:)([^\s@&\"']+)|(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"
)
"""A bearer, a password in an address, or 256 bits in base 64, as tokens are."""


def clean(text: str) -> str:
    """`text` without what may be a secret; a sha256 is none."""
    return _SECRETS.sub(lambda m: f"{m[1] or ''}{HIDDEN}", text)


class JsonLines(logging.Formatter):
    """One JSON object a line: at, level, logger, message, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """A line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": clean(record.getMessage()),
        }
        line |= {name: _plain(value) for name in FIELDS if (value := getattr(record, name, None)) not in (None, "")}
        if record.exc_info:
            line["trace"] = clean(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class Lines(logging.Formatter):
    """For people: time, level, what it is about, message."""

    def format(self, record: logging.LogRecord) -> str:
        """A line, and a traceback if there is one."""
        about = " ".join(
            f"{name}={value}" for name in FIELDS if (value := getattr(record, name, None)) not in (None, "")
        )
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        text = f"{at} {record.levelname.lower():<7} {f'{about}: ' if about else ''}{record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return clean(text).replace("\r", "\\r")


def begin(settings: Log, data: Path) -> Callable[[], None]:
    """Write what the farm logs from now on; calling the result ends it.

    Raises:
        OSError: data/logs cannot be made.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setFormatter(JsonLines() if settings.format == "json" else Lines())
    if settings.file:
        folder = data / "logs"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = logging.handlers.RotatingFileHandler(
            folder / FILE, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8"
        )
        kept.setFormatter(JsonLines())
        handlers.append(kept)
    ours = logging.getLogger("farm")
    before = ours.level
    ours.setLevel(settings.level.upper())
    for handler in handlers:
        ours.addHandler(handler)

    def end() -> None:
        ours.setLevel(before)
        for handler in handlers:
            ours.removeHandler(handler)
            handler.close()

    return end


def _plain(value: object) -> object:
    return value if isinstance(value, int | float) else clean(str(value))
