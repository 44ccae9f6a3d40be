"""WAV files into 16-bit samples, as every device is given them, and back."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import InputsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    Array = np.ndarray[Any, Any]

LIMIT_BYTES = 64 << 20
"""Of the 16-bit samples."""
LIMIT_CHANNELS = 64
RATES = range(100, 768_001)
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
OPEN_END = 0xFFFFFFFF
"""Size of a chunk whose writer could not go back to fill it in."""
REMEDY = "save it as PCM WAV (8, 16, 24, 32 bit) or 32-bit float"


@dataclass(frozen=True)
class Clip:
    """Sound, decoded."""

    samples: Array
    """i16 [n, channels]; n may be 0."""
    rate: int
    """Hz."""


@dataclass(frozen=True)
class _Format:
    float: bool
    channels: int
    rate: int
    bits: int


def decode(data: bytes, name: str) -> Clip:
    """The clip of a WAV file's bytes.

    8 bits (unsigned) become the upper byte; of 24 and 32 bits the upper 16 are kept; of float x, floor(32768 x + 0.5), clamped.

    Raises:
        InputsError: naming the file and the chunk: not WAV, cut off, compressed, or over a limit.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise InputsError("is not a WAV file (no RIFF ... WAVE at its beginning)", where=name, remedy=REMEDY)
    layout: _Format | None = None
    for kind, begin, end in _chunks(data, name):
        if kind == b"fmt ":
            layout = _layout(data[begin:end], name)
        elif kind == b"data":
            if layout is None:
                raise InputsError("has samples before its fmt chunk", where=name, remedy=REMEDY)
            if (end - begin) * 16 // layout.bits > LIMIT_BYTES:
                raise InputsError(
                    f"holds more than {LIMIT_BYTES >> 20} MiB of samples",
                    where=name,
                    remedy="cut it into shorter clips",
                )
            return Clip(_samples(memoryview(data)[begin:end], layout, name), layout.rate)
    raise InputsError("has no data chunk", where=name, remedy=REMEDY)


def encode(clip: Clip) -> bytes:
    """As a 16-bit PCM WAV file: 44 bytes of header, then the samples."""
    body = np.ascontiguousarray(clip.samples, "<i2").tobytes()
    channels = clip.samples.shape[1]
    layout = struct.pack("<HHIIHH", PCM, channels, clip.rate, clip.rate * channels * 2, channels * 2, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(body))
    return b"RIFF" + struct.pack("<I", len(head) + len(body)) + head + body


def _chunks(data: bytes, name: str) -> Iterator[tuple[bytes, int, int]]:
    at = 12
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        begin = at + 8
        if kind == b"data" and size == OPEN_END:
            size = len(data) - begin
        if begin + size > len(data):
            raise InputsError(
                f"its {kind.decode('ascii', 'replace').strip()} chunk says {size} bytes, {len(data) - begin} are there",
                where=name,
                remedy="the file is cut off: copy it again",
            )
        yield kind, begin, begin + size
        at = begin + size + size % 2


def _layout(chunk: bytes, name: str) -> _Format:
    if len(chunk) < 16:
        raise InputsError(f"its fmt chunk has {len(chunk)} bytes, not 16", where=name, remedy=REMEDY)
    tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack_from("<H", chunk, 24)[0]
    if (tag, bits) not in {(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32)}:
        raise InputsError(f"holds samples of format {tag} with {bits} bits", where=name, remedy=REMEDY)
    if not 1 <= channels <= LIMIT_CHANNELS or rate not in RATES or block != channels * bits // 8:
        raise InputsError(
            f"says {channels} channels at {rate} Hz in blocks of {block} bytes",
            where=name,
            remedy=f"{RATES[0]} to {RATES[-1]} Hz and up to {LIMIT_CHANNELS} channels can be read",
        )
    return _Format(tag == FLOAT, channels, rate, bits)


def _samples(body: memoryview, layout: _Format, name: str) -> Array:
    size = layout.bits // 8
    body = body[: len(body) - len(body) % (size * layout.channels)]
    if layout.float:
        real = np.frombuffer(body, "<f4").astype(np.float64)
        if np.isnan(real).any():
            raise InputsError(f"sample {int(np.isnan(real).argmax())} is not a number", where=name, remedy=REMEDY)
        flat = np.clip(np.floor(real * 32768 + 0.5), -32768, 32767).astype(np.int16)
    elif size == 1:
        flat = ((np.frombuffer(body, np.uint8).astype(np.int16) - 128) << 8).astype(np.int16)
    else:  # the upper two bytes of each
        flat = np.ascontiguousarray(np.frombuffer(body, np.uint8).reshape(-1, size)[:, -2:]).view("<i2").ravel()
    return flat.astype(np.int16, copy=False).reshape(-1, layout.channels)
