"""What can be laid beside what, and the words it is named by: `12/34` a run, `night-3` a night, 64 digits a stored capture."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from farm.errors import InputsError
from farm.pages.view import View

Kind = Literal["run", "night", "capture"]
_KINDS: dict[Kind, re.Pattern[str]] = {
    "run": re.compile(r"([0-9]{1,15})/([0-9]{1,15})"),
    "night": re.compile(r"night-([0-9]{1,15})"),
    "capture": re.compile(r"([0-9a-f]{64})"),
}
MOST_BYTES = 1 << 30
"""Of captures that a page reads; of more, a command says the same where somebody waits for it."""
_JOBS = re.compile(r"[0-9]{1,15}(,[0-9]{1,15}){0,99}")


@dataclass(frozen=True)
class Named:
    """One of the two, as it was named."""

    word: str
    kind: Kind
    numbers: tuple[int, ...] = ()
    """Of a run: of its job, and its own; of a night: its own."""


class CompareStart(View):
    """The page before anything is named."""

    template: ClassVar[str] = "compare.html.j2"
    section: ClassVar[str] = "/compare"
    title: str = "Compare"
    a: str = ""
    b: str = ""
    jobs: str = ""
    most_mib: int = MOST_BYTES >> 20
    """Of captures that a page reads."""


class ComparePending(View):
    """A page whose figures are being computed: what is asked for anew is the whole of it."""

    template: ClassVar[str] = "compare_pending.html.j2"
    section: ClassVar[str] = "/compare"
    what: str


def named(word: str, where: str) -> Named:
    """What a word names.

    Raises:
        InputsError: nothing of what can be compared.
    """
    for kind, pattern in _KINDS.items():
        match = pattern.fullmatch(word.strip())
        if match is not None:
            numbers = () if kind == "capture" else tuple(int(group) for group in match.groups())
            return Named(word.strip(), kind, numbers)
    raise InputsError(
        f"{word[:80]!r} is no run, night or capture", where=where,
        remedy="JOB/RUN such as 12/34, night-3, or the sha256 of a stored capture; `farm compare` also takes references",
    )  # fmt: skip


def job_numbers(words: str) -> tuple[int, ...]:
    """The jobs of `12,13`.

    Raises:
        InputsError: it is no list of numbers.
    """
    text = words.replace(" ", "")
    if _JOBS.fullmatch(text) is None:
        raise InputsError(f"{words[:80]!r} is no list of jobs", where="jobs", remedy="at most 100 numbers: 12,13")
    return tuple(dict.fromkeys(int(word) for word in text.split(",")))
