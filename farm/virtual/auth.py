"""Who may use a phone: adb's challenge and the client's RSA signature of it.

A key comes as adb's `adb_auth_host` writes it: base64 of the number of 32-bit words, n0inv, the modulus, R squared (all little
endian) and the exponent; then a space and a name. The 20-byte challenge is signed as if it were a SHA-1 digest (PKCS #1 v1.5).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN, SIGNATURE, PUBLIC_KEY = 1, 2, 3
TOKEN_BYTES = 20
MAX_KEYS = 64
_MODULUS_BYTES = 256
_SHA1_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")

Policy = Literal["open", "accept", "refuse"]
"""Asks nobody; asks and lets every key in; asks and lets nobody in."""
POLICIES: tuple[Policy, ...] = ("open", "accept", "refuse")


@dataclass(frozen=True)
class PublicKey:
    """An RSA key of 2048 bits."""

    modulus: int
    exponent: int


def read_key(data: bytes) -> PublicKey | None:
    """The key in the message in which a client offers it; None if there is none."""
    text = data.split(b"\0", 1)[0].split(b" ", 1)[0]
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    if len(raw) != 8 + 2 * _MODULUS_BYTES + 4:
        return None
    (words,) = struct.unpack_from("<I", raw)
    (exponent,) = struct.unpack_from("<I", raw, 8 + 2 * _MODULUS_BYTES)
    modulus = int.from_bytes(raw[8 : 8 + _MODULUS_BYTES], "little")
    if words * 4 != _MODULUS_BYTES or modulus.bit_length() != _MODULUS_BYTES * 8 or exponent not in {3, 65537}:
        return None
    return PublicKey(modulus, exponent)


def verify(key: PublicKey, token: bytes, signature: bytes) -> bool:
    """Whether the owner of `key` signed `token`."""
    number = int.from_bytes(signature, "big")
    if len(signature) != _MODULUS_BYTES or number >= key.modulus:
        return False
    tail = _SHA1_PREFIX + token
    expected = b"\0\1" + b"\xff" * (_MODULUS_BYTES - 3 - len(tail)) + b"\0" + tail
    return hmac.compare_digest(pow(number, key.exponent, key.modulus).to_bytes(_MODULUS_BYTES, "big"), expected)


def token() -> bytes:
    """A new challenge."""
    return os.urandom(TOKEN_BYTES)


@dataclass
class Guard:
    """The keys one phone knows, and whoever waits for its user to say yes."""

    policy: Policy = "open"
    _keys: set[PublicKey] = field(default_factory=set)
    _waiting: dict[Callable[[], None], PublicKey | None] = field(default_factory=dict)

    def knows(self, challenge: bytes, signature: bytes) -> bool:
        """Whether a key it knows signed the challenge."""
        return any(verify(key, challenge, signature) for key in self._keys)

    def ask(self, key: PublicKey | None, admit: Callable[[], None]) -> None:
        """Show the user a key nobody knows: `admit` is called when they say yes, if ever."""
        self._waiting[admit] = key
        if self.policy != "refuse":
            self._accept()

    def forget(self, admit: Callable[[], None]) -> None:
        """Whoever asked has gone."""
        self._waiting.pop(admit, None)

    def refuse(self) -> None:
        """Forget every key and accept none."""
        self.policy = "refuse"
        self._keys.clear()

    def relent(self, policy: Policy) -> None:
        """Go on with `policy`; with one that accepts, whoever waits is let in."""
        self.policy = policy
        if policy != "refuse":
            self._accept()

    def _accept(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for admit, key in waiting.items():
            if key is not None and len(self._keys) < MAX_KEYS:
                self._keys.add(key)
            admit()
