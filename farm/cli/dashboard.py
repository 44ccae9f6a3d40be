"""`farm dashboard`: a way into the pages, without typing a token."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from farm.cli import shell
from farm.errors import InputsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

DISPLAYS = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
"""Variables of which one is set where a browser can be started: somebody's choice, or a screen."""


def dashboard(
    context: typer.Context,
    path: Annotated[str, typer.Argument(help="The page: /fleet, /jobs/12, ...")] = "/",
    *,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only print the address.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Open the dashboard in a browser, and print the address that does: once, within a minute.

    In a pipe, in CI and without a screen the address is only printed. Without `farm up` this command serves the pages itself,
    until Ctrl-C.
    """
    from farm.client.connect import LOOK_S, connect
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
                if not no_open and sys.stdout.isatty() and has_screen(os.environ, sys.platform):
                    show(url)
            if client.embedded:
                lab.err.print("no `farm up` is at work: the pages are served here until Ctrl-C", highlight=False)
                while True:
                    time.sleep(LOOK_S)


def say(console: Console, url: str) -> None:
    """The address on a line of its own, whole: it is to be clicked or copied."""
    console.print(url, highlight=False, soft_wrap=True, markup=False)


def has_screen(environment: Mapping[str, str], platform: str) -> bool:
    """Whether somebody sits here who would see a browser; `platform` is `sys.platform`."""
    if environment.get("CI"):
        return False
    return platform in {"darwin", "win32"} or any(environment.get(name) for name in DISPLAYS)


def show(url: str) -> None:
    """Open it in the user's browser; where none can be started, the address that was printed stays good."""
    import webbrowser

    with contextlib.suppress(webbrowser.Error, ValueError):  # ValueError: $BROWSER is no command line
        webbrowser.open(url)
