"""A command the farm may send to a device's shell: how its line is made, since when Android knows it, how its answer is read.

What comes from users is quoted where the line is made, and nowhere else. A parser is a pure function that any text goes
through without an error: what cannot be read is not told.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

OLDEST = 24
"""Android 7: whose adb daemon tells exit codes, without which the farm takes no device."""
Needs = Literal["shell", "debuggable", "root"]
"""Who may: adb's shell user, the same by run-as into a debuggable app, or root alone (nothing does)."""


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    text: str
    """stdout, without the last newline."""
    error: str = ""
    """stderr."""
    status: int = 0


@dataclass(frozen=True)
class Line(Generic[T_co]):
    """A command with its arguments, ready to be sent."""

    command: str
    """Its name, or the names of those it is made of."""
    text: str
    """For the device's shell."""
    read: Callable[[Said], T_co]


@dataclass(frozen=True)
class Command(Generic[P, T]):
    """One. Called with its arguments it gives a line."""

    name: str
    """TOPIC.WORD."""
    make: Callable[P, str]
    read: Callable[[Said], T]
    source: str
    """What prints the answer, in Android or Linux: where to look when it changes."""
    since: int = OLDEST
    """The first API level that is known to answer; an older one is asked all the same, and its refusal is read."""
    until: int | None = None
    needs: Needs = "shell"
    example: tuple[Any, ...] = ()
    """Arguments for the table and the tests."""
    recorded: tuple[str, ...] = ()
    """Recordings of real answers (tests/recordings), which a test reads with the parser."""
    prints: bool = True
    """Whether it says anything where it succeeds."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Line[T]:
        """The command with these arguments."""
        return Line(self.name, self.make(*args, **kwargs), self.read)

    @property
    def shown(self) -> str:
        """The line of the example."""
        make: Callable[..., str] = self.make
        return make(*self.example)


def fixed(text: str) -> Callable[[], str]:
    """A line that is always the same."""
    return lambda: text


def argv(*words: str) -> str:
    """A program's line, each word quoted: nothing in them is the shell's to read."""
    return shlex.join(words)


def of_text(parse: Callable[[str], T]) -> Callable[[Said], T]:
    """A reader of stdout alone."""
    return lambda said: parse(said.text)


def as_is(said: Said) -> str:
    """The answer's text."""
    return said.text


def refusal(said: Said) -> str:
    """Why the command failed, in its own words; empty where it did not."""
    if not said.status:
        return ""
    return said.error.strip() or said.text.strip() or f"exit code {said.status}"
