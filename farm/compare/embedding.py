"""Principal components of a layer's outputs, edge against reference: do frames part alike, or each its own way?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.capture.recording import dequantize
from farm.report.embedding import EmbeddedFrame, Embedding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

MOST_VALUES = 1 << 16
"""Of one output. Of a larger one evenly spread values are taken: neighbors of a feature map tell much the same."""


def shared(edge: Recording, reference: Recording) -> tuple[int, ...]:
    """The tensors both logged, by index."""
    return tuple(sorted(edge.by_tensor.keys() & reference.by_tensor.keys()))


def embed(
    edge: Recording, reference: Recording, tensor: int, graph: Graph, artifacts: ArtifactStore, names: Mapping[int, str]
) -> Embedding | None:
    """A tensor's values on both sides in two dimensions; None when the sides have no frame of it in common.

    `names` are the frames'. One frame is in memory at a time, of each the values taken.

    Raises:
        StorageError: the tensors were removed.
    """
    taken: dict[int, tuple[Array, Array]] = {}
    left_out, size, each = [], 0, 1
    for frame in sorted(edge.frames.keys() & reference.frames.keys()):
        mine, other = (r.tensors(artifacts, frame).get(tensor) for r in (edge, reference))
        if mine is None or other is None or mine.size != other.size:
            continue
        size, each = mine.size, -(-mine.size // MOST_VALUES) or 1
        pair = tuple(_values(v, r, tensor, each) for v, r in ((mine, edge), (other, reference)))
        if all(np.isfinite(v).all() for v in pair):
            taken[frame] = pair[0], pair[1]
        else:
            left_out.append(frame)
    if not taken:
        return None
    scores, shares = components([side for pair in taken.values() for side in pair])
    node = graph.producer(tensor)
    return Embedding(
        node=-1 if node is None else node.index,
        op="INPUT" if node is None else node.op,
        tensor=graph.tensors[tensor].name,
        reference=reference.header.source,
        values=size,
        each=each,
        shares=shares,
        frames=tuple(
            EmbeddedFrame(
                frame=frame,
                name=names.get(frame, ""),
                edge=_place(scores[2 * i]),
                reference=_place(scores[2 * i + 1]),
                apart=float(np.linalg.norm(pair[0] - pair[1])),
            )
            for i, (frame, pair) in enumerate(taken.items())
        ),
        left_out=tuple(left_out),
    )


def components(rows: Sequence[Array]) -> tuple[Array, tuple[float, float]]:
    """Scores of rows (n of d values) on their first two principal components, [n, 2], and the variance each explains.

    With X the rows less their mean and X X' = U L^2 U', the scores are U L (Jolliffe, Principal Component Analysis, 2nd
    ed. 2002, section 3.5): of n by n numbers instead of d by d. A component's sign is free; here the row furthest out
    lies on its positive side.
    """
    x = np.stack(rows)
    x = x - x.mean(axis=0)
    largest = float(np.abs(x).max()) if x.size else 0.0
    if largest == 0.0:
        return np.zeros((len(rows), 2)), (0.0, 0.0)
    x /= largest  # squares of large values overflow
    found, vectors = np.linalg.eigh(x @ x.T)
    found = np.clip(found[::-1], 0.0, None)
    scores = np.zeros((len(rows), 2))
    count = min(2, len(rows))
    scores[:, :count] = vectors[:, ::-1][:, :count] * np.sqrt(found[:count])
    furthest = scores[np.abs(scores).argmax(axis=0), [0, 1]]
    scores *= np.where(furthest < 0, -1.0, 1.0)
    shares = np.zeros(2)
    shares[:count] = found[:count] / found.sum()
    return scores * largest, (float(shares[0]), float(shares[1]))


def _values(values: Array, recording: Recording, tensor: int, each: int) -> Array:
    """Real numbers, [values]."""
    spec = recording.by_tensor[tensor]
    if len(spec.scale) > 1:  # each channel has its own: before the shape is lost
        return dequantize(values, spec).reshape(-1)[::each]
    return dequantize(values.reshape(-1)[::each], spec)


def _place(score: Array) -> tuple[float, float]:
    return float(score[0]), float(score[1])
