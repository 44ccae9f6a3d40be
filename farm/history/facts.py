"""What a run that is over says in rows of the daily tables. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from farm.history.tables import FIGURES, FINDINGS, LAYERS, RUNS, VERDICTS
from farm.trend.figures import configuration, figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from farm.store.finished import Finished

Row = tuple[Any, ...]
"""Values in the order of a table's columns; times in milliseconds since 1970."""


def rows(finished: Iterable[Finished]) -> dict[str, list[Row]]:
    """By the table's name."""
    found: dict[str, list[Row]] = {table.name: [] for table in (RUNS, FIGURES, LAYERS, FINDINGS, VERDICTS)}
    for one in finished:
        found[RUNS.name].append(_run(one))
        found[FIGURES.name] += _figures(one)
        found[LAYERS.name] += _layers(one)
        found[FINDINGS.name] += _findings(one)
        found[VERDICTS.name] += _verdict(one)
    return found


def milliseconds(unix: float | None) -> int | None:
    """Of a time in seconds."""
    return None if unix is None else round(unix * 1000)


def _whose(one: Finished, condition: str = "") -> Row:
    at = milliseconds(one.over_at)
    conditions = configuration(one.run, condition)
    return one.run.id, one.job, at, one.schedule, one.night, one.model, one.serial, conditions


def _run(one: Finished) -> Row:
    run, target, error = one.run, one.run.target, one.run.error
    verdict = run.verdict if run.status == "done" else None
    error = error if run.status != "done" else None  # of an attempt that a later one made good
    return (
        *_whose(one),
        *(run.status, verdict and verdict.kind, verdict and verdict.cause, one.user, one.kind, run.variant),
        *(run.repetition, run.attempt, run.same_as, one.model_sha256, one.commit),
        *((target.kind, target.model, target.abi, target.sdk) if target else (None,) * 4),
        *(milliseconds(one.submitted), milliseconds(one.started), one.seconds),
        *((error.kind, error.code, error.message) if error else (None,) * 3),
        *(run.pushed_bytes, list(run.conditions.items())),
    )


def _figures(one: Finished) -> Iterator[Row]:
    for f in figures(one.run):
        yield *_whose(one, f.condition), f.metric, f.unit, f.better, f.value, f.low, f.high, f.n, f.condition


def _layers(one: Finished) -> Iterator[Row]:
    whose = _whose(one)
    for comparison in one.run.comparisons:
        for d in comparison.layers:
            yield (
                *whose,
                *(comparison.reference, comparison.reference_version, d.node, d.tensor, d.op, d.dtype),
                "x".join(map(str, d.shape)),
                *map(_finite, (d.running_nrmse, d.cosine, d.sqnr_db, d.max_abs, d.lsb)),
                d.running_nrmse > comparison.threshold,
                *map(_finite, (d.isolated_nrmse, d.isolated_lsb, d.time_us, d.profile_us)),
            )


def _findings(one: Finished) -> Iterator[Row]:
    whose = _whose(one)
    for f in one.run.findings:
        evidence = [(name, value if isinstance(value, str) else repr(value)) for name, value in f.evidence.items()]
        yield *whose, f.assertion, f.holds, f.harmless, f.area, f.summary, f.remedy, evidence


def _verdict(one: Finished) -> Iterator[Row]:
    v = one.run.verdict
    if v is not None and one.run.status == "done":
        yield *_whose(one), v.kind, v.cause, v.summary, _finite(v.confidence), v.n, v.remedy


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
