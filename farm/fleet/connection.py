"""A connection to the adb server."""

from __future__ import annotations

import socket

from adbutils import AdbConnection

CONNECT_S = 3.0
QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Connection(AdbConnection):  # type: ignore[misc]  # adbutils has no types
    """adbutils' connection, without its own attempt to start a server elsewhere when there is none."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        super().__init__(host, port)

    def _safe_connect(self) -> socket.socket:
        made = socket.create_connection(self._address, timeout=CONNECT_S)
        made.settimeout(None)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # requests are small and each waits for its answer
        return made

    def _read_fully(self, n: int) -> bytes:
        # The server does not set TCP_NODELAY: its second small write waits for our ACK, which the kernel delays by 40 ms.
        got = bytearray()
        while len(got) < n:
            if QUICK_ACK is not None:
                self.conn.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)  # forgotten by the kernel after each use
            piece = self.conn.recv(n - len(got))
            if not piece:
                break
            got += piece
        return bytes(got)
