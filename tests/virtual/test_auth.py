"""Who may use a phone: the challenge, the signature, the user who says yes, no or later."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm import virtual
from farm.virtual import auth, wire

from .bench import Adb, Bench, wait_until

if TYPE_CHECKING:
    from pathlib import Path

# Two primes for a key that guards nothing.
P = int(
    "fa529ba3fe3bfada7cf20724d953ee261d87cec31f7296ab7961fd925d39d0a89a2ef80f58ee8571f4998d7c4093f6dea268"
    "aa872607679d6050914a9d33a01c353c631cdfd43f371200339d068739fa9d1de2a05d158a2ff2ee4e4519f9919c895fd7b3"
    "26b94c7f9118bb16000f49c81a358ca00d75985d99c94309570dc195",
    16,
)
Q = int(
    "c79dbc121f04a6ffc272f5a7aa17c57cc61c96dbd8d4250d89df5e79bf7b6c6c3c2496ebac9261f1e429c87c9ecc7b5f75ff"
    "199d6ab6114f2207c6c03bf449fd2c564d56726c2c95f8dca309b5b39023fd09e37c7f9c13216bca9b3f18af266c3555d6ae"
    "15866ffb9fe5e39943cfeadf1279688cfce205cd1aefca62e22b64a7",
    16,
)
N, E = P * Q, 65537
KEY = auth.PublicKey(N, E)
_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")


def offered(modulus: int = N, exponent: int = E) -> bytes:
    words = [64, pow(-modulus, -1, 1 << 32)]
    raw = struct.pack("<2I", *words) + modulus.to_bytes(256, "little") + (pow(2, 4096, modulus)).to_bytes(256, "little")
    return base64.b64encode(raw + struct.pack("<I", exponent)) + b" tester@bench\0"


def sign(token: bytes) -> bytes:
    padded = b"\0\1" + b"\xff" * (253 - 35) + b"\0" + _PREFIX + token
    return pow(int.from_bytes(padded, "big"), pow(E, -1, (P - 1) * (Q - 1)), N).to_bytes(256, "big")


def test_a_key_is_read_as_adb_writes_it() -> None:
    assert auth.read_key(offered()) == KEY


@given(st.binary(max_size=800), st.integers(0, 800))
def test_any_other_bytes_are_no_key(data: bytes, cut: int) -> None:
    assert auth.read_key(data) is None
    assert auth.read_key(base64.b64encode(data)) is None
    whole = offered().split(b" ")[0]
    assert auth.read_key(whole[:cut]) == (KEY if cut >= len(whole) else None)


@settings(max_examples=25)  # each makes a signature
@given(st.binary(min_size=20, max_size=20), st.integers(0, 255), st.integers(1, 255))
def test_only_the_very_signature_counts(token: bytes, position: int, change: int) -> None:
    good = sign(token)
    assert auth.verify(KEY, token, good)
    bad = bytearray(good)
    bad[position] ^= change
    assert not auth.verify(KEY, token, bytes(bad))
    assert not auth.verify(KEY, bytes(20) if token != bytes(20) else b"x" * 20, good)
    assert not auth.verify(KEY, token, good[1:])
    assert not auth.verify(KEY, token, b"")


class _Client:
    """A client of its own, with the key above."""

    def __init__(self, port: int) -> None:
        self.stream = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._decoder = wire.Decoder()
        self._seen: list[wire.Message] = []
        self.send(wire.Message(wire.CNXN, wire.VERSION, wire.MAX_PAYLOAD, b"host::"))

    def send(self, message: wire.Message) -> None:
        self.stream.sendall(wire.encode(message, checksum=True))

    def receive(self) -> wire.Message:
        while not self._seen:
            self._seen += self._decoder.feed(self.stream.recv(65536))
        return self._seen.pop(0)

    def __enter__(self) -> _Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()


def test_a_key_is_asked_for_once(lab: Path) -> None:
    (phone,) = virtual.up(lab, owner_pid=os.getpid(), auth="accept")
    for known in (False, True):
        with _Client(phone.port) as client:
            token = client.receive()
            assert (token.command, token.arg0, len(token.data)) == (wire.AUTH, auth.TOKEN, auth.TOKEN_BYTES)
            client.send(wire.Message(wire.OPEN, 1, 0, b"exec:id\0"))  # too early: not even answered
            client.send(wire.Message(wire.AUTH, auth.SIGNATURE, 0, sign(token.data)))
            answer = client.receive()
            assert answer.command == (wire.CNXN if known else wire.AUTH)
            if not known:
                assert answer.data != token.data, "each challenge is new"
                client.send(wire.Message(wire.AUTH, auth.SIGNATURE, 0, sign(token.data)))
                assert client.receive().command == wire.AUTH, "the signature of an old challenge is worth nothing"
                client.send(wire.Message(wire.AUTH, auth.PUBLIC_KEY, 0, offered()))
                assert client.receive().command == wire.CNXN
            client.send(wire.Message(wire.OPEN, 1, 0, b"exec:echo in\0"))
            assert [client.receive().command for _ in range(2)] == [wire.OKAY, wire.WRTE]


def test_refused_it_stays_whatever_is_shown(adb: Adb, lab: Path) -> None:
    (phone,) = virtual.up(lab, owner_pid=os.getpid(), auth="refuse")
    connected = adb.run("connect", phone.serial).stdout.decode()
    assert "failed to authenticate" in connected
    assert adb.state(phone) == "unauthorized"
    with _Client(phone.port) as client:
        token = client.receive()
        client.send(wire.Message(wire.AUTH, auth.PUBLIC_KEY, 0, offered()))
        client.stream.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.receive()
        client.send(wire.Message(wire.AUTH, auth.SIGNATURE, 0, sign(token.data)))
        client.stream.settimeout(20)
        assert client.receive().command == wire.AUTH
    assert adb.state(phone) == "unauthorized"


def test_each_adb_gets_in_with_its_key(adb: Adb, lab: Path, request: pytest.FixtureRequest) -> None:
    clients = [adb]
    with contextlib.suppress(pytest.skip.Exception):
        clients.append(request.getfixturevalue("old_adb"))
    (phone,) = virtual.up(lab, owner_pid=os.getpid(), auth="accept")
    for client in clients:
        wait_until(lambda c=client: (c.run("connect", phone.serial), c.state(phone) == "device")[1])  # type: ignore[misc]
        assert Bench(client, phone).shell("echo in") == "in\n"
        virtual.fault(phone, "reset")
        wait_until(lambda c=client: c.state(phone) == "device")  # type: ignore[misc]
