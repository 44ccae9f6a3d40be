"""Who is told, what they were told of late, and a button to try it."""

from __future__ import annotations

from typing import ClassVar

from farm.notify.trial import Trial
from farm.notify.view import NotifyView
from farm.pages.view import View


class Messages(View):
    """The lab's messages to people."""

    template: ClassVar[str] = "notify.html.j2"
    title: str = "Messages"
    told: NotifyView
    trials: tuple[Trial, ...] = ()
    """Of the test that was asked for just now."""
    may_send: bool
    """Whether who looks may have a test sent."""
