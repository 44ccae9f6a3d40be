"""A chart says the same as a picture, as a table and as CSV, whatever its names are."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from farm.pages.chart import FORMULA, Axis, Cell, Chart, Line, Node, Table, csv_of, table_of
from farm.pages.render import coded, spec, turned
from farm.pages.view import Visit

words = st.text(max_size=20)
figures = st.floats(allow_nan=False, allow_infinity=False, width=32)


def test_lines_that_share_no_moment_are_rows_with_gaps() -> None:
    chart = Chart(
        id="a",
        title="",
        kind="line",
        x=Axis(name="frame"),
        y=(Axis(unit="ms"), Axis(unit="W")),
        lines=(
            Line(name="time", x=(1, 2), y=(5.0, None), low=(4.0, None), high=(6.0, None)),
            Line(name="power", x=(2, 3), y=(0.5, 0.6), axis=1),
        ),
    )
    assert table_of(chart) == Table(
        columns=("frame", "time [ms]", "time, low", "time, high", "power [W]"),
        rows=((1, 5.0, 4.0, 6.0, None), (2, None, None, None, 0.5), (3, None, None, None, 0.6)),
    )


def test_moments_are_told_with_their_zone() -> None:
    chart = Chart(id="a", title="", kind="time", lines=(Line(name="a", x=(0.0,), y=(1.0,)),))
    ((moment, value),) = table_of(chart).rows
    assert value == 1.0
    assert str(moment)[:10] in {"1970-01-01", "1969-12-31"}
    assert str(moment)[-6] in "+-"


def test_a_heatmap_and_a_graph_are_told_by_their_names() -> None:
    heat = Chart(
        id="a",
        title="",
        kind="heatmap",
        x=Axis(name="told", categories=("cat", "dog")),
        y=(Axis(name="is", categories=("cat",), unit="frames"),),
        cells=(Cell(x=1, y=0, value=3),),
    )
    assert table_of(heat) == Table(columns=("is", "told", "frames", "what"), rows=(("cat", "dog", 3, ""),))
    graph = Chart(id="a", title="", kind="graph", nodes=(Node(name="conv", x=0, y=0, value=0.1, text="node 3"),))
    assert table_of(graph).rows == (("conv", 0.1, "node 3"),)


def test_an_id_is_fit_for_an_address() -> None:
    with pytest.raises(ValidationError):
        Chart(id="../a", title="", kind="line")


@given(st.lists(st.tuples(words, figures), max_size=8))
def test_what_is_written_as_csv_is_read_again_and_no_formula(rows: list[tuple[str, float]]) -> None:
    table = Table(columns=("name", "value"), rows=tuple(rows))
    read = list(csv.reader(io.StringIO(csv_of(table), newline="")))
    assert len(read) == len(rows) + 1
    for (name, value), (told, figure) in zip(rows, read[1:], strict=True):
        assert told in {name, f"'{name}"}
        assert not told.startswith(FORMULA)
        assert float(figure) == value


@given(words, words)
def test_a_name_never_ends_the_script_it_stands_in(title: str, name: str) -> None:
    hostile = f"</script><!--{name}"
    chart = Chart(id="a", title=title, kind="line", lines=(Line(name=hostile, x=(1.0,), y=(2.0,)),))
    text = str(spec(chart))
    assert not set("<>&") & set(text)
    assert json.loads(text)["lines"][0]["name"] == hostile


@given(st.text(alphabet="ab`<&", max_size=20))
def test_backquotes_become_code_and_nothing_else_becomes_html(text: str) -> None:
    drawn = str(coded(text))
    assert drawn.count("<") == 2 * drawn.count("<code>")
    if text.count("`") % 2 == 0:
        assert "`" not in drawn


def test_an_address_keeps_its_other_filters() -> None:
    visit = Visit(path="/jobs", query="q=a+%26+b&before=7")
    assert turned(visit, before=3) == "/jobs?q=a+%26+b&before=3"
    assert turned(visit, before="") == "/jobs?q=a+%26+b"
    assert turned(Visit(path="/jobs", query="before=7"), before="") == "/jobs"
    assert visit.csv("times") == "/jobs/charts/times.csv?q=a+%26+b&before=7"
    assert Visit(path="/").csv("times") == "/tonight/charts/times.csv"
