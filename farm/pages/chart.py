"""A chart as a document: what is drawn in the browser, and the table that says the same in words and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Literal

from pydantic import Field

from farm.report.base import Part

Kind = Literal["time", "line", "bar", "scatter", "heatmap", "graph"]
"""`time` and `line` are drawn by uPlot (many points), the others by ECharts."""
Tone = Literal["", "good", "warn", "bad", "muted"]
Height = Literal["low", "middle", "tall"]
"""160 (200 on a narrow screen, where a legend takes several rows), 280 and 560 CSS pixels: known before anything is drawn, so
that nothing jumps."""
Value = str | float | int | None
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Text that begins so is a formula to a spreadsheet."""


class Axis(Part):
    """One axis."""

    name: str = ""
    unit: str = ""
    scale: Literal["linear", "log"] = "linear"
    categories: tuple[str, ...] = ()
    """Where places have names instead of numbers: x and y are indices into them."""
    low: float | None = None
    """Where it begins and, `high`, ends; None: where the figures do."""
    high: float | None = None

    @property
    def label(self) -> str:
        """Name and unit."""
        return f"{self.name} [{self.unit}]" if self.unit else self.name


class Line(Part):
    """Figures of one name, in the order of x. On a `time` chart x is Unix seconds."""

    name: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    """As many as x; None: a gap."""
    low: tuple[float | None, ...] = ()
    """Of intervals, with `high`: as many as x, or none."""
    high: tuple[float | None, ...] = ()
    texts: tuple[str, ...] = ()
    """What a point says of itself: as many as x, or none."""
    shape: Literal["line", "points", "steps"] = "line"
    axis: int = Field(default=0, ge=0, le=1)
    """0: the left one, 1: the right one."""
    tone: Tone = ""


class Band(Part):
    """A range that means something: within a gate, outside of what is normal."""

    name: str
    axis: Literal["x", "y"] = "y"
    low: float | None = None
    """None: without an end on this side; as `high`."""
    high: float | None = None
    tone: Tone = "muted"


class Mark(Part):
    """A place that means something: a firmware came, a threshold."""

    name: str
    at: float
    axis: Literal["x", "y"] = "x"
    tone: Tone = "muted"
    dotted: bool = False
    """Else dashed."""


class Cell(Part):
    """One field of a heatmap; x and y are indices of the axes' categories."""

    x: int = Field(ge=0)
    y: int = Field(ge=0)
    value: float | None
    text: str = ""


class Node(Part):
    """Of a graph, at a place of our choice: no layout is computed in the browser. y grows downward."""

    name: str
    x: float
    y: float
    value: float | None = None
    """Gives its color, on `Chart.y`'s first axis; None: none."""
    text: str = ""
    tone: Tone = ""


class Table(Part):
    """What a chart shows, in words."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


class Chart(Part):
    """One chart of a page."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")
    title: str
    kind: Kind
    x: Axis = Axis()
    y: tuple[Axis, ...] = (Axis(),)
    lines: tuple[Line, ...] = ()
    bands: tuple[Band, ...] = ()
    marks: tuple[Mark, ...] = ()
    cells: tuple[Cell, ...] = ()
    nodes: tuple[Node, ...] = ()
    links: tuple[tuple[int, int], ...] = ()
    """Of a graph: indices of nodes, from and to."""
    note: str = ""
    """What one must know to read it; stands under it and in its picture."""
    group: str = ""
    """Charts of one group share cursor and zoom along x."""
    stacked: bool = False
    """Bars stand on each other."""
    height: Height = "middle"
    table: Table | None = None
    """None: made of the figures (see `table_of`)."""


def table_of(chart: Chart) -> Table:
    """The chart's own table, else its figures: a row for each x with a column for each line, or a row for each cell or node."""
    if chart.table is not None:
        return chart.table
    if chart.kind == "heatmap":
        return _of_cells(chart)
    if chart.kind == "graph":
        return Table(
            columns=("name", chart.y[0].label or "value", ""),
            rows=tuple((n.name, n.value, n.text) for n in chart.nodes),
        )
    if any(line.texts for line in chart.lines) or chart.kind == "scatter":
        return _of_points(chart)
    return _of_lines(chart)


def csv_of(table: Table) -> str:
    """As CSV (RFC 4180). Text that a spreadsheet would take for a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(map(_tame, table.columns))
    writer.writerows([_tame(value) for value in row] for row in table.rows)
    return out.getvalue()


def _tame(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _of_lines(chart: Chart) -> Table:
    columns: list[str] = [_x_name(chart)]
    by_x: dict[float, list[Value]] = {}
    width = 0
    for line in chart.lines:
        parts: list[tuple[str, tuple[float | None, ...]]] = [(_y_name(chart, line), line.y)]
        if line.low:
            parts += [(f"{line.name}, low", line.low), (f"{line.name}, high", line.high)]
        for name, values in parts:
            columns.append(name)
            for x, value in zip(line.x, values, strict=True):
                row = by_x.setdefault(x, [])
                row.extend([None] * (width - len(row)))
                row.append(value)
            width += 1
    rows = ((_place(chart, x), *row, *[None] * (width - len(row))) for x, row in sorted(by_x.items()))
    return Table(columns=tuple(columns), rows=tuple(rows))


def _of_points(chart: Chart) -> Table:
    rows = (
        (line.name, _place(chart, x), y, line.texts[i] if line.texts else "")
        for line in chart.lines
        for i, (x, y) in enumerate(zip(line.x, line.y, strict=True))
    )
    return Table(columns=("", _x_name(chart), chart.y[0].label or "value", "what"), rows=tuple(rows))


def _of_cells(chart: Chart) -> Table:
    rows = ((_category(chart.y[0], c.y), _category(chart.x, c.x), c.value, c.text) for c in chart.cells)
    y = chart.y[0]
    return Table(columns=(y.name or "row", chart.x.name or "column", y.unit or "value", "what"), rows=tuple(rows))


def _x_name(chart: Chart) -> str:
    return chart.x.label or ("time" if chart.kind == "time" else "x")


def _y_name(chart: Chart, line: Line) -> str:
    axis = chart.y[min(line.axis, len(chart.y) - 1)]
    return f"{line.name} [{axis.unit}]" if axis.unit else line.name


def _place(chart: Chart, x: float) -> Value:
    if chart.kind == "time":
        return datetime.fromtimestamp(x).astimezone().isoformat(timespec="seconds")
    return _category(chart.x, int(x)) if chart.x.categories else x


def _category(axis: Axis, index: int) -> Value:
    return axis.categories[index] if index < len(axis.categories) else index
