"""Protocol buffers as bytes, as far as a trace's config and its packets need them: varints, texts, messages in messages.

The encoding: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
LONGEST = 10
"""Bytes of a varint of 64 bits."""
_SIZES = {FIXED64: 8, FIXED32: 4}


def varint(value: int) -> bytes:
    """A number from 0 to 2^64 - 1."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def put(number: int, value: int | bool | str | bytes) -> bytes:
    """One field; a message is put as the bytes it was made of."""
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | LENGTH) + varint(len(content)) + content


def fields(data: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each field of a message: its number, and a varint or fixed number as it stands, or its bytes.

    Raises:
        ValueError: the message ends in the middle of a field, or is none.
    """
    view, at = memoryview(data), 0
    while at < len(view):
        key, at = _varint(view, at)
        number, kind = key >> 3, key & 7
        if not number:
            raise ValueError(f"no field has the number 0 (byte {at})")
        if kind == VARINT:
            value, at = _varint(view, at)
            yield number, value
            continue
        if kind == LENGTH:
            size, at = _varint(view, at)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError(f"a field of the unknown kind {kind} (byte {at})")
        if size > len(view) - at:
            raise ValueError(f"cut off in a field of {size} bytes (byte {at})")
        part = view[at : at + size]
        at += size
        yield number, part if kind == LENGTH else int.from_bytes(part, "little")


def signed(value: int) -> int:
    """An int32 or int64, as which a varint was meant."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(view[at : at + LONGEST]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & (1 << 64) - 1, at + index + 1
    raise ValueError(f"a number has no end (byte {at})")
