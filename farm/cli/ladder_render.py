"""The ladder and who is to blame, as people read them on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from farm.report.words import rung_figures

if TYPE_CHECKING:
    from rich.console import Console

    from farm.report.ladder import Ladder

COLUMNS = ("nRMSE", "alone", "same answer", "score")


def ladder(console: Console, found: Ladder) -> None:
    """A line a rung, top to bottom; where the error enters in red."""
    table = Table(
        "rung", title="from the float model down to the device", title_justify="left", box=None, pad_edge=False
    )
    for name in COLUMNS[:-1]:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(found.metric or COLUMNS[-1], justify="right", no_wrap=True)
    table.add_column("largest at", overflow="ellipsis", no_wrap=True)
    for rung in found.rungs:
        where = rung.missing or rung.layer
        mark = "  <- enters here" if rung.enters else ""
        table.add_row(escape(rung.name), *rung_figures(rung), escape(where) + mark, style="red" if rung.enters else "")
    console.print(table)
    if found.alignment:
        console.print(f"float model: {escape(found.alignment)}", highlight=False, soft_wrap=True)
    for line in found.unsaid:
        console.print(f"not said: {escape(line)}", highlight=False, soft_wrap=True)
