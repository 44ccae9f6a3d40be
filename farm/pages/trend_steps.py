"""Steps of the series that a page draws: where each level changed, by how much, how surely, and whether anybody was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.pages.chart import Tone  # noqa: TC001  # pydantic reads the annotations
from farm.pages.trend_charts import TONES, by
from farm.report.base import Part
from farm.trend.regression import Status  # pydantic reads the annotations

if TYPE_CHECKING:
    from farm.trend.line import Line
    from farm.trend.shift import Shift


class Step(Part):
    """One."""

    series: int
    device: str
    configuration: str
    schedule: str
    at: float
    """Unix seconds of the first run of the new level."""
    run: int
    before: float
    """Median of the level before, in `unit`, as `after`."""
    after: float
    unit: str
    change: str
    worse: bool
    nights_before: int
    nights_after: int
    p_value: float
    differing: tuple[str, ...] = ()
    """Circumstances that changed with it."""
    regression: int | None = None
    """The one that was told of it, and where that stands."""
    status: Status | None = None

    @property
    def tone(self) -> Tone:
        """Of what was told, else whether it is worse."""
        return TONES[self.status] if self.status is not None else "warn" if self.worse else "good"


def step(line: Line, one: Shift) -> Step:
    """A step of a series as a row."""
    key, told = line.series.key, line.told(one)
    return Step(
        series=line.series.id, device=key.serial, configuration=key.configuration, schedule=key.schedule, at=one.begins,
        run=one.run, before=one.before, after=one.after, unit=line.series.unit, change=by(one), worse=one.worse,
        nights_before=one.nights_before, nights_after=one.nights_after, p_value=one.p_value,
        differing=tuple(d.name for d in one.differing), regression=told.id if told else None,
        status=told.status if told else None,
    )  # fmt: skip
