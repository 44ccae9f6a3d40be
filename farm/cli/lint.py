"""`farm lint`: what a model's file gives away without being run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path  # noqa: TC003  # typer reads it
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.markup import escape
from rich.table import Table

from farm.cli import exits, options, shell
from farm.errors import InputsError
from farm.report.quantization import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from farm.report.quantization import Issue, Lint

COLORS = {"error": "red", "warning": "yellow", "note": "dim"}
SAME = 3
"""Issues of one rule that are shown in full; --json has all."""


def lint(
    context: typer.Context,
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="One .tflite file, or several.")],
    recipe: Annotated[
        Path | None, typer.Option(help="What the model is fed by; else the recipe beside it, else its metadata.")
    ] = None,
    severity: Annotated[str, typer.Option(help="Show and count from here on: note, warning, error.")] = "note",
    html: options.Html = None,
    as_json: options.Json = False,
) -> None:
    """Look for faults in a model's file: scales, zero points, biases, ranges, weights, the graph. Runs nothing.

    Exit status: 0 nothing worse than a note, 1 an error, 4 a warning, 2 a file that cannot be read.
    """
    from farm.model import graph as graphs
    from farm.model import recipe as recipes
    from farm.model.lint import lint as look

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        words = get_args(Severity)
        if severity not in words:
            raise InputsError(
                f"no severity is called {severity!r}", where="--severity", remedy=f"one of {', '.join(words)}"
            )
        shown = words[: words.index(severity) + 1]
        found = []
        for model in models:
            beside = recipe or recipes.beside(model)
            fed = None if beside is None else recipes.load(beside)
            told = look(graphs.read_bytes(model), str(model), fed)
            found.append(told.model_copy(update={"issues": tuple(i for i in told.issues if i.severity in shown)}))
        if html is not None:
            from farm.report.html import render_lint

            shell.write(html, render_lint(found))
        if as_json:
            shell.print_json(json.dumps([one.model_dump(mode="json") for one in found], indent=2))
        else:
            for one in found:
                render(lab.out, one)
        worst = {issue.severity for one in found for issue in one.issues}
        raise typer.Exit(exits.FAIL if "error" in worst else exits.UNDECIDED if "warning" in worst else exits.PASS)


def render(out: Console, found: Lint) -> None:
    """The issues of a model, those of one rule together."""
    counts: Counter[str] = Counter(issue.severity for issue in found.issues)
    told = ", ".join(f"[{COLORS[s]}]{counts[s]} {s}{'s' * (counts[s] > 1)}[/]" for s in COLORS if counts[s])
    out.print(f"{escape(found.model)}: {told or 'nothing found'}", highlight=False, soft_wrap=True)
    rules = dict.fromkeys((issue.severity, issue.rule) for issue in found.issues)
    table = Table("", "rule", "where", "what", box=None, pad_edge=False, show_header=False)
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for severity, rule in rules:
        same = [i for i in found.issues if (i.severity, i.rule) == (severity, rule)]
        for issue in same[:SAME]:
            where = "" if issue.node is None else f"{issue.node} {issue.op}"
            table.add_row(f"[{COLORS[severity]}]{severity}[/]", rule, escape(where), escape(issue.what))
        table.add_row("", "", "", _advice(same))
    out.print(table)


def _advice(same: Sequence[Issue]) -> str:
    more = f"and {len(same) - SAME} more like these: --json has all\n" if len(same) > SAME else ""
    return f"[dim]{more}why: {escape(same[0].why)}\nmend it: {escape(same[0].remedy)}[/]\n"
