"""Names and texts as captures hold them: of characters that UTF-8 has, without NUL, which ends a text in C."""

from __future__ import annotations

NAME_BYTES = 255
FRAME_NAME_BYTES = 127


def text(given: str) -> str:
    """Of any: what has no place in one (NUL, half a surrogate pair) is replaced."""
    return given.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def name(given: str, limit: int = NAME_BYTES) -> str:
    """At most `limit` bytes of UTF-8, cut between characters."""
    return text(given).encode()[:limit].decode("utf-8", "ignore") if given else given
