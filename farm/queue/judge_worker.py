"""The process that judges nights: on stdin an Asked a line; on stdout, for each, an Answer a line.

It ends when its stdin does: whoever asked is gone.
"""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import sys
import threading
import traceback
from pathlib import Path

from farm.queue.judging import Asked, judged
from farm.report.base import Part
from farm.store.database import Reader
from farm.trend.night import Judgement

NICE = 10
"""Runs and answers come first."""
MEMORY_MB = 8192
"""Of addresses: numpy reserves several times what it uses."""


class Answer(Part):
    """A judgement, or the report of what went wrong."""

    judgement: Judgement | None = None
    error: str = ""


def main() -> None:
    """Judge until nobody asks any more."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY_MB << 20 if hard == resource.RLIM_INFINITY else min(MEMORY_MB << 20, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):
        while True:
            sys.stdout.buffer.write(_answer(lines.get()).model_dump_json().encode() + b"\n")
            sys.stdout.buffer.flush()


def _listen(lines: queue.SimpleQueue[bytes]) -> None:
    """Its end is noticed while a night is judged, too."""
    with contextlib.suppress(OSError):
        for line in sys.stdin.buffer:
            lines.put(line)
    os._exit(0)


def _answer(line: bytes) -> Answer:
    try:
        asked = Asked.model_validate_json(line)
        with contextlib.closing(Reader(Path(asked.file))) as database:
            return Answer(judgement=judged(database, asked))
    except Exception:  # who asked must hear of it
        return Answer(error=traceback.format_exc())


if __name__ == "__main__":
    main()
