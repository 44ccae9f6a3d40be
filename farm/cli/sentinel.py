"""`farm sentinel`: is it the model, or the phone?"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from farm.cli import shell

if TYPE_CHECKING:
    from rich.console import Console

    from farm.report.document import Watch

COLORS = {"steady": "green", "slower": "red", "answers differ": "red", "faster": "yellow", "too few nights": ""}


def sentinel(
    context: typer.Context,
    now: Annotated[bool, typer.Option("--now", help="Run the golden model on every device now.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show each device against its own nights before, on the golden model."""
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            if now:
                job = client.run_sentinel()
                lab.err.print(f"job {job}", highlight=False)
                for _ in client.events(job):
                    pass
            found = client.sentinel()
        if as_json:
            shell.print_json(json.dumps([watch.model_dump(mode="json") for watch in found], indent=2))
        else:
            render(lab.out, found)


def render(console: Console, found: list[Watch]) -> None:
    """One line a device."""
    table = Table("device", "last", "median ms", "before", "", "", box=None, pad_edge=False)
    for watch in found:
        color = COLORS[watch.word]
        table.add_row(
            escape(watch.serial),
            datetime.fromtimestamp(watch.ended).astimezone().strftime("%Y-%m-%d %H:%M"),
            f"{watch.median_ms:.3f}",
            "-" if watch.baseline_ms is None else f"{watch.baseline_ms:.3f}",
            f"[{color}]{watch.word}[/]" if color else watch.word,
            escape(watch.summary),
        )
    console.print(table if found else "no nights yet: it runs at sentinel.at while `farm up` does, or now with --now")
