"""HTTP connections that cannot be had for nothing: at most so many, and none that waits or makes wait for ever."""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from farm.api.messages import CrowdedError, Problem, SlowError, TooLargeError
from farm.errors import JobError

if TYPE_CHECKING:
    import asyncio

    from farm.errors import FarmError

HEADERS_BYTES = 32 << 10
"""Of a request's line and headers."""
LINGER_S = 2.0
"""For what a refused client still sends: closed at once, the answer would be lost on the way to it."""
PHRASES = {408: b"Request Timeout", 431: b"Request Header Fields Too Large", 503: b"Service Unavailable"}


class Connection(H11Protocol):
    """One connection. Subclasses made by `bounded` carry the limits."""

    most: ClassVar[int] = 256
    pause_s: ClassVar[float] = 30.0
    turned_away: ClassVar[set[Connection]] = set()

    _timer: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self.connections.discard(self)
            self.turned_away.add(self)
            if len(self.turned_away) > self.most:  # no time for manners
                transport.abort()
                return
            error = CrowdedError(f"{self.most} connections are open", remedy="try again in a moment")
            self._answer(503, error)
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Read on, as long as the request comes on."""
        if self._refused:
            return
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        for timer in (self._timer, self._stalled):
            if timer is not None:
                timer.cancel()
        self.turned_away.discard(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read: for a while only."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.pause_s, self._cut)

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._stalled is not None:
            self._stalled.cancel()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """The next request of the connection, or the rest of this one's body, may come."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """What h11 says of a request it cannot read, as a problem."""
        status = getattr(sys.exc_info()[1], "error_status_hint", 400)
        if status == 431:
            self._answer(431, headers_too_large())
        else:
            self._answer(400, JobError(str(sys.exc_info()[1] or msg), where="HTTP", remedy="check the client"))

    def _watch(self) -> None:
        """Time what should come next: headers, or the end of a body that nobody reads any more."""
        reading, refused = self.conn.their_state is h11.IDLE, self._left_over()
        if not (reading or refused):
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        elif self._timer is None:
            self._timer = (
                self.loop.call_later(LINGER_S, self.transport.abort)
                if refused
                else self.loop.call_later(self.pause_s, self._late)
            )

    def _cut(self) -> None:
        """Hang up on who does not read, without the kernel keeping for them what is left."""
        at_once = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self.transport.abort()

    def _left_over(self) -> bool:
        return self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY

    def _late(self) -> None:
        if not self.transport.is_closing():
            self._answer(408, SlowError("no whole request came", remedy="send it faster"))

    def _answer(self, status: int, error: FarmError) -> None:
        """Answer past the application, hang up, and let a little of what still comes run into the void."""
        self._refused = True
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            body = Problem.of(error).model_dump_json().encode()
            headers = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(
                b"HTTP/1.1 %d %s\r\n%s%s" % (status, PHRASES.get(status, b"Bad Request"), headers, body)
            )
        if self.cycle is not None:  # its handler hears that the client is gone
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.abort)


def headers_too_large() -> TooLargeError:
    """The error of a request whose line and headers are over the limit."""
    return TooLargeError(f"line and headers are over {HEADERS_BYTES} bytes", where="HTTP", remedy="send less")


def bounded(most: int, pause_s: float) -> type[Connection]:
    """The protocol with these limits: `most` connections at once, `pause_s` seconds without progress."""
    return type("Connection", (Connection,), {"most": most, "pause_s": pause_s, "turned_away": set()})
