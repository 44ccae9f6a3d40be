"""What is sent: a title, and the same words as HTML and as text."""

from __future__ import annotations

from farm.report.base import Part

TITLE_LIMIT = 150
TEXT_LIMIT = 12_000
"""Characters of a message's text: mail programs cut longer ones, chats much shorter ones, between lines."""


class Message(Part):
    """One message. `html` and `text` say the same; apprise makes Markdown of `html` where a service wants that."""

    title: str
    html: str
    text: str
