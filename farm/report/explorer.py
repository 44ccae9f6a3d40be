"""A comparison as node data for Google's Model Explorer, which colors the graph of the `.tflite` by it.

The format is that of `model_explorer/node_data_builder.py` (google-ai-edge/model-explorer): a document is one column of
values, {graph id: {"results": {node id: {"value": number}}, "gradient" or "thresholds": [...]}}. Its reader of `.tflite`
calls the main graph by the subgraph's name, `main` where it has none, and nodes by their index in the file, inputs
`GraphInputs`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.report.document import Comparison, LayerDiff

INPUTS = "GraphInputs"
FINE, NEAR, OVER, FAR = "#d7f0dd", "#fff2b3", "#ffb199", "#e0533d"
TIME = ("#ffffff", "#4269d0")
BEYOND = 1e30
"""JSON has no infinity: what no number measures stands as this."""


def node_data(comparison: Comparison, graph: str = "main") -> dict[str, dict[str, Any]]:
    """Documents by name: `running-error`, `isolated-error` (where that pass ran), `time-us` (where times are known).

    Errors are normalized RMSE, colored by the threshold: a tenth of it, itself, ten times it. Times are microseconds of the
    plain model where the `profile` pass ran, else of the instrumented one, as a gradient.
    """
    found = {
        "running-error": _errors(comparison, graph, comparison.threshold, lambda d: d.running_nrmse),
        "isolated-error": _errors(
            comparison, graph, comparison.isolated_threshold or comparison.threshold, lambda d: d.isolated_nrmse
        ),
        "time-us": _times(comparison, graph),
    }
    return {name: document for name, document in found.items() if document[graph]["results"]}


def _errors(
    comparison: Comparison, graph: str, limit: float, value: Callable[[LayerDiff], float | None]
) -> dict[str, Any]:
    thresholds = [
        {"value": limit / 10, "bgColor": FINE},
        {"value": limit, "bgColor": NEAR},
        {"value": 10 * limit, "bgColor": OVER},
        {"value": 10 * BEYOND, "bgColor": FAR, "textColor": "#ffffff"},
    ]
    return {graph: {"results": _results(comparison, value), "thresholds": thresholds}}


def _times(comparison: Comparison, graph: str) -> dict[str, Any]:
    profiled = any(d.profile_us is not None for d in comparison.layers)
    results = _results(comparison, lambda d: (d.profile_us if profiled else d.time_us) if d.node >= 0 else None)
    gradient = [{"stop": stop, "bgColor": color} for stop, color in enumerate(TIME)]
    return {graph: {"results": results, "gradient": gradient}}


def _results(comparison: Comparison, value: Callable[[LayerDiff], float | None]) -> dict[str, dict[str, float]]:
    """By node id; of a node with several outputs the largest."""
    found: dict[str, float] = {}
    for layer in comparison.layers:
        number = value(layer)
        if number is None:
            continue
        number = BEYOND if not math.isfinite(number) else min(number, BEYOND)
        node = INPUTS if layer.node < 0 else str(layer.node)
        found[node] = max(found.get(node, number), number)
    return {node: {"value": number} for node, number in found.items()}
