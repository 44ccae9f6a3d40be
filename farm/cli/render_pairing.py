"""Two recordings side by side, as people read them on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from farm.cli.task_render import task_metrics
from farm.report.words import VIRTUAL_NOTE, percent

if TYPE_CHECKING:
    from rich.console import Console

    from farm.report.pairing import Pairing


def pairing(console: Console, found: Pairing) -> None:
    """Both, what they cost, where they part."""
    from farm.cli.render import latency_table, layers

    table = Table("", box=None, pad_edge=False)
    for name in ("what", "logged by", "model"):
        table.add_column(name, overflow="fold")
    for name in ("frames", "layer frames", "median ms", "p90 ms", "memory MiB"):
        table.add_column(name, justify="right")
    for letter, side in (("A", found.a), ("B", found.b)):
        times = ("-", "-") if side.latency_ms is None else (
            f"{side.latency_ms.median:.3f}", f"{side.latency_ms.p90:.3f}",
        )  # fmt: skip
        memory = "-" if side.memory_mb is None else f"{side.memory_mb:.1f}"
        source = f"{side.source}, {side.kind}" if side.kind == "virtual" else side.source
        table.add_row(
            letter, escape(side.name), escape(source), escape(side.model), str(side.frames), str(side.layer_frames),
            *times, memory,
        )  # fmt: skip
    console.print(table)
    if "virtual" in (found.a.kind, found.b.kind):
        console.print(f"[yellow]{VIRTUAL_NOTE}[/]", highlight=False)
    if found.alignment:
        console.print(escape(found.alignment), highlight=False, soft_wrap=True)
    if found.layers is not None:
        layers(console, found.layers)
    if found.times is not None:
        latency_table(console, found.times)
    if found.latency_ratio is not None and found.latency_interval is not None:
        low, high = found.latency_interval
        console.print(
            f"latency: A takes {found.latency_ratio:.3f} times as long as B ({low:.3f} to {high:.3f}); not interleaved, so"
            " drift and heat are in it",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
    if found.accuracy is not None:
        a = found.accuracy
        p = "" if a.p_value is None else f", McNemar p = {a.p_value:.2g}"
        console.print(
            f"accuracy: top-1 A {percent(a.top1)}, B {percent(a.reference_top1)}{p}, {a.n} frames", highlight=False
        )
    if found.metrics is not None:
        task_metrics(console, found.metrics)
    color = "yellow" if found.differs else "green"
    console.print(Panel(escape(found.summary), title="A against B", title_align="left", border_style=color))
