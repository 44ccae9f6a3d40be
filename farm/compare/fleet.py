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
CONDITIONS = ("kernel", "accelerator", "threads", "cpu_mask", "context", "runtime")


def fleet(jobs: Sequence[Job], reference: str = "") -> Fleet:
    """The runs of jobs of one model; those that ended, compared with `reference` or with the first each has."""
    picked = [(job, run) for job in jobs for run in job.runs if run.status == "done" and run.pair is None]
    compared = [_comparison(run, reference) for _, run in picked]
    name = reference or next((c.reference for c in compared if c is not None), "")
    parting = [i for i, c in enumerate(compared) if c is not None and c.first_divergence is not None]
    labels = _clusters([c for c in compared if c is not None and c.first_divergence is not None])
    attributes = [attributes_of(run) for _, run in picked]
    told = telling(attributes)
    clusters: list[Cluster] = []
    member: dict[int, int] = {}
    for label in dict.fromkeys(labels):
        rows = [parting[i] for i, other in enumerate(labels) if other == label]
        member |= dict.fromkeys(rows, len(clusters))
        clusters.append(_cluster(rows, compared, told, [run.id for _, run in picked]))
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


def _clusters(comparisons: Sequence[Comparison]) -> list[int]:
    """A label for each, by average linkage."""
    if len(comparisons) < 2:
        return [0] * len(comparisons)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    n = len(comparisons)
    distances = np.zeros((n, n))
    for i in range(n):
        for j in range(i):
            here = comparisons[i].first_divergence, comparisons[j].first_divergence
            same = here[0] is not None and here[1] is not None and here[0].node == here[1].node
            apart = 0.5 * (not same) + 0.25 * (1 - _correlation(comparisons[i], comparisons[j]))
            distances[i, j] = distances[j, i] = apart
    labels = fcluster(linkage(squareform(distances), "average"), 0.5 * ALIKE, "distance")
    return [int(label) for label in labels]


def _correlation(a: Comparison, b: Comparison) -> float:
    """Of the logarithms of the running errors over the layers both have; 1 where both are flat."""
    mine, other = _profile(a), _profile(b)
    shared = sorted(mine.keys() & other.keys())
    x, y = (np.array([p[key] for key in shared]) for p in (mine, other))
    if len(shared) < 2 or x.std() < 1e-9 or y.std() < 1e-9:
        return 1.0
    return float(np.corrcoef(x, y)[0, 1])


def _profile(comparison: Comparison) -> dict[tuple[int, str], float]:
    return {(d.node, d.tensor): float(np.log10(max(d.running_nrmse, FLOOR))) for d in comparison.layers}


def _cluster(
    rows: list[int], compared: Sequence[Comparison | None], told: Sequence[dict[str, str | float]], runs: Sequence[int]
) -> Cluster:
    mine = [c for i in rows if (c := compared[i]) is not None]
    divergences = [c.first_divergence for c in mine if c.first_divergence is not None]
    counts: dict[int, int] = {}
    for d in divergences:
        counts[d.node] = counts.get(d.node, 0) + 1
    node = max(counts, key=lambda key: (counts[key], -key))
    layer = next(d for c in mine for d in c.layers if d.node == node)
    pairs = [_correlation(a, b) for i, a in enumerate(mine) for b in mine[:i]]
    meant = np.zeros(len(compared), bool)
    meant[rows] = True
    return Cluster(
        runs=tuple(runs[i] for i in rows),
        layer=f"{layer_label(layer)} {tensor_label(layer.tensor)}",
        node=node,
        cohesion=float(np.clip(np.mean(pairs), -1, 1)) if pairs else 1.0,
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
