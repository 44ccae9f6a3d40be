"""The charts of a run: nothing a document may hold breaks them, and a long graph is told apart."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from farm.model.graph import Graph, Node, Tensor
from farm.pages.chart import csv_of, table_of
from farm.pages.lanes import draw
from farm.pages.render import spec
from farm.pages.run_charts import ERROR, ROW, errors, graph, of_run, timeline
from tests.pages.rich import comparison, layer
from tests.pages.rich import run as rich_run


def chain(nodes: int) -> Graph:
    """Each node reads the one before; every tenth also the one three before that."""
    tensors = tuple(Tensor(i, f"t{i}", "float32", (1,), (), (), 0, constant=False) for i in range(nodes + 1))
    made = (
        Node(i, "ADD", custom=False, inputs=(i, max(0, i - 3)) if i % 10 == 9 else (i,), outputs=(i + 1,))
        for i in range(nodes)
    )
    return Graph(tuple(made), tensors, (0,), (nodes,), 1, ())


@given(st.lists(st.sampled_from([0.0, 1e-12, 1e-3, 1.0, 1e30, math.inf, math.nan]), min_size=1, max_size=8))
def test_no_error_leaves_its_chart(found: list[float]) -> None:
    compared = comparison("litert", 1).model_copy(update={"layers": tuple(layer(i, e) for i, e in enumerate(found))})
    chart = errors(compared)
    assert chart is not None
    low, high = ERROR.low, ERROR.high
    assert low is not None
    assert high is not None
    assert all(low <= y <= high for line in chart.lines for y in line.y if y is not None)
    drawn = graph(draw(chain(len(found))), compared)
    assert all(node.value is None or low <= node.value <= high for node in drawn.nodes)
    for made in (chart, drawn):
        assert csv_of(table_of(made)).count("\n") >= len(found)
        assert "Infinity" not in spec(made)
        assert "NaN" not in spec(made)


def test_a_graph_of_300_layers_is_told_in_rows_and_no_two_nodes_share_a_place() -> None:
    chart = graph(draw(chain(300)), comparison("litert", 300))
    places = {(node.x, node.y) for node in chart.nodes}
    assert len(places) == len(chart.nodes) == 301
    assert max(node.x for node in chart.nodes) == ROW - 1
    assert len({node.y for node in chart.nodes}) > 300 / ROW
    assert len(chart.links) == 300 + 30


def test_all_along_a_pass_begins_and_ends_alike() -> None:
    charts = list(timeline(rich_run(1)))
    assert [chart.id.removeprefix("timeline-") for chart in charts] == [
        "latency", "memory", "power", "temperature", "clock", "load",
    ]  # fmt: skip
    assert {(chart.x.low, chart.x.high, chart.group) for chart in charts} == {(0, 39, "timeline")}


def test_a_run_without_figures_has_no_charts() -> None:
    bare = rich_run(1).model_copy(
        update={"layer_types": (), "latency_ms": None, "metrics": None, "ladder": None, "quantization": None}
    )
    assert of_run(bare, None, None) == ()
