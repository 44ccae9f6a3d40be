"""One model over devices, runtimes and delegates: runs that part from the reference in the same way, and what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.slices import describe, explanation_table, worst_slices
from farm.report.fleet import Cluster, Fleet, FleetRow
from farm.report.words import layer_label, target_label, tensor_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.report.document import Comparison, Job, Run

    Array = np.ndarray[Any, Any]

ALIKE = 0.6
"""Distance below which two runs part in the same way: half of it is where they part, half how the error goes on."""
FLOOR = 1e-7
"""Of a running error, below which a float layer is as good as equal."""
FLAT = 1e-9
"""Spread of logarithms below which errors do not change over the layers."""
CONDITIONS = ("kernel", "accelerator", "threads", "cpu_mask", "context", "runtime", "traced")


def fleet(jobs: Sequence[Job], reference: str = "") -> Fleet:
    """The runs of jobs of one model; those that ended, compared with `reference` or with the first each has."""
    picked = [(job, run) for job in jobs for run in job.runs if run.status == "done" and run.pair is None]
    compared = [_comparison(run, reference) for _, run in picked]
    name = reference or next((c.reference for c in compared if c is not None), "")
    parting = [i for i, c in enumerate(compared) if c is not None and c.first_divergence is not None]
    parted = [c for c in compared if c is not None and c.first_divergence is not None]
    alike = correlations(parted)
    labels = _clusters(parted, alike)
    attributes = [attributes_of(run) for _, run in picked]
    told = telling(attributes)
    clusters: list[Cluster] = []
    member: dict[int, int] = {}
    for label in dict.fromkeys(labels):
        mine = [i for i, other in enumerate(labels) if other == label]
        rows = [parting[i] for i in mine]
        member |= dict.fromkeys(rows, len(clusters))
        clusters.append(_cluster(rows, compared, told, [run.id for _, run in picked], alike[np.ix_(mine, mine)]))
    affected = np.array([i in member for i in range(len(picked))], bool)
    return Fleet(
        model=jobs[0].model if jobs else "",
        reference=name,
        rows=tuple(_row(job, run, attributes[i], compared[i], member.get(i)) for i, (job, run) in enumerate(picked)),
        clusters=tuple(clusters),
        table=explanation_table(told, affected) if affected.any() else (),
        slices=worst_slices(told, np.array([_harm(run) for _, run in picked])) if picked else (),
    )


def attributes_of(run: Run) -> dict[str, str | float]:
    """What is known of the device and the configuration of a run."""
    target = run.target
    found: dict[str, str | float] = {}
    if target is not None:
        found = {"device": target.serial, "abi": target.abi, "kind": target.kind, "model": target.model}
        if target.sdk is not None:
            found["sdk"] = target.sdk
    found |= {key: value for key in CONDITIONS if (value := run.conditions.get(key))}
    if run.variant:
        found["variant"] = run.variant
    if run.samples is not None or run.throttled:
        found["throttled"] = "yes" if run.throttled else "no"
    return {key: value for key, value in found.items() if value != ""}


def telling(rows: Sequence[dict[str, str | float]]) -> list[dict[str, str | float]]:
    """Without the attributes that all rows have the same value of: they tell nothing."""
    names = dict.fromkeys(name for row in rows for name in row)
    useful = [name for name in names if len({row.get(name) for row in rows}) > 1]
    return [{name: row[name] for name in useful if name in row} for row in rows]


def _comparison(run: Run, reference: str) -> Comparison | None:
    return next((c for c in run.comparisons if not reference or c.reference == reference), None)


def _clusters(comparisons: Sequence[Comparison], alike: Array) -> list[int]:
    """A label for each, by average linkage; `alike` are their correlations."""
    if len(comparisons) < 2:
        return [0] * len(comparisons)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    nodes = np.array([-2 if c.first_divergence is None else c.first_divergence.node for c in comparisons])
    distances = 0.5 * (nodes[:, None] != nodes[None, :]) + 0.25 * (1 - alike)
    np.fill_diagonal(distances, 0.0)
    labels = fcluster(linkage(squareform(distances, checks=False), "average"), 0.5 * ALIKE, "distance")
    return [int(label) for label in labels]


def correlations(comparisons: Sequence[Comparison]) -> Array:
    """[n, n]: of the logarithms of the running errors over the layers that both have; 1 where one of them is flat."""
    profiles = [_profile(c) for c in comparisons]
    place = {key: i for i, key in enumerate(dict.fromkeys(key for p in profiles for key in p))}
    errors = np.full((len(profiles), len(place)), np.nan)
    for row, profile in zip(errors, profiles, strict=True):
        row[[place[key] for key in profile]] = list(profile.values())
    known = ~np.isnan(errors)
    if known.all():
        return _correlated(errors)
    found = np.ones((len(profiles), len(profiles)))
    for i in range(len(profiles)):
        for j in range(i):
            both = known[i] & known[j]
            found[i, j] = found[j, i] = _correlated(errors[[i, j]][:, both])[0, 1]
    return found


def _correlated(rows: Array) -> Array:
    flat = rows.std(axis=1) < FLAT if rows.shape[1] > 1 else np.ones(len(rows), bool)
    if flat.all():
        return np.ones((len(rows), len(rows)))
    centered = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centered, axis=1)
    unit = centered / np.where(flat, 1.0, lengths)[:, None]
    found: Array = np.where(flat[:, None] | flat[None, :], 1.0, np.clip(unit @ unit.T, -1.0, 1.0))
    return found


def _profile(comparison: Comparison) -> dict[tuple[int, str], float]:
    return {(d.node, d.tensor): float(np.log10(max(d.running_nrmse, FLOOR))) for d in comparison.layers}


def _cluster(
    rows: list[int],
    compared: Sequence[Comparison | None],
    told: Sequence[dict[str, str | float]],
    runs: Sequence[int],
    alike: Array,
) -> Cluster:
    """Of the runs at these rows; `alike` are the correlations of their errors."""
    mine = [c for i in rows if (c := compared[i]) is not None]
    divergences = [c.first_divergence for c in mine if c.first_divergence is not None]
    counts: dict[int, int] = {}
    for d in divergences:
        counts[d.node] = counts.get(d.node, 0) + 1
    node = max(counts, key=lambda key: (counts[key], -key))
    layer = next(d for c in mine for d in c.layers if d.node == node)
    pairs = alike[np.tril_indices(len(rows), -1)]
    meant = np.zeros(len(compared), bool)
    meant[rows] = True
    return Cluster(
        runs=tuple(runs[i] for i in rows),
        layer=f"{layer_label(layer)} {tensor_label(layer.tensor)}",
        node=node,
        cohesion=float(np.clip(pairs.mean(), -1, 1)) if pairs.size else 1.0,
        description=describe(told, meant),
    )


def _row(
    job: Job, run: Run, attributes: dict[str, str | float], compared: Comparison | None, cluster: int | None
) -> FleetRow:
    return FleetRow(
        job=job.job,
        run=run.id,
        target=target_label(run.target),
        attributes=attributes,
        verdict=run.verdict.kind if run.verdict is not None else None,
        cause=run.verdict.cause if run.verdict is not None else "",
        divergence=compared.first_divergence if compared is not None else None,
        top1=run.accuracy.top1 if run.accuracy is not None else None,
        median_ms=run.latency_ms.median if run.latency_ms is not None else None,
        cluster=cluster,
    )


def _harm(run: Run) -> float:
    """0 to 1: what the run's answers lost against the reference's."""
    accuracy = run.accuracy
    if accuracy is not None and accuracy.reference_top1 is not None:
        return max(0.0, accuracy.reference_top1 - accuracy.top1)
    if accuracy is not None and accuracy.agreement is not None:
        return 1 - accuracy.agreement
    return float(run.verdict is not None and run.verdict.kind == "fail")
