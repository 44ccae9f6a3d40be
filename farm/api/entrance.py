"""How browsers come in: one-use codes, sessions in a cookie, and how often somebody may be wrong."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from farm.api.advert import token_hash
from farm.api.messages import ForbiddenError, NewLogin
from farm.store.sessions import Sessions
from farm.store.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.store.database import Database
    from farm.store.tokens import Token

CODE_S = 60.0
SESSION_S = 14 * 86400.0
WRONG, WINDOW_S = 10, 60.0
"""An address that was wrong so often in so many seconds waits."""
LOGIN, FORM_LIMIT = "/login", 8192
"""The address, and bytes of its form."""
ADDRESSES = 1000
"""Remembered at once; with more, the one that was wrong longest ago is forgotten."""


class Throttle:
    """Who was wrong how often. Times are seconds on any clock that does not go back."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Seconds until the address may try again; 0: now."""
        times = self._wrong.get(address, deque())
        return max(0.0, times[0] + WINDOW_S - now) if len(times) == WRONG else 0.0

    def wrong(self, address: str, now: float) -> None:
        """It was wrong."""
        self._wrong.setdefault(address, deque(maxlen=WRONG)).append(now)
        self._wrong.move_to_end(address)
        while len(self._wrong) > ADDRESSES:
            self._wrong.popitem(last=False)


class Entrance:
    """Sessions of browsers. Safe for many threads."""

    def __init__(self, state: Database) -> None:
        self._sessions = Sessions(state)
        self._tokens = Tokens(state)
        self._lock = threading.Lock()
        self._codes: dict[str, tuple[str, float]] = {}
        self._throttle = Throttle()

    def code(self, token: str) -> NewLogin:
        """A code that opens one session for the token of this name, within CODE_S seconds.

        Raises:
            ForbiddenError: the token was revoked this moment.
        """
        opener = self._sessions.opener(token)
        if opener is None:
            raise ForbiddenError("the token was revoked", where=f"token {token}", remedy="ask for a new one")
        text, now = secrets.token_urlsafe(32), time.time()
        with self._lock:
            self._codes = {code: told for code, told in self._codes.items() if told[1] > now}
            self._codes[token_hash(text)] = (opener, now + CODE_S)
        return NewLogin(code=text, expires=now + CODE_S)

    def wait(self, address: str) -> float:
        """Seconds that this address has to wait before it may try again."""
        with self._lock:
            return self._throttle.wait(address, time.monotonic())

    def redeem(self, code: str, address: str) -> str | None:
        """The session that a code opens; None: it is not one, any more."""
        with self._lock:
            opener, until = self._codes.pop(token_hash(code), ("", 0.0))
        return self._open(opener if until > time.time() else None, address)

    def log_in(self, token: str, address: str) -> str | None:
        """The session that a token opens; None: it is not known, has expired or was revoked."""
        sha256 = token_hash(token)
        known = self._tokens.find(sha256)
        return self._open(sha256 if known is not None and known.state(time.time()) == "valid" else None, address)

    def _open(self, opener: str | None, address: str) -> str | None:
        if opener is None:
            with self._lock:
                self._throttle.wrong(address, time.monotonic())
            return None
        session = secrets.token_urlsafe(32)
        self._sessions.add(token_hash(session), opener, time.time() + SESSION_S)
        return session

    def find(self, session: str) -> Token | None:
        """The token that a session stands for; it may have expired or been revoked."""
        return self._sessions.token(token_hash(session))

    def log_out(self, session: str) -> None:
        """End a session."""
        self._sessions.end(token_hash(session))


def cookie_name(host: str) -> str:
    """Of the session's cookie: a browser sends a host's cookies to every port of it, and each may be a lab of its own."""
    port = urlsplit(f"//{host}").port
    return f"farm-{port}" if port else "farm"


def cookie(headers: Mapping[bytes, bytes]) -> str:
    """The session's text in a request; empty where it has none."""
    name = cookie_name(headers.get(b"host", b"").decode("latin-1"))
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


def same_origin(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a page of ours sent the request, as far as its browser says. One that says nothing is not believed."""
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site in {b"same-origin", b"none"}
    origin = urlsplit(headers.get(b"origin", b"").decode("latin-1"))
    return bool(origin.netloc) and origin.netloc.lower() == headers.get(b"host", b"").decode("latin-1").lower()


def local(path: str) -> str:
    """Where to go on after a login: the path, if it is one of ours; else the first page."""
    own = path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path
    return path if own else "/"


def wants_page(method: str, path: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a person's browser asks for a page, as its answer or as a problem told in words."""
    accepts = b"text/html" in headers.get(b"accept", b"") and b"hx-request" not in headers
    return method in {"GET", "HEAD"} and accepts and not path.startswith(("/api/", "/static/"))


def login_address(path: str, query: str) -> str:
    """Where to log in and come back from."""
    asked = path + (f"?{query}" if query else "")
    return f"{LOGIN}?next={quote(asked, safe='/')}" if asked != "/" else LOGIN
