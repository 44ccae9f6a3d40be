from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm.virtual import control, packets, wire
from farm.virtual.service import MAX_COMMAND, Answer, Connect, Reboot, ReverseRequest, Service, Wanted, parse

from .bench import Bench, receive

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = st.integers(0, 0xFFFFFFFF)
MESSAGES = st.lists(
    st.builds(wire.Message, st.sampled_from(sorted(wire.COMMANDS)), WORDS, WORDS, st.binary(max_size=300)), max_size=8
)
CUTS = st.lists(st.integers(1, 400), min_size=1, max_size=20)


def _split(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        for cut in cuts:
            yield data[position : position + cut]
            position += cut


@given(MESSAGES, CUTS, st.booleans())
def test_messages_survive_any_split(
    messages: list[wire.Message], cuts: list[int], checksum: bool
) -> None:  # hypothesis
    data = b"".join(wire.encode(message, checksum=checksum) for message in messages)
    decoder = wire.Decoder()
    assert [message for part in _split(data, cuts) for message in decoder.feed(part)] == messages


@given(st.binary(max_size=2000), CUTS)
def test_garbage_is_refused_or_waited_for(data: bytes, cuts: list[int]) -> None:
    decoder = wire.Decoder()
    try:
        messages = [message for part in _split(data, cuts) for message in decoder.feed(part)]
    except wire.WireError:
        return
    assert b"".join(map(wire.encode, messages))[:0] == b""
    assert len(data) < 24 or messages or data[:4] in {struct.pack("<I", c) for c in wire.COMMANDS}


def test_an_oversized_payload_is_refused_before_it_comes() -> None:
    header = struct.pack("<6I", wire.WRTE, 1, 1, wire.MAX_PAYLOAD + 1, 0, wire.WRTE ^ 0xFFFFFFFF)
    with pytest.raises(wire.WireError, match="limit"):
        wire.Decoder().feed(header)


@given(st.lists(st.builds(packets.Packet, st.integers(0, 255), st.binary(max_size=300)), max_size=8), CUTS)
def test_packets_survive_any_split(sent: list[packets.Packet], cuts: list[int]) -> None:
    data = b"".join(packets.encode(packet.kind, packet.data) for packet in sent)
    decoder = packets.Decoder()
    assert [packet for part in _split(data, cuts) for packet in decoder.feed(part)] == sent


@given(st.binary(max_size=64))
def test_window_sizes_fit_the_terminal_or_are_none(data: bytes) -> None:
    size = packets.window_size(data)
    assert size is None or all(0 <= side <= 0xFFFF for side in size)


def test_window_size() -> None:
    assert packets.window_size(b"24x80,640x480\0") == (24, 80, 640, 480)


@given(st.binary(max_size=200))
def test_any_service_name_is_read_or_refused(name: bytes) -> None:
    service = parse(name)
    assert not isinstance(service, Service) or len(service.command) <= MAX_COMMAND


@pytest.mark.parametrize(
    ("name", "service"),
    [
        (b"shell,v2,TERM=xterm-256color,raw:id\0", Service(command=b"id", packets=True, term="xterm-256color")),
        (b"shell,v2,raw:", Service(packets=True)),
        (b"shell,v2:", Service(packets=True, tty=True)),
        (b"shell,v2,pty:a:b", Service(command=b"a:b", packets=True, tty=True)),
        (b"shell:id", Service(command=b"id")),
        (b"shell:", Service(tty=True)),
        (b"exec:id", Service(command=b"id")),
        (b"sync:\0", Service(sync=True)),
        (b"shell,TERM=a\nb$(c):x", Service(command=b"x", term="abc")),
        (b"shell", None),
        (b"sync:x", None),
        (b"tcp:80", Connect(b"tcp:80")),
        (b"tcp:localhost:80", Connect(b"tcp:localhost:80")),
        (b"tcp:99999", None),
        (b"tcp:", None),
        (b"localabstract:chrome", Connect(b"localabstract:chrome")),
        (b"localabstract:" + b"x" * 200, None),
        (b"jdwp:17", None),
        (b"reverse:list-forward", ReverseRequest(b"list-forward")),
        (b"root:", Answer(b"adbd cannot run as root in production builds\n")),
        (b"tcpip:5555", Answer(b"restarting in TCP mode port: 5555\n", restarts=True)),
        (b"tcpip:x", Answer(b"invalid port\n")),
        (b"reboot:", Reboot()),
        (b"reboot:bootloader\0", Reboot()),
        (b"", None),
        (b"exec:" + b"x" * (MAX_COMMAND + 1), None),
    ],
)
def test_services(name: bytes, service: Wanted | None) -> None:
    assert parse(name) == service


@given(
    st.builds(
        control.Start,
        WORDS,
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.text("xterm-256color", max_size=64),
        st.binary(max_size=500),
    )
    | st.builds(control.Kill, WORDS)
    | st.builds(control.Forget, WORDS)
    | st.builds(control.KillAll, WORDS)
)
def test_orders_are_read_as_written(order: control.Order) -> None:
    assert control.decode_order(control.encode_order(order)) == order


def _hello(phone_port: int) -> socket.socket:
    stream = socket.create_connection(("127.0.0.1", phone_port), timeout=20)
    stream.sendall(wire.encode(wire.Message(wire.CNXN, wire.VERSION, wire.MAX_PAYLOAD, b"host::"), checksum=True))
    (answer,) = _messages(stream, 1)
    assert answer.command == wire.CNXN
    assert answer.data.startswith(b"device::ro.product.name=")
    return stream


def _messages(stream: socket.socket, count: int) -> list[wire.Message]:
    decoder = wire.Decoder()
    messages: list[wire.Message] = []
    while len(messages) < count and (data := stream.recv(1 << 16)):
        messages += decoder.feed(data)
    return messages


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=24, max_size=400), greet=st.booleans())
def test_garbage_closes_the_connection_and_nothing_else(bench: Bench, data: bytes, greet: bool) -> None:  # hypothesis
    if data[:4] in {struct.pack("<I", command) for command in wire.COMMANDS}:
        return
    with _hello(bench.phone.port) if greet else socket.create_connection(("127.0.0.1", bench.phone.port), 20) as stream:
        stream.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            assert receive(stream, 1) == b""
    _hello(bench.phone.port).close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    messages=st.lists(
        st.builds(
            wire.Message,
            st.sampled_from([wire.OPEN, wire.OKAY, wire.WRTE, wire.CLSE, wire.SYNC, wire.AUTH, wire.STLS, wire.CNXN]),
            st.integers(0, 4),
            st.integers(0, 4),
            st.sampled_from(
                [b"", b"shell:true\0", b"shell,v2,raw:cat\0", b"sync:\0", b"\0\x01\0\0\0x", b"QUIT\0\0\0\0"]
            ),
        ),
        max_size=20,
    )
)
def test_messages_in_any_order_leave_the_phone_well(bench: Bench, messages: list[wire.Message]) -> None:
    with _hello(bench.phone.port) as stream:
        try:
            for message in messages:
                stream.sendall(wire.encode(message))
        except ConnectionError:
            pass
    with _hello(bench.phone.port) as stream:
        stream.sendall(wire.encode(wire.Message(wire.OPEN, 7, 0, b"exec:echo well\0")))
        opened, data = _messages(stream, 2)
        assert (opened.command, data.data) == (wire.OKAY, b"well\n")
    assert bench.run("shell", "exit 6").returncode == 6


def test_a_stream_written_to_without_leave_is_closed_and_no_other(bench: Bench) -> None:
    with _hello(bench.phone.port) as stream:
        for remote in (7, 8):
            stream.sendall(wire.encode(wire.Message(wire.OPEN, remote, 0, b"exec:sleep 60\0")))
        local = {message.arg1: message.arg0 for message in _messages(stream, 2)}
        stream.sendall(wire.encode(wire.Message(wire.WRTE, 7, local[7], bytes(1 << 20))) * 20)
        messages: list[wire.Message] = []
        while not messages or messages[-1].command != wire.CLSE:
            messages += _messages(stream, 1)
        assert {message.arg1 for message in messages} == {7}
        stream.sendall(wire.encode(wire.Message(wire.WRTE, 8, local[8], b"x")))
        assert _messages(stream, 1) == [wire.Message(wire.OKAY, local[8], 8)]


def test_what_a_server_sends_at_once_when_its_client_closes_harms_nobody(bench: Bench) -> None:
    for _ in range(10):
        with bench.open("shell,v2,raw:sleep 60") as stream:
            stream.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                stream.sendall((struct.pack("<BI", 0, 65536) + bytes(65536)) * 200)
        assert bench.run("shell", "exit 3").returncode == 3


def test_an_old_client_gets_checksums(bench: Bench) -> None:
    with socket.create_connection(("127.0.0.1", bench.phone.port), timeout=20) as stream:
        stream.sendall(wire.encode(wire.Message(wire.CNXN, wire.OLDEST_VERSION, 4096, b"host::"), checksum=True))
        assert receive(stream, 24)[:4] == b"CNXN"
        stream.settimeout(20)
        stream.recv(4096)
        stream.sendall(wire.encode(wire.Message(wire.OPEN, 7, 0, b"exec:echo hi\0"), checksum=True))
        assert receive(stream, 24)[:4] == b"OKAY"
        header = struct.unpack("<6I", receive(stream, 24))
        data = receive(stream, header[3])
        assert (data, header[4]) == (b"hi\n", sum(b"hi\n"))
