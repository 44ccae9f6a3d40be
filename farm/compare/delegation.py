"""Which operators a delegate took, as the profiler's events tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.compare.alignment import DELEGATED, OPERATOR, PROFILED

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

PREPARED = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
"""Operators that runtimes drop or fold where they like."""


@dataclass(frozen=True)
class Delegation:
    """Node indices; what only folds constants, or is dropped by runtimes, is in neither."""

    taken: frozenset[int]
    left: frozenset[int]


def delegated(profile: Recording, graph: Graph, artifacts: ArtifactStore) -> Delegation | None:
    """Of a `profile` pass; None when no event tells. What ran as an operator of TFLite's own was left, the rest taken."""
    events = _events(profile, artifacts)
    if not events:
        return None
    left = {
        index
        for kind, index, tag in events
        if kind == OPERATOR and index < len(graph.nodes) and graph.nodes[index].op == tag
    }
    inside = any(kind in (DELEGATED, PROFILED) for kind, _, _ in events)
    real = {
        node.index
        for node in graph.nodes
        if node.op not in PREPARED and any(t not in graph.from_constants for t in node.outputs)
    }
    return Delegation(taken=frozenset(real - left) if inside else frozenset(), left=frozenset(real & left))


def _events(profile: Recording, artifacts: ArtifactStore) -> set[tuple[int, int, str]]:
    """The distinct (type, index, tag)."""
    table = profile.op_table(artifacts)
    if table is None:
        return set()
    names = ["type", "index", "tag"]
    return {(row["type"], row["index"], row["tag"]) for row in table.group_by(names).aggregate([]).to_pylist()}
