"""Compressed transfers of adb's file service, as a stream of pieces: an input of any size never becomes one big output.

What a phone can do depends on the libraries there are; `FEATURES` says it in adb's words. Brotli, adb's third, has none here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

try:
    import lz4.frame as lz4  # type: ignore[import-untyped]
except ImportError:
    lz4 = None
try:
    import zstandard
except ImportError:
    zstandard = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NONE: Final = 0
LZ4: Final = 2
ZSTD: Final = 4
KNOWN = frozenset({NONE, *([LZ4] if lz4 else []), *([ZSTD] if zstandard else [])})
FEATURES = ("sendrecv_v2", *(["sendrecv_v2_lz4"] if lz4 else []), *(["sendrecv_v2_zstd"] if zstandard else []))
_PIECE = 256 * 1024
_WINDOW = 8 << 20
_SLICE = 1024
"""zstd has no limit on what it returns at once: four bytes may become 128 KiB, so it gets few at once."""
_LEVEL = 1  # adbd's choice, too: a cable is the bottleneck, not the disk


class CompressionError(Exception):
    """The stream is not what its flag said, or ends too early or too late."""


def decompress(flag: int, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The content of one compressed stream, in pieces of 32 MiB at most (uncompressed ones as they come).

    Raises:
        CompressionError: see there; while iterating.
    """
    if flag == NONE:
        return pieces
    return _whole(_decompress_lz4(pieces) if flag == LZ4 else _decompress_zstd(pieces), pieces)


def compress(flag: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """One compressed stream of `pieces`, as it comes: neither its parts nor its end has a certain size."""
    if flag == NONE:
        yield from pieces
        return
    if flag == LZ4:
        compressor = lz4.LZ4FrameCompressor()
        yield compressor.begin()
    else:
        compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def _whole(content: Iterator[bytes], pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield from content
    if next(pieces, None) is not None:
        raise CompressionError("more than one stream")


def _decompress_lz4(pieces: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = lz4.LZ4FrameDecompressor()
    try:
        while not decompressor.eof:
            data = _next(pieces) if decompressor.needs_input else b""
            content = decompressor.decompress(data, max_length=_PIECE)
            if content:
                yield content
    except (RuntimeError, EOFError) as error:
        raise CompressionError(str(error)) from error
    if decompressor.unused_data:
        raise CompressionError("bytes behind the end")


def _decompress_zstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
    try:
        while not decompressor.eof:
            piece = _next(pieces)
            for start in range(0, len(piece), _SLICE):
                if decompressor.eof:
                    raise CompressionError("bytes behind the end")
                content = decompressor.decompress(piece[start : start + _SLICE])
                if content:
                    yield content
    except zstandard.ZstdError as error:
        raise CompressionError(str(error)) from error
    if decompressor.unused_data:
        raise CompressionError("bytes behind the end")


def _next(pieces: Iterator[bytes]) -> bytes:
    for piece in pieces:
        if piece:
            return piece
    raise CompressionError("ends in the middle")
