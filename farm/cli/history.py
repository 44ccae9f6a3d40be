"""`farm query` and `farm history`: questions to the history in SQL, how far it is written, all of it for other programs."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table as Grid

from farm.cli import shell
from farm.errors import InputsError
from farm.history.answer import SQL_LIMIT, Format, Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from farm.history.answer import Status, Table

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
MB = 10**6
app = typer.Typer(
    help="What lasts: facts of all runs, by day, for any program that reads Parquet.", no_args_is_help=True
)


def query(
    context: typer.Context,
    sql: Annotated[str, typer.Argument(help="One SELECT; - reads it from stdin.")] = "",
    tables: Annotated[bool, typer.Option("--tables", help="Show tables, columns and what they mean.")] = False,
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", min=1, max=10_000_000, help="At most so many rows.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    parquet: Annotated[Path | None, typer.Option(help="Write a Parquet file.")] = None,
    as_json: Json = False,
) -> None:
    """Ask the history in SQL: runs, figures, layers, findings, verdicts, devices, nights, regressions, gate checks."""
    from farm.client import connect
    from farm.client.history import HistoryClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        if bool(sql) == tables:
            raise InputsError("give a question, or --tables", where="query", remedy="farm query 'select * from runs'")
        if tables:
            with connect(lab.settings) as client:
                _show_tables(lab, HistoryClient(client).tables(), as_json=as_json)
            return
        text = sys.stdin.read(SQL_LIMIT + 1) if sql == "-" else sql
        if not 1 <= len(text) <= SQL_LIMIT:
            raise InputsError(f"must have 1 to {SQL_LIMIT} characters", where="query", remedy="ask less at once")
        form: Format = "arrow" if parquet is not None else "csv" if as_csv else "json"
        with connect(lab.settings) as client:
            answer = HistoryClient(client).query(text, form, limit)
        if parquet is not None:
            _write_parquet(answer.body, parquet)
            told = f"{parquet}: {answer.rows} rows"
            if as_json:
                shell.print_json(json.dumps({"path": str(parquet.absolute()), "rows": answer.rows}))
            else:
                lab.out.print(told, highlight=False, markup=False, soft_wrap=True)
        elif as_csv or as_json:
            shell.print_json(answer.body.decode().rstrip("\n"))
        else:
            _show(lab, json.loads(answer.body))
        if answer.truncated:
            lab.err.print(f"only the first {answer.rows} rows: -n, history.query_rows", highlight=False)


@app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """Say how far the history is written, and what it takes."""
    from farm.client import connect
    from farm.client.history import HistoryClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = HistoryClient(client).status()
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            for line in _words(found):
                lab.out.print(line, highlight=False, soft_wrap=True)


@app.command()
def write(context: typer.Context, as_json: Json = False) -> None:
    """Write now the days that are over, and move old documents out of the state file, as `farm up` does by itself.

    Ctrl-C leaves what is written; the next time goes on there.
    """
    from farm.client import connect
    from farm.client.history import HistoryClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            done = _sum(HistoryClient(client).write(), lab.err)
        if as_json:
            shell.print_json(done.model_dump_json(indent=2))
        else:
            lab.out.print(
                f"{len(done.days)} days written; of {done.documents} runs the documents left the state file,"
                f" {done.events} old events were forgotten, {done.bytes / MB:.1f} MB given back",
                highlight=False, soft_wrap=True,
            )  # fmt: skip


@app.command()
def compact(context: typer.Context, as_json: Json = False) -> None:
    """Write the state file anew, as small as it can be: once, after an upgrade, in a quiet hour.

    Not while runs are under way; what would begin meanwhile waits. Ctrl-C does not end it: the daemon does it.
    """
    from farm.client import connect
    from farm.client.history import HistoryClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client, lab.err.status("the state file is written anew"):
            size = HistoryClient(client).compact()
        if as_json:
            shell.print_json(size.model_dump_json(indent=2))
        else:
            lab.out.print(
                f"state file: {size.before / MB:.1f} MB before, {size.after / MB:.1f} MB now", highlight=False
            )


@app.command()
def export(
    context: typer.Context,
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to make; it must not be there, or be empty.")],
    since: Annotated[str, typer.Option(help="First day, UTC: 2026-11-01.")] = "",
    until: Annotated[str, typer.Option(help="Last day.")] = "",
    form: Annotated[str, typer.Option("--format", help="parquet, csv or json (one object a line).")] = "parquet",
    as_json: Json = False,
) -> None:
    """Write every table into a folder, the day under way included. Reads the data folder's files and needs no daemon."""
    from farm.history.export import FORMATS, export

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        if form not in FORMATS:
            raise InputsError(f"{form!r} is no format", where="--format", remedy=f"use {', '.join(FORMATS)}")
        first, last = _day(since, "--since"), _day(until, "--until")
        if first and last and first > last:
            raise InputsError(f"is after {last}, so that no day is left", where="--since", remedy="swap the two")
        made = export(lab.settings.data, out, form, since=first, last=last)
        if as_json:
            shell.print_json(json.dumps({"path": str(out.absolute()), **vars(made)}))
        else:
            words = f"{out}: {made.files} files, {made.rows} rows, {made.bytes / MB:.1f} MB"
            lab.out.print(words, highlight=False, markup=False, soft_wrap=True)


def _sum(steps: Iterable[Step], console: Console) -> Step:
    """All steps as one, shown as they come."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    days: list[str] = []
    documents = events = size = 0
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as display:
        of_days, of_documents = (display.add_task(words, total=None) for words in ("days", "documents"))
        for step in steps:
            days += step.days
            documents, events, size = documents + step.documents, events + step.events, size + step.bytes
            display.update(of_days, completed=len(days), total=len(days) + step.days_left)
            display.update(of_documents, completed=documents, total=documents + step.documents_left)
    return Step(days=tuple(days), documents=documents, events=events, bytes=size, over=True)


def _day(text: str, where: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as e:
        raise InputsError(f"{text!r} is no day", where=where, remedy="write it as 2026-11-22") from e


def _write_parquet(body: bytes, file: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    try:
        parquet.write_table(pyarrow.ipc.open_stream(body).read_all(), file, compression="zstd")
    except OSError as e:
        raise InputsError(f"cannot be written: {e.strerror or e}", where=str(file), remedy="give another path") from e


def _show(lab: shell.Shell, document: dict[str, Any]) -> None:
    grid = Grid(*(escape(column["name"]) for column in document["columns"]), box=None, pad_edge=False)
    for row in document["rows"]:
        grid.add_row(*(escape(_cell(value)) for value in row))
    lab.out.print(grid if document["rows"] else "no rows", highlight=False)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}={_cell(inner)}" for key, inner in value.items())
    return "" if value is None else str(value)


def _show_tables(lab: shell.Shell, tables: list[Table], *, as_json: bool) -> None:
    if as_json:
        shell.print_json(json.dumps([table.model_dump() for table in tables], indent=2))
        return
    for table in tables:
        grid = Grid(box=None, show_header=False, pad_edge=False)
        for column in table.columns:
            grid.add_row(f"  {column.name}", column.type, escape(column.meaning))
        lab.out.print(f"[bold]{table.name}[/]: {escape(table.meaning)}", highlight=False)
        lab.out.print(grid)


def _words(found: Status) -> list[str]:
    days = f"{found.days} days, {found.first} to {found.last}" if found.days else "no days yet"
    lines = [f"history: {days}; {found.runs} runs, {found.bytes / MB:.1f} MB"]
    if found.written is not None:
        at = datetime.fromtimestamp(found.written).astimezone().strftime("%Y-%m-%d %H:%M")
        lines[0] += f"; last written {at}"
    if found.removed:
        lines.append(f"removed by history.keep_days: {found.removed} days")
    if found.due:
        lines.append(f"due: {len(found.due)} days, from {found.due[0]} on")
    lines += [
        f"not in files yet: {found.live} runs, which questions see all the same",
        f"state file: {found.state_bytes / MB:.1f} MB, {found.free_bytes / MB:.1f} MB of it free",
        f"documents moved out of it: of {found.archived} runs, {found.archive_bytes / MB:.1f} MB",
    ]
    return lines
