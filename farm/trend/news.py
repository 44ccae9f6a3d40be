"""One thing that changed since the last nightly, in a sentence: what the page Tonight and the morning's digest are made of."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import Field

from farm.report.base import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Severity = Literal["bad", "warning", "good", "note"]
Kind = Literal["gate", "night", "regression", "verdict", "cause", "not run", "device", "back"]
"""`verdict`: a run fails or passes that did not before; `cause`: it still fails, for another reason; `not run`: no result,
and why; `back`: it runs again; `night`: a whole night was skipped, failed or is still under way. The worst first."""
SEVERITIES, KINDS = get_args(Severity), get_args(Kind)
NAME_LIMIT = 80
"""Characters of a name within a sentence; `models` and `devices` have it whole."""
NAMED = 3
"""Names in a list before it says how many more there are."""


class News(Part):
    """One line; several devices or models of which the same is to be told share it."""

    kind: Kind
    severity: Severity
    title: str
    """One sentence without a full stop. Plain text: whoever shows it escapes it."""
    detail: str = ""
    """Why, what else is known, what to do. Plain text."""
    link: str = ""
    """Path in the dashboard, from `/` on; empty: none."""
    models: tuple[str, ...] = ()
    """Names, as submitted."""
    devices: tuple[str, ...] = ()
    """Serials."""
    configuration: str = ""
    runs: tuple[int, ...] = Field(default=())
    """That show it, of the night that is told."""


def worst_first(news: Iterable[News]) -> tuple[News, ...]:
    """By severity, kind, how many devices and models it is of; then by the words, so that the order is always the same."""
    return tuple(
        sorted(
            news,
            key=lambda n: (
                SEVERITIES.index(n.severity),
                KINDS.index(n.kind),
                -len(n.devices),
                -len(n.models),
                n.title,
                n.detail,
            ),
        )
    )


def plain(name: str, limit: int = NAME_LIMIT) -> str:
    """A name fit to stand in a sentence: on one line, without control and direction characters, at most `limit` long."""
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in name[: 4 * limit])
    text = " ".join(text.split())
    return text if len(text) <= limit and len(name) <= 4 * limit else f"{text[: limit - 1]}…"


def listed(names: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(plain(name) for name in names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"


def counted(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
