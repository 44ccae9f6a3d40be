"""The thin loop around `physics`: looks at the phone's processes, moves the model on, writes its figures, slows them down.

It runs in the keeper, outside the phone. Somebody else's figures, one file each in `data/virtual/override`, win over the
model's: docs/virtual.md names them.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from farm.virtual import figures, physics
from farm.virtual.family import Family
from farm.virtual.physics import Given

if TYPE_CHECKING:
    from pathlib import Path

    from farm.virtual.profile import Profile

OVERRIDE = f"{figures.DATA}/override"
TICK_SECONDS = 1.0
IDLE_SECONDS = 2.0
PERIOD_SECONDS = 0.1
"""Of the duty cycle by which a hot phone is slow."""


class Climate:
    """The weather in one phone: `step` does what is due and says when to come again."""

    def __init__(self, profile: Profile, root: Path, online: int, first: int) -> None:
        self._profile = profile
        self._root = root
        self._online = online
        self._family = Family(first)
        self._state = physics.start(profile)
        self._given = Given()
        self._written: dict[str, str] = {}
        self._last = time.monotonic()
        self._used = 0.0
        self._due = self._last
        self._held_until = 0.0

    def step(self) -> float:
        """Do what is due; the seconds until the next time."""
        now = time.monotonic()
        if now >= self._due:
            self._tick(now)
        if self._held_until:
            if now < self._held_until:
                return self._held_until - now
            self._family.release()
            self._held_until = 0.0
            return PERIOD_SECONDS * physics.speed(self._profile, self._state)
        rest = PERIOD_SECONDS * (1 - physics.speed(self._profile, self._state))
        if rest > 0 and not self._family.alone():
            self._family.hold()
            self._held_until = now + rest
            return rest
        return min(PERIOD_SECONDS, self._due - now) if rest > 0 else max(0.0, self._due - now)

    def end(self) -> None:
        """Leave nothing stopped."""
        self._family.release()

    def _tick(self, now: float) -> None:
        used = self._family.cpu_seconds()
        self._given = given(self._root / OVERRIDE)
        self._state = physics.advance(
            self._profile, self._state, max(0.0, used - self._used), now - self._last, self._given
        )
        self._due = now + (TICK_SECONDS if used > self._used or not self._family.alone() else IDLE_SECONDS)
        self._last, self._used = now, used
        self._write()

    def _write(self) -> None:
        fresh = figures.now(self._profile, self._state, self._given, self._online)
        for name, text in fresh.items():
            if self._written.get(name) != text:
                with contextlib.suppress(OSError):  # the phone's folder is going
                    put(self._root / name, text)
        self._written = fresh


def create(profile: Profile, root: Path, online: int) -> None:
    """Write every figure of a phone that has just been switched on."""
    files = figures.fixed(profile, online) | figures.now(profile, physics.start(profile), Given(), online)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    for name, target in figures.links(profile, online).items():
        (root / name).symlink_to(target)


def put(path: Path, text: str) -> None:
    """Write a line for readers that are not to see half of it."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(f"{text}\n")
    temporary.replace(path)


def given(folder: Path) -> Given:
    """What the files in `folder` decide; those that hold no number decide nothing."""
    if not folder.is_dir():
        return Given()
    level, status = _number(folder / "battery/level"), _number(folder / "battery/status")
    temperature, severity = _number(folder / "battery/temperature"), _number(folder / "thermal/status")
    return Given(
        level=None if level is None else min(100, max(0, round(level))),
        status=None if status is None else round(status),
        battery_celsius=None if temperature is None else temperature / 10,
        thermal_status=None if severity is None else min(physics.SHUTDOWN, max(0, round(severity))),
        celsius=_number(folder / "thermal/celsius"),
    )


def _number(path: Path) -> float | None:
    try:
        value = float(path.read_text()[:40])
    except (OSError, ValueError):
        return None
    return value if abs(value) < 1e6 else None  # also false for what is no number
