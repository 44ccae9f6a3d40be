"""`farm backup`, `farm restore` and `farm check`: the data folder as a whole. They read its files and need no daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farm.cli import shell

if TYPE_CHECKING:
    from farm.store.backup import Made
    from farm.store.integrity import Checked

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
GB = 10**9
STATUS = {"damage": 3, "inconsistent": 5, "stray": 0}
"""By kind of problem: a broken disk is the lab's, books that contradict each other are ours."""


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to: a tar file.")],
    since: Annotated[
        Path | None, typer.Option(help="An earlier backup: what it, or one before it, holds is left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write state, models, frames, captures, evidence and reports into one file, while the farm works on."""
    from farm.store.backup import backup

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        made = backup(lab.settings.data, file, since=since)
        _tell(lab, made, f"{file}", as_json=as_json)


def restore(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="A backup; before it, those it builds on.")],
    data: Annotated[Path, typer.Option(help="The folder to make; it must not be there, or be empty.")],
    as_json: Json = False,
) -> None:
    """Make a data folder of a backup. Every file must hash to its name."""
    from farm.store.backup import restore

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        made = restore(files, data)
        _tell(lab, made, f"{data}", as_json=as_json)


def check(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Do not read the artifacts.")] = False,
    as_json: Json = False,
) -> None:
    """See that the data folder is whole: state file, every artifact's hash, leases, nothing half-written.

    Exit status: 0 whole, 3 damaged files, 5 the farm's books contradict each other.
    """
    from farm.store.integrity import check

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        found = check(lab.settings.data, hashes=not quick)
        if as_json:
            document = {**vars(found), "problems": [vars(p) for p in found.problems]}
            shell.print_json(json.dumps(document, indent=2))
        else:
            _show(lab, found)
        raise typer.Exit(max((STATUS[p.kind] for p in found.problems), default=0))


def _show(lab: shell.Shell, found: Checked) -> None:
    for problem in found.problems:
        lab.out.print(f"{problem.kind}: {problem.where}: {problem.what}", highlight=False, markup=False, soft_wrap=True)
        lab.out.print(f"  {problem.remedy}", highlight=False, markup=False, soft_wrap=True)
    removed = f"; {found.removed} files removed by retention" if found.removed else ""
    lab.out.print(
        f"{found.jobs} jobs, {found.runs} runs, {found.artifacts} artifacts ({found.bytes / GB:.3f} GB){removed}: "
        + (f"{len(found.problems)} problems" if found.problems else "all is whole"),
        highlight=False, soft_wrap=True,
    )  # fmt: skip


def _tell(lab: shell.Shell, made: Made, where: str, *, as_json: bool) -> None:
    if as_json:
        shell.print_json(json.dumps({"path": str(Path(where).absolute()), **vars(made)}))
        return
    told = f"{where}: state and {made.artifacts} of {made.named} files, {made.bytes / GB:.3f} GB"
    lab.out.print(told, highlight=False, markup=False, soft_wrap=True)
