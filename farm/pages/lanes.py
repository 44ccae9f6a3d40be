"""A model's graph on a page: nodes in execution order, each on a lane that no tensor on its way to a later node takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.model.graph import Node

if TYPE_CHECKING:
    from farm.model.graph import Graph


@dataclass(frozen=True)
class Spot:
    """Where a node stands."""

    node: int
    """Index of the node; -1 for a model input."""
    op: str
    """`INPUT` of a model input."""
    tensor: int
    """What it makes first: a model input itself."""
    order: int
    """In execution order, inputs first."""
    lane: int
    """0 is the first; as few as can be at each place."""


@dataclass(frozen=True)
class Drawing:
    """The whole graph."""

    spots: tuple[Spot, ...]
    links: tuple[tuple[int, int], ...]
    """From and to, as positions in `spots`; two nodes are linked once."""


def draw(graph: Graph) -> Drawing:
    """Nodes whose outputs come from constants alone are left out: no device computes them.

    A node takes the lane of the first of its inputs that it is the last to read, else the first free one. A lane is taken from
    the node that makes a tensor to the last that reads it.
    """
    steps = [Node(-1, "INPUT", custom=False, inputs=(), outputs=(tensor,)) for tensor in graph.inputs]
    steps += [node for node in graph.nodes if not set(node.outputs) <= graph.from_constants]
    last = {tensor: order for order, node in enumerate(steps) for tensor in node.inputs}
    maker: dict[int, int] = {}
    lane_of: dict[int, int] = {}
    ends: list[int] = []  # of each lane: the last order at which it is taken
    spots: list[Spot] = []
    links: list[tuple[int, int]] = []
    for order, node in enumerate(steps):
        known, made = [t for t in dict.fromkeys(node.inputs) if t in maker], node.outputs
        links += dict.fromkeys((maker[t], order) for t in known)
        free = next((lane_of[t] for t in known if last[t] == order and ends[lane_of[t]] == order), None)
        if free is None:
            free = next((lane for lane, end in enumerate(ends) if end < order), len(ends))
        if free == len(ends):
            ends.append(order)
        ends[free] = max([order, *(last.get(t, order) for t in made)])
        spots.append(Spot(node.index, node.op, made[0] if made else -1, order, free))
        maker |= dict.fromkeys(made, order)
        lane_of |= dict.fromkeys(made, free)
    return Drawing(tuple(spots), tuple(links))
