"""One HTTP request with JSON both ways, under a deadline of ours: a timer shuts the socket down, however slowly it drips."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
from typing import Any
from urllib.parse import urlsplit

from farm.errors import DeadlineError, FarmError, InfrastructureError, JobError

LIMIT_BYTES = 1 << 30
WORDS = 300
"""Characters of a server's own words in an error."""


class RefusedError(Exception):
    """The server answered, and not with what was asked for. Whoever asked knows what that means."""

    def __init__(self, status: int, words: str, where: str) -> None:
        super().__init__(f"the server answers {status}: {words[:WORDS]}")
        self.status = status
        self.where = where

    def as_error(self, kind: type[FarmError] = JobError) -> FarmError:
        """For the user."""
        return kind(str(self), where=self.where, remedy="check the URL, the model's inputs, and the server's log")


def request(url: str, body: object = None, *, timeout_s: float) -> Any:
    """GET `url`, or POST `body`; the answer's JSON. Redirects are not followed, and no proxy is used.

    Raises:
        RefusedError: a status other than 200, or no JSON.
        InfrastructureError: nobody answers there, or the answer is larger than a gigabyte.
        DeadlineError: it took longer than `timeout_s`.
    """
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.hostname}:{parts.port or ''}{parts.path}"
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=timeout_s, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    late = threading.Event()

    def end() -> None:
        late.set()
        with contextlib.suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    try:
        content = None if body is None else json.dumps(body, allow_nan=True).encode()
        headers = {"accept": "application/json"} | ({} if content is None else {"content-type": "application/json"})
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET" if content is None else "POST", path or "/", content, headers)
        answer = connection.getresponse()
        data = answer.read(LIMIT_BYTES + 1)
    except (OSError, http.client.HTTPException, ValueError) as e:
        if late.is_set() or isinstance(e, TimeoutError):
            raise DeadlineError(
                f"the model server did not answer within {timeout_s:g} s", where=where, remedy="look at the server"
            ) from e
        raise InfrastructureError(
            f"no model server answers: {e or type(e).__name__}", where=where, remedy="start it, or correct the URL"
        ) from e
    finally:
        timer.cancel()
        connection.close()
    if late.is_set():
        raise DeadlineError(
            f"the model server did not answer within {timeout_s:g} s", where=where, remedy="look at the server"
        )
    if len(data) > LIMIT_BYTES:
        raise InfrastructureError(
            f"answers with more than {LIMIT_BYTES >> 30} GiB", where=where, remedy="look at the server"
        )
    if answer.status != 200:
        raise RefusedError(answer.status, data.decode("utf-8", "replace").strip(), where)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as e:
        raise RefusedError(answer.status, f"no JSON: {data[:WORDS].decode('utf-8', 'replace')}", where) from e
