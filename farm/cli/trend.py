"""`farm trend`, `farm frontier`, `farm annotate`: figures over time, which variant to take, and what people should know."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from farm.cli import shell
from farm.cli.options import Json  # noqa: TC001  # typer reads the annotations
from farm.errors import InputsError

if TYPE_CHECKING:
    from farm.client import Client
    from farm.client.trend import TrendClient
    from farm.trend.annotation import Kind

On = Annotated[str, typer.Option("--on", help="Only this device, by serial or name.")]


def trend(
    context: typer.Context,
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Names of models, as submitted.")],
    on: On = "",
    metric: Annotated[str, typer.Option(help="latency.median, latency.p90, memory.peak, energy.median, top1, ...")] = (
        "latency.median"
    ),
    schedule: Annotated[str | None, typer.Option(help="Only of this schedule; '' for what people submitted.")] = None,
    points: Annotated[int, typer.Option("-n", "--points", min=1, max=1000, help="The newest so many.")] = 400,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
) -> None:
    """Show a figure over nights on each device: where it shifted, and what else changed then."""
    from farm.cli import trend_render
    from farm.client import connect
    from farm.client.trend import TrendClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            history = TrendClient(client)
            found = history.lines(
                models=models, serial=serial_of(client, on), metric=metric, schedule=schedule, points=points, limit=200,
                steps=True,
            )  # fmt: skip
            if not found:
                raise _nothing(history, models, metric)
        if as_json:
            shell.print_json(json.dumps([line.model_dump(mode="json") for line in found], indent=2))
        elif as_csv:
            shell.print_json(trend_render.as_csv(found).rstrip("\r\n"))
        else:
            trend_render.lines(lab.out, found)


def frontier(
    context: typer.Context,
    models: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL...]", help="Names of models; all when left out.")
    ] = None,
    on: On = "",
    latency_ms: Annotated[float | None, typer.Option(min=0.001, help="Budget: the best variant within it.")] = None,
    accuracy: Annotated[str, typer.Option(help="The metric of answers: top1, map, mean_iou, ...")] = "",
    as_json: Json = False,
) -> None:
    """Show accuracy, latency and energy of every variant on every device, and which to take."""
    from farm.cli import trend_render
    from farm.client import connect
    from farm.client.trend import TrendClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = TrendClient(client).frontier(
                models or (), serial=serial_of(client, on), accuracy=accuracy, latency_ms=latency_ms
            )
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            trend_render.frontier(lab.out, found)


def annotate(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="What people should know who look at the history.")] = "",
    kind: Annotated[str, typer.Option(help="runtime, firmware, commit or note.")] = "note",
    model: Annotated[str, typer.Option(help="Only of this model.")] = "",
    on: On = "",
    at: Annotated[str, typer.Option(help="When: a date, as 2030-01-31T22:00; now when left out.")] = "",
    remove: Annotated[int | None, typer.Option(min=1, help="Forget the one of this number instead.")] = None,
    as_json: Json = False,
) -> None:
    """Write something beside every series, or those of a model or a device."""
    from farm.cli.when import moment
    from farm.client import connect
    from farm.client.trend import TrendClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        when = moment(at, "--at", datetime.now().astimezone()) if at else None
        if remove is None and not text.strip():
            raise InputsError("there is nothing to write", where="TEXT", remedy='farm annotate "new thermal pads"')
        with connect(lab.settings) as client:
            history = TrendClient(client)
            if remove is not None:
                history.remove_annotation(remove)
                answer, told = {"removed": remove}, f"annotation {remove} is gone"
            else:
                made = history.annotate(
                    text.strip(), kind=_kind(kind), at=when, model=model, serial=serial_of(client, on) or ""
                )
                answer, told = made.model_dump(mode="json"), f"annotation {made.id}"
        if as_json:
            shell.print_json(json.dumps(answer, indent=2))
        else:
            lab.out.print(told, highlight=False)


def serial_of(client: Client, device: str) -> str | None:
    """Of a device that is named; what is no name of a device that is there is a serial. None for none."""
    if not device:
        return None
    return next((d.serial for d in client.devices() if d.name == device), device)


def _kind(word: str) -> Kind:
    from farm.trend.annotation import Kind

    for kind in get_args(Kind):
        if kind == word:
            return kind  # type: ignore[no-any-return]
    raise InputsError(f"{word!r} is not known", where="--kind", remedy=f"one of {', '.join(get_args(Kind))}")


def _nothing(history: TrendClient, models: list[str], metric: str) -> InputsError:
    """Why there is nothing to show, in what there is."""
    there = history.series(models=models, limit=10_000)
    if there:
        known = ", ".join(sorted({s.key.metric for s in there}))
        return InputsError(f"no figure of {metric!r}", where=", ".join(models), remedy=f"there are {known}")
    known = ", ".join(sorted({s.key.model for s in history.series(limit=10_000)}))
    remedy = f"there are {known[:500]}" if known else "every run that is done makes some: farm submit"
    return InputsError("no run of it is done", where=", ".join(models), remedy=remedy)
