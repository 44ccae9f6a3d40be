"""What quantization does to a run's model, as people read it on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from farm.report.quantization import FIGURES, figures, in_words, own_errors
from farm.report.words import tensor_label

if TYPE_CHECKING:
    from rich.console import Console

    from farm.report.quantization import Quantization

COLORS = {"error": "red", "warning": "yellow"}
MOST = 6
"""Layers and issues that are shown; --json and the page have all."""


def quantization(console: Console, found: Quantization) -> None:
    """One line; the layers whose error is their own, and the file's faults, where there are any."""
    console.print(f"quantization: {escape(in_words(found))}", highlight=False, soft_wrap=True)
    own = own_errors(found)
    if own:
        table = Table("layer", "tensor", box=None, pad_edge=False)
        for name in FIGURES:
            table.add_column(name, justify="right", no_wrap=True)
        for layer in own[:MOST]:
            name = "input" if layer.node < 0 else f"{layer.node} {layer.op}"
            table.add_row(name, escape(tensor_label(layer.tensor)), *figures(layer))
        console.print(table)
        console.print(f"  {own[0].origin}: {escape(own[0].reason)}", highlight=False, soft_wrap=True)
    serious = [issue for issue in found.lint if issue.severity in COLORS]
    for issue in serious[:MOST]:
        mark = f"[{COLORS[issue.severity]}]{issue.severity}[/]"
        console.print(f"  {mark} {issue.rule}: {escape(issue.what)}", highlight=False, soft_wrap=True)
    if len(serious) > MOST:
        console.print(f"  and {len(serious) - MOST} more: farm lint", highlight=False)
