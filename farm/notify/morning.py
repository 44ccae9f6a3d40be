"""What is to be told of a time: read from the state file, for the digest and for the page Tonight."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from farm.notify import items
from farm.report.base import Part
from farm.store import gate_news, nightly_runs, nights, regressions
from farm.store.device_changes import device_changes, out_of_order, virtual
from farm.trend.changes import OPEN, changes
from farm.trend.news import News, worst_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from farm.schedule.schedule import Night
    from farm.store.database import Database

    Of = Callable[[Database, Night, int | None], "Change"]

DAY_S = 86400.0
REGRESSIONS = 1000
"""Read at most."""


class Morning(Part):
    """What happened in (since, until], Unix seconds."""

    since: float
    until: float
    news: tuple[News, ...]
    """The worst first."""
    schedules: tuple[str, ...]
    """Those that are to run."""
    nights: int
    """That are over."""
    runs: int
    """Of them."""
    virtual: tuple[str, ...]
    """Serials of virtual phones that the news name: their figures stand for no phone."""


class Change(NamedTuple):
    """Of a night against one before: runs that are over, all runs, and what is not as it was."""

    done: int
    runs: int
    news: tuple[News, ...]


def change(database: Database, night: Night, before: int | None) -> Change:
    """What a night changed; once it is over, this stays as it is."""
    runs = nightly_runs.runs(database, night.id)
    done = sum(run.status not in OPEN for run in runs)
    if night.status != "over":
        return Change(done, len(runs), ())
    then = nightly_runs.runs(database, before) if before is not None else []
    return Change(done, len(runs), changes(runs, then, night.missing))


def morning(database: Database, since: float, until: float) -> Morning:
    """What happened in (since, until], Unix seconds.

    Of a schedule's nights that ended then only the newest is told, against the newest that had ended before.
    """
    found = [
        night for number in nightly_runs.ended(database, since, until) if (night := nights.night(database, number))
    ]
    newest = {night.schedule: night for night in found if night.status == "over"}
    told = [night for night in found if night.status != "over" or newest[night.schedule] is night]
    return _morning(database, since, until, told, {n.id: nightly_runs.told_before(database, n.id, since) for n in told})


def tonight(database: Database, night: int, now: float, *, of: Of = change) -> Morning | None:
    """What changed with one night, until the next one of its schedule or `now`; None when there is no such night.

    `of` gives what `change` does: a caller may have kept that of nights that are over.
    """
    found = nights.night(database, night)
    if found is None:
        return None
    before = nightly_runs.before(database, night)
    earlier = nights.night(database, before) if before is not None else None
    since = (earlier.ended if earlier is not None else None) or found.fired - DAY_S
    until = nightly_runs.after(database, night) or now
    return _morning(database, since, until, [found], {night: before}, of)


def _morning(
    database: Database, since: float, until: float, told: list[Night], before: dict[int, int | None], of: Of = change
) -> Morning:
    schedules = nightly_runs.schedules(database)
    news: list[News | None] = [] if told else [items.no_night(nightly_runs.overdue(database, until))]
    count = 0
    for night in told:
        changed = of(database, night, before[night.id])
        news.append(items.of_night(night, changed.done, changed.runs))
        news += changed.news
        if night.status == "over":
            count += changed.runs
    news += _gates(database, since, until)
    news += _regressions(database, since, until)
    news += _devices(database, since, until)
    ordered = worst_first(one for one in news if one is not None)
    named = {serial for one in ordered for serial in one.devices}
    return Morning(
        since=since,
        until=until,
        news=ordered,
        schedules=schedules,
        nights=sum(night.status == "over" for night in told),
        runs=count,
        virtual=tuple(serial for serial in virtual(database) if serial in named),
    )


def _gates(database: Database, since: float, until: float) -> Iterator[News | None]:
    for check in gate_news.changed(database, since, until):
        yield items.of_gate(check, *gate_news.tally(database, check.gate, since, until))


def _regressions(database: Database, since: float, until: float) -> Iterator[News | None]:
    known = regressions.find(database, statuses=("confirmed", "recovered"), limit=REGRESSIONS)
    yield from (items.of_regression(r) for r in known if since < r.changed <= until)
    yield items.still_regressed([r for r in known if r.status == "confirmed" and r.changed <= since])


def _devices(database: Database, since: float, until: float) -> Iterator[News | None]:
    changed = device_changes(database, since, until)
    yield from (items.of_device(change) for change in changed)
    known = {change.serial for change in changed}
    yield items.still_out_of_order([serial for serial in out_of_order(database) if serial not in known])
