"""`farm dashboard`: a way into the pages, without typing a token."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from farm.cli import shell
from farm.errors import InputsError

if TYPE_CHECKING:
    from rich.console import Console


def dashboard(
    context: typer.Context,
    path: Annotated[str, typer.Argument(help="The page: /fleet, /jobs/12, ...")] = "/",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print an address that opens the dashboard in a browser: once, within a minute.

    Without `farm up` this command serves the pages itself, until Ctrl-C.
    """
    from farm.client import connect
    from farm.client.dashboard import DashboardClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        if not path.startswith("/"):
            raise InputsError(f"{path!r} is no page", where="PATH", remedy="write it as /fleet or /jobs/12")
        with connect(lab.settings) as client:
            url = DashboardClient(client).url(path)
            if as_json:
                shell.print_json(json.dumps({"url": url}))
            else:
                say(lab.out, url)
            if client.embedded:
                lab.err.print("no `farm up` is at work: the pages are served here until Ctrl-C", highlight=False)
                threading.Event().wait()


def say(console: Console, url: str) -> None:
    """The address on a line of its own, whole: it is to be clicked or copied."""
    console.print(url, highlight=False, soft_wrap=True, markup=False)
