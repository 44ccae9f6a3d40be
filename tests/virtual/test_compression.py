from __future__ import annotations

import hashlib
import os
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.virtual import compression
from farm.virtual.compression import LZ4, NONE, ZSTD, CompressionError

from .bench import Bench, receive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACE = "/data/local/tmp"
PIECES = st.lists(st.binary(max_size=2000) | st.integers(0, 300_000).map(bytes), max_size=6)


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def test_both_libraries_are_there() -> None:
    assert sorted(compression.KNOWN) == [NONE, LZ4, ZSTD]


@given(PIECES, st.sampled_from([NONE, LZ4, ZSTD]), st.integers(1, 70_000))
def test_what_is_compressed_comes_back_however_it_is_cut(pieces: list[bytes], flag: int, size: int) -> None:
    stream = b"".join(compression.compress(flag, pieces))
    parts = list(compression.decompress(flag, _cut(stream, max(size, len(stream) // 2000 + 1))))
    assert b"".join(parts) == b"".join(pieces)


@given(st.sampled_from([LZ4, ZSTD]), st.data())
def test_a_stream_that_is_cut_changed_or_too_long_is_refused_or_differs(flag: int, data: st.DataObject) -> None:
    stream = b"".join(compression.compress(flag, [bytes(range(256)) * 2, bytes(5000)]))
    cut = data.draw(st.integers(0, len(stream) - 1))
    with pytest.raises(CompressionError):
        list(compression.decompress(flag, iter([stream[:cut]])))
    with pytest.raises(CompressionError):
        list(compression.decompress(flag, iter([stream, b"x"])))
    with pytest.raises(CompressionError):
        list(compression.decompress(flag, iter([stream + b"x"])))


@given(st.sampled_from([LZ4, ZSTD]), st.binary(max_size=400))
def test_garbage_is_an_error(flag: int, data: bytes) -> None:
    with pytest.raises(CompressionError):
        list(compression.decompress(flag, iter([data])))


@pytest.mark.parametrize("flag", [LZ4, ZSTD])
def test_a_bomb_comes_in_pieces(flag: int) -> None:
    bomb = b"".join(compression.compress(flag, (bytes(1 << 20) for _ in range(200))))
    sizes = [len(part) for part in compression.decompress(flag, _cut(bomb, 64 << 10))]
    assert sum(sizes) == 200 << 20
    assert max(sizes) <= 32 << 20


@pytest.mark.parametrize("algorithm", ["any", "none", "lz4", "zstd"])
def test_push_and_pull_through_adb(bench: Bench, tmp_path: Path, algorithm: str) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    here.write_bytes(os.urandom(1_000_000) + bytes(5_000_000) + os.urandom(7))
    flags = ["-z", algorithm] if algorithm != "any" else []
    done = bench.run("push", *flags, str(here), f"{PLACE}/packed")
    assert done.returncode == 0, done
    assert bench.shell(f"sha256sum < {PLACE}/packed").split()[0] == hashlib.sha256(here.read_bytes()).hexdigest()
    done = bench.run("pull", *flags, f"{PLACE}/packed", str(back))
    assert done.returncode == 0, done
    assert back.read_bytes() == here.read_bytes()


def test_a_dry_run_writes_nothing(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(bytes(100_000))
    assert bench.run("push", "-n", str(tmp_path / "here"), f"{PLACE}/dry").returncode == 0
    assert bench.run("shell", f"ls {PLACE}/dry").returncode != 0


def test_a_broken_compressed_file_is_not_left_behind(bench: Bench) -> None:
    path = f"{PLACE}/broken".encode()
    with bench.open("sync:") as stream:
        stream.sendall(b"SND2" + struct.pack("<I", len(path)) + path + b"SND2" + struct.pack("<II", 0o644, ZSTD))
        stream.sendall(
            b"DATA" + struct.pack("<I", 5) + b"hello" + b"DATA" + struct.pack("<I", 1) + b"x" + b"DONE" + bytes(4)
        )
        assert receive(stream, 4) == b"FAIL"
        (length,) = struct.unpack("<I", receive(stream, 4))
        assert b"decompress failed" in receive(stream, length)
    assert bench.run("shell", f"ls {PLACE}/broken").returncode != 0
