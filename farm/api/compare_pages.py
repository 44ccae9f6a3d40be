"""The page Compare: two runs, captures or nights, or one model over the lab."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request

from farm.api.desk import no_job
from farm.api.messages import NotFoundError
from farm.api.page import page
from farm.errors import InputsError
from farm.pages.compare import ComparePending, CompareStart, job_numbers, named
from farm.pages.view import View  # noqa: TC001  # the annotations are read
from farm.store import browse, nightly_runs, nights

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.pages.compare import Named
    from farm.pages.compare_pair import Beside
    from farm.pages.shelf import Shelf
    from farm.schedule.schedule import Night

    Names = tuple[tuple[str, str], ...]
    """Serials, and the lab's names for them."""

PATH = "/compare"
KEPT = 8
"""Pairs of nights whose comparison is kept."""
Word = Annotated[str, Query(max_length=255)]
Words = Annotated[str, Query(max_length=2000)]


def add(app: FastAPI, daemon: Daemon, shelf: Callable[[], Shelf]) -> None:
    """Add it to the application; asking for the shelf is slow the first time."""

    @functools.lru_cache(maxsize=KEPT)
    def over(a: Night, b: Night, names: Names) -> View:
        """Of nights that are over: neither will change any more."""
        return _beside_nights(daemon, a, b, names)

    @page(app, PATH)
    def the_comparison(
        request: Request, a: Word = "", b: Word = "", jobs: Words = "", model: Word = "", reference: Word = ""
    ) -> View:
        # The page itself is there at once; its one slow part, the JSON and the tables wait.
        wait = request.url.path != PATH or "hx-request" in request.headers
        if a and b:
            first, second = named(a, "a"), named(b, "b")
            if first.kind == "night" or second.kind == "night":
                return _nights(daemon, first, second, over)
            return _pair(daemon, shelf(), first, second, wait=wait)
        if model and not jobs:
            found = browse.of_model(daemon.state, model, browse.RECENT // 10)
            if not found:
                raise NotFoundError("no recent job is of this model", where=model, remedy="see /jobs, and name jobs")
            return _fleet(daemon, shelf(), found, reference, wait=wait)
        if jobs:
            return _fleet(daemon, shelf(), job_numbers(jobs), reference, wait=wait)
        return CompareStart(a=a, b=b, jobs=jobs)


def _nights(daemon: Daemon, a: Named, b: Named, over: Callable[[Night, Night, Names], View]) -> View:
    if a.kind != b.kind:
        raise InputsError("a night stands beside a night", where=f"{a.word}, {b.word}", remedy="name two of one kind")
    found = [nights.night(daemon.state, named.numbers[0]) for named in (a, b)]
    first, second = found
    if first is None or second is None:
        lost = a if first is None else b
        raise NotFoundError("there is no such night", where=lost.word, remedy="see `farm schedule list`")
    names = tuple((serial, row.name) for serial, row in daemon.known.rows().items())
    if first.status == second.status == "over":
        return over(first, second, names)
    return _beside_nights(daemon, first, second, names)


def _beside_nights(daemon: Daemon, a: Night, b: Night, names: Names) -> View:
    from farm.pages import compare_nights

    first, second = (nightly_runs.runs(daemon.state, night.id) for night in (a, b))
    return compare_nights.view(a, b, first, second, dict(names))


def _pair(daemon: Daemon, shelf: Shelf, a: Named, b: Named, *, wait: bool) -> View:
    from farm.pages import compare_pair
    from farm.pages.pairs import paired

    sides = _beside(daemon, a), _beside(daemon, b)
    jobs = [side.job for side in sides if side.job]
    if not jobs:
        raise InputsError(
            "a capture does not hold its model", where=f"{a.word[:12]}, {b.word[:12]}",
            remedy="name a run as one of the two, or use `farm compare --model`",
        )  # fmt: skip
    key = tuple((side.word, side.run.captures if side.run is not None else ()) for side in sides)
    ready = shelf.pairings.get(key) is not None
    return compare_pair.view(
        *sides,
        (lambda: shelf.pairings.or_made(key, lambda: paired(shelf, sides, daemon.jobs.submission)))
        if wait or ready
        else None,
    )


def _beside(daemon: Daemon, named: Named) -> Beside:
    from farm.pages.compare_pair import Beside

    if named.kind == "capture":
        if not daemon.artifacts.has(named.word):
            raise NotFoundError("is not stored", where=f"capture {named.word[:12]}", remedy="upload it, or name a run")
        return Beside(word=named.word)
    found = browse.one(daemon.state, *named.numbers)
    if found is None:
        raise NotFoundError("there is no such run", where=named.word, remedy=f"see /jobs/{named.numbers[0]}")
    (run,) = daemon.jobs.now(found).runs
    return Beside(word=named.word, job=found.job, model=found.model, run=run)


def _fleet(daemon: Daemon, shelf: Shelf, jobs: tuple[int, ...], reference: str, *, wait: bool) -> View:
    from farm.pages import compare_fleet

    tallies = []
    for number in jobs:
        if browse.head(daemon.state, number) is None:
            raise no_job(number)
        tallies.append(browse.tally(daemon.state, number).model_dump_json())
    key = (jobs, reference, tuple(tallies))
    if not wait and shelf.fleets.get(key) is None:
        return ComparePending(title=f"Jobs {', '.join(map(str, jobs))}"[:200], what="The runs' layers are compared.")
    return shelf.fleets.or_made(key, lambda: compare_fleet.made(daemon.state, jobs, reference))
