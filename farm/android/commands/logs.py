"""The device's log, and what it keeps of crashes."""

from __future__ import annotations

import re

from farm.android.command import Command, argv, as_is

TOMBSTONES = 3
START = re.compile(r"ActivityManager: Start proc (\d+):([A-Za-z0-9_.]+)")
"""By which the log names a process's first moment."""


def log_of(package: str, text: str) -> str:
    """Of a log in the format threadtime, the lines by or about the process of a package that was started last."""
    lines = text.splitlines()
    begun = [(i, found[1]) for i, line in enumerate(lines) if (found := START.search(line)) and found[2] == package]
    if not begun:
        return "\n".join(line for line in lines if package in line)
    first, pid = begun[-1]
    about = re.compile(rf"\b{re.escape(package)}\b|\b[Pp](?:rocess|id) {pid}\b")
    mine = [line for line in lines[first:] if line[18:].split(None, 1)[:1] == [pid] or about.search(line)]
    return "\n".join(mine)


def _last(lines: int) -> str:
    return argv("logcat", "-d", "-v", "threadtime", "-t", str(lines))


def _since(buffers: str, seconds: int) -> str:
    # In the device's own time, which need not be ours.
    ago = f"\"$(date -d @$(($(date +%s) - {seconds})) '+%m-%d %H:%M:%S.000')\""
    return f"logcat -d -b {buffers} -v threadtime -T {ago}"


def _recent(buffer: str, lines: int) -> str:
    return f"logcat -d -b {buffer} -v threadtime | tail -n {lines}"


def _follow(buffer: str) -> str:
    return argv("logcat", "-b", buffer, "-v", "threadtime")


def _tombstones(minutes: int) -> str:
    # No shell may read the folder on most phones; the drop box has the same texts where `dumpsys` may tell them.
    return (
        f"find /data/tombstones -type f -name 'tombstone_*' ! -name '*.pb' -mmin -{minutes} 2>/dev/null"
        f' | tail -n {TOMBSTONES} | while read -r f; do echo "== $f"; cat "$f"; done 2>/dev/null'
        "; dumpsys dropbox --print SYSTEM_TOMBSTONE 2>/dev/null"
    )


last = Command(
    "logs.last", _last, as_is, source="logcat; log_of picks an app's lines", example=(1000,),
    recorded=("logcat-threadtime", "logcat-start-proc"),
)  # fmt: skip
since = Command(
    "logs.since", _since, as_is, source="logcat; toybox: date", example=("main,system", 60),
    recorded=("logcat-threadtime",),
)  # fmt: skip
recent = Command(
    "logs.recent",
    _recent,
    as_is,
    source="logcat; toybox: tail",
    example=("main", 1000),
    recorded=("logcat-threadtime",),
)
follow = Command("logs.follow", _follow, as_is, source="logcat", example=("main",), recorded=("logcat-threadtime",))
tombstones = Command(
    "logs.tombstones",
    _tombstones,
    as_is,
    source="debuggerd; DropBoxManagerService",
    example=(2,),
    recorded=("tombstone",),
)
