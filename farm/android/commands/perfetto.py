"""A trace around a pass, by Android's own `perfetto` (9 and later)."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from farm.android.command import Command, Said, argv, refusal

FOLDER = "/data/misc/perfetto-traces"
"""Where SELinux lets it write, and shells read."""
PID_FILE = "/data/local/tmp/farm/perfetto.pid"
PULLS_SINCE = 29
"""Before Android 10 adb's own copying may not read there, only `cat` may."""
_TURN_ON = "persist.traced.enable"


@dataclass(frozen=True)
class Started:
    """What came of the attempt. Without a `pid` there is no trace, and `problem` says why."""

    pid: int | None
    turned_on: bool = False
    """Android's tracing service was off; it is on now, also after the next boot."""
    problem: str = ""


@dataclass(frozen=True)
class Stopped:
    """How a trace ended."""

    early: bool
    """By itself, before it was asked to."""
    killed: bool
    """It did not end when it was asked to: the file may lack its end."""


def _start(config: bytes, out: str) -> str:
    # The config comes by stdin: before Android 12 SELinux keeps perfetto from reading it out of any folder of a shell's.
    text = base64.b64encode(config).decode()
    return "\n".join(
        (
            "command -v perfetto > /dev/null || { echo 'no perfetto on this device' >&2; exit 127; }",
            f"if [ -r {PID_FILE} ]; then",  # of a lab that died
            f'  read -r old < {PID_FILE}; [ "$(cat "/proc/$old/comm" 2> /dev/null)" = perfetto ] && kill "$old"',
            '  n=0; while [ -d "/proc/${old:-none}" ] && [ $n -lt 20 ]; do sleep 0.1; n=$((n + 1)); done',
            "fi",
            f"rm -f {FOLDER}/farm-*.pftrace {PID_FILE}",
            f'if [ "$(getprop init.svc.traced)" != running ] && [ "$(getprop {_TURN_ON})" != 1 ]; then',
            f"  setprop {_TURN_ON} 1 && echo turned on && sleep 1",
            "fi",
            f"pid=$(echo {text} | base64 -d | perfetto --background -c - -o {argv(out)}) || exit",
            # Android 9's tells no process id: the newest is ours.
            '[ -n "$pid" ] || pid=$(pgrep -n -P 1 -x perfetto)',
            f'mkdir -p {PID_FILE.rpartition("/")[0]}; echo "$pid" > {PID_FILE}; echo "pid $pid"',
        )
    )


def _started(said: Said) -> Started:
    turned_on = "turned on" in said.text.splitlines()
    found = re.search(r"^pid (?:.*\n)*?(\d{1,9})$", said.text, re.MULTILINE)
    if said.status:
        return Started(None, turned_on, refusal(said)[-300:])
    if found is None:
        return Started(None, turned_on, f"perfetto did not stay: {said.text[-200:]}; see logcat")
    return Started(int(found[1]), turned_on)


def _stop(pid: int) -> str:
    return "\n".join(
        (
            f"kill -INT {pid} 2> /dev/null || echo early",  # Android 9's writes its end by this signal alone
            f"n=0; while [ -d /proc/{pid} ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done",
            f"[ -d /proc/{pid} ] && kill -KILL {pid} && echo killed",
            f"rm -f {PID_FILE}",
        )
    )


def _stopped(said: Said) -> Stopped:
    words = said.text.split()
    return Stopped("early" in words, "killed" in words)


def _content(path: str) -> str:
    return argv("cat", path)


def _remove(path: str) -> str:
    return argv("rm", "-f", path)


start = Command(
    "perfetto.start", _start, _started,
    source="PerfettoCmd::Main, 10 and later: the process id of what stays in the background",
    since=28,
    example=(b"\x18\x10", f"{FOLDER}/farm-1-1-latency.pftrace"),
)  # fmt: skip
stop = Command(
    "perfetto.stop", _stop, _stopped, source="the shell; perfetto ends well by SIGINT", since=28, example=(4711,)
)
content = Command(
    "perfetto.content", _content, refusal, source="toybox", since=28, until=28,
    example=(f"{FOLDER}/farm-1-1-latency.pftrace",), prints=False,
)  # fmt: skip
remove = Command(
    "perfetto.remove", _remove, refusal, source="toybox", since=28,
    example=(f"{FOLDER}/farm-1-1-latency.pftrace",), prints=False,
)  # fmt: skip
