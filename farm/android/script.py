"""Several commands as one line: a question to a device costs a round trip, whatever it asks."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, TypeVar

from farm.android.command import Line, Said, as_is, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T = TypeVar("T")
MARK = "==farm=="


def together(questions: Mapping[str, Line[Any]]) -> Line[dict[str, str]]:
    """All of them, one after another, whatever each says; the answer by the question's name, what it complained included."""
    script = "\n".join(f"echo; echo '{MARK}{name}'; {{ {line.text}; }} 2>&1" for name, line in questions.items())
    return Line(_names(tuple(questions.values())), script, _sections)


def twice(watched: Mapping[str, Line[Any]], between: Mapping[str, Line[Any]], pause_s: float) -> Line[dict[str, str]]:
    """`watched` at the beginning and at the end, as NAME1 and NAME2, with the others and a pause between."""
    first, last = ({f"{name}{turn}": line for name, line in watched.items()} for turn in "12")
    script = f"{together(first | dict(between)).text}\nsleep {pause_s}\n{together(last).text}"
    return Line(_names((*watched.values(), *between.values())), script, _sections)


def in_turn(*lines: Line[Any]) -> Line[str]:
    """One after another, whatever each says."""
    return Line(_names(lines), "; ".join(line.text for line in lines), as_is)


def all_of(lines: Sequence[Line[Any]]) -> Line[str]:
    """One after another up to the first that fails; the answer is why, or empty."""
    return Line(_names(tuple(lines)), " && ".join(line.text for line in lines), refusal)


def end_of(line: Line[Any], count: int) -> Line[str]:
    """The last bytes of what it prints, its complaints included."""
    return Line(line.command, f"{{ {line.text}; }} 2>&1 | tail -c {count}", as_is)


def as_app(package: str, line: Line[T]) -> Line[T]:
    """The same as a debuggable app's user, in its folder."""
    return Line(line.command, f"run-as {shlex.quote(package)} sh -c {shlex.quote(line.text)}", line.read)


def sections(text: str) -> dict[str, str]:
    """What was printed, by question."""
    found = {}
    for part in f"\n{text}".split(f"\n{MARK}")[1:]:
        name, _, said = part.partition("\n")
        found[name.strip()] = said.strip("\n")
    return found


def _sections(said: Said) -> dict[str, str]:
    return sections(said.text)


def _names(lines: Sequence[Line[Any]]) -> str:
    return ", ".join(dict.fromkeys(line.command for line in lines))
