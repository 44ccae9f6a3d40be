"""A shift on its way from a suspicion to a word to people."""

from __future__ import annotations

from typing import Literal

from farm.report.base import Part
from farm.trend.series import Better, Key
from farm.trend.shift import Shift

Status = Literal["suspect", "checking", "confirmed", "refuted", "acknowledged", "accepted", "ignored", "recovered"]
"""`suspect`: to be run again; `checking`: it is; `confirmed`: it is told; `refuted`: the second run does not show it;
`acknowledged`: somebody looks at it; `accepted`: the new level is the baseline; `ignored`: until a date, with a reason;
`recovered`: the figure is back where it was."""


class Regression(Part):
    """A shift of one series, and where it stands."""

    id: int
    series: int
    key: Key
    unit: str
    better: Better
    status: Status
    found: float
    """Unix seconds, as `changed` and `until`."""
    changed: float
    shift: Shift
    job: int | None = None
    """That ran it again."""
    user: str = ""
    reason: str = ""
    until: float | None = None
    """Of what is ignored: when that ends; of what recovered: the first night that was as before."""
