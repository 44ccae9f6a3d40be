"""What adbd does besides shells and files, with adb 36 and with Debian's adb 29."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm import virtual
from farm.virtual import packets, sockets, wire

from .bench import Adb, Bench, receive, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACE = "/data/local/tmp"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server on the host, where reverse forwards lead."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.settimeout(20)
        yield made


def _listens(bench: Bench, port: int) -> bool:
    return re.search(rf":{port:04X} \S+ 0A", bench.shell("cat /proc/net/tcp")) is not None


def test_shells_files_and_exit_codes(either: Bench, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "here").write_bytes(data)
    assert either.run("push", str(tmp_path / "here"), f"{PLACE}/there").returncode == 0
    assert either.shell(f"sha256sum < {PLACE}/there").split()[0] == hashlib.sha256(data).hexdigest()
    assert either.run("pull", f"{PLACE}/there", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back").read_bytes() == data
    done = either.run("shell", "cat; echo err >&2; exit 7", stdin=b"in")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in", b"err\n")
    assert either.run("exec-out", f"cat {PLACE}/there").stdout == data
    assert b"there" in either.run("ls", PLACE).stdout
    done = either.run("pull", "/nothing", str(tmp_path))
    assert done.returncode != 0
    assert b"No such file or directory" in done.stderr + done.stdout


def test_exec_in_keeps_the_last_byte(either: Bench) -> None:
    data = os.urandom(4_000_001)
    for reader in ("cat", "sleep 0.5; cat"):  # slower than its client, who closes at once
        assert either.run("exec-in", f"{reader} > {PLACE}/in; echo > {PLACE}/done", stdin=data).returncode == 0
        wait_until(lambda: either.run("shell", f"rm {PLACE}/done 2>/dev/null").returncode == 0)
        assert either.shell(f"sha256sum < {PLACE}/in").split()[0] == hashlib.sha256(data).hexdigest()


def test_a_writer_whose_client_has_gone_learns_it(either: Bench) -> None:
    with either.open("exec:yes 91827364") as stream:
        assert receive(stream, 9) == b"91827364\n"
    wait_until(lambda: either.run("shell", "pgrep -f '[y]es 91827364'").returncode == 1)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("root", b"adbd cannot run as root in production builds\n"),
        ("unroot", b"adbd not running as root\n"),
        ("remount", b'Not running as root. Try "adb root" first.\n'),
        ("disable-verity", b"verity cannot be disabled/enabled - USER build\n"),
    ],
)
def test_what_a_user_build_does_not_do(either: Bench, command: str, answer: bytes) -> None:
    assert either.run(command).stdout == answer
    assert either.shell("id -u") == "2000\n"


def test_forward(either: Bench) -> None:
    server = either.start("shell", "toybox nc -s 127.0.0.1 -p 7777 -l cat")
    wait_until(lambda: _listens(either, 7777))
    port = int(either.run("forward", "tcp:0", "tcp:7777").stdout)
    data = os.urandom(300_000)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        for start in range(0, len(data), 10_000):
            client.sendall(data[start : start + 10_000])
            assert receive(client, 10_000) == data[start : start + 10_000]
    assert str(port) in either.run("forward", "--list").stdout.decode()
    server.communicate(timeout=20)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        assert client.recv(1) == b"", "nobody listens any more"
    assert either.run("forward", "--remove-all").returncode == 0


def test_forward_leads_into_the_phones_own_network(either: Bench, listener: socket.socket) -> None:
    with pytest.raises(ConnectionRefusedError):
        either.open(f"tcp:{listener.getsockname()[1]}")
    with pytest.raises(ConnectionRefusedError):
        either.open("tcp:192.0.2.1:80")
    with pytest.raises(ConnectionRefusedError):
        either.open("localabstract:nobody")
    assert either.shell("echo on") == "on\n"


def test_reverse(either: Bench, listener: socket.socket) -> None:
    home = f"tcp:{listener.getsockname()[1]}"
    assert either.run("reverse", "tcp:6100", home).returncode == 0
    port = int(either.run("reverse", "tcp:0", home).stdout)
    assert either.run("reverse", "localabstract:door", home).returncode == 0
    listed = either.run("reverse", "--list").stdout.decode().split("\n")
    assert [line.split(" ")[1:] for line in listed if line] == [
        ["tcp:6100", home], [f"tcp:{port}", home], ["localabstract:door", home],
    ]  # fmt: skip
    data = os.urandom(200_000).hex().encode()
    for target in (6100, port):
        client = either.start("shell", f"sleep 1 | toybox nc 127.0.0.1 {target}")
        accepted, _ = listener.accept()
        with accepted:
            accepted.sendall(data)
        out, _ = client.communicate(timeout=30)
        assert out == data
    done = either.run("reverse", "--no-rebind", "tcp:6100", "tcp:1")
    assert b"cannot rebind existing socket" in done.stderr
    assert either.run("reverse", "--remove", "tcp:6100").returncode == 0
    assert b"listener 'tcp:6100' not found" in either.run("reverse", "--remove", "tcp:6100").stderr
    assert either.run("reverse", "--remove-all").returncode == 0
    assert either.run("reverse", "--list").stdout.strip() == b""
    assert not _listens(either, 6100)


def test_reverse_where_nobody_answers_at_home(either: Bench, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    either.run("reverse", "tcp:6200", f"tcp:{port}")
    assert either.run("shell", "toybox nc 127.0.0.1 6200 < /dev/null", timeout=20).stdout == b""
    either.run("reverse", "--remove-all")


def test_a_terminal_with_a_size(either: Bench) -> None:
    script = "read x; toybox stty size 2>/dev/null || toybox ps -o TTY,PID >/dev/null; print $COLUMNS $LINES; exit 3"
    with either.open(f"shell,v2,TERM=xterm,pty:{script}") as stream:
        stream.sendall(packets.encode(packets.WINDOW_SIZE, b"31x117,640x480\0"))
        stream.sendall(packets.encode(packets.STDIN, b"\n"))
        decoder, out, code = packets.Decoder(), b"", -1
        while code < 0:
            for packet in decoder.feed(stream.recv(4096)):
                if packet.kind == packets.EXIT:
                    code = packet.data[0]
                else:
                    out += packet.data
    assert (b"117 31" in out, code) == (True, 3), out


def test_reboot_takes_the_phone_away_and_brings_it_back(either: Bench) -> None:
    either.shell(f"echo kept > {PLACE}/kept; sleep 97531 > /dev/null 2>&1 < /dev/null &")
    client = either.start("shell", "sleep 600")
    assert either.run("reboot").returncode == 0
    client.communicate(timeout=30)  # adb 29 takes the lost connection for success
    wait_until(lambda: either.adb.state(either.phone) == "device", 40)
    assert either.shell(f"cat {PLACE}/kept") == "kept\n"
    assert either.run("shell", "pgrep -f '[s]leep 97531'").returncode == 1, "nothing survives"
    assert b"'adb root' is required" in either.run("reboot", "sideload").stdout
    assert either.run("tcpip", "5555").stdout == b"restarting in TCP mode port: 5555\n"
    wait_until(lambda: either.adb.state(either.phone) == "device", 40)


@pytest.mark.parametrize("version", ["adb", "old_adb"])
def test_a_phone_of_before_android_7(request: pytest.FixtureRequest, lab: Path, version: str, tmp_path: Path) -> None:
    adb: Adb = request.getfixturevalue(version)
    (phone,) = virtual.up(lab, owner_pid=os.getpid(), features=())
    adb.connect(phone)
    bench = Bench(adb, phone)
    assert bench.run("features").stdout.split() == []
    done = bench.run("shell", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout.replace(b"\r", b"")) == (0, b"out\nerr\n"), "no exit code, no split"
    with pytest.raises(ConnectionRefusedError):
        bench.open("shell,v2,raw:true")
    (tmp_path / "here").write_bytes(b"x" * 100_000)
    assert bench.run("push", str(tmp_path / "here"), f"{PLACE}/there").returncode == 0
    assert bench.run("pull", f"{PLACE}/there", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back").read_bytes() == b"x" * 100_000


@given(st.binary(max_size=200))
def test_any_address_is_read_or_refused(text: bytes) -> None:
    for prefix in (b"", b"tcp:", b"localabstract:", b"localfilesystem:", b"local:"):
        place = sockets.address(prefix + text)
        assert place is None or bool(place.path) != (0 <= place.port <= 0xFFFF and prefix in {b"", b"tcp:"})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"tcp:80", sockets.Address(80)),
        (b"tcp:localhost:80", sockets.Address(80)),
        (b"tcp:example.com:80", None),
        (b"tcp:-1", None),
        (b"localabstract:a", sockets.Address(path=b"\0a")),
        (b"localfilesystem:/data/local/tmp/s", sockets.Address(path=b"/data/local/tmp/s")),
        (b"localreserved:s", sockets.Address(path=b"/dev/socket/s")),
        (b"vsock:1:2", None),
    ],
)
def test_addresses(text: bytes, place: sockets.Address | None) -> None:
    assert sockets.address(text) == place


@pytest.mark.parametrize(
    "request_", ["forward:nonsense", "forward:tcp:1;*jdwp", "forward:vsock:1;tcp:1", "x" * 300, ""]
)
def test_reverse_requests_that_make_no_sense_are_refused(bench: Bench, request_: str) -> None:
    # Without adb's server between, which ends itself over some of these.
    with socket.create_connection(("127.0.0.1", bench.phone.port), timeout=20) as stream:
        decoder = wire.Decoder()
        seen: list[wire.Message] = []
        stream.sendall(wire.encode(wire.Message(wire.CNXN, wire.VERSION, wire.MAX_PAYLOAD, b"host::")))
        stream.sendall(wire.encode(wire.Message(wire.OPEN, 7, 0, b"reverse:" + request_.encode() + b"\0")))
        while not any(message.command == wire.WRTE for message in seen):
            seen += decoder.feed(stream.recv(65536))
    assert seen[-1].data[:4] == b"FAIL"
    assert int(seen[-1].data[4:8], 16) == len(seen[-1].data) - 8
