"""The faults a virtual phone can be given: their names, their options, and how a request for one is read."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.errors import JobError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Option:
    """A number that tells a fault how bad to be."""

    default: float
    low: float
    high: float
    meaning: str


@dataclass(frozen=True)
class Kind:
    """One sort of fault; `lasting` ones stay until cleared or until their time is over."""

    what: str
    options: Mapping[str, Option] = field(default_factory=dict)
    lasting: bool = True


KINDS: Mapping[str, Kind] = {
    "freeze": Kind("its adb daemon hangs: connections stay, nothing is answered"),
    "kill": Kind("gone for good, with all that ran on it", lasting=False),
    "mute": Kind("accepts TCP and never answers; connections there were are reset"),
    "unauthorized": Kind("knows no key and accepts none; when its time is over, or cleared, whoever waits is let in"),
    "drop": Kind("cable pulled: packets vanish both ways, nothing is closed; goes on when plugged in again"),
    "reset": Kind("every connection ends in a TCP reset; the phone stays", lasting=False),
    "storage-full": Kind("/data/local/tmp has no byte left"),
    "storage-read-only": Kind("/data/local/tmp can only be read"),
    "low-battery": Kind("battery almost empty and discharging", {"level": Option(5, 0, 100, "percent")}),
    "hot": Kind(
        "every sensor at least so hot",
        {
            "celsius": Option(95, 30, 150, "degrees Celsius"),
            "battery_celsius": Option(48, 20, 80, "degrees Celsius of the battery"),
            "status": Option(4, 0, 6, "Android's thermal status"),
        },
    ),
    "slow": Kind(
        "bandwidth and latency are limited",
        {
            "bytes_s": Option(1 << 20, 1, 1e12, "bytes per second, each way"),
            "latency_s": Option(0.05, 0, 60, "seconds added to each piece of data, each way"),
        },
    ),
    "reboot": Kind(
        "away with all its processes, and back on the same port",
        {"down_s": Option(5, 0, 3600, "seconds it is away")},
        lasting=False,
    ),
    "stuck-shell": Kind("new shells hang; file transfers work"),
    "garbage": Kind("getprop prints noise"),
    "install-refused": Kind(
        "`pm install` answers with a failure",
        {"code": Option(-111, -131, -1, "Android's number of it: -111 is INSTALL_FAILED_USER_RESTRICTED")},
    ),
    "clock-jump": Kind("`date` is wrong", {"seconds": Option(86_400, -4e9, 4e9, "seconds ahead")}),
}
CLEAR = "clear"
THAW = "thaw"
MAX_SECONDS = 86_400.0


@dataclass(frozen=True)
class Fault:
    """A fault asked for; `for_s` seconds from now it clears itself."""

    name: str
    options: Mapping[str, float]
    for_s: float | None = None


NOTHING = Fault(THAW, {})
"""No fault at all: what those that last are asked with."""


def read(name: str, options: Mapping[str, object], for_s: object = None) -> Fault:
    """The fault `name` with `options` (numbers, or text of numbers), those left out at their defaults.

    Raises:
        JobError: no such fault or option, or a number out of its range.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise JobError(f"there is no fault {name!r}", remedy=_close(name, [*KINDS, CLEAR, THAW]))
    for option in options:
        if option not in kind.options:
            known = _close(option, list(kind.options)) if kind.options else "it takes none"
            raise JobError(f"there is no option {option!r}", where=f"fault {name}", remedy=known)
    numbers = {
        key: _number(f"fault {name}: {key}", options.get(key, option.default), option.low, option.high)
        for key, option in kind.options.items()
    }
    if for_s is None:
        return Fault(name, numbers)
    if not kind.lasting:
        raise JobError("happens at once and takes no time", where=f"fault {name}", remedy="leave out --for")
    return Fault(name, numbers, _number(f"fault {name}: duration", for_s, 0, MAX_SECONDS))


def _number(where: str, value: object, low: float, high: float) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:
        raise JobError(f"{value!r} is no number from {low:g} to {high:g}", where=where, remedy="correct the value")
    return number


def _close(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
