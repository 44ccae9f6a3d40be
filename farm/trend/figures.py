"""What a run that is done says in numbers, and under which conditions: the points of series are made of it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from farm.report.base import Part
from farm.trend.series import Better

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from farm.report.document import Run
    from farm.report.measures import Energy

METRICS: dict[str, tuple[str, str, Better]] = {
    "top-1": ("top1", "", "high"),
    "top-5": ("top5", "", "high"),
    "macro F1": ("macro_f1", "", "high"),
    "mAP": ("map", "", "high"),
    "mAP @.5": ("map50", "", "high"),
    "precision": ("precision", "", "high"),
    "recall": ("recall", "", "high"),
    "F1": ("f1", "", "high"),
    "mean IoU": ("mean_iou", "", "high"),
    "pixel accuracy": ("pixel_accuracy", "", "high"),
    "R2": ("r2", "", "high"),
    "MAE": ("mae", "", "low"),
    "RMSE": ("rmse", "", "low"),
    "agreement": ("agreement", "", "high"),
}
"""What a task's metric is called in a series, its unit (shares have none) and which way is better."""
ABSOLUTE = frozenset(name for name, unit, better in METRICS.values() if not unit and better == "high")
"""Shares and the like: their changes are differences. All others, ratios."""
USUAL = {
    "kernel": "delegate",
    "accelerator": "cpu",
    "threads": "1",
    "cpu_mask": "all",
    "context": "shell",
    "runtime_bundle": "",
}
"""Conditions that make another series, with what is not said of them. A runtime that a job names is its choice; the default
is a circumstance."""
ENERGY_AT = "energy at "
TEMPERATURE_STEP_C = 0.5
"""Nobody needs it finer, and equal circumstances are stored once."""
LONGEST = 200
"""Characters of one circumstance."""


class Figure(Part):
    """One number of a run."""

    metric: str
    """`latency.median`, `latency.p90`, `latency.preprocess`, `memory.peak`, `energy.median`, `top1`, `agreement`,
    `layers.worst`, `layers.worst_isolated`, `pair.latency_ratio`, ...; tasks' metrics as in METRICS."""
    unit: str
    """`ms`, `MiB`, `mJ`; empty: a share or a ratio."""
    better: Better
    value: float
    low: float | None = None
    """Of the 95 % interval, as `high`."""
    high: float | None = None
    n: int | None = None
    """Frames or invocations behind it."""
    condition: str = ""
    """What only this figure was taken under: the boundary of an energy. Another one is another series."""


def figures(run: Run) -> tuple[Figure, ...]:
    """Every figure of a run that is done, each metric and condition once; none of a run that is not."""
    if run.status != "done":
        return ()
    found: dict[tuple[str, str], Figure] = {}
    for figure in (*_costs(run), *_answers(run), *_layers(run)):
        if math.isfinite(figure.value):
            found.setdefault((figure.metric, figure.condition), figure)
    return tuple(found.values())


def configuration(run: Run, condition: str = "") -> str:
    """The conditions under which figures are drawn on one line, as `threads=4, kernel=builtin`; empty: the usual ones.

    Two builds of the model, the runtime or Android go on the same line: what changed with them is the question.
    """
    told = [f"{run.pair.b.name} against {run.pair.a.name}"] if run.pair is not None else []
    for name, usual in USUAL.items():
        value = run.conditions.get(name, usual)
        if value != usual:
            told.append(f"{name}={value}")
    if "apk" in run.conditions:  # a user's app is in this context, too, and has no figure in common with it
        told.append("the farm's app")
    if run.conditions.get("fixed_performance", "").startswith("on"):
        told.append("fixed performance")
    if run.conditions.get("traced"):
        told.append("traced")
    if run.conditions.get("warmup") == "0":
        told.append("cold")
    return ", ".join(part[:LONGEST] for part in (*told, condition) if part)


def shared(configuration: str) -> str:
    """A configuration without what is of one figure alone: the boundary of an energy."""
    return ", ".join(part for part in configuration.split(", ") if not part.startswith(ENERGY_AT))


def circumstances(run: Run, more: Mapping[str, str]) -> dict[str, str]:
    """What else the figures were taken under: told where a series shifts. `more` is what the run does not know itself.

    `temperature` is a number, degrees Celsius at the start.
    """
    conditions, target = run.conditions, run.target
    told = {
        "model": conditions.get("model", ""),
        "runtime": conditions.get("runtime", ""),
        "temperature": _celsius(conditions),
        "thermal": conditions.get("thermal_status", ""),
        "power": conditions.get("battery", "").rpartition(", ")[2],
        "charging": "yes" if "charging" in conditions else "",
        "screen": conditions.get("screen", ""),
        "throttled": ", ".join(one.during for one in run.throttled),
        "kind": target.kind if target is not None else "",
        "sdk": str(target.sdk) if target is not None and target.sdk is not None else "",
        "reference": "; ".join(f"{c.reference} {c.reference_version}".strip() for c in run.comparisons[:1]),
        "app": conditions.get("app", ""),
        **more,
    }
    return {name: text[:LONGEST] for name, text in sorted(told.items()) if text}


def _costs(run: Run) -> Iterator[Figure]:
    if run.latency_ms is not None:
        latency = run.latency_ms
        yield Figure(
            metric="latency.median", unit="ms", better="low", value=latency.median, low=latency.interval[0],
            high=latency.interval[1], n=latency.n,
        )  # fmt: skip
        yield Figure(metric="latency.p90", unit="ms", better="low", value=latency.p90, n=latency.n)
        if latency.preprocess_median > 0:
            yield Figure(
                metric="latency.preprocess", unit="ms", better="low", value=latency.preprocess_median, n=latency.n
            )
    if run.memory_mb is not None:
        yield Figure(metric="memory.peak", unit="MiB", better="low", value=run.memory_mb)
    yield from (
        _energy(energy, energy.per_inference_mj) for energy in run.energy if energy.per_inference_mj is not None
    )
    if run.pair is not None:
        pair = run.pair
        low, high = pair.latency_interval
        yield Figure(
            metric="pair.latency_ratio",
            unit="",
            better="low",
            value=pair.latency_ratio,
            low=low,
            high=high,
            n=pair.rounds,
        )


def _energy(energy: Energy, millijoule: float) -> Figure:
    low, high = energy.interval_mj or (None, None)
    condition = f"{ENERGY_AT}{energy.boundary}{' while charging' * energy.charging}"
    return Figure(
        metric="energy.median", unit="mJ", better="low", value=millijoule, low=low, high=high, n=energy.inferences or None,
        condition=condition,
    )  # fmt: skip


def _answers(run: Run) -> Iterator[Figure]:
    if run.metrics is not None:
        for metric in filter(None, (run.metrics.main, run.metrics.agreement, *run.metrics.others)):
            if metric.name in METRICS:
                yield _share(metric.name, metric.value, metric.interval, run.metrics.n)
    if run.accuracy is not None:
        accuracy = run.accuracy
        yield _share("top-1", accuracy.top1, accuracy.top1_interval, accuracy.n)
        for name, value in (("top-5", accuracy.top5), ("agreement", accuracy.agreement)):
            if value is not None:
                yield _share(name, value, None, accuracy.n)


def _share(name: str, value: float, interval: tuple[float, float] | None, n: int) -> Figure:
    metric, unit, better = METRICS[name]
    low, high = interval or (None, None)
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        low = high = None
    return Figure(metric=metric, unit=unit, better=better, value=value, low=low, high=high, n=n)


def _layers(run: Run) -> Iterator[Figure]:
    """Of the first reference: the one that was asked for first."""
    for comparison in run.comparisons[:1]:
        running = [layer.running_nrmse for layer in comparison.layers]
        isolated = [layer.isolated_nrmse for layer in comparison.layers if layer.isolated_nrmse is not None]
        for metric, errors in (("layers.worst", running), ("layers.worst_isolated", isolated)):
            if errors:
                yield Figure(metric=metric, unit="", better="low", value=max(errors), n=comparison.frames)


def _celsius(conditions: Mapping[str, str]) -> str:
    """The hottest of battery and skin, as cooling down goes by; empty where neither is told."""
    told = []
    for name in ("battery_temperature", "skin_temperature"):
        try:
            told.append(float(conditions[name].removesuffix(" C")))
        except (KeyError, ValueError):
            continue
    finite = [c for c in told if math.isfinite(c)]
    return f"{round(max(finite) / TEMPERATURE_STEP_C) * TEMPERATURE_STEP_C:.1f}" if finite else ""
