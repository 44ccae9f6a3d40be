"""`farm runtime`: the references of this computer, the environments of those that need one, and bundles for devices."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from farm.cli import runtime_bundle, shell
from farm.errors import FarmError, JobError

if TYPE_CHECKING:
    from pathlib import Path

    from farm.cli.shell import Shell
    from farm.reference.contract import Reference

app = typer.Typer(
    help="References of this computer, and runtime bundles for devices: adding, removing, trying them.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@app.command(name="list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """Show every reference and bundle: its version, what it runs, where it lives or what to type to add it."""
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        from farm.reference.registry import KNOWN

        rows = [_row(runtime, lab.settings.data) for runtime in KNOWN.values()] + runtime_bundle.rows(lab)
        if as_json:
            shell.print_json(json.dumps(rows, indent=2))
            return
        table = Table("reference", "version", "runs", "where", box=None)
        for row in rows:
            what = f"--reference {row['name']}={row['wants']}" if row["wants"] else row["runs"]
            table.add_row(str(row["name"]), str(row["version"] or "-"), str(what), str(row["where"] or row["add"]))
        lab.out.print(table, highlight=False)


@app.command()
def add(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME|FILE|litert==VERSION", help="As in farm runtime list; or an .aar, .whl, .so.")
    ],
    called: Annotated[str, typer.Option("--name", help="What to call the bundle; else litert-VERSION.")] = "",
    version: Annotated[str, typer.Option(help="Of a file that does not say it.")] = "",
    as_json: Json = False,
) -> None:
    """Make a reference's environment; or add a runtime bundle for devices: a file, or PyPI's wheels of a version.

    An environment is a folder of its own, with what is pinned, from the package index that pip uses.
    """
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        if runtime_bundle.is_meant(name):
            runtime_bundle.add(lab, name, called, version, as_json=as_json)
            return
        if called or version:
            raise JobError("is no bundle: it has its own name", where=name, remedy="leave --name and --version out")
        from farm.reference import environments
        from farm.reference.registry import find

        runtime = _needy(find(name))
        home = environments.home(lab.settings.data)
        environments.add(home, runtime, lambda text: lab.err.print(text, highlight=False, markup=False, soft_wrap=True))
        row = _row(runtime, lab.settings.data)
        if as_json:
            shell.print_json(json.dumps(row, indent=2))
        else:
            lab.out.print(f"{name} {row['version']} is in {row['where']}", highlight=False, soft_wrap=True)


@app.command()
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in farm runtime list.")],
    as_json: Json = False,
) -> None:
    """Remove a reference's environment, and those of earlier versions of it; or a bundle."""
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        if runtime_bundle.has(lab, name):
            runtime_bundle.remove(lab, name, as_json=as_json)
            return
        from farm.reference import environments
        from farm.reference.registry import find

        runtime = _needy(find(name))
        home = environments.home(lab.settings.data)
        gone = environments.remove(home, runtime, lambda text: lab.err.print(text, highlight=False))
        if as_json:
            shell.print_json(json.dumps({"name": name, "removed": [str(path) for path in gone]}))
        else:
            lab.out.print(
                "\n".join(f"removed {path}" for path in gone) or f"{name} was not there",
                highlight=False,
                soft_wrap=True,
            )


@app.command()
def use(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A bundle for Android; newest: whichever is.")],
    as_json: Json = False,
) -> None:
    """Let phones and emulators have this bundle where a job names none. Without it they get the newest."""
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        runtime_bundle.use(lab, name, as_json=as_json)


@app.command()
def check(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which; all that are installed when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a small model through a runtime and compare every tensor with litert-ref. Exit status 1: they differ.

    Bundles are hashed anew; one that this computer can load is loaded by the agent.
    """
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        from farm.reference import check as golden
        from farm.reference import environments
        from farm.reference.registry import KNOWN, find

        home = environments.home(lab.settings.data)
        bundles = runtime_bundle.checked(lab, name)
        chosen = [] if bundles and name is not None else [find(name)] if name is not None else [
            runtime
            for runtime in KNOWN.values()
            if golden.checkable(runtime) and (not runtime.pins or environments.installed(home, runtime))
        ]  # fmt: skip
        rows: list[dict[str, object]] = [*bundles]
        for runtime in chosen:
            try:
                done = golden.check(runtime, lab.settings.data, lambda text: lab.err.print(text, highlight=False))
                rows.append(asdict(done))
            except FarmError as e:
                if name is not None:
                    raise
                rows.append({"name": runtime.name, "version": runtime.version(), "right": False, "error": str(e)})
        if as_json:
            shell.print_json(json.dumps(rows, indent=2, default=str))
        else:
            _print(lab, rows)
        if not all(row["right"] for row in rows):
            raise typer.Exit(1)


def _print(lab: Shell, rows: list[dict[str, object]]) -> None:
    table = Table("reference", "version", "", "worst nRMSE", "tensors", "s", box=None)
    for row in rows:
        if "platforms" in row and row["right"]:
            table.add_row(str(row["name"]), str(row["version"]), "as added", str(row["platforms"]))
        elif "error" in row:
            table.add_row(str(row["name"]), str(row["version"]), "fails", str(row["error"]))
        else:
            word = "agrees" if row["right"] else "differs"
            figures = (f"{row['nrmse']:.1e}", str(row["tensors"]), str(row["seconds"]))
            table.add_row(str(row["name"]), str(row["version"]), word, *figures)
    lab.out.print(table, highlight=False)


def _row(runtime: type[Reference], data: Path) -> dict[str, str | bool | list[str]]:
    from farm.reference import environments

    where = environments.installed(environments.home(data), runtime) if runtime.pins else "the farm's own environment"
    return {
        "name": runtime.name,
        "version": runtime.version(),
        "runs": runtime.runs,
        "wants": runtime.wants,
        "pins": list(runtime.pins),
        "installed": bool(where),
        "where": where,
        "add": "" if where else environments.remedy(runtime),
    }


def _needy(runtime: type[Reference]) -> type[Reference]:
    if not runtime.pins:
        raise JobError(
            f"{runtime.name} comes with the farm: there is nothing to add or remove",
            where="farm runtime",
            remedy="see farm runtime list",
        )
    return runtime
