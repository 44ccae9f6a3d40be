"""`farm table`: ML-EXray's latency table of stored jobs, and reference kernels of this computer beside them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from farm.errors import InputsError
from farm.report.table import SOURCES, Column, LatencyTable, latency_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.report.document import Job, LayerType
    from farm.store.artifacts import ArtifactStore

TIMEOUT_S = 3600.0


def make(
    jobs: Sequence[Job],
    runs: Sequence[int],
    references: Sequence[str],
    rounds: int,
    artifacts: ArtifactStore,
    tell: Callable[[str], None],
) -> LatencyTable:
    """A column for each run (of `runs`, where any are named), then one for each reference and model.

    Raises:
        InputsError: a run named is none of theirs, or no run has layer times.
        JobError: no such reference.
        ModelError: the reference cannot run the model.
    """
    known = {run.id for job in jobs for run in job.runs}
    strangers = [str(i) for i in runs if i not in known]
    if strangers:
        raise InputsError(
            f"run {', '.join(strangers)} is none of these jobs'",
            where="--run",
            remedy=f"they have {', '.join(map(str, sorted(known)))}",
        )
    chosen = [job.model_copy(update={"runs": tuple(r for r in job.runs if not runs or r.id in runs)}) for job in jobs]
    if not any(run.layer_types for job in chosen for run in job.runs):
        raise InputsError(
            "no run has layer times",
            where=f"job {', '.join(str(job.job) for job in jobs)}",
            remedy="wait until it is done, or submit with the passes profile or layers",
        )
    models = {job.model_sha256: job.model for job in chosen}
    more = []
    for name in references:
        for sha256, model in models.items():
            column, types = _reference(name, sha256, model, rounds, artifacts, tell)
            title = f"{column.title}, {model}" if len(models) > 1 else column.title
            more.append((column.model_copy(update={"title": title}), types))
    return latency_table(chosen, more)


def _reference(
    name: str, sha256: str, model: str, rounds: int, artifacts: ArtifactStore, tell: Callable[[str], None]
) -> tuple[Column, tuple[LayerType, ...]]:
    from farm.compare.latency import layer_types
    from farm.model import graph as graphs
    from farm.reference.record import record_times

    graph = graphs.read(artifacts.read(sha256), model)
    tell(f"timing each operator of {model} on {name}, {rounds} rounds")
    recording = record_times(name, artifacts=artifacts, model_sha256=sha256, rounds=rounds, timeout_s=TIMEOUT_S)
    title = f"{name} {recording.header.source_version}, this computer, threads 1"
    return Column(title=title, source="alone"), layer_types(recording, graph, artifacts)


def as_csv(found: LatencyTable) -> str:
    """One row a type of layer, microseconds by target; empty where the target has no such type."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    titles = (f"{column.title}, us, {SOURCES.get(column.source, column.source)}" for column in found.columns)
    writer.writerow(["layer type", "layers", *titles])
    for row in found.rows:
        writer.writerow([row.type, row.count, *("" if t is None else f"{t:.1f}" for t in row.times_us)])
    writer.writerow(["all", "", *(f"{t:.1f}" for t in found.totals_us)])
    return out.getvalue()
