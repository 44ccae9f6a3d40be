"""`farm bundle`: all of a run in one file. `farm gc`: what goes when the disk has to last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from farm.cli import shell

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
GB = 10**9
KINDS = {"capture": "captures", "tensors": "tensors and tables", "evidence": "evidence", "input": "models and frames"}


def bundle(
    context: typer.Context,
    run: Annotated[int, typer.Argument(help="The run's number, as `farm show JOB` has it.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where to; run-N.tar.gz when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Pack all of a run into one .tar.gz: documents, captures, evidence, report, versions, settings without secrets."""
    from farm.client import connect
    from farm.client.upkeep import UpkeepClient
    from farm.errors import InputsError

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        file = out or Path(f"run-{run}.tar.gz")
        try:
            with connect(lab.settings) as client:
                size = UpkeepClient(client).bundle(run, file)
        except OSError as e:
            raise InputsError(f"cannot be written: {e.strerror}", where=str(file), remedy="take another --out") from e
        if as_json:
            shell.print_json(json.dumps({"run": run, "file": str(file.absolute()), "bytes": size}))
        else:
            lab.out.print(f"{file}: {size} bytes", highlight=False, markup=False, soft_wrap=True)


def gc(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: Json = False,
) -> None:
    """Remove files as farm.toml's [retention] says: captures first, models last. What was concluded stays."""
    from farm.client import connect
    from farm.client.upkeep import UpkeepClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            done = UpkeepClient(client).collect(dry_run=dry_run)
        if as_json:
            shell.print_json(done.model_dump_json(indent=2))
            return
        verb = "would go" if done.dry_run else "removed"
        for kind, count in done.files.items():
            size = done.bytes[kind] / GB
            lab.out.print(f"{verb}: {count} {KINDS.get(kind, kind)}, {size:.3f} GB", highlight=False)
        limit = f" of {done.budget_bytes / GB:g}" if done.budget_bytes else ""
        lab.out.print(f"{done.left_bytes / GB:.3f} GB{limit} {'would be' if dry_run else 'are'} kept", highlight=False)
