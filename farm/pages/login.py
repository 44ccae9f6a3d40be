"""The page that lets a browser in."""

from __future__ import annotations

from typing import ClassVar

from farm.pages.view import View


class Login(View):
    """A form for a token."""

    template: ClassVar[str] = "login.html.j2"
    title: str = "Log in"
    next: str = "/"
    """Where to go on: a path of ours."""
    problem: str = ""
