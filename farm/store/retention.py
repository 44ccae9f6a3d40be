"""What goes when the disk has to last: captures first, then tensors, evidence, and models and frames last.

What the state file holds (verdicts, figures, errors) stays for ever. `choose` decides and touches nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Kind = Literal["capture", "tensors", "evidence", "input"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they go."""
GRACE_S = 3600.0
"""What was written or asked for so lately stays: somebody is about to submit it."""
START_SLACK_S = 60.0


@dataclass(frozen=True)
class Item:
    """A stored artifact."""

    sha256: str
    kind: Kind
    bytes: int
    used: float
    """When it was written or asked for last, Unix seconds."""
    jobs: frozenset[int] = frozenset()
    """Of which it is a capture or an input."""
    needed: bool = False
    """By a job that is not over, by a schedule, or by the state file: documents of old runs."""


@dataclass(frozen=True)
class Limits:
    """How much, and how long. An age that is not given has no limit; `running_since` is when the oldest run that is under way
    began (Unix seconds), since what was used after that may be in use.
    """

    budget_bytes: int | None = None
    ages_s: Mapping[Kind, float] = field(default_factory=dict)
    running_since: float | None = None


def choose(items: Iterable[Item], limits: Limits, now: float) -> list[Item]:
    """What to remove at `now`, Unix seconds.

    Each kind's oldest go first: those over their age, then, kind by kind, as many as the budget asks for. A model or frame
    stays as long as a capture of one of its jobs does.
    """
    by_kind: dict[Kind, list[Item]] = {kind: [] for kind in KINDS}
    for item in items:
        by_kind[item.kind].append(item)
    for group in by_kind.values():
        group.sort(key=attrgetter("used", "sha256"))
    since = now - GRACE_S
    if limits.running_since is not None:
        since = min(since, limits.running_since - START_SLACK_S)
    captures = Counter(job for item in by_kind["capture"] for job in item.jobs)
    chosen: dict[str, Item] = {}

    def may_go(item: Item) -> bool:
        if item.needed or item.used >= since or item.sha256 in chosen:
            return False
        return item.kind != "input" or not any(captures[job] for job in item.jobs)

    def take(item: Item) -> None:
        chosen[item.sha256] = item
        if item.kind == "capture":
            captures.subtract(item.jobs)

    for kind in KINDS:
        age = limits.ages_s.get(kind)
        for item in by_kind[kind] if age is not None else ():
            if item.used < now - (age or 0.0) and may_go(item):
                take(item)
    if limits.budget_bytes is not None:
        over = sum(item.bytes for group in by_kind.values() for item in group) - limits.budget_bytes
        over -= sum(item.bytes for item in chosen.values())
        for kind in KINDS:
            for item in by_kind[kind]:
                if over <= 0:
                    break
                if may_go(item):
                    take(item)
                    over -= item.bytes
    return list(chosen.values())
