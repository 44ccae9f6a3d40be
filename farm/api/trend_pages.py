"""The pages of figures over time, and of one regression with people's word on it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs

from fastapi import Path as InPath
from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from farm.api.messages import NotFoundError
from farm.api.needs import needs
from farm.api.page import page
from farm.api.trend_messages import TEXT
from farm.errors import FarmError, InputsError
from farm.fleet.selector import select
from farm.gate.check import named
from farm.pages.trend import Choices, Filters, Shifted, Trend, shifted, trend
from farm.store import lines, regressions, series
from farm.store.outlines import outlines
from farm.trend import follow

if TYPE_CHECKING:
    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.gate.condition import Condition
    from farm.trend.frontier import Frontier
    from farm.trend.regression import Regression

Number = Annotated[int, InPath(ge=1, le=2**53)]
Word = Annotated[str, Query(max_length=255)]
DAY_S = 86400.0
PEOPLE = "-"
"""In the address: what people submitted. No schedule is called so."""
SHOWN = 200
"""Series of one page, and the newest points of each."""
OFFERED = 500
"""Of each filter."""
LISTED = 100
"""Regressions."""
FORM = 8


def add(app: FastAPI, daemon: Daemon) -> None:
    """Add them to the application."""

    @page(app, "/trend")
    def the_trend(
        model: Word = "",
        device: Word = "",
        metric: Word = "latency.median",
        configuration: Word | None = None,
        schedule: Word = "",
        days: Annotated[int, Query(ge=0, le=10_000)] = 0,
        latency_ms: Word = "",
    ) -> Trend:
        asked = Filters(
            model=model, device=device, metric=metric, configuration=configuration, days=days,
            schedule=("" if schedule == PEOPLE else schedule) if schedule else None, latency_ms=_budget(latency_ms),
        )  # fmt: skip
        since = time.time() - days * DAY_S if days else 0.0
        found = series.find(
            daemon.state, models=(model,), serial=device or None, metric=metric, schedule=asked.schedule,
            configuration=configuration, limit=SHOWN,
        ) if model else []  # fmt: skip
        return trend(
            asked,
            _choices(daemon, metric),
            outlines(daemon.state, found, since=since, limit=SHOWN),
            lambda drawn: lines.lines(daemon.state, drawn, since=since, limit=SHOWN),
            regressions.find(daemon.state, statuses=follow.OPEN, model=model, serial=device, limit=LISTED),
            _frontier(daemon, asked) if model or asked.latency_ms is not None else None,
            lambda of, serial: gates(daemon, of, serial),
        )

    @page(app, "/regressions/{regression}")
    def the_regression(regression: Number) -> Shifted:
        one = _found(daemon, regression)
        of = series.get(daemon.state, one.series)
        assert of is not None  # noqa: S101  # series are never removed
        (line,) = lines.lines(daemon.state, [of], limit=SHOWN)
        return shifted(one, line, gates(daemon, one.key.model, one.key.serial))

    @app.post("/regressions/{regression}/word", include_in_schema=False, **needs("operate", "regression's word"))
    async def word(regression: Number, request: Request) -> Response:
        """As the buttons of the page do."""
        await run_in_threadpool(ask, regression, request, _form(await request.body()))
        return RedirectResponse(f"/regressions/{regression}", 303)

    def ask(number: int, request: Request, given: dict[str, str]) -> None:
        one, reason = _found(daemon, number), given.get("reason", "").strip()[:TEXT]
        action = next((known for known in follow.allowed(one) if known == given.get("action")), None)
        if action is None:
            raise InputsError(
                f"{given.get('action', '')[:40]!r} cannot be asked of it", where=f"regression {number}",
                remedy="load the page again: somebody else may have said something",
            )  # fmt: skip
        request.state.subject = f"regression {number}: {action}{f': {reason}' * bool(reason)}"[:200]
        days = given.get("days", "")
        until = time.time() + int(days) * DAY_S if days.isascii() and days.isdigit() and len(days) < 4 else None
        daemon.regressions.ask(number, action, user=request.state.user, reason=reason, until=until)


def gates(daemon: Daemon, model: str, serial: str) -> list[tuple[str, Condition]]:
    """The conditions of farm.toml's gates that a model has to hold on a device, each with its gate's name.

    Without a device, only those of gates that are for every one.
    """
    there = [device for device in daemon.seen() if device.serial == serial]
    found = []
    for gate in daemon.settings.gate:
        if not named(model, gate.models):
            continue
        if gate.on:
            try:
                if not (there and select(gate.on, there)):
                    continue
            except FarmError:  # it is not for this device
                continue
        found += [(gate.name, condition) for condition in gate.parsed]
    return found


def _choices(daemon: Daemon, metric: str) -> Choices:
    state = daemon.state
    metrics = series.words(state, "metric", OFFERED)
    return Choices(
        models=series.words(state, "model", OFFERED),
        devices=series.words(state, "serial", OFFERED),
        metrics=metrics if metric in metrics else (metric, *metrics),
        schedules=series.words(state, "schedule", OFFERED),
    )


def _frontier(daemon: Daemon, asked: Filters) -> Frontier:
    models = (asked.model,) if asked.model else ()
    return lines.newest_frontier(daemon.state, models, serial=asked.device or None, budget_ms=asked.latency_ms)


def _budget(text: str) -> float | None:
    try:
        value = float(text) if text.strip() else None
    except ValueError:
        value = math.nan
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InputsError(f"{text[:40]!r} is no number of milliseconds", where="latency_ms", remedy="for example 20")
    return value


def _form(body: bytes) -> dict[str, str]:
    try:
        given = parse_qs(body.decode("utf-8", "replace"), max_num_fields=FORM)
    except ValueError as e:
        raise InputsError(f"is no form: {e}", where="the request", remedy="use the page's own buttons") from e
    return {name: values[0] for name, values in given.items()}


def _found(daemon: Daemon, number: int) -> Regression:
    one = regressions.get(daemon.state, number)
    if one is None:
        raise NotFoundError("there is no such regression", where=f"regression {number}", remedy="see /trend")
    return one
