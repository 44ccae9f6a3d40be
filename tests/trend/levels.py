"""Simulated series for the judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from farm.trend.series import Better, Key, Point, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    Array = np.ndarray[Any, Any]

DAY = 86400.0
BEGIN = 20_030 * DAY


def series(
    values: Sequence[float] | Array,
    *,
    number: int = 1,
    metric: str = "latency.median",
    better: Better = "low",
    celsius: Sequence[float] | None = None,
    **circumstances: str,
) -> Series:
    """A value a night, run `1000 number + night`."""
    return Series(
        id=number,
        key=Key(schedule="nightly", model="m", serial="s", configuration="", metric=metric),
        unit="ms",
        better=better,
        points=tuple(
            Point(
                at=BEGIN + t * DAY,
                run=1000 * number + t,
                night=t,
                value=float(value),
                circumstances=circumstances | ({} if celsius is None else {"temperature": f"{celsius[t]:.1f}"}),
            )
            for t, value in enumerate(values)
        ),
    )


def until(one: Series, night: int) -> Series:
    """What was known after that night, from 0."""
    return one.model_copy(update={"points": one.points[: night + 1]})


def moment(night: int) -> float:
    """Unix seconds of a night."""
    return BEGIN + night * DAY
