"""What all connections of a phone share and faults change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.virtual.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.virtual.auth import Guard


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class Condition:
    """`restart` has adbd leave, and the whole phone with a number of seconds or (None) its usual time of a reboot."""

    guard: Guard
    shell_v2: bool
    restart: Callable[[float | None], None]
    link: Link = field(default_factory=Link)
    speaks: asyncio.Event = field(default_factory=_set)
    shells_start: asyncio.Event = field(default_factory=_set)
