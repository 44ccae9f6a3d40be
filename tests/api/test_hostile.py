"""Clients that mean harm, or are broken, over raw sockets: the right status, nothing left behind, and the daemon lives."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest

from farm.api.advert import read_token
from tests.api.conftest import http
from tests.daemon.lab import daemon, settings, submission, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.daemon import Daemon
    from tests.api.conftest import Start

BODY = b"x" * 1000
SHA = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One for all that it must outlive."""
    made = daemon(settings(tmp_path_factory.mktemp("lab") / "data"))
    made.start(port=0)
    yield made
    made.stop()


@contextlib.contextmanager
def dial(at: Daemon, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    parts = urlsplit(at.url)
    with socket.socket() as s:
        if receive_buffer is not None:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(30)
        s.connect((parts.hostname, parts.port))
        yield s


def head(at: Daemon, line: str, *headers: str, token: str | None = None) -> bytes:
    bearer = f"authorization: Bearer {token or read_token(at.data)}"
    return "\r\n".join([f"{line} HTTP/1.1", f"host: {urlsplit(at.url).netloc}", bearer, *headers, "", ""]).encode()


def answer(s: socket.socket) -> tuple[int, dict[str, str]]:
    """Status and document of the one answer that comes before the end."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while part := s.recv(65536):
            got += part
            top, _, body = got.partition(b"\r\n\r\n")
            if body.endswith(b"}"):
                break
    return int(top.split()[1]), json.loads(body)


def left(at: Daemon) -> list[str]:
    return [f.name for f in at.artifacts.folder.glob("new-*")]


def lives(at: Daemon) -> None:
    with http(at) as client:
        assert client.get("/api/health").status_code == 200
        assert client.put(f"/api/artifacts/{SHA}", content=BODY).status_code == 204
    at.artifacts.path(SHA).unlink()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n", 400),  # TLS spoken to plain HTTP
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx", 400),
        (b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n", 400),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\nlarge: " + b"a" * 100_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"many: 1\r\n" * 10_000 + b"\r\n", 431),
    ],
)
def test_what_is_no_request_is_told_so(at: Daemon, raw: bytes, status: int) -> None:
    with dial(at) as s:
        with contextlib.suppress(ConnectionError):
            s.sendall(raw)
        got, document = answer(s)
    assert got == status
    assert document["kind"] == "job"
    assert document["remedy"]
    lives(at)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (("content-length: 2000000",), b""),
        (("content-length: 2000000",), b"x" * 2_000_000),
        (("content-length: 9999999999999999999",), b""),
        (("transfer-encoding: chunked",), b"1e8480\r\n" + b"x" * 2_000_000 + b"\r\n0\r\n\r\n"),
    ],
)
def test_a_body_that_is_too_large_gets_413_and_leaves_nothing(
    at: Daemon, headers: tuple[str, ...], body: bytes
) -> None:
    sha256 = hashlib.sha256(b"x" * 2_000_000).hexdigest()
    with dial(at) as s:
        s.sendall(head(at, f"PUT /api/artifacts/{sha256}", *headers))
        with contextlib.suppress(ConnectionError):  # it may hang up before all is sent
            s.sendall(body)
        status, document = answer(s)
    assert (status, document["code"]) == (413, "too-large")
    assert "api.artifact_limit_mb" in document["remedy"]
    until(lambda: not left(at))
    assert not at.artifacts.has(sha256)
    lives(at)


def test_a_refused_upload_that_goes_on_for_ever_is_cut(at: Daemon) -> None:
    sent = 0
    with dial(at) as s:
        s.sendall(head(at, f"PUT /api/artifacts/{SHA}", "content-length: 1099511627776"))
        with contextlib.suppress(ConnectionError):
            while sent < 1 << 40:
                sent += s.send(b"x" * 65536)
    assert sent < 1 << 36
    lives(at)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (("content-length: 1000",), b"x" * 500),
        (("transfer-encoding: chunked",), b"1f4\r\n" + b"x" * 500 + b"\r\n"),
        (("transfer-encoding: chunked",), b"1f4\r\n" + b"x" * 100),
        (("content-length: 1000",), b""),
    ],
)
def test_an_upload_that_breaks_off_leaves_nothing(at: Daemon, headers: tuple[str, ...], body: bytes) -> None:
    with dial(at) as s:
        s.sendall(head(at, f"PUT /api/artifacts/{SHA}", *headers) + body)
        until(lambda: left(at))
    until(lambda: not left(at))
    assert not at.artifacts.has(SHA)
    lives(at)


@pytest.mark.parametrize("chunk", [b"zz\r\nxx\r\n", b"-5\r\nxx\r\n", b"5\r\nxxxxxyy\r\n", b"f" * 40 + b"\r\n"])
def test_a_malformed_body_is_the_callers_error_and_leaves_nothing(at: Daemon, chunk: bytes) -> None:
    with dial(at) as s:
        s.sendall(
            head(at, f"PUT /api/artifacts/{SHA}", "transfer-encoding: chunked") + b"64\r\n" + b"x" * 100 + b"\r\n"
        )
        until(lambda: left(at))
        s.sendall(chunk)
        status, document = answer(s)
    assert (status, document["kind"]) == (400, "job")
    until(lambda: not left(at))
    assert not at.artifacts.has(SHA)
    lives(at)


def test_bytes_of_another_file_are_refused(at: Daemon) -> None:
    with http(at) as client:
        answered = client.put(f"/api/artifacts/{'0' * 64}", content=BODY)
    assert (answered.status_code, answered.json()["code"]) == (400, "inputs")
    assert not left(at)


def test_headers_that_never_end_are_timed_out(start: Start) -> None:
    at = start(read_timeout_s=0.3)
    with dial(at) as silent, dial(at) as half:
        half.sendall(b"GET /api/health HTTP/1.1\r\nhost: ")
        for s in (silent, half):
            status, document = answer(s)
            assert (status, document["code"]) == (408, "slow")
    lives(at)


def test_headers_that_trickle_are_timed_out_too(start: Start) -> None:
    at = start(read_timeout_s=0.3)
    with dial(at) as s, contextlib.suppress(ConnectionError):
        s.sendall(b"GET /api/health HTTP/1.1\r\n")
        while True:
            s.sendall(b"a: b\r\n")
            time.sleep(0.05)  # the pace of the attack, not a wait
    lives(at)


def test_the_second_request_of_a_connection_is_timed_too(start: Start) -> None:
    at = start(read_timeout_s=0.3)
    with dial(at) as s:
        s.sendall(head(at, "GET /api/health"))
        assert answer(s)[0] == 200
        s.sendall(b"GET /api/health HTTP/1.1\r\n")
        assert answer(s)[0] == 408


@pytest.mark.parametrize("path", ["PUT /api/artifacts/" + SHA, "POST /api/jobs"])
@pytest.mark.parametrize("trickle", [False, True])
def test_a_body_that_does_not_come_gets_408_and_leaves_nothing(start: Start, path: str, trickle: bool) -> None:
    at = start(read_timeout_s=0.3)
    over = threading.Event()
    with dial(at) as s:
        s.sendall(head(at, path, "content-length: 1000", "content-type: application/json"))

        def drip() -> None:
            with contextlib.suppress(OSError):
                while not over.wait(0.02):
                    s.sendall(b"x")

        thread = threading.Thread(target=drip)
        if trickle:
            thread.start()
        status, document = answer(s)
        over.set()
        if trickle:
            thread.join()
    assert (status, document["code"]) == (408, "slow")
    until(lambda: not left(at))
    lives(at)


def test_a_slow_but_steady_upload_is_taken(start: Start) -> None:
    at = start(read_timeout_s=0.5)
    body = os.urandom(60_000)
    sha256 = hashlib.sha256(body).hexdigest()
    with dial(at) as s:
        s.sendall(head(at, f"PUT /api/artifacts/{sha256}", "content-length: 60000"))
        for at_byte in range(0, 60_000, 3000):
            s.sendall(body[at_byte : at_byte + 3000])
            time.sleep(0.05)  # over twice the timeout in all
        assert s.recv(100).startswith(b"HTTP/1.1 204")
    assert at.artifacts.read(sha256) == body


def test_slow_uploads_do_not_stand_in_the_way_of_others_nor_of_the_end(start: Start) -> None:
    at = start()
    with contextlib.ExitStack() as held:
        for _ in range(60):
            s = held.enter_context(dial(at))
            s.sendall(head(at, f"PUT /api/artifacts/{SHA}", "content-length: 1000") + b"x")
        until(lambda: len(left(at)) == 60)
        lives(at)
        ended = threading.Thread(target=at.stop)
        ended.start()
        ended.join(30)
        assert not ended.is_alive()
        until(lambda: not left(at))


def test_one_connection_too_many_is_told_to_come_again(start: Start) -> None:
    at = start(connections=8)
    with contextlib.ExitStack() as held:
        for _ in range(8):
            s = held.enter_context(dial(at))
            s.sendall(b"GET /api/health HTTP/1.1\r\n")
        until(lambda: sum(c.status == "ESTABLISHED" for c in psutil.Process().net_connections("tcp4")) >= 16)
        with dial(at) as s:
            with contextlib.suppress(ConnectionError):
                s.sendall(head(at, "GET /api/health"))
            status, document = answer(s)
        assert (status, document["kind"], document["code"]) == (503, "infrastructure", "crowded")
        for _ in range(50):
            held.enter_context(dial(at))
    lives(at)


def test_who_asks_for_much_and_reads_nothing_is_cut_and_does_not_grow_the_daemon(start: Start) -> None:
    at = start(read_timeout_s=0.5, artifact_limit_mb=64)
    large = os.urandom(48 << 20)
    sha256 = at.artifacts.put(large)
    del large
    process = psutil.Process()
    before = process.memory_info().rss
    with contextlib.ExitStack() as held:
        greedy = [held.enter_context(dial(at, receive_buffer=4096)) for _ in range(10)]
        for s in greedy:
            s.sendall(head(at, f"GET /api/artifacts/{sha256}"))
        for s in greedy:
            until(partial(_is_reset, s))
        assert process.memory_info().rss - before < 100 << 20, "ten answers of 48 MiB"
    lives(at)


def _is_reset(s: socket.socket) -> bool:
    return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0 or _tcp_state(s) != 1


def _tcp_state(s: socket.socket) -> int:
    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def test_a_stream_nobody_reads_does_not_hold_the_daemons_end(start: Start, tmp_path: object) -> None:
    at = start()
    with dial(at, receive_buffer=4096) as one, dial(at, receive_buffer=4096) as two:
        job = at.jobs.submit(submission("until /nowhere/at/all", "serial=one"), None).job
        one.sendall(head(at, "GET /api/events"))
        two.sendall(head(at, f"GET /api/jobs/{job}/events"))
        for s in (one, two):
            until(partial(s.recv, 1, socket.MSG_PEEK))
        ended = threading.Thread(target=at.stop)
        ended.start()
        ended.join(30)
        assert not ended.is_alive()


def test_random_bytes_do_not_end_it(at: Daemon) -> None:
    for _ in range(200):
        with dial(at) as s, contextlib.suppress(ConnectionError):
            s.sendall(os.urandom(200) + b"\r\n\r\n")
    lives(at)
