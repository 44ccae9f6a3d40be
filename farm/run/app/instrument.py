"""What `am instrument -w -r` prints, as it comes.

From AOSP, frameworks/base/cmds/am/src/com/android/commands/am/Instrument.java, class TextStatusReporter: for a status

    for (String key : sorted(results.keySet())) {
        System.out.println("INSTRUMENTATION_STATUS: " + key + "=" + results.get(key));
    }
    System.out.println("INSTRUMENTATION_STATUS_CODE: " + resultCode);

at the end the same with `INSTRUMENTATION_RESULT: ` and `INSTRUMENTATION_CODE: ` (-1 is Activity.RESULT_OK; a process that
crashed has 0, with `shortMsg` and `longMsg`), and of what goes wrong around it

    System.out.println("onError: commandError=" + commandError + " message=" + errorText);

with `INSTRUMENTATION_FAILED: COMPONENT` (it could not be started) and `INSTRUMENTATION_ABORTED: System has crashed.` A value may
have several lines, and is not quoted: a line that begins as none of these goes on with the value before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OK = -1
LINE_LIMIT = 64 << 10
VALUE_LIMIT = 64 << 10
"""Characters of one value; what is beyond is dropped, as are values beyond VALUES."""
VALUES = 256
SAID_LIMIT = 8 << 10
"""Characters of what is none of it, its end."""
_PAIR = re.compile(r"INSTRUMENTATION_(STATUS|RESULT): ([^=]*)=(.*)", re.DOTALL)
_CODE = re.compile(r"INSTRUMENTATION_(STATUS_CODE|CODE): (-?\d{1,10})\s*")
_WRONG = ("INSTRUMENTATION_FAILED", "INSTRUMENTATION_ABORTED", "onError: ")


@dataclass(frozen=True)
class Status:
    """A word on the way, or the last one."""

    code: int
    values: dict[str, str]


@dataclass
class Output:
    """Of one `am instrument`. `on_status` is told of each status once it is whole."""

    on_status: Callable[[Status], None] = lambda _: None
    result: Status | None = None
    """None until it ended; for ever where it died without a word."""
    wrong: list[str] = field(default_factory=list)
    """What `am` itself said went wrong."""
    error: str = ""
    """What ActivityManager says of an instrumentation that is not there."""
    said: str = ""
    """The end of all that is none of it."""
    _values: dict[str, str] = field(default_factory=dict)
    _last: str | None = None
    _kind: str = ""
    _rest: bytes = b""

    def feed(self, data: bytes) -> None:
        """Take in a piece of what it prints."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-LINE_LIMIT:]
        for line in lines:
            self._line(line.decode("utf-8", "replace").removesuffix("\r"))

    def end(self) -> None:
        """Nothing comes any more: what has no line's end is a line, too."""
        if self._rest:
            self.feed(b"\n")

    def _line(self, line: str) -> None:
        if pair := _PAIR.fullmatch(line):
            kind, name, value = pair.groups()
            if kind != self._kind:
                self._begin(kind)
            if name in self._values or len(self._values) < VALUES:
                self._values[name], self._last = value[:VALUE_LIMIT], name
        elif code := _CODE.fullmatch(line):
            self._whole(code[1], int(code[2]))
        elif line.startswith(_WRONG):
            self.wrong = [*self.wrong, line[:VALUE_LIMIT]][-VALUES:]
            self._last = None
        elif self._last is not None:
            self._values[self._last] = f"{self._values[self._last]}\n{line}"[:VALUE_LIMIT]
        else:
            self.said = f"{self.said}{line}\n"[-SAID_LIMIT:]

    def _begin(self, kind: str) -> None:
        self._kind, self._values, self._last = kind, {}, None

    def _whole(self, word: str, code: int) -> None:
        kind = "STATUS" if word == "STATUS_CODE" else "RESULT"
        told = Status(code, self._values if kind == self._kind else {})
        self._begin("")
        if kind == "RESULT":
            self.result = told
            return
        self.error = told.values.get("Error", self.error)
        self.on_status(told)
