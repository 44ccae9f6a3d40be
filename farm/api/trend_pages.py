"""The page of figures over time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Annotated

from fastapi import Query

from farm.api.page import page
from farm.errors import FarmError, InputsError
from farm.fleet.selector import select
from farm.gate.check import named
from farm.pages.trend import Choices, Filters, Trend, trend
from farm.store import lines, regressions, series
from farm.store.outlines import figures, outlines
from farm.trend import follow
from farm.trend.spread import spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI

    from farm.daemon import Daemon
    from farm.gate.condition import Condition
    from farm.trend.frontier import Frontier
    from farm.trend.line import Line
    from farm.trend.series import Series

Word = Annotated[str, Query(max_length=255)]
DAY_S = 86400.0
PEOPLE = "-"
"""In the address: what people submitted. No schedule is called so."""
SHOWN = 200
"""Series of one page."""
NEWEST, POINTS = 200, 400
"""Of each, the newest: where no time is asked for, and at most, a year of nights."""
OFFERED = 500
"""Of each filter."""
LISTED = 100
"""Regressions."""


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
        limit = POINTS if days else NEWEST
        read = figures(daemon.state, found, since=since, limit=limit)

        def drawn(some: Sequence[Series]) -> list[Line]:
            """Steps are told of all its nights, so that they are the same however little of them is drawn."""
            whole = lines.lines(daemon.state, some, limit=POINTS, stepped=daemon.settings.trend)
            return [line.since(max([since, *(p.at for p in line.series.points[-limit:][:1])])) for line in whole]

        return trend(
            asked,
            _choices(daemon, metric),
            outlines(daemon.state, found, read),
            drawn,
            lambda some: spread([read[one.id] for one in some]),
            regressions.find(daemon.state, statuses=follow.OPEN, model=model, serial=device, limit=LISTED),
            _frontier(daemon, asked) if model or asked.latency_ms is not None else None,
            lambda of, serial: gates(daemon, of, serial),
        )


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
