"""How a model over many runs is told, the same on the terminal and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.words import layer_name, percent

if TYPE_CHECKING:
    from farm.report.fleet import Cluster, Fleet, FleetRow
    from farm.report.slice import Slice

CONFIGURATION = ("kernel", "accelerator", "threads", "context")
"""Of a row's attributes, those that tell its configuration."""


def headline(fleet: Fleet) -> str:
    """`m.tflite, 12 runs against litert-ref`."""
    return f"{fleet.model}, {len(fleet.rows)} runs against {fleet.reference or 'no reference'}"


def configuration(row: FleetRow) -> str:
    """`kernel=delegate threads=4`."""
    return " ".join(f"{k}={row.attributes[k]}" for k in CONFIGURATION if k in row.attributes)


def parts_at(row: FleetRow) -> str:
    """`12 CONV_2D`, or `input`; a dash where the run parts nowhere, or was not compared."""
    return "-" if row.divergence is None else layer_name(row.divergence.node, row.divergence.op)


def verdict(row: FleetRow) -> str:
    """`fail: channel`."""
    return f"{row.verdict or '-'}{f': {row.cause}' if row.cause not in {'', 'none'} else ''}"


def cluster(found: Cluster, runs: int) -> str:
    """`3 of 12 runs part first at 4 CONV_2D b/Relu: abi = arm64-v8a (1 more fit it)`; `runs` are all of them."""
    start = f"{len(found.runs)} of {runs} runs part first at {found.layer}"
    told = found.description
    if told is None:
        return f"{start}; nothing they have in common is shorter than their list"
    wrong, missed = told.described - told.right, told.meant - told.right
    exceptions = [f"{wrong} more fit it"] * bool(wrong) + [f"{missed} do not fit it"] * bool(missed)
    but = f" ({', '.join(exceptions)})" if exceptions else ""
    return f"{start}: {' or '.join(told.patterns)}{but}"


def worse(found: Slice) -> str:
    """`worse answers: abi = x86: 40.0 % of 3 runs' answers lost, 10.0 % over all (p = 0.003)`."""
    return (
        f"worse answers: {found.words}: {percent(found.error)} of {found.support} runs' answers lost, "
        f"{percent(found.overall)} over all (p = {found.p_value:.2g})"
    )
