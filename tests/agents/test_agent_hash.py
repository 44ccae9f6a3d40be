from __future__ import annotations

import ctypes
import hashlib
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .kit import NATIVE, Bench, run


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The agent's hashes as a library."""
    out = tmp_path_factory.mktemp("hash") / "hash.so"
    sources = [NATIVE / "src" / name for name in ("sha256.c", "crc32.c")]
    flags = ["-std=c11", "-D_XOPEN_SOURCE=700", "-O2", "-shared", "-fPIC"]
    subprocess.run(["cc", *flags, "-o", out, *sources], check=True)
    library = ctypes.CDLL(str(out))
    library.crc32_update.restype = ctypes.c_uint32
    library.crc32_update.argtypes = [ctypes.c_uint32, ctypes.c_char_p, ctypes.c_size_t]
    library.sha256_update.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    return library


PIECES = st.lists(st.binary(max_size=300), max_size=6)


@given(PIECES)
def test_crc_in_pieces_is_zlibs(native: ctypes.CDLL, pieces: list[bytes]) -> None:
    crc = 0
    for piece in pieces:
        crc = native.crc32_update(crc, piece, len(piece))
    assert crc == zlib.crc32(b"".join(pieces))


@given(PIECES)
def test_sha256_in_pieces_is_hashlibs(native: ctypes.CDLL, pieces: list[bytes]) -> None:
    state, digest = ctypes.create_string_buffer(8 * 4 + 8 + 64), ctypes.create_string_buffer(32)
    native.sha256_init(state)
    for piece in pieces:
        native.sha256_update(state, piece, len(piece))
    native.sha256_final(state, digest)
    assert digest.raw == hashlib.sha256(b"".join(pieces)).digest()


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 120, 65536, 200001])
def test_hash_command_prints_sha256sums_lines(bench: Bench, size: int) -> None:
    files = [bench.file(f"file {i}", bytes([i]) * size) for i in range(2)]
    result = run(bench.agent, "hash", *files)
    assert result.status == 0
    assert result.stdout == "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f}\n" for f in files)


def test_hash_of_a_missing_file_is_an_error(bench: Bench, tmp_path: Path) -> None:
    result = run(bench.agent, "hash", tmp_path / "none")
    assert (result.status, result.error["code"]) == (2, "file-unreadable")
    assert result.error["where"] == str(tmp_path / "none")
