"""What is told gets out: the digest when it is due, gates that failed, and each message to each address until it is there.

The state file is the outbox. A message is written once, under its key; whether it is on its way is written before its courier
starts, and how that ended is in the courier's file, so that a daemon that dies sends nothing twice and forgets nothing.
"""

from __future__ import annotations

import fnmatch
import logging
import time
from typing import TYPE_CHECKING

from farm.loop import Loop
from farm.notify import hours
from farm.notify.digest import alarm, digest
from farm.notify.items import of_gate
from farm.notify.message import Message
from farm.notify.morning import DAY_S, morning, tonight
from farm.notify.post import outcome, post
from farm.notify.target import targets
from farm.store.gate_news import untold
from farm.store.told import Told, Word

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.notify.morning import Morning
    from farm.sections.notify import Notify
    from farm.store.database import Database
    from farm.store.told import Delivery
    from farm.trend.news import News

log = logging.getLogger(__name__)
LOOK_S = 10.0
FOLDER = "outbox"
"""In the data folder: a file for each message under way."""


class Outbox:
    """A thread that writes what is due and sends what waits. `report_bug` gets what goes wrong in it."""

    def __init__(
        self, settings: Notify, database: Database, data: Path, *, report_bug: Callable[[str, str], object]
    ) -> None:
        self._settings = settings
        self._database = database
        self.folder = data / FOLDER
        self.told = Told(database)
        self.targets = targets(settings.urls)
        self._empty_day = ""
        self._checked = 0
        self._loop = Loop("outbox", lambda: self.look(time.time()), LOOK_S, report_bug)

    @property
    def stopping(self) -> bool:
        """Whether nobody waits for a message under way any more."""
        return self._loop.stopping

    def start(self) -> None:
        """Begin to tell; without addresses nobody is told anything."""
        under_way = {f"{one.id}.json" for one in self.told.waiting(time.time()) if one.began is not None}
        for file in self.folder.glob("*.json"):
            if file.name not in under_way:  # of a daemon that died once it knew
                file.unlink(missing_ok=True)
        if self.targets:
            self._loop.start()

    def wake(self) -> None:
        """Something is to be told."""
        self._loop.wake()

    def stop(self, within_s: float) -> None:
        """End; a message under way goes on, and the next daemon asks how it went."""
        self._loop.stop(within_s)

    def look(self, now: float) -> None:
        """Write what is due at `now` (Unix seconds), and send what waits."""
        self._write_digest(now)
        self._write_gates(now)
        for delivery in self.told.waiting(now):
            if self._loop.stopping:
                return
            self._deliver(delivery, now)

    def compose(self, now: float, night: int | None = None) -> tuple[Message, tuple[News, ...]] | None:
        """The digest as it would be written now, or that of one night; None when there is no such night."""
        found = self._morning(now) if night is None else tonight(self._database, night, now)
        return None if found is None else (self._words(found, now), found.news)

    def send(self, message: Message, key: str, now: float) -> bool:
        """Have a message sent that somebody asked for; False when its key was told before."""
        added = self._add(Word(key, "asked", now, **message.model_dump()))
        self._loop.wake()
        return added

    def _write_digest(self, now: float) -> None:
        at, zone = self._settings.time, self._settings.tz
        if at is None:
            return
        key = f"digest {hours.digest_day(now, at, zone).isoformat()}"
        if key == self._empty_day or self.told.knows(key):
            return
        found = self._morning(now)
        waited = found.schedules and (found.nights or self.told.last("digest") is not None)
        if waited or found.news:  # a lab whose first night is to come has nothing to tell
            self._add(Word(key, "digest", now, **self._words(found, now).model_dump()))
        else:
            self._empty_day = key

    def _morning(self, now: float) -> Morning:
        since = self.told.last("digest")
        return morning(self._database, now - DAY_S if since is None else since, now)

    def _words(self, found: Morning, now: float) -> Message:
        return digest(found, hours.day_of(now, self._settings.tz), link=self._settings.link)

    def _write_gates(self, now: float) -> None:
        for check in untold(self._database, now - DAY_S, after=self._checked):
            if _matches(check.gate, self._settings.gates):
                message = alarm(of_gate(check), link=self._settings.link)
                urgent = _matches(check.gate, self._settings.urgent)
                self._add(Word(f"gate {check.id}", "gate", now, urgent=urgent, **message.model_dump()))
            self._checked = check.id

    def _add(self, word: Word) -> bool:
        return self.told.add(word, [target.name for target in self.targets])

    def _deliver(self, delivery: Delivery, now: float) -> None:
        """Make an attempt, or see how one ended that an earlier daemon began."""
        file = self.folder / f"{delivery.id}.json"
        attempts = delivery.attempts
        if delivery.began is None:
            target = next((t for t in self.targets if t.name == delivery.target), None)
            if target is None:
                self.told.fail(delivery.id, now, "it is not in notify.urls any more", again=None)
                return
            word, settings = delivery.word, self._settings
            if not word.urgent and hours.is_quiet(now, settings.hours, settings.tz):
                return
            file.unlink(missing_ok=True)
            attempts += 1
            self.told.begin(delivery.id, now)
            message = Message(title=word.title, html=word.html, text=word.text)
            post(
                target, message, file, failure=word.kind == "gate", deadline_s=settings.deadline_s,
                leave=lambda: self._loop.stopping,
            )  # fmt: skip
            if self._loop.stopping:
                return
        found = outcome(file)
        if found is None:  # its courier, begun by an earlier daemon, is under way
            return
        if not found.error:
            self.told.succeed(delivery.id, now)
            log.info("told: %s", delivery.word.key, extra={"subject": delivery.target})
        else:
            pause_s = hours.pause_s(attempts) if found.begun else 0.0
            again = now + pause_s if attempts < self._settings.attempts else None
            self.told.fail(delivery.id, now, found.error, again=again)
            log.warning(
                "not told (attempt %d): %s: %s", attempts, delivery.word.key, found.error,
                extra={"subject": delivery.target},
            )  # fmt: skip
        file.unlink(missing_ok=True)


def _matches(gate: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(gate, pattern) for pattern in patterns)
