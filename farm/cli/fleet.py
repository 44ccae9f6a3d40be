"""`farm fleet`: one model over the lab, and who is affected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from farm.cli import shell
from farm.errors import InputsError
from farm.report import fleet_words as words
from farm.report.words import percent

if TYPE_CHECKING:
    from farm.report.fleet import Fleet


def fleet(
    context: typer.Context,
    jobs: Annotated[list[int], typer.Argument(metavar="JOB...", help="Jobs of one model.")],
    reference: Annotated[str, typer.Option(help="Against which layers are compared; else each run's first.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Set all runs of a model side by side: which part from the reference in the same way, and what they have in common."""
    from farm.client import connect
    from farm.compare.fleet import fleet as view

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = [client.job(number) for number in jobs]
        models = {job.model_sha256: job.model for job in found}
        if len(models) > 1:
            raise InputsError(
                f"they are of {len(models)} models: {', '.join(models.values())}",
                where=f"jobs {', '.join(map(str, jobs))}",
                remedy="name jobs of one model",
            )
        if not any(run.status == "done" for job in found for run in job.runs):
            raise InputsError("no run is done", where=f"job {jobs[0]}", remedy=f"farm show {jobs[0]}")
        result = view(found, reference)
        if as_json:
            shell.print_json(result.model_dump_json(indent=2))
        else:
            _print(lab, result)


def _print(lab: shell.Shell, fleet: Fleet) -> None:
    say = lab.out.print
    say(words.headline(fleet), highlight=False, markup=False)
    table = Table("run", "target", "configuration", "verdict", "parts at", "cluster", "top-1", "median ms")
    for row in fleet.rows:
        table.add_row(
            f"{row.job}/{row.run}", escape(row.target), escape(words.configuration(row)), escape(words.verdict(row)),
            words.parts_at(row), "-" if row.cluster is None else str(row.cluster + 1), percent(row.top1),
            "-" if row.median_ms is None else f"{row.median_ms:.3g}",
        )  # fmt: skip
    say(table)
    if not fleet.clusters:
        say("no run parts from the reference", highlight=False)
    for number, cluster in enumerate(fleet.clusters, 1):
        told = f"cluster {number}: {words.cluster(cluster, len(fleet.rows))}"
        say(told, highlight=False, markup=False, soft_wrap=True)
    if len(fleet.table) > 1:
        patterns = Table("who", "runs", "affected", "bits")
        for line in fleet.table:
            patterns.add_row(escape(line.words), str(line.support), percent(line.share), f"{line.gain_bits:.1f}")
        say(patterns)
    for found in fleet.slices:
        say(words.worse(found), highlight=False, markup=False, soft_wrap=True)
