"""One client of a phone's adb daemon: an adb server, as a rule."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.virtual import auth, sockets
from farm.virtual.bridge import bridge
from farm.virtual.link import RECEIVED, SENT
from farm.virtual.packets import PacketError
from farm.virtual.reverse import Reverse
from farm.virtual.service import Answer, Connect, Reboot, ReverseRequest, Service, Wanted, parse
from farm.virtual.serving import serve
from farm.virtual.stream import Stream
from farm.virtual.wire import (
    AUTH,
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
    from farm.virtual.condition import Condition
    from farm.virtual.processes import Processes

MAX_STREAMS = 256
_HELLO_SECONDS = 30  # more than an adb server waits for a phone that says nothing
_READ = 1 << 20
_DOWN_SECONDS = 0.1  # until init has heard of it: the answer comes through first


@dataclass
class _Open:
    """A stream that is not closed yet; the client's number for it is 0 until it has accepted one we asked for."""

    stream: Stream
    remote: int
    task: asyncio.Task[None] | None = None
    accepted: asyncio.Future[bool] | None = None
    lingers: bool = False


class Connection:
    """Serves one TCP connection; `banner` is what the phone says of itself."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        banner: bytes,
        processes: Processes,
        condition: Condition,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._banner = banner
        self._processes = processes
        self._condition = condition
        self._greeted = self._online = False
        self._token = b""
        self._checksum = True  # until the client says that it is of a version that needs none
        self._limit = 4096
        self._last = 0
        self._streams: dict[int, _Open] = {}
        self._lingering: set[asyncio.Task[None]] = set()
        self._reverse = Reverse(processes, self._carry)
        self._task: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Return when the client has gone, or says what no adb would; everything it had started is killed then."""
        decoder = Decoder()
        link = self._condition.link
        self._task = asyncio.current_task()
        try:
            with link.carries(self._writer.get_extra_info("socket")):
                while True:
                    async with asyncio.timeout(None if self._greeted else _HELLO_SECONDS):
                        await self._condition.speaks.wait()
                        data = await self._reader.read(_READ)
                    if not data:
                        break
                    await link.carry(RECEIVED, len(data))
                    for message in decoder.feed(data):
                        await self._take(message)
        except (WireError, ConnectionError, TimeoutError) as error:
            print(f"connection closed: {error!r}", file=sys.stderr, flush=True)  # noqa: T201  # the log
        except Exception:
            traceback.print_exc(file=sys.stderr)
        finally:
            self._condition.guard.forget(self._admit)
            self._close_all()
            self._writer.close()

    def drop(self, *, reset: bool = False) -> None:
        """End it from our side: closed, or with a TCP reset and whatever was on its way lost."""
        if reset:
            with contextlib.suppress(OSError):
                linger = struct.pack("ii", 1, 0)
                self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()
        if self._task is not None:
            self._task.cancel()

    async def _take(self, message: Message) -> None:
        if message.command == CNXN:
            await self._hello(message)
        elif message.command == AUTH and self._greeted and not self._online:
            await self._identify(message)
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
        self._checksum = message.arg0 < VERSION
        self._limit = min(message.arg1, MAX_PAYLOAD)
        self._greeted, self._online = True, False
        if self._condition.guard.policy == "open":
            await self._welcome()
        else:
            await self._challenge()

    async def _welcome(self) -> None:
        # A client of an older version is told in its own way; it is the first answer that decides.
        await self._send(Message(CNXN, VERSION, MAX_PAYLOAD, self._banner), checksum=True)
        self._online = True

    async def _challenge(self) -> None:
        self._token = auth.token()
        await self._send(Message(AUTH, auth.TOKEN, 0, self._token), checksum=True)

    async def _identify(self, message: Message) -> None:
        guard = self._condition.guard
        if message.arg0 == auth.SIGNATURE:
            if self._token and guard.knows(self._token, message.data):
                await self._welcome()
            else:
                await self._challenge()
        elif message.arg0 == auth.PUBLIC_KEY:
            guard.ask(auth.read_key(message.data), self._admit)

    def _admit(self) -> None:
        """The phone's user has said yes."""
        self._spawn(self._welcome())

    async def _open(self, message: Message) -> None:
        remote = message.arg0
        wanted = parse(message.data, shell_v2=self._condition.shell_v2)
        if remote == 0 or wanted is None or len(self._streams) >= MAX_STREAMS:
            await self._send(Message(CLSE, 0, remote))
            return
        local = self._number()
        stream = Stream(local, remote, self._limit, self._send)
        lingers = isinstance(wanted, Connect) or (isinstance(wanted, Service) and wanted.outlives_client)
        entry = self._streams[local] = _Open(stream, remote, lingers=lingers)
        if not isinstance(wanted, Connect):
            await self._send(Message(OKAY, local, remote))
        entry.task = asyncio.get_running_loop().create_task(self._run(local, stream, wanted))

    async def _route(self, message: Message) -> None:
        entry = self._streams.get(message.arg1)
        if entry is None:
            return
        if message.command == CLSE:
            if message.arg0 in {0, entry.remote} or entry.accepted is not None:
                self._end(message.arg1)
        elif entry.accepted is not None and message.command == OKAY:
            entry.remote = message.arg0
            entry.stream.opened(entry.remote)
            accepted, entry.accepted = entry.accepted, None
            if not accepted.done():
                accepted.set_result(True)
        elif message.arg0 != entry.remote:
            return
        elif message.command == OKAY:
            entry.stream.acknowledge()
        elif not entry.stream.feed(message.data):
            del self._streams[message.arg1]
            if entry.task is not None:
                entry.task.cancel()
            await entry.stream.close()

    def _end(self, local: int) -> None:
        """The client has closed a stream, or refused one of ours."""
        entry = self._streams.pop(local)
        entry.stream.end()
        if entry.accepted is not None and not entry.accepted.done():
            entry.accepted.set_result(False)
        elif entry.task is None:
            return  # one of ours: whoever carries it sees its end
        elif entry.lingers and len(self._lingering) < MAX_STREAMS:
            self._linger(entry.task)
        else:
            entry.task.cancel()

    async def _run(self, local: int, stream: Stream, wanted: Wanted) -> None:
        try:
            await self._do(local, stream, wanted)
        except* (PacketError, ConnectionError):
            pass
        except* Exception:  # one stream's failure leaves the phone's others alone
            traceback.print_exc(file=sys.stderr)
        if self._streams.pop(local, None) is not None:
            with contextlib.suppress(ConnectionError):
                await stream.close()

    async def _do(self, local: int, stream: Stream, wanted: Wanted) -> None:
        match wanted:
            case Service():
                if not wanted.sync:
                    await self._condition.shells_start.wait()
                await serve(stream, wanted, self._processes)
            case Connect(place):
                await self._forward(local, stream, place)
            case ReverseRequest(request):
                await stream.write(await self._reverse.answer(request))
                await stream.drain()
            case Answer(text, restarts):
                await stream.write(text)
                await stream.drain()
                if restarts:
                    await asyncio.sleep(_DOWN_SECONDS)
                    self._condition.restart(0.0)
            case Reboot():
                await asyncio.sleep(_DOWN_SECONDS)
                self._condition.restart(None)
                await asyncio.Event().wait()  # adbd answers no more

    async def _forward(self, local: int, stream: Stream, place: bytes) -> None:
        try:
            end = await sockets.obtain(self._processes, sockets.CONNECT, place)
        except OSError:
            entry = self._streams.pop(local, None)
            if entry is not None:
                await self._send(Message(CLSE, 0, entry.remote))
            return
        with end:
            entry = self._streams.get(local)
            if entry is not None:
                await self._send(Message(OKAY, local, entry.remote))
                await bridge(stream, end)

    async def _carry(self, destination: bytes, end: socket.socket) -> None:
        """Ask the client to connect to `destination`, and carry `end` there."""
        if not self._online or len(self._streams) >= MAX_STREAMS:
            return
        local = self._number()
        stream = Stream(local, 0, self._limit, self._send)
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._streams[local] = _Open(stream, 0, accepted=accepted)
        try:
            await self._send(Message(OPEN, local, 0, destination + b"\0"))
            if await accepted:
                await bridge(stream, end)
        finally:
            if self._streams.pop(local, None) is not None:
                with contextlib.suppress(ConnectionError):
                    await stream.close()

    def _number(self) -> int:
        self._last = self._last % 0xFFFFFFFF + 1
        return self._last

    def _spawn(self, work: object) -> None:
        self._linger(asyncio.get_running_loop().create_task(work))  # type: ignore[arg-type]

    def _linger(self, task: asyncio.Task[None]) -> None:
        self._lingering.add(task)
        task.add_done_callback(self._lingering.discard)

    def _close_all(self) -> None:
        streams, self._streams = self._streams, {}
        for entry in streams.values():
            entry.stream.end()
            if entry.accepted is not None:
                entry.accepted.cancel()
            if entry.task is not None:
                entry.task.cancel()
        for task in self._lingering:
            task.cancel()
        self._reverse.close()

    async def _send(self, message: Message, *, checksum: bool = False) -> None:
        await self._condition.link.carry(SENT, len(message.data))
        self._writer.write(encode(message, checksum=self._checksum or checksum))
        await self._writer.drain()
