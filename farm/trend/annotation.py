"""What is written beside a series: by people, or by its points, where their circumstances change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from farm.report.base import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.trend.series import Point

Kind = Literal["runtime", "firmware", "commit", "note"]
TOLD = ("commit", "model", "recipe", "inputs", "runtime", "firmware", "farm", "app", "reference", "kind")
"""Circumstances whose changes are worth a mark; others, such as the temperature, change every night."""


class Annotation(Part):
    """Of a person. Empty `model` or `serial`: every one."""

    id: int
    at: float
    """Unix seconds."""
    kind: Kind
    text: str
    model: str = ""
    serial: str = ""
    user: str


class Change(Part):
    """A circumstance that is another from this point of a series on."""

    at: float
    """Unix seconds."""
    run: int
    name: str
    """`runtime`, `firmware`, `model`, `commit`, ...: see TOLD."""
    before: str
    after: str


def changes(points: Sequence[Point]) -> tuple[Change, ...]:
    """Where circumstances change along a series, the oldest point first. What a point does not tell is as it was."""
    known: dict[str, str] = {}
    found, told = [], None
    for point in points:
        if point.circumstances is told:  # read once for many points
            continue
        told = point.circumstances
        for name in TOLD:
            value = point.circumstances.get(name, "")
            if value and known.get(name, value) != value:
                found.append(Change(at=point.at, run=point.run, name=name, before=known[name], after=value))
            if value:
                known[name] = value
    return tuple(found)
