"""Serves one stream: a process in the phone, its pipes or terminal, and their way through adb."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import termios
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.virtual import packets
from farm.virtual.pipes import CHUNK, Pipe

if TYPE_CHECKING:
    from farm.virtual.processes import Processes
    from farm.virtual.service import Service
    from farm.virtual.stream import Stream

_END_OF_TRANSMISSION = b"\x04"


@dataclass(frozen=True)
class _Ends:
    """Our ends of a process's stdin, stdout and stderr (None: it goes where stdout goes)."""

    stdin: Pipe
    stdout: Pipe
    stderr: Pipe | None

    def close(self) -> None:
        for pipe in (self.stdin, self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()


async def serve(stream: Stream, service: Service, processes: Processes) -> None:
    """Run `service` until it ends by itself; cancelled, since the client has gone, kill it.

    One that outlives its client gets the last of its input when the stream ends, and is not killed then.

    Raises:
        PacketError: the client does not speak the shell protocol (in an exception group).
        OSError: the host has no more file descriptors.
    """
    with contextlib.ExitStack() as theirs:
        descriptors, ends = _open(service, theirs)
        try:
            process = await processes.start(service, descriptors)
        except BaseException:
            ends.close()
            raise
    ended = False
    try:
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(_feed(stream, service, ends.stdin))
            outputs = [group.create_task(_drain(stream, service, ends.stdout, packets.STDOUT))]
            if ends.stderr is not None:
                outputs.append(group.create_task(_drain(stream, service, ends.stderr, packets.STDERR)))
            await asyncio.gather(*outputs)
            status = await process.wait()
            feeding.cancel()
        ended = True
        if service.packets:
            await stream.write(packets.encode(packets.EXIT, bytes([status & 0xFF])))
    finally:
        ends.close()
        (process.forget if ended else process.kill)()
    await stream.drain()


def _open(service: Service, theirs: contextlib.ExitStack) -> tuple[list[int], _Ends]:
    """The process's ends, which `theirs` closes, and ours."""
    with contextlib.ExitStack() as ours:

        def keep(stack: contextlib.ExitStack, descriptor: int) -> int:
            stack.callback(os.close, descriptor)
            return descriptor

        def pipe() -> tuple[int, int]:
            reader, writer = os.pipe()
            with contextlib.suppress(OSError):  # over the user's share of pipe memory it stays as it is
                fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, CHUNK)
            return reader, writer

        if service.tty:
            master, slave = os.openpty()
            keep(ours, master)
            keep(theirs, slave)
            ends = _Ends(Pipe(keep(ours, os.dup(master))), Pipe(master), None)
            descriptors = [slave] * 3
        else:
            stdin, our_stdin = pipe()
            keep(theirs, stdin), keep(ours, our_stdin)
            our_stdout, stdout = pipe()
            keep(theirs, stdout), keep(ours, our_stdout)
            stderr, our_stderr = stdout, None
            if service.packets:
                our_stderr, stderr = pipe()
                keep(theirs, stderr), keep(ours, our_stderr)
            elif service.sync:
                stderr = 2  # our log
            ends = _Ends(Pipe(our_stdin), Pipe(our_stdout), None if our_stderr is None else Pipe(our_stderr))
            descriptors = [stdin, stdout, stderr]
        ours.pop_all()
        return descriptors, ends


async def _drain(stream: Stream, service: Service, pipe: Pipe, kind: int) -> None:
    while data := await pipe.read():
        try:
            await stream.write(packets.encode(kind, data) if service.packets else data)
        except BrokenPipeError:
            pipe.close()  # whoever still writes learns it
            return


async def _feed(stream: Stream, service: Service, stdin: Pipe) -> None:
    decoder = packets.Decoder()
    reading = True
    while True:
        data = await stream.read()
        if not data and stream.ended:
            stdin.close()
            return
        for packet in decoder.feed(data) if service.packets else [packets.Packet(packets.STDIN, data)]:
            if packet.kind == packets.WINDOW_SIZE and service.tty and reading:
                _resize(stdin.descriptor, packet.data)
            if packet.kind not in {packets.STDIN, packets.CLOSE_STDIN} or not reading:
                continue
            try:
                if packet.kind == packets.STDIN:
                    await stdin.write(packet.data)
                elif service.tty:
                    await stdin.write(_END_OF_TRANSMISSION)
                else:
                    stdin.close()
                    reading = False
            except BrokenPipeError:
                # The process does not want it; the client learns no more than adbd would tell it.
                reading = False


def _resize(terminal: int, data: bytes) -> None:
    size = packets.window_size(data)
    if size is not None:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("<4H", *size))
