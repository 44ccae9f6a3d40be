"""Outlines say of each series what its points say, over whatever time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from farm.store import series
from farm.store.lines import lines
from farm.store.outlines import figures, outlines
from farm.store.state import State
from farm.trend.outline import outline
from tests.trend.nights import DAY, play

if TYPE_CHECKING:
    from pathlib import Path

ENDED = 100 * DAY


def test_an_outline_is_that_of_the_points(tmp_path: Path) -> None:
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        play(state, "nightly", {"one": [3.0, 1.0, 2.0, 9.0], "two": [5.0, 5.0, 5.0, 4.0]}, ended=ENDED - DAY)
        play(state, "weekly", {"one": [7.0]}, ended=ENDED)
        found = series.find(state, metric="latency.median")
        for since in (0.0, ENDED - 2.5 * DAY, ENDED - 0.5 * DAY, ENDED + DAY):
            for limit in (1, 2, 400):
                made = outlines(state, found, figures(state, found, since=since, limit=limit))
                assert made == [outline(line) for line in lines(state, found, since=since, limit=limit)]
        whole = outlines(state, found, figures(state, found, limit=400))
        assert [(one.points, one.median, one.virtual) for one in whole] == [
            (4, 2.5, True),
            (4, 5.0, True),
            (1, 7.0, True),
        ]
        none = outlines(state, found, figures(state, found, since=ENDED + DAY, limit=400))
        assert [(one.points, one.median, one.last) for one in none] == [(0, None, None)] * 3
