"""One regression: what differs first, its figures, its runs frame by frame, and what people may say to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.pages.trend import Changed, SeriesLine, changed, series_line
from farm.pages.trend_charts import TONES, chart, moved
from farm.pages.view import View
from farm.trend import follow
from farm.trend.compared import Compared
from farm.trend.follow import Action
from farm.trend.outline import outline
from farm.trend.regression import Regression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.gate.condition import Condition
    from farm.trend.line import Line


class Shifted(View):
    """The page."""

    template: ClassVar[str] = "regression.html.j2"
    section: ClassVar[str] = "/trend"
    title: str
    regression: Regression
    word: str
    """How far it moved."""
    tone: str
    line: SeriesLine
    changed: tuple[Changed, ...] = ()
    actions: tuple[Action, ...] = ()
    frames: Compared | None = None
    """None: captures are still to be read, which may take seconds."""


def shifted(
    regression: Regression, line: Line, gates: Sequence[tuple[str, Condition]], frames: Compared | None
) -> Shifted:
    """The page of one regression."""
    key = regression.key
    drawn = (
        [chart("series", f"{key.metric} of {key.model} on {key.serial}", [line], gates)] if line.series.points else []
    )
    return Shifted(
        title=f"Regression {regression.id}: {key.metric} of {key.model} on {key.serial}",
        regression=regression,
        word=moved(regression),
        tone=TONES[regression.status],
        line=series_line(outline(line)),
        changed=changed([line]),
        actions=follow.allowed(regression),
        frames=frames,
        charts=tuple(drawn),
    )
