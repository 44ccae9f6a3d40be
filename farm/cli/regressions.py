"""`farm regressions`: what shifted, where each stands, and people's word on it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from farm.cli import frames_render, shell, trend_render
from farm.cli.options import Json  # noqa: TC001  # typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.client.trend import TrendClient
    from farm.trend.regression import Regression

app = typer.Typer(help="Figures that shifted, and where each stands.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(min=1, help="The regression's number.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; the audit log has it too.")]


@app.command(name="list")
def list_(
    context: typer.Context,
    model: Annotated[str, typer.Option(help="Only of this model.")] = "",
    on: Annotated[str, typer.Option("--on", help="Only on this device, by serial or name.")] = "",
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="How many.")] = 100,
    as_json: Json = False,
) -> None:
    """List what shifted and is not over, the newest first."""
    from farm.cli.trend import serial_of
    from farm.client import connect
    from farm.client.trend import TrendClient
    from farm.trend.follow import OPEN

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = TrendClient(client).regressions(
                statuses=() if all_ else OPEN, model=model, serial=serial_of(client, on) or "", limit=limit
            )
        if as_json:
            shell.print_json(json.dumps([one.model_dump(mode="json") for one in found], indent=2))
        else:
            trend_render.regressions(lab.out, found)


@app.command()
def show(context: typer.Context, number: Number, as_json: Json = False) -> None:
    """Show one: what differs is told first, then the figures, then its runs beside one of the level before, frame by frame."""
    from farm.client import connect
    from farm.client.trend import TrendClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            history = TrendClient(client)
            found, frames = history.regression(number), history.frames(number)
            line = None if as_json else history.line(found.series, points=trend_render.WIDTH)
        if as_json:
            told = found.model_dump(mode="json") | {"frames": frames.model_dump(mode="json")}
            shell.print_json(json.dumps(told, indent=2))
        else:
            trend_render.regression(lab.out, found, line)
            frames_render.compared(lab.out, frames)


@app.command()
def ack(context: typer.Context, number: Number, reason: Reason = "", as_json: Json = False) -> None:
    """Say that somebody looks at it: it is not told again while it lasts."""
    _ask(context, lambda history: history.acknowledge(number, reason), as_json=as_json)


@app.command()
def accept(
    context: typer.Context,
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="Why the new level is right.")],
    as_json: Json = False,
) -> None:
    """Take the new level as the baseline: the series is judged against it from now on."""
    _ask(context, lambda history: history.accept(number, reason), as_json=as_json)


@app.command()
def ignore(
    context: typer.Context,
    number: Number,
    until: Annotated[str, typer.Option(help="+7d, 2h30m, or a date; then it is told again.")],
    reason: Annotated[str, typer.Option("--reason", help="Why nobody needs to hear of it.")],
    as_json: Json = False,
) -> None:
    """Tell nobody of it until then."""
    from farm.cli.when import moment

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        at = moment(until, "--until", datetime.now().astimezone())
    _ask(context, lambda history: history.ignore(number, reason, at), as_json=as_json)


@app.command()
def recheck(context: typer.Context, number: Number, reason: Reason = "", as_json: Json = False) -> None:
    """Run it again on its device, and let that decide."""
    _ask(context, lambda history: history.recheck(number, reason), as_json=as_json)


def _ask(context: typer.Context, ask: Callable[[TrendClient], Regression], *, as_json: bool) -> None:
    from farm.client import connect
    from farm.client.trend import TrendClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = ask(TrendClient(client))
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            job = f", job {found.job}" if found.status == "checking" else ""
            lab.out.print(f"regression {found.id} is {found.status}{job}", highlight=False)
