"""`farm capture`: what devices logged, looked at, mended, taken along and compared. Needs no daemon."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from farm.cli import shell
from farm.errors import CaptureError, StorageError
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.capture.diff import Diff
    from farm.capture.info import Info

app = typer.Typer(
    help="Captures: what a pass logged. FILE is a path, or the sha256 of an artifact.", no_args_is_help=True
)

File = Annotated[str, typer.Argument(help="A capture's path, or the sha256 of a stored one.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DIFFERENT = 1
WORST = 20


@app.command()
def info(context: typer.Context, file: File, as_json: Json = False) -> None:
    """Tell what a capture holds, and whether it is whole."""
    from farm.capture.info import info as read
    from farm.capture.opened import find

    lab = shell.of(context)
    with _errors(lab, as_json):
        found = read(find(file, _artifacts(lab)))
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            _print_info(lab, found)


@app.command()
def recover(
    context: typer.Context,
    file: File,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Else FILE.recovered.mcap, here.")] = None,
    as_json: Json = False,
) -> None:
    """Write a capture that was cut off again: every whole chunk, with index and summary."""
    from farm.capture.opened import find
    from farm.capture.recover import recover as mend

    lab = shell.of(context)
    with _errors(lab, as_json):
        source = find(file, _artifacts(lab))
        name = Path(file).stem if Path(file).is_file() else file[:12]
        found = mend(source, out or Path(f"{name}.recovered.mcap"))
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            lost = f"; {found.left_out_bytes} bytes at the end were not whole" if found.left_out_bytes else ""
            _say(lab, f"{found.out}: {found.messages} messages in {found.chunks} chunks, {found.bytes} bytes{lost}")


@app.command()
def export(
    context: typer.Context,
    file: File,
    folder: Annotated[Path, typer.Argument(help="Where to: a new or empty folder.")],
    kind: Annotated[Literal["npz", "parquet", "csv", "json"], typer.Option("--format", help="Of the files.")] = "npz",
    as_json: Json = False,
) -> None:
    """Write a capture's content for other programs; tensors with npz and parquet, tables with all."""
    from farm.capture.export import export as write
    from farm.capture.opened import opened

    lab = shell.of(context)
    with _errors(lab, as_json), opened(file, _artifacts(lab)) as what:
        written = write(what, kind, folder)
        if as_json:
            shell.print_json(json.dumps({"folder": str(folder), "files": [path.name for path in written]}, indent=2))
        else:
            _say(lab, f"{folder}: {len(written)} files")
            if kind in {"csv", "json"} and what.recording.frames:
                lab.err.print("tensors are left out: npz and parquet have them", highlight=False)


@app.command()
def diff(
    context: typer.Context,
    a: File,
    b: Annotated[str, typer.Argument(help="Another.")],
    as_json: Json = False,
) -> None:
    """Compare two captures; status 1 when their tensors differ."""
    from farm.capture.diff import diff as compare
    from farm.capture.opened import opened

    lab = shell.of(context)
    with _errors(lab, as_json):
        with opened(a, _artifacts(lab)) as mine, opened(b, _artifacts(lab)) as other:
            found = compare(mine, other)
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            _print_diff(lab, found)
        if not found.same:
            raise typer.Exit(DIFFERENT)


@app.command()
def plot(
    context: typer.Context,
    file: File,
    out: Annotated[Path, typer.Option("-o", "--out", help="A name that ends in .html or .svg.")],
    as_json: Json = False,
) -> None:
    """Draw time by frame and by layer, memory, and the tensors' values."""
    from farm.capture.opened import opened
    from farm.capture.plot import page, svg

    lab = shell.of(context)
    with _errors(lab, as_json):
        if out.suffix not in {".html", ".svg"}:
            raise CaptureError("is the name of no picture", where=str(out), remedy="let it end in .html or .svg")
        with opened(file, _artifacts(lab)) as what:
            out.write_text(page(what) if out.suffix == ".html" else svg(what), encoding="utf-8")
        if as_json:
            shell.print_json(json.dumps({"out": str(out)}))
        else:
            _say(lab, str(out))


@contextlib.contextmanager
def _errors(lab: shell.Shell, as_json: bool) -> Iterator[None]:
    """As `shell.errors`; what the file system refuses is an error of its own."""
    with shell.errors(lab, as_json=as_json):
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, FileExistsError) as e:
            raise CaptureError(e.strerror or str(e), where=str(e.filename or ""), remedy="check the path") from e
        except OSError as e:
            raise StorageError(e.strerror or str(e), where=str(e.filename or ""), remedy="check the disk") from e


def _artifacts(lab: shell.Shell) -> ArtifactStore:
    return ArtifactStore(lab.settings.data / "artifacts")


def _say(lab: shell.Shell, text: str) -> None:
    lab.out.print(text, highlight=False, soft_wrap=True, markup=False)


def _print_info(lab: shell.Shell, found: Info) -> None:
    header = found.header
    state = "whole" if found.complete else "cut off before its end"
    state += "" if found.indexed else f"; no index, {found.left_out_bytes} bytes left out: farm capture recover"
    rows = {
        "state": state,
        "pass": f"{header.pass_}, {header.warmup} warm-up invocations, {header.repetitions} repetitions",
        "agent": f"{header.source_version} {header.abi}",
        "model": header.model_sha256,
        "runtime": header.runtime_sha256,
        "kernels": f"{header.kernel}, {header.threads} threads{', all delegated' if header.fully_accelerated else ''}",
        "accelerator": f"{header.accelerator or 'cpu'} asked for, {header.accelerator_used or 'not told'} used",
        "cpus": f"mask {header.cpu_mask:#x} asked for, {header.cpu_mask_used:#x} used" if header.cpu_mask else "",
        "labels": ", ".join(f"{key}={value}" for key, value in sorted(header.labels.items())),
        "size": f"{found.bytes} bytes, {found.chunks} chunks, {found.tensor_bytes} bytes of tensors",
        "invocations": f"{found.invocations} in {found.seconds:.3f} s",
        "frames": f"{found.frames} with tensors, {found.statistics_frames} with statistics, {found.tensors} tensors each",
        "memory": f"{found.peak_rss_bytes / 1e6:.1f} MB at its peak" if found.peak_rss_bytes else "",
        "messages": ", ".join(f"{count} {kind}" for kind, count in sorted(found.messages.items())),
    }
    table = Table(box=None, show_header=False, pad_edge=False)
    for word, text in rows.items():
        if text:
            table.add_row(word, escape(text))
    lab.out.print(table)


def _print_diff(lab: shell.Shell, found: Diff) -> None:
    for kind, rows in (("header", found.header), ("tensor", found.specs)):
        if rows:
            table = Table(kind, escape(found.a), escape(found.b), box=None, pad_edge=False)
            for row in rows[:WORST]:
                table.add_row(escape(row.field), escape(row.a), escape(row.b))
            lab.out.print(table)
            if len(rows) > WORST:
                _say(lab, f"and {len(rows) - WORST} more")
    apart = [t for t in found.tensors if t.equal < t.frames]
    if apart:
        table = Table("tensor", "name", "equal frames", "max abs", "rmse", box=None, pad_edge=False)
        for t in apart[:WORST]:
            figures = ("-" if x is None else f"{x:.4g}" for x in (t.max_abs, t.rmse))
            table.add_row(str(t.tensor), escape(t.name), f"{t.equal} of {t.frames}", *figures)
        lab.out.print(table)
        if len(apart) > WORST:
            _say(lab, f"and {len(apart) - WORST} more")
    shared = f"{found.frames} frames in both ({found.frames_a} and {found.frames_b})"
    _say(lab, f"{shared}, {len(found.tensors) - len(apart)} of {len(found.tensors)} tensors equal bit for bit")
    if found.invoke_ms_a is not None and found.invoke_ms_b is not None:
        _say(lab, f"median invocation {found.invoke_ms_a:.3f} ms and {found.invoke_ms_b:.3f} ms")
