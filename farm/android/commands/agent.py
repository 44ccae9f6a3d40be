"""The agents of a device that are at work under a lease: who holds the lock file, and its end.

agents/native/src/lease.c writes the file: `PID TOKEN`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from farm.android.command import Command, argv, of_text, refusal

_RECORD = re.compile(r"\s*(\d{1,10})\s+(\d{1,20})\s*")
_LOCK = "/data/local/tmp/farm/agent.lock"


@dataclass(frozen=True)
class Holder:
    """Of a lock file: a process, and the token of its lease."""

    pid: int
    token: int


def parse_holder(text: str) -> Holder | None:
    """None where the file holds no record, or is not there."""
    found = _RECORD.fullmatch(text)
    return Holder(int(found[1]), int(found[2])) if found is not None else None


def _holder(lock: str) -> str:
    return argv("cat", lock)


def _end(pid: int, lock: str) -> str:
    # The number may have passed to a stranger, who is left alone. SIGTERM first: the capture is closed then.
    holds = f"[ {pid:d} != $$ ] && grep -qF -e {shlex.quote(lock)} /proc/{pid:d}/cmdline 2> /dev/null"
    return (
        f"holds() {{ {holds}; }}; n=0; holds && kill {pid:d}; while holds; do n=$((n + 1)); "
        f"[ $n -ne 30 ] || kill -9 {pid:d}; [ $n -lt 80 ] || exit 1; sleep 0.1; done"
    )


holder = Command("agent.holder", _holder, of_text(parse_holder), source="agents/native/src/lease.c", example=(_LOCK,))
end = Command("agent.end", _end, refusal, source="toybox: kill, grep, sleep", example=(4711, _LOCK), prints=False)
