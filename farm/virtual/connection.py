"""One client of a phone's adb daemon: an adb server, as a rule."""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import TYPE_CHECKING

from farm.virtual.packets import PacketError
from farm.virtual.service import parse
from farm.virtual.serving import serve
from farm.virtual.stream import Stream
from farm.virtual.wire import (
    CLSE,
    CNXN,
    MAX_PAYLOAD,
    OKAY,
    OLDEST_VERSION,
    OPEN,
    VERSION,
    WRTE,
    Decoder,
    Message,
    WireError,
    encode,
)

if TYPE_CHECKING:
    from farm.virtual.processes import Processes
    from farm.virtual.service import Service

MAX_STREAMS = 256
_HELLO_SECONDS = 10
_READ = 1 << 20


class Connection:
    """Serves one TCP connection; `banner` is what the phone says of itself."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, banner: bytes, processes: Processes
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._banner = banner
        self._processes = processes
        self._online = False
        self._checksum = True  # until the client says that it is of a version that needs none
        self._limit = 4096
        self._last = 0
        self._streams: dict[int, tuple[Stream, int, asyncio.Task[None]]] = {}

    async def serve(self) -> None:
        """Return when the client has gone, or says what no adb would; everything it had started is killed then."""
        decoder = Decoder()
        try:
            while True:
                async with asyncio.timeout(None if self._online else _HELLO_SECONDS):
                    data = await self._reader.read(_READ)
                if not data:
                    break
                for message in decoder.feed(data):
                    await self._take(message)
        except (WireError, ConnectionError, TimeoutError) as error:
            print(f"connection closed: {error!r}", file=sys.stderr, flush=True)  # noqa: T201  # the log
        except Exception:
            traceback.print_exc(file=sys.stderr)
        finally:
            self._close_all()
            self._writer.close()

    async def _take(self, message: Message) -> None:
        if message.command == CNXN:
            await self._hello(message)
        elif not self._online:
            return  # what an earlier connection left over: adbd ignores it, too
        elif message.command == OPEN:
            await self._open(message)
        elif message.command in {OKAY, WRTE, CLSE}:
            await self._route(message)

    async def _hello(self, message: Message) -> None:
        if message.arg0 < OLDEST_VERSION or message.arg1 < 1:
            raise WireError("no such version of adb")
        self._close_all()
        await self._send(Message(CNXN, VERSION, MAX_PAYLOAD, self._banner))
        self._online = True
        self._checksum = message.arg0 < VERSION
        self._limit = min(message.arg1, MAX_PAYLOAD)

    async def _open(self, message: Message) -> None:
        remote = message.arg0
        service = parse(message.data)
        if remote == 0 or service is None or len(self._streams) >= MAX_STREAMS:
            await self._send(Message(CLSE, 0, remote))
            return
        self._last = self._last % 0xFFFFFFFF + 1
        local = self._last
        stream = Stream(local, remote, self._limit, self._send)
        await self._send(Message(OKAY, local, remote))
        task = asyncio.get_running_loop().create_task(self._run(local, stream, service))
        self._streams[local] = (stream, remote, task)

    async def _route(self, message: Message) -> None:
        entry = self._streams.get(message.arg1)
        if entry is None:
            return
        stream, remote, task = entry
        if message.command == CLSE:
            if message.arg0 in {0, remote}:
                del self._streams[message.arg1]
                task.cancel()
        elif message.arg0 != remote:
            return
        elif message.command == OKAY:
            stream.acknowledge()
        elif not stream.feed(message.data):
            del self._streams[message.arg1]
            task.cancel()
            await stream.close()

    async def _run(self, local: int, stream: Stream, service: Service) -> None:
        try:
            await serve(stream, service, self._processes)
        except* (PacketError, ConnectionError):
            pass
        except* Exception:  # one stream's failure leaves the phone's others alone
            traceback.print_exc(file=sys.stderr)
        if self._streams.pop(local, None) is not None:
            try:
                await stream.close()
            except ConnectionError:
                return

    def _close_all(self) -> None:
        streams, self._streams = self._streams, {}
        for _, _, task in streams.values():
            task.cancel()

    async def _send(self, message: Message) -> None:
        self._writer.write(encode(message, checksum=self._checksum))
        await self._writer.drain()
