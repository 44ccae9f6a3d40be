"""Covariate shift between two sets of frames: a permutation test whose false alarms are what it says.

Every feature's Kolmogorov-Smirnov distance, and the largest of them (in units of what chance gives at their numbers of frames)
against the same over random exchanges of frames between the sets: Westfall and Young's max-T (1993), exact whatever the features
have to do with each other. Frames of a video are no independent draws: neighbors are exchanged together, as blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.features import FeatureTable, together
from farm.errors import InputsError
from farm.report.shift import FeatureShift, Shift

if TYPE_CHECKING:
    from collections.abc import Iterator

    Array = np.ndarray[Any, Any]

ALPHA = 0.01
PERMUTATIONS = 999
SEED = 20220829
LEAST = 8
"""Blocks of each set below which no exchange can be rare enough."""
CLASSES = 20
"""Answers whose share is a feature of its own, the most frequent ones."""
CELLS = 1 << 22
"""Frames times exchanges held at once."""


@dataclass(frozen=True)
class _Column:
    name: str
    rows: Array
    """int [r]: those that tell the feature, from the smallest value to the largest."""
    values: Array
    """f64 [r], ascending."""
    ends: Array
    """int: the last position of each run of equal values."""


def shift(
    a: FeatureTable, b: FeatureTable, *, alpha: float = ALPHA, permutations: int = PERMUTATIONS, block: int = 1
) -> Shift:
    """Whether A and B may come from one source.

    Raises:
        InputsError: they share no feature, or one has fewer than `LEAST` blocks of frames.
    """
    names = together((a, b))
    if not names:
        raise InputsError(
            "have no logged input or output in common", where="the two sets", remedy="give captures of the same passes"
        )
    member, side = _blocks(a, b, block)
    for name, count in (("A", int((~side).sum())), ("B", int(side.sum()))):
        if count < LEAST:
            raise InputsError(
                f"has {count} {'frames' if block == 1 else f'blocks of {block} frames'}",
                where=f"set {name}",
                remedy=f"give captures with at least {LEAST}",
            )
    columns = list(_columns(a, b, names))
    seen = np.array([_statistics(column, side[member][None])[0] for column in columns])
    null = np.concatenate([
        np.stack([_statistics(column, drawn) for column in columns], axis=1)
        for drawn in _exchanges(side, member, permutations)
    ])  # fmt: skip
    p_values = _step_down(seen, null)
    features = [_feature(columns[j], side[member], float(p_values[j])) for j in np.lexsort((-seen, p_values))]
    limit = float(np.quantile(null.max(1), 1 - alpha, method="higher"))
    return Shift(
        shifted=bool(p_values.min() <= alpha),
        p_value=float(p_values.min()),
        alpha=alpha,
        permutations=permutations,
        block=block,
        detectable=min(1.0, limit / _unit(len(a.rows), len(b.rows))),
        a_frames=len(a.rows),
        b_frames=len(b.rows),
        features=tuple(features),
    )


def _blocks(a: FeatureTable, b: FeatureTable, block: int) -> tuple[Array, Array]:
    """int [n]: the block of each row, A's first; bool: the blocks of B."""
    known: dict[tuple[int, str, int], int] = {}
    member = [
        known.setdefault((number, name, frame // block), len(known))
        for number, table in enumerate((a, b))
        for name, frame in table.rows
    ]
    return np.array(member), np.array([number == 1 for number, _, _ in known])


def _columns(a: FeatureTable, b: FeatureTable, names: tuple[str, ...]) -> Iterator[_Column]:
    for name in names:
        values = np.concatenate([t.values[:, t.names.index(name)] for t in (a, b)])
        if not name.endswith(" top-1"):
            yield _column(name, values)
            continue
        classes, counts = np.unique(values[~np.isnan(values)], return_counts=True)
        for c in classes[np.argsort(-counts, kind="stable")[:CLASSES]]:
            yield _column(f"{name} is {int(c)}", np.where(np.isnan(values), np.nan, values == c))


def _column(name: str, values: Array) -> _Column:
    told = np.flatnonzero(~np.isnan(values))
    rows = told[np.argsort(values[told], kind="stable")]
    ordered = values[rows]
    ends = np.flatnonzero(np.append(np.diff(ordered) > 0, [True] * bool(len(ordered))))
    return _Column(name, rows, ordered, ends)


def _exchanges(side: Array, member: Array, permutations: int) -> Iterator[Array]:
    """bool [some, n]: rows that are B's after an exchange."""
    random = np.random.default_rng(SEED)
    some = max(1, CELLS // max(1, len(member)))
    for start in range(0, permutations, some):
        count = min(some, permutations - start)
        yield np.stack([random.permutation(side) for _ in range(count)])[:, member]


def _unit(n: Any, m: Any) -> Any:
    """What a distance between samples of n and m is multiplied with to be one of chance's size."""
    return np.sqrt(n * m / np.maximum(n + m, 1))


def _distances(column: _Column, mine: Array) -> tuple[Array, Array, Array]:
    """f64 [some]: Kolmogorov-Smirnov distance, rows of A, rows of B."""
    labels = mine[:, column.rows]
    m = labels.sum(1)
    n = labels.shape[1] - m
    of_b = np.cumsum(labels, axis=1, dtype=np.int32)[:, column.ends]
    of_a = (column.ends + 1)[None] - of_b
    gap = np.abs(of_b / np.maximum(m, 1)[:, None] - of_a / np.maximum(n, 1)[:, None]).max(1)
    return np.where((n > 0) & (m > 0), gap, 0.0), n, m


def _statistics(column: _Column, mine: Array) -> Array:
    distance, n, m = _distances(column, mine)
    result: Array = distance * _unit(n, m)
    return result


def _step_down(seen: Array, null: Array) -> Array:
    """Adjusted p-values: each feature against the largest of those no more extreme than itself."""
    order = np.argsort(-seen, kind="stable")
    # From the least extreme up, the running maximum over the features that are left.
    left = np.maximum.accumulate(null[:, order[::-1]], axis=1)[:, ::-1]
    p = (1 + (left >= seen[order] - 1e-12).sum(0)) / (1 + len(null))
    result = np.empty(len(seen))
    result[order] = np.maximum.accumulate(p)
    return result


def _feature(column: _Column, mine: Array, p_value: float) -> FeatureShift:
    distance, n, m = _distances(column, mine[None])
    labels = mine[column.rows]
    return FeatureShift(
        name=column.name,
        distance=float(distance[0]),
        p_value=p_value,
        a_median=float(np.median(column.values[~labels])) if n[0] else float("nan"),
        b_median=float(np.median(column.values[labels])) if m[0] else float("nan"),
        a_frames=int(n[0]),
        b_frames=int(m[0]),
    )
