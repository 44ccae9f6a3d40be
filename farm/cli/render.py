"""Documents as people read them on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from farm.cli.ladder_render import ladder
from farm.cli.quantization_render import quantization
from farm.cli.render_diagnosis import diagnosis
from farm.cli.task_render import task_metrics
from farm.report.words import (
    VIRTUAL_NOTE,
    blame_words,
    context_line,
    energy_line,
    grounds,
    layer_label,
    origin,
    percent,
    run_label,
    tensor_label,
    throttling_line,
    traced_line,
    verdict_line,
)

if TYPE_CHECKING:
    from rich.console import Console

    from farm.errors import FarmError
    from farm.model.summary import Summary
    from farm.report.document import Comparison, Job, Pair, Run
    from farm.report.table import LatencyTable
    from farm.submission import RecipeUse

COLORS = {"pass": "green", "fail": "red", "undecided": "yellow"}
WORST_LAYERS = 12
TENSOR_WIDTH = 26
SHARES = 4
"""A latency table of more columns has no room for shares."""


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


def model(console: Console, summary: Summary, recipe: RecipeUse | None) -> None:
    """A model before it is submitted."""
    table = Table("", "name", "type", "shape", "scale", "zero point", box=None, pad_edge=False)
    for word, tensors in (("input", summary.inputs), ("output", summary.outputs)):
        for t in tensors:
            scale, zero = (", ".join(f"{v:g}" for v in values) for values in (t.scale, t.zero_point))
            table.add_row(word, escape(t.name), t.dtype, "x".join(map(str, t.shape)), scale, zero)
    console.print(table)
    console.print(f"ops: {', '.join(f'{n} {escape(op)}' for op, n in summary.ops.items())}", highlight=False)
    if summary.custom_ops:
        console.print(f"custom ops: {escape(', '.join(summary.custom_ops))}", highlight=False)
    mib = summary.layers_bytes / (1 << 20)
    console.print(f"layers: {summary.layers}, {mib:.1f} MiB a frame when all are logged", highlight=False)
    console.print(
        "recipe: none found; pictures need one (docs/recipes.md)"
        if recipe is None
        else f"recipe, from {escape(recipe.origin)}: {escape(_words(recipe))}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def latency_table(console: Console, found: LatencyTable) -> None:
    """Layer types x targets: microseconds, and where there is room the share of the target's total."""
    from farm.report.table import SOURCES

    table = Table("layer type", box=None, pad_edge=False)
    table.add_column("layers", justify="right")
    for column in found.columns:
        title = escape(column.title.replace(", ", "\n").replace(" (", "\n("))
        table.add_column(f"{title}\nus, {SOURCES.get(column.source, column.source)}", justify="right", overflow="fold")
    room = len(found.columns) <= SHARES
    for row in found.rows:
        cells = []
        for time, total in zip(row.times_us, found.totals_us, strict=True):
            share = f" {f'({100 * time / total:.0f} %)' if time is not None and total else '':>7}" if room else ""
            cells.append(Text("-" if time is None else f"{time:.1f}{share}", no_wrap=True))
        table.add_row(row.type, str(row.count), *cells)
    table.add_row("all", "", *(Text(f"{total:.1f}{' ' * 8 * room}", no_wrap=True) for total in found.totals_us))
    console.print(table if found.columns else "no run has layer times: submit with layer frames")


def _words(use: RecipeUse) -> str:
    """Those that apply to what it is for."""
    words = use.recipe.model_dump(exclude_none=True)
    special = {name: words.pop(name, {}) for name in ("audio", "text", "detection", "normalize")}
    if use.recipe.kind != "image":
        words = {"task": use.recipe.task}
    told = words | {
        k: v for inner in special.values() for k, v in inner.items() if use.recipe.kind == "image" or k not in words
    }
    return ", ".join(f"{k} {v}" for k, v in told.items())


def _run(console: Console, run: Run) -> None:
    console.rule(f"run {run.id} on {escape(run_label(run))}", align="left")
    virtual = run.target is not None and run.target.kind == "virtual"
    if run.layer_types:
        source = "plain model" if run.layer_types[0].source == "profile" else "unfused"
        table = Table(
            "layer type", title=f"time by layer type, {source}", title_justify="left", box=None, pad_edge=False
        )
        for name in ("layers", "us", "share"):
            table.add_column(name, justify="right")
        for t in run.layer_types:
            table.add_row(t.type, str(t.count), f"{t.time_us:.1f}", percent(t.share))
        console.print(table)
    for comparison in run.comparisons:
        layers(console, comparison)
    diagnosis(console, run)
    if run.ladder is not None:
        ladder(console, run.ladder)
    if run.quantization is not None:
        quantization(console, run.quantization)
    if run.pair is not None:
        _pair(console, run.pair)
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
    if run.metrics is not None:
        task_metrics(console, run.metrics)
    _measures(console, run)
    if run.id:  # captures that no job left were pushed by whoever took them
        console.print(f"pushed: {run.pushed_bytes} bytes", highlight=False)
    _files(console, run)


def _measures(console: Console, run: Run) -> None:
    """What the figures were taken under, where that is worth a line."""
    if line := context_line(run):
        console.print(f"context: {escape(line)}", highlight=False, soft_wrap=True)
    figures = [energy for energy in run.energy if energy.per_inference_mj is not None]
    for energy in figures or run.energy[:1]:  # why there is none is said once; the page and --json have all
        console.print(f"energy: {escape(energy_line(energy))}", highlight=False, soft_wrap=True)
    if run.samples is not None:
        console.print(f"samples: {run.samples.rows}, {escape(run.samples.path)}", highlight=False, soft_wrap=True)
    if told := run.conditions.get("traced"):
        console.print(f"[yellow]traced:[/] {escape(traced_line(told))}", highlight=False, soft_wrap=True)
    for found in run.throttled:
        console.print(f"[yellow]throttled:[/] {escape(throttling_line(found))}", highlight=False, soft_wrap=True)
    for missing in run.partial:
        console.print(f"[yellow]partial:[/] {escape(missing)}", highlight=False, soft_wrap=True)


def _pair(console: Console, pair: Pair) -> None:
    table = Table("", "variant", title="A and B in turn", title_justify="left", box=None, pad_edge=False)
    for name in ("median ms", "p90 ms", "memory MiB", "top-1"):
        table.add_column(name, justify="right")
    for letter, side in (("A", pair.a), ("B", pair.b)):
        memory = "-" if side.memory_mb is None else f"{side.memory_mb:.1f}"
        times = (f"{side.latency_ms.median:.3f}", f"{side.latency_ms.p90:.3f}")
        table.add_row(letter, escape(side.name), *times, memory, percent(side.top1))
    console.print(table)


def _files(console: Console, run: Run) -> None:
    """What was kept of attempts that failed, and what is not kept any more."""
    traces = [link.name for link in run.evidence if link.is_trace and not link.removed]
    if traces:
        told = f"trace: {', '.join(traces)} (ui.perfetto.dev opens it); farm bundle {run.id}"
        console.print(escape(told), highlight=False, soft_wrap=True)
    if any(not link.removed and not link.is_trace for link in run.evidence):
        kept = ", ".join(f"{e.name} (attempt {e.attempt})" for e in run.evidence if not e.removed and not e.is_trace)
        console.print(f"evidence: {escape(kept)}; farm bundle {run.id}", highlight=False, soft_wrap=True)
    removed = [c.name for c in run.captures if c.removed] + [e.name for e in run.evidence if e.removed]
    removed += ["samples"] if run.samples is not None and run.samples.removed else []
    if removed:
        console.print(f"removed by retention: {escape(', '.join(removed))}", highlight=False, soft_wrap=True)


def layers(console: Console, comparison: Comparison) -> None:
    """Those with most error, and where they part first."""
    first = comparison.first_divergence
    shown = sorted(comparison.layers, key=lambda d: -d.running_nrmse)[:WORST_LAYERS]
    table = Table(
        title=f"error against {comparison.reference}, {comparison.frames} frames",
        title_justify="left", box=None, pad_edge=False,
    )  # fmt: skip
    table.add_column("layer", no_wrap=True)
    table.add_column("tensor", overflow="ellipsis", max_width=TENSOR_WIDTH, no_wrap=True)
    alone = any(d.isolated_nrmse is not None for d in comparison.layers)
    for name in ("nRMSE", *(("alone",) if alone else ()), "max abs", "LSB", "us"):
        table.add_column(name, justify="right", no_wrap=True)
    for d in comparison.layers:
        if d not in shown:
            continue
        mark = "red" if not d.running_nrmse <= comparison.threshold else ""
        own = ("" if d.isolated_nrmse is None else f"{d.isolated_nrmse:.1e}",) if alone else ()
        table.add_row(
            layer_label(d), escape(tensor_label(d.tensor)), f"{d.running_nrmse:.1e}", *own, f"{d.max_abs:.2g}",
            "" if d.lsb is None else f"{d.lsb:.0f}", "" if d.time_us is None else f"{d.time_us:.1f}", style=mark,
        )  # fmt: skip
    console.print(table)
    if comparison.notes:
        told = "; ".join(f"{key}: {value}" for key, value in comparison.notes.items())
        console.print(f"  {escape(told)}", highlight=False, soft_wrap=True)
    left_out = len(comparison.layers) - len(shown)
    if left_out > 0:
        console.print(f"  and {left_out} layers with less error: farm report, or --json", highlight=False)
    where = "none"
    if first is not None:
        place = "the model's input" if first.node < 0 else f"node {first.node} {first.op}"
        where = f"{place}, {first.tensor}, nRMSE {first.running_nrmse:.1e}"
    console.print(f"first divergence: {escape(where)}", highlight=False, soft_wrap=True)
    if made := origin(comparison):
        console.print(f"layer by layer: {escape(made)}", highlight=False, soft_wrap=True)


def _verdict(console: Console, run: Run) -> None:
    verdict = run.verdict
    if verdict is None:
        remedy = f"\n{escape(run.error.remedy)}" if run.error is not None and run.error.remedy else ""
        console.print(Panel(escape(verdict_line(run)) + remedy, title=escape(run_label(run)), border_style="red"))
        return
    lines = [f"[bold]{verdict.kind.upper()}[/]  cause: {escape(verdict.cause)}", escape(verdict.summary)]
    if verdict.remedy:
        lines.append(f"mend it: {escape(verdict.remedy)}")
    lines += [f"{escape(blame_words(b))}" for b in verdict.blames if b.word != "none"]
    lines.append(grounds(run))
    console.print(
        Panel(
            "\n".join(lines),
            title=escape(run_label(run)),
            title_align="left",
            border_style=COLORS[verdict.kind],
        )
    )
