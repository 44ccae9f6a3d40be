"""All that is looked at, in order. What cannot even be looked at is a finding, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.doctor import adb, computer, installation, usb
from farm.doctor.finding import Finding, found
from farm.errors import FarmError
from farm.fleet.hosts import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from farm.settings import Settings


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything; takes some seconds, of which the disk has most."""
    looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("adb", lambda: adb.look(settings)),
        ("usb", lambda: usb.judge(usb.layout(), _states(settings))),
        ("kernel", computer.kernel),
        ("virtual", computer.virtual),
        ("disk", lambda: computer.disk(settings)),
        ("clock", computer.clocks),
        ("runtime", lambda: installation.runtimes(settings)),
        ("runtime", installation.packages),
        ("data", lambda: installation.folder(settings)),
    ]
    for area, look in looks:
        try:
            yield from look()
        except Exception as e:  # one look that fails must not hide the others
            yield found(area, "warn", f"could not be looked at: {type(e).__name__}: {e}", "please report it")


def _states(settings: Settings) -> dict[str, str]:
    try:
        return servers(settings)[""].states()
    except FarmError:  # told by the look at adb
        return {}
