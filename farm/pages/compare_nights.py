"""Two nights side by side: what is not as it was, by model and device."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.pages.view import View
from farm.report.base import Part
from farm.schedule.schedule import Night
from farm.trend.changes import cells, changes, word
from farm.trend.news import News

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.trend.nightly import NightlyRun

MOST = 2000
"""Rows of the list."""


class Then(Part):
    """A model on a device under a configuration, in one of the nights."""

    word: str
    """`pass`, `fail`, `undecided`, `done`, `not run`, `open`; empty: it was not planned."""
    cause: str = ""
    job: int = 0
    run: int = 0


class Difference(Part):
    """One that is not the same in both."""

    model: str
    serial: str
    """Empty: of any device that matches."""
    name: str
    """The lab's for the device; its serial where it has none."""
    configuration: str
    a: Then
    b: Then


class CompareNights(View):
    """The page of two nights; B is the later of a change."""

    template: ClassVar[str] = "compare_nights.html.j2"
    section: ClassVar[str] = "/compare"
    a: Night
    b: Night
    news: tuple[News, ...]
    """What changed from A to B, the worst first."""
    differences: tuple[Difference, ...]
    same: int
    """Models on devices that are as they were."""
    left_out: int = 0
    """Differences beyond MOST."""


def view(
    a: Night, b: Night, first: Sequence[NightlyRun], second: Sequence[NightlyRun], names: Mapping[str, str]
) -> CompareNights:
    """The page; `names` are the lab's for serials."""
    then, now = cells(first), cells(second)
    there = then.keys() | now.keys()
    differ = sorted(cell for cell in there if _told(then.get(cell)) != _told(now.get(cell)))
    return CompareNights(
        title=f"Night {a.id} beside night {b.id}",
        a=a,
        b=b,
        news=changes(second, first, b.missing),
        differences=tuple(
            Difference(
                model=model,
                serial=serial,
                name=names.get(serial) or serial,
                configuration=configuration,
                a=_then(then.get((model, serial, configuration))),
                b=_then(now.get((model, serial, configuration))),
            )
            for model, serial, configuration in differ[:MOST]
        ),
        same=len(there) - len(differ),
        left_out=max(0, len(differ) - MOST),
    )


def _told(run: NightlyRun | None) -> tuple[str, str]:
    return ("", "") if run is None else (word(run), run.cause)


def _then(run: NightlyRun | None) -> Then:
    return Then(word="") if run is None else Then(word=word(run), cause=run.cause, job=run.job, run=run.run)
