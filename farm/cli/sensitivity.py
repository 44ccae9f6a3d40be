"""`farm sensitivity`: which layers of a quantized model to keep in float, for how much accuracy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from farm.cli import shell
from farm.report.words import percent

if TYPE_CHECKING:
    from rich.console import Console

    from farm.report.quantization import Kept, Sensitivity


def sensitivity(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(help="The quantized .tflite file.")],
    inputs: Annotated[Path, typer.Option(help="Folder of inputs, as of farm submit.")],
    float_: Annotated[Path, typer.Option("--float", help="The same model before it was quantized.")],
    labels: Annotated[
        Path | None, typer.Option(help="Tab-separated: file, label. Without: agreement with the float model.")
    ] = None,
    recipe: Annotated[Path | None, typer.Option(help="What is done to the inputs; else the model's own.")] = None,
    keep: Annotated[int, typer.Option(min=1, max=64, help="How many choices, one after the other.")] = 4,
    frames: Annotated[int, typer.Option(min=1, max=100_000, help="So many of the inputs, evenly spread.")] = 200,
    timeout: Annotated[float, typer.Option(help="Seconds it may take.")] = 1800,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Try layers of a quantized model in float, on this computer, and tell what that brings. Needs no device.

    Exit status: 0 told, 4 the simulation does not stand for this model, 2 your error, 3 it took too long.
    """
    import numpy as np

    from farm.assess.sensitivity import sensitivity as search
    from farm.cli import exits
    from farm.model import graph as graphs
    from farm.store.artifacts import ArtifactStore
    from farm.work.prepare import Options, RecipeFlags, check_model, prepare

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json), tempfile.TemporaryDirectory(prefix="farm-sensitivity-") as folder:
        for path in (model, float_):
            check_model(path)
        prepared = prepare(model, inputs, labels, recipe, None, RecipeFlags(None, None, None, None, None), Options())
        every = prepared.submission.frames
        chosen = [every[i] for i in np.unique(np.linspace(0, len(every) - 1, min(frames, len(every))).astype(int))]
        store = ArtifactStore(Path(folder))
        for path in prepared.files.values():
            store.put_file(path)
        use = prepared.submission.expected or prepared.submission.recipe
        with Progress(console=lab.err, transient=True, disable=not lab.err.is_terminal) as bar:
            task = bar.add_task("trying layers in float", total=None)
            found = search(
                graphs.read_bytes(model),
                graphs.read_bytes(float_),
                chosen,
                None if use is None else use.recipe,
                store,
                names=(model.name, float_.name),
                keep=keep,
                timeout_s=timeout,
                progress=lambda done, of: bar.update(task, completed=done, total=of),
            )
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            render(lab.out, found)
        raise typer.Exit(exits.PASS if found.sound else exits.UNDECIDED)


def render(out: Console, found: Sensitivity) -> None:
    """What each choice brings."""
    out.print(
        f"{escape(found.model)} against {escape(found.float_model)}, {found.frames} frames, "
        f"{found.aligned} of {found.of} layers aligned, {found.tried} trials on this computer",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if found.float_top1 is not None:
        out.print(
            f"top-1: float {percent(found.float_top1)}, quantized {percent(found.quantized_top1)}", highlight=False
        )
    table = Table("keep in float", box=None, pad_edge=False)
    for name in ("layers", "distance", "agreement", "top-1", "p", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    before: tuple[str, ...] = ()
    for step in found.steps:
        added = [layer for layer in step.layers if layer not in before]
        words = "none" if not step.layers else "\n".join(f"+ {layer}" for layer in added)
        before = step.layers
        table.add_row(escape(words), *_figures(step))
    out.print(table)
    out.print(f"ended: {escape(found.stopped)}", highlight=False)
    agree = "" if found.fidelity is None else f", the same top-1 on {percent(found.fidelity)}"
    told = f"simulated: {found.fidelity_nrmse:.2g} of the outputs' range from the model itself{agree}"
    if not found.sound:
        told += "; too far for these figures to be this model's"
    out.print(told, highlight=False, soft_wrap=True, style="" if found.sound else "yellow")


def _figures(step: Kept) -> tuple[str, ...]:
    return (
        str(len(step.layers)),
        f"{step.output_nrmse:.2g}",
        _interval(step.agreement, step.agreement_interval),
        _interval(step.top1, step.top1_interval),
        "" if step.p_value is None else f"{step.p_value:.2g}",
        f"+{step.more_bytes / 1024:.1f} KiB" if step.layers else "",
    )


def _interval(share: float | None, interval: tuple[float, float] | None) -> str:
    if share is None or interval is None:
        return "-"
    return f"{percent(share)} ({100 * interval[0]:.0f} to {100 * interval[1]:.0f})"
