"""`farm notify`: who is told what, and whether it gets there."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from farm.cli import shell
from farm.errors import InfrastructureError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from farm.notify.trial import Trial
    from farm.notify.view import DeliveryView, NotifyView
    from farm.settings import Settings

app = typer.Typer(help="Messages to people: a digest each night, gates that fail at once.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
COLORS = {"sent": "green", "given up": "red", "under way": "yellow", "held": "yellow", "waiting": ""}


@app.command(name="test")
def send_test(
    context: typer.Context,
    url: Annotated[
        list[str] | None,
        typer.Option(help="This address instead of those of farm.toml, from this computer. May be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a real message to every address, and say how each took it; status 3 when one did not."""
    from farm.client import connect
    from farm.client.notify import NotifyClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        if url:
            found = _from_here(lab.settings, url)
        else:
            with connect(lab.settings) as client:
                found = NotifyClient(client).test()
        if as_json:
            shell.print_json(json.dumps([one.model_dump() for one in found], indent=2))
        else:
            _render_trials(lab.out, found)
        if not all(one.sent for one in found):
            raise typer.Exit(InfrastructureError.exit_status)


@app.command(name="list")
def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """Show who is told, and what was told of late, the newest first."""
    from farm.client import connect
    from farm.client.notify import NotifyClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = NotifyClient(client).told(limit)
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            _render(lab.out, found)


@app.command()
def digest(
    context: typer.Context,
    night: Annotated[int | None, typer.Option(min=1, help="Of this night; left out, all since the last one.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Send it, too; the next one says the same again.")] = False,
    as_json: Json = False,
) -> None:
    """Show what the digest would say now."""
    from farm.client import connect
    from farm.client.notify import NotifyClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = NotifyClient(client).digest(night, send=send)
            waits = send and client.embedded
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            lab.out.print(escape(found.title), style="bold", highlight=False, soft_wrap=True)
            lab.out.print(found.text, markup=False, highlight=False, soft_wrap=True)
        if found.targets:
            when = "goes out when quiet hours end" if found.held else "is on its way"
            when = "goes out once `farm up` is at work" if waits else when
            lab.err.print(f"it {when}, to {', '.join(found.targets)}", highlight=False, markup=False)


def _from_here(settings: Settings, urls: Sequence[str]) -> list[Trial]:
    """Without the lab: its daemon sends to addresses of its farm.toml alone."""
    import tempfile
    from pathlib import Path

    from pydantic import ValidationError

    from farm.notify.target import targets
    from farm.notify.trial import trial
    from farm.sections.notify import Notify

    try:
        asked = Notify.model_validate({"urls": urls}).beside(Path.cwd())
    except ValidationError as e:
        first = e.errors()[0]["msg"].removeprefix("Value error, ")
        raise SettingsError(first, where="--url", remedy="see docs/notifications.md") from None
    with tempfile.TemporaryDirectory(prefix="farm-notify-") as folder:
        known = settings.notify
        return trial(targets(asked.urls), Path(folder), link=known.link, deadline_s=known.deadline_s)


def _render_trials(console: Console, found: Sequence[Trial]) -> None:
    table = Table("address", "", "seconds", "", box=None, pad_edge=False)
    for one in found:
        word = "[green]sent[/]" if one.sent else "[red]not sent[/]"
        table.add_row(escape(one.target), word, f"{one.seconds:.1f}", escape(one.error))
    console.print(table)


def _render(console: Console, found: NotifyView) -> None:
    told = ", ".join(found.targets) or "nobody: set notify.urls (docs/notifications.md)"
    at = f"digest at {found.digest_at}" if found.digest_at else "no digest"
    quiet = f", quiet {found.quiet}" if found.quiet else ""
    zone = f" {found.zone}" if found.zone else ""
    console.print(f"told: {told}; {at}{quiet}{zone}", highlight=False, markup=False, soft_wrap=True)
    if not found.deliveries:
        return
    table = Table("written", "what", "to", "", "attempts", "", box=None, pad_edge=False)
    for one in found.deliveries:
        color = COLORS[one.state]
        table.add_row(
            _clock(one.at),
            escape(one.title),
            escape(one.target),
            f"[{color}]{one.state}[/]" if color else one.state,
            str(one.attempts),
            escape(_note(one, found.quiet)),
        )
    console.print(table)


def _note(one: DeliveryView, quiet: str) -> str:
    if one.state == "held":
        return f"quiet hours, until {quiet.partition('-')[2]}"
    if one.state == "sent" and one.ended is not None:
        return _clock(one.ended)
    if one.state == "waiting" and one.not_before > one.at:
        return f"{one.error}; again at {_clock(one.not_before)}"
    return one.error


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M")
