"""Where many series are, night by night, against numpy's own quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.trend.spread import NO_NIGHT, Spread, spread

Array = np.ndarray[Any, Any]
DAY = 86400.0


def figures(*points: tuple[int, float, float]) -> Array:
    return np.array(points, float).reshape(-1, 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.integers(1, 6), st.floats(-1e6, 1e6), max_size=6), max_size=12))
def test_each_night_has_the_quantiles_of_what_ran_then(found: list[dict[int, float]]) -> None:
    nights = sorted({night for series in found for night in series})
    made = spread(
        [
            figures(*((night, night * DAY + nth, value) for night, value in series.items()))
            for nth, series in enumerate(found)
        ]
    )
    assert made.series == len(found)
    assert [int(at // DAY) for at in made.at] == nights
    for i, night in enumerate(nights):
        values = [series[night] for series in found if night in series]
        asked = np.quantile(values, [0.1, 0.5, 0.9])
        np.testing.assert_allclose([made.low[i], made.median[i], made.high[i]], asked, rtol=1e-9, atol=1e-6)


def test_a_night_that_goes_past_midnight_is_one_and_what_people_submit_counts_by_days() -> None:
    late = spread([figures((7, DAY - 60, 1.0)), figures((7, DAY + 60, 3.0))])
    assert (late.at, late.median) == ((DAY - 60,), (2.0,))
    people = spread([figures((NO_NIGHT, DAY - 60, 1.0)), figures((NO_NIGHT, DAY + 60, 3.0))])
    assert (people.at, people.median) == ((DAY - 60, DAY + 60), (1.0, 3.0))


def test_nothing_gives_nothing() -> None:
    assert spread([]) == Spread()
    assert spread([figures()]) == Spread(series=1)
