"""From settings and environment to a client; and the foreground daemon."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from farm import settings as settings_file
from farm.client.client import Client
from farm.client.links import LocalLink, RemoteLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from farm.client.links import Link, MakeDaemon, Say
    from farm.daemon import Daemon
    from farm.settings import Settings

ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOOK_S = 0.5
"""Between two looks for a signal: one that another thread took, or that came just before a wait, ends no wait."""
URL, TOKEN, CA = "FARM_URL", "FARM_TOKEN", "FARM_CA"


@contextlib.contextmanager
def connect(
    settings: Settings | None = None, *, make_daemon: MakeDaemon | None = None, say: Say | None = None
) -> Iterator[Client]:
    """A client of the lab at $FARM_URL with $FARM_TOKEN; else of the daemon at work on `settings.data`.

    Where neither is, this process becomes the daemon for as long as it lasts: leaving waits for jobs submitted to it by
    anybody; after an exception (Ctrl-C), for other clients' only. `settings` left out, farm.toml is looked for as the
    command line does. `say` gets sentences for people; they go to stderr otherwise.

    Raises:
        DaemonError: nobody answers at $FARM_URL, or another process holds the data folder but does not answer.
        SettingsError: farm.toml, $FARM_URL, $FARM_TOKEN or $FARM_CA cannot be used.
    """
    known = settings if settings is not None else settings_file.load()
    url = os.environ.get(URL, "")
    link: Link = (
        RemoteLink(url, os.environ.get(TOKEN, ""), _ca(known))
        if url
        else LocalLink(known, make_daemon or _real_daemon, say or _say)
    )
    client = Client(link)
    with _terminable():
        try:
            client.reach()
            yield client
        except SystemExit:  # SIGTERM: whoever sent it does not wait
            link.close(now=True)
            raise
        except BaseException:
            link.close(given_up=frozenset(client.submitted))
            raise
        link.close()


def serve(settings: Settings, *, make_daemon: MakeDaemon | None = None, started: Callable[[str], None]) -> None:
    """The foreground daemon on the configured port, until SIGTERM or SIGINT. `started` is told its url.

    After SIGTERM it gives out no more work, and what runs has `run.drain_s` seconds to end; a second SIGTERM, or SIGINT,
    hands that over to the next daemon at once.

    Raises:
        DaemonError: another daemon holds the data folder, or the port is taken.
    """
    over, hurry = threading.Event(), threading.Event()

    def end(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGTERM or over.is_set():
            hurry.set()
        over.set()

    before = {number: signal.signal(number, end) for number in ENDS}
    daemon = (make_daemon or _real_daemon)(settings)
    try:
        daemon.start()
        gc.freeze()  # modules and tables stay: a full collection in the middle of a page need not look at them
        started(daemon.url)
        while not over.wait(LOOK_S):
            pass
        daemon.drain(hurry)
    finally:
        daemon.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind, so that an embedded daemon hands over; from other threads nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _ca(settings: Settings) -> Path | None:
    named = os.environ.get(CA) or settings.client.ca
    return Path(named) if named else None


def _real_daemon(settings: Settings) -> Daemon:
    from farm.daemon import Daemon  # brings FastAPI and SQLite: only when needed

    return Daemon(settings)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
