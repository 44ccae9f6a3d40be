"""What runs next, and where: pure functions of what is queued, what is attached, what is held, and the time.

Every run has a place in time, and the earliest goes first:

    submitted - PRIORITY_S * priority + fairness * (device seconds its user had lately, those given now included)

So a priority is a head start: one step overtakes what was submitted up to an hour before, and nothing waits for ever, since
what waits grows older and what is new does not. Users who had much wait behind users who had little, by as much.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from heapq import heappop, heappush
from operator import attrgetter
from typing import TYPE_CHECKING, Self

from farm.fleet.selector import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from farm.fleet.device import Device
    from farm.store.rows import Lease, QueuedRun

PRIORITY_S = 3600.0
EXPECTED_S = 60.0
"""Device time that a run is taken to need, until it has had more."""
COMING = frozenset({"ready", "busy", "cooling", "charging"})


@dataclass(frozen=True)
class Assignment:
    """A run that may start now, on this device."""

    run: QueuedRun
    device: Device


@dataclass(frozen=True)
class Policy:
    """What users are owed. `used`: device seconds each had in the window that counts."""

    fairness: float = 1.0
    used: Mapping[str, float] = field(default_factory=dict)
    running: Mapping[str, int] = field(default_factory=dict)
    """Devices each user holds."""
    most: Mapping[str, int] = field(default_factory=dict)
    """Devices a user may hold at once; no entry: any number."""
    share: Mapping[str, float] = field(default_factory=dict)
    """Weight of a user, 1 where not given: time counts half for whom has 2."""


FAIR = Policy()


@dataclass(frozen=True)
class Queue:
    """The runs that wait, in the order in which each line of them goes: made once for each change of the queue."""

    bound: Mapping[str, Mapping[str, Sequence[QueuedRun]]]
    """By serial and user."""
    floating: Mapping[str, Sequence[QueuedRun]]
    """By user: for any matching device."""

    @classmethod
    def of(cls, queued: Iterable[QueuedRun]) -> Self:
        """From runs in any order."""
        bound: dict[str, dict[str, list[QueuedRun]]] = defaultdict(lambda: defaultdict(list))
        floating: dict[str, list[QueuedRun]] = defaultdict(list)
        for run in sorted(queued, key=_place):
            (bound[run.serial][run.user] if run.serial else floating[run.user]).append(run)
        return cls(bound, floating)


def schedule(
    queue: Queue,
    devices: Sequence[Device],
    leases: Iterable[Lease],
    now: float,
    *,
    unix: float = 0.0,
    policy: Policy = FAIR,
) -> list[Assignment]:
    """Give each free, ready device the run that is first in line for it.

    A device is free when no lease on it is alive at `now` (CLOCK_MONOTONIC, seconds); a reserved one is free for its holder
    only. A run may go when it is not blocked and its `not_before` is over at `unix` (Unix seconds). A run for any
    matching device takes one where it has not failed before, if one is free.
    """
    held = {lease.serial for lease in leases if lease.expires > now}
    free = {d.serial: d for d in sorted(devices, key=attrgetter("serial")) if d.ready and d.serial not in held}
    if not free:
        return []
    matches = _Matches(devices)
    holding = Counter(policy.running)
    given: Counter[str] = Counter()
    fronts = {user: iter(sorted(line, key=_place)) for user, line in _lines(queue, free, unix).items()}
    heap: list[tuple[float, int, str, QueuedRun]] = []

    def line_up(user: str) -> None:
        """The user's first run that a free device takes."""
        if holding[user] >= policy.most.get(user, holding[user] + 1):
            return
        for run in fronts[user]:
            if _device(run, free, matches) is not None:
                debt = (policy.used.get(user, 0.0) + EXPECTED_S * given[user]) / policy.share.get(user, 1.0)
                heappush(heap, (_place(run)[0] + policy.fairness * debt, run.id, user, run))
                return

    for user in fronts:
        line_up(user)
    assignments = []
    while heap and free:
        *_, user, run = heappop(heap)
        device = _device(run, free, matches)
        if device is not None:
            del free[device.serial]
            holding[user] += 1
            given[user] += 1
            assignments.append(Assignment(run, device))
        line_up(user)
    return assignments


def _lines(queue: Queue, free: Mapping[str, Device], unix: float) -> dict[str, list[QueuedRun]]:
    """By user, the runs that may go now. Of a user's runs for one device only the first: it is given once."""
    lines: dict[str, list[QueuedRun]] = defaultdict(list)
    for serial in free if len(free) < len(queue.bound) else [serial for serial in queue.bound if serial in free]:
        for user, runs in queue.bound.get(serial, {}).items():
            for run in runs:
                if not run.blocked and run.not_before <= unix:
                    lines[user].append(run)
                    break
    for user, runs in queue.floating.items():
        lines[user] += [run for run in runs if not run.blocked and run.not_before <= unix]
    return lines


def overdue(queued: Iterable[QueuedRun], away_since: Mapping[str, float], now: float, wait_s: float) -> list[QueuedRun]:
    """The runs whose device has been away for `wait_s` seconds or more."""
    return [run for run in queued if run.serial and now - away_since.get(run.serial, now) >= wait_s]


def coming(device: Device) -> bool:
    """Whether a device takes runs, now or soon, by itself."""
    return device.state == "device" and (device.standing is None or device.standing.condition in COMING)


def _place(run: QueuedRun) -> tuple[float, int]:
    return run.submitted - PRIORITY_S * run.priority, run.id


def _device(run: QueuedRun, free: Mapping[str, Device], matches: _Matches) -> Device | None:
    """The free device the run would take."""
    if run.serial:
        device = free.get(run.serial)
        return device if device is not None and device.holder in ("", run.user) else None
    fit = matches.of(run.selector) - run.taken
    open_to = [d for serial, d in free.items() if serial in fit and d.holder in ("", run.user)]
    new = [d for d in open_to if d.serial not in run.avoid]
    # Where it failed, it goes again only if there is nothing else that matches, busy or not.
    candidates = new or (open_to if fit <= run.avoid else [])
    return candidates[0] if candidates else None


class _Matches:
    """Which devices a selector means, found out once."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = devices
        self._known: dict[str, frozenset[str]] = {}

    def of(self, selector: str) -> frozenset[str]:
        if selector not in self._known:
            clauses = parse(selector)
            self._known[selector] = frozenset(
                d.serial for d in self._devices if coming(d) and all(c.matches(d) for c in clauses)
            )
        return self._known[selector]
