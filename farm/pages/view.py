"""What a page shows, before it is drawn; its JSON twin is the same, written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from farm.pages.chart import Chart
from farm.report.base import Part


class View(Part):
    """Base of all views: `class Fleet(View)` with `template = "fleet.html.j2"` and what that template draws."""

    template: ClassVar[str]
    section: ClassVar[str] = ""
    """The entry of the navigation it belongs to: its path."""
    title: str = Field(max_length=1000)
    charts: tuple[Chart, ...] = ()
    """Each with its table, its picture and its CSV at `PAGE/charts/ID.csv`."""

    def chart(self, name: str) -> Chart | None:
        """The chart of this id; None when there is nothing to draw."""
        return next((chart for chart in self.charts if chart.id == name), None)


@dataclass(frozen=True)
class Visit:
    """Who looks, and at which address."""

    path: str
    query: str = ""
    """Without the question mark."""
    user: str = ""
    """Empty: nobody yet (the login page)."""
    twin: str = ""
    """Path of the JSON twin; empty: there is none."""

    last: int = 0
    """The lab's newest event when the view was made: what its stream goes on from."""

    @property
    def here(self) -> str:
        """The page's address, filters and all."""
        return self.path + (f"?{self.query}" if self.query else "")

    @property
    def twin_here(self) -> str:
        """The twin's."""
        return self.twin + (f"?{self.query}" if self.query else "")

    def csv(self, chart: str) -> str:
        """Address of a chart's table."""
        base = "/tonight" if self.path == "/" else self.path
        return f"{base}/charts/{chart}.csv" + (f"?{self.query}" if self.query else "")
