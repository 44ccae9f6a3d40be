"""An HTTP server in a thread: the same for `farm up` and for an embedded daemon."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import uvicorn

from farm.api.connections import HEADERS_BYTES, bounded
from farm.errors import DaemonError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from starlette.types import ASGIApp

    from farm.settings import Api

START_S = 30.0
DRAIN_S = 1


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        DaemonError: the port is taken, or the address is not of this machine.
    """
    try:
        family, _, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With its protocol named: without, asyncio leaves Nagle's algorithm on, and each answer waits 40 ms for an ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
        except BaseException:
            listener.close()
            raise
    except OSError as e:
        raise DaemonError(
            f"cannot listen: {e.strerror}", where=f"{host}:{port}", remedy="set another api.port in farm.toml"
        ) from e
    return listener


@contextlib.contextmanager
def serving(app: ASGIApp, listener: socket.socket, tls: ssl.SSLContext | None, limits: Api) -> Iterator[None]:
    """Serve `app` on `listener` in a thread; at the end open streams get `DRAIN_S` seconds to finish.

    At most `limits.connections` at once are served; one without progress for `limits.read_timeout_s` seconds is ended.

    Raises:
        DaemonError: the server does not start.
    """
    config = uvicorn.Config(
        app,
        http=bounded(limits.connections, limits.read_timeout_s),
        h11_max_incomplete_event_size=HEADERS_BYTES,
        ssl_context_factory=(lambda _config, _default: tls) if tls is not None else None,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), name="http", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + START_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise DaemonError(
                    "the HTTP server did not start", where=str(listener.getsockname()), remedy="try again"
                )
            time.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        thread.join(DRAIN_S + 1)
        listener.close()
