"""What went wrong, as a page."""

from __future__ import annotations

from typing import ClassVar

from farm.pages.view import View


class Trouble(View):
    """An error: what happened, where, and what to do."""

    template: ClassVar[str] = "problem.html.j2"
    title: str = "That did not work"
    status: int
    """HTTP's."""
    message: str
    where: str = ""
    remedy: str = ""
