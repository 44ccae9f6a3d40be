"""What people ask of messages: what was told, what a digest would say, a test."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from farm.api.messages import NotFoundError
from farm.errors import SettingsError
from farm.notify.hours import is_quiet
from farm.notify.message import Message
from farm.notify.outbox import Outbox
from farm.notify.trial import trial
from farm.notify.view import DeliveryView, DigestView, NotifyView

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.notify.trial import Trial
    from farm.notify.view import State
    from farm.sections.notify import Notify
    from farm.store.database import Database
    from farm.store.told import Delivery


class NotifyDesk:
    """One daemon's messages. `report_bug` gets what goes wrong in the background."""

    def __init__(
        self, settings: Notify, database: Database, data: Path, *, report_bug: Callable[[str, str], object]
    ) -> None:
        self._settings = settings
        self._outbox = Outbox(settings, database, data, report_bug=report_bug)
        self.start, self.stop = self._outbox.start, self._outbox.stop

    def view(self, limit: int) -> NotifyView:
        """Who is told, and up to `limit` deliveries, the newest first."""
        settings, now = self._settings, time.time()
        quiet = is_quiet(now, settings.hours, settings.tz)
        return NotifyView(
            targets=tuple(target.name for target in self._outbox.targets),
            digest_at=settings.digest_at,
            quiet=settings.quiet,
            zone=settings.zone,
            deliveries=tuple(_view(one, quiet=quiet) for one in self._outbox.told.newest(limit)),
        )

    def digest(self, night: int | None) -> DigestView:
        """What the digest would say now; or what that of one night says.

        Raises:
            NotFoundError: there is no such night.
        """
        found = self._outbox.compose(time.time(), night)
        if found is None:
            raise NotFoundError("there is no such night", where=f"night {night}", remedy="see `farm schedule nights`")
        message, news = found
        return DigestView(news=news, **message.model_dump())

    def send(self, night: int | None) -> DigestView:
        """Put it on its way.

        Raises:
            NotFoundError: there is no such night.
            SettingsError: there is no address.
        """
        self._need_targets()
        found = self.digest(night)
        now = time.time()
        self._outbox.send(Message(title=found.title, html=found.html, text=found.text), f"asked {now:.6f}", now)
        held = is_quiet(now, self._settings.hours, self._settings.tz)
        targets = tuple(target.name for target in self._outbox.targets)
        return found.model_copy(update={"targets": targets, "held": held})

    def test(self) -> list[Trial]:
        """A real message to each address, all at once.

        Raises:
            SettingsError: there is none.
        """
        self._need_targets()
        settings, outbox = self._settings, self._outbox
        return trial(
            outbox.targets, outbox.folder, link=settings.link, deadline_s=settings.deadline_s,
            leave=lambda: outbox.stopping,
        )  # fmt: skip

    def _need_targets(self) -> None:
        if not self._outbox.targets:
            raise SettingsError("nobody is told anything", where="notify.urls", remedy="see docs/notifications.md")


def _view(delivery: Delivery, *, quiet: bool) -> DeliveryView:
    word = delivery.word
    state: State = "waiting"
    if delivery.ended is not None:
        state = "sent" if delivery.sent else "given up"
    elif delivery.began is not None:
        state = "under way"
    elif quiet and not word.urgent:
        state = "held"
    return DeliveryView(
        key=word.key, title=word.title, at=word.at, target=delivery.target, state=state, attempts=delivery.attempts,
        not_before=delivery.not_before, ended=delivery.ended, error=delivery.error,
    )  # fmt: skip
