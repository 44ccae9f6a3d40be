"""Whether the scores behind the answers moved, frame by frame, though the answers may be the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from farm.compare.answers import is_classifier, output
from farm.compare.features import of_output

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

LEAST = 8
EXCHANGES = 999
SEED = 20220831


@dataclass(frozen=True)
class Drift:
    """Of the best class's share of all scores."""

    now: float
    then: float
    change: float
    """Mean over the frames of now less then."""
    p_value: float
    """Sign-flip test of the mean: exact for paired frames, whatever the distribution."""
    n: int


def drift(now: Recording, then: Recording, graph: Graph, artifacts: ArtifactStore) -> Drift | None:
    """Of a classifier over the frames both logged; None with fewer than `LEAST` of them."""
    frames = sorted(now.frames.keys() & then.frames.keys())
    if not is_classifier(graph) or len(frames) < LEAST:
        return None
    shares = np.array([[_share(r, graph, artifacts, frame) for frame in frames] for r in (now, then)])
    change = shares[0] - shares[1]
    if not np.isfinite(change).all():
        return None
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), (EXCHANGES, len(change)))
    null = np.abs(signs @ change)
    p = (1 + int((null >= abs(change.sum()) - 1e-12).sum())) / (1 + EXCHANGES)
    return Drift(
        now=float(shares[0].mean()), then=float(shares[1].mean()), change=float(change.mean()), p_value=p, n=len(frames)
    )


def _share(recording: Recording, graph: Graph, artifacts: ArtifactStore, frame: int) -> float:
    value = output(recording, graph, artifacts, frame)
    spec = next((s for s in recording.specs if s.role == "output" and s.position == 0), None)
    spec = recording.by_tensor.get(graph.outputs[0], spec)
    if value is None or spec is None:
        return float("nan")
    return of_output("output", value, spec).get("output best share", float("nan"))
