"""Graphs as pages draw them: no path runs over a node, every edge is drawn, chains are straight."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from farm.model import graph as graphs
from farm.model.graph import Graph, Node, Tensor
from farm.pages.lanes import draw
from tests.conftest import DEMO


@st.composite
def made(draw_from: st.DrawFn) -> Graph:
    """Tensors 0.. are the inputs; each node reads tensors from before it, and makes one or two."""
    inputs = draw_from(st.integers(1, 3))
    count, nodes, constants = inputs, [], set()
    for index in range(draw_from(st.integers(0, 25))):
        read = draw_from(st.lists(st.integers(-1, count - 1), max_size=3))
        outputs = tuple(range(count, count + draw_from(st.integers(1, 2))))
        count += len(outputs)
        nodes.append(Node(index, "OP", custom=False, inputs=tuple(read), outputs=outputs))
    if draw_from(st.booleans()):
        constants = {count}
        nodes.append(Node(len(nodes), "DEQUANTIZE", custom=False, inputs=(count,), outputs=(count + 1,)))
        count += 2
    tensors = tuple(Tensor(i, f"t{i}", "float32", (1,), (), (), 0, i in constants) for i in range(count))
    return Graph(tuple(nodes), tensors, tuple(range(inputs)), (), 1, ())


@given(made())
def test_no_path_runs_over_a_node(graph: Graph) -> None:
    drawn = draw(graph)
    last = {i: i for i in range(len(drawn.spots))}
    for start, end in drawn.links:
        last[start] = max(last[start], end)
    for i, spot in enumerate(drawn.spots):
        assert spot.order == i
        for other in drawn.spots[i + 1 : last[i]]:  # the last reader itself may take the lane over
            assert other.lane != spot.lane


@given(made())
def test_every_edge_is_drawn_once_and_forwards(graph: Graph) -> None:
    drawn = draw(graph)
    place = {t: i for i, s in enumerate(drawn.spots[: len(graph.inputs)]) for t in (s.tensor,)}
    shown = {spot.node: i for i, spot in enumerate(drawn.spots) if spot.node >= 0}
    place |= {t: shown[n.index] for n in graph.nodes if n.index in shown for t in n.outputs}
    edges = {(place[t], shown[n.index]) for n in graph.nodes if n.index in shown for t in n.inputs if t in place}
    assert set(drawn.links) == edges
    assert len(drawn.links) == len(edges)
    assert all(start < end for start, end in drawn.links)
    assert shown.keys() == {n.index for n in graph.nodes if not set(n.outputs) <= graph.from_constants}


def test_a_chain_is_one_lane_and_a_branch_two() -> None:
    graph = graphs.read_file(DEMO / "model.tflite")
    drawn = draw(graph)
    assert {spot.lane for spot in drawn.spots} == {0, 1}  # residual blocks
    assert len(drawn.spots) == len(graph.nodes) + 1
