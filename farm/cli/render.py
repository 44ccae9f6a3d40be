"""Documents as people read them on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from farm.report.words import VIRTUAL_NOTE, layer_label, percent, target_label, verdict_line

if TYPE_CHECKING:
    from rich.console import Console

    from farm.errors import FarmError
    from farm.fleet.device import Device
    from farm.report.document import Comparison, Job, Run

COLORS = {"pass": "green", "fail": "red", "undecided": "yellow"}
WORST_LAYERS = 12


def error(console: Console, e: FarmError) -> None:
    """What happened, where, what to do."""
    console.print(f"[red]{e.code}[/]: {escape(str(e))}", highlight=False, soft_wrap=True)
    if e.remedy:
        console.print(f"  {escape(e.remedy)}", highlight=False, soft_wrap=True)


def job(console: Console, document: Job) -> None:
    """A finished job: each run's figures, then each run's verdict, so that the verdict is what stands last."""
    for run in document.runs:
        _run(console, run)
    for run in document.runs:
        _verdict(console, run)
    if document.report:
        console.print(f"report: {escape(document.report)}", highlight=False, soft_wrap=True)


def jobs(console: Console, documents: list[Job]) -> None:
    """One line a job, newest first."""
    table = Table("job", "status", "model", "frames", "runs", "verdicts", "submitted", box=None, pad_edge=False)
    for d in documents:
        kinds = [r.verdict.kind for r in d.runs if r.verdict is not None]
        told = ", ".join(f"[{COLORS[k]}]{kinds.count(k)} {k}[/]" for k in COLORS if k in kinds)
        table.add_row(
            str(d.job),
            d.status,
            escape(d.model),
            str(d.frames),
            str(len(d.runs)),
            told or "-",
            d.created[:19].replace("T", " "),
        )
    console.print(table if documents else "no jobs yet: farm submit model.tflite --inputs DIR")


def devices(console: Console, found: list[Device]) -> None:
    """One line a device."""
    table = Table("serial", "state", "kind", "model", "abi", "sdk", "soc", box=None, pad_edge=False)
    for d in found:
        table.add_row(
            d.serial, d.state, d.kind, escape(d.model), d.abi, "" if d.sdk is None else str(d.sdk), escape(d.soc)
        )
    console.print(table if found else "no devices: plug one in, or: farm virtual up")


def _run(console: Console, run: Run) -> None:
    console.rule(f"run {run.id} on {escape(target_label(run.target))}", align="left")
    virtual = run.target is not None and run.target.kind == "virtual"
    if run.layer_types:
        table = Table("layer type", box=None, pad_edge=False)
        for name in ("layers", "us", "share"):
            table.add_column(name, justify="right")
        for t in run.layer_types:
            table.add_row(t.type, str(t.count), f"{t.time_us:.0f}", percent(t.share))
        console.print(table)
    for comparison in run.comparisons:
        _layers(console, comparison)
    if run.latency_ms is not None:
        latency = run.latency_ms
        console.print(
            f"latency: median {latency.median:.3f} ms ({latency.interval[0]:.3f} to {latency.interval[1]:.3f}), "
            f"p90 {latency.p90:.3f} ms, {latency.n} invocations, pre-processing {latency.preprocess_median:.3f} ms"
            + (f", memory {run.memory_mb:.1f} MiB" if run.memory_mb is not None else "")
            + (f"  [yellow]({VIRTUAL_NOTE})[/]" if virtual else ""),
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    if run.accuracy is not None:
        a = run.accuracy
        low, high = (percent(v) for v in a.top1_interval)
        line = f"accuracy: top-1 {percent(a.top1)} ({low} to {high}), top-5 {percent(a.top5)}, {a.n} frames"
        if a.reference_top1 is not None:
            line += f"; {a.reference} {percent(a.reference_top1)}"
        if a.p_value is not None:
            line += f", McNemar p = {a.p_value:.2g}"
        console.print(line, highlight=False, soft_wrap=True)
    console.print(f"pushed: {run.pushed_bytes} bytes", highlight=False)


def _layers(console: Console, comparison: Comparison) -> None:
    first = comparison.first_divergence
    shown = sorted(comparison.layers, key=lambda d: -d.running_nrmse)[:WORST_LAYERS]
    table = Table(
        "layer",
        title=f"error against {comparison.reference}, {comparison.frames} frames",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("tensor", overflow="ellipsis", max_width=44, no_wrap=True)
    for name in ("nRMSE", "cosine", "max abs", "LSB", "us"):
        table.add_column(name, justify="right")
    for d in comparison.layers:
        if d not in shown:
            continue
        mark = "red" if not d.running_nrmse <= comparison.threshold else ""
        table.add_row(
            layer_label(d), escape(d.tensor), f"{d.running_nrmse:.2e}", f"{d.cosine:.6f}", f"{d.max_abs:.3g}",
            "" if d.lsb is None else f"{d.lsb:.1f}", "" if d.time_us is None else f"{d.time_us:.0f}", style=mark,
        )  # fmt: skip
    console.print(table)
    left_out = len(comparison.layers) - len(shown)
    if left_out > 0:
        console.print(f"  and {left_out} layers with less error: farm report, or --json", highlight=False)
    where = (
        "none" if first is None else f"{first.op} {first.tensor} (node {first.node}, nRMSE {first.running_nrmse:.2e})"
    )
    console.print(f"first divergence: {escape(where)}", highlight=False, soft_wrap=True)


def _verdict(console: Console, run: Run) -> None:
    verdict = run.verdict
    if verdict is None:
        remedy = f"\n{escape(run.error.remedy)}" if run.error is not None and run.error.remedy else ""
        console.print(
            Panel(escape(verdict_line(run)) + remedy, title=escape(target_label(run.target)), border_style="red")
        )
        return
    lines = [f"[bold]{verdict.kind.upper()}[/]  cause: {escape(verdict.cause)}", escape(verdict.summary)]
    if verdict.remedy:
        lines.append(f"mend it: {escape(verdict.remedy)}")
    lines.append(f"confidence {percent(verdict.confidence)} of {verdict.n} frame bootstraps")
    console.print(
        Panel(
            "\n".join(lines),
            title=escape(target_label(run.target)),
            title_align="left",
            border_style=COLORS[verdict.kind],
        )
    )
