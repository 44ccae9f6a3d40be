"""A real message to every address at once, and how each took it."""

from __future__ import annotations

import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from farm.notify.message import Message
from farm.notify.post import TICK_S, outcome, post
from farm.report.base import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from farm.notify.target import Target


class Trial(Part):
    """How one address took a message."""

    target: str
    """Its name in farm.toml."""
    sent: bool
    error: str = ""
    seconds: float


def trial(
    targets: Sequence[Target], folder: Path, *, link: str, deadline_s: float, leave: Callable[[], bool] = lambda: False
) -> list[Trial]:
    """Send a test message to each of `targets`, within `deadline_s` seconds; `folder` takes files while it lasts."""
    words = f"Whoever reads this is told by the farm on {socket.gethostname()} what changed overnight"
    html = f'<p>{words}.</p><p><a href="{link}">the dashboard</a></p>' if link else f"<p>{words}.</p>"
    message = Message(title="farm: a test", html=html, text=f"{words}.\n{link}".strip())

    def send(target: Target) -> Trial:
        file = folder / f"test-{secrets.token_hex(8)}.json"
        began = time.monotonic()
        try:
            post(target, message, file, failure=False, deadline_s=deadline_s, leave=leave)
            # A process that another thread starts has our files, locks and all, until it is executed.
            while (found := outcome(file)) is None and not leave():
                time.sleep(TICK_S)
            error = found.error if found is not None else "the daemon ended before it was sent"
        finally:
            file.unlink(missing_ok=True)
        return Trial(target=target.name, sent=not error, error=error, seconds=time.monotonic() - began)

    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as pool:
        return list(pool.map(send, targets))
