from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .kit import NATIVE, Bench, run


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The agent's hashes as a library."""
    out = tmp_path_factory.mktemp("hash") / "hash.so"
    sources = [NATIVE / "src" / name for name in ("sha256.c", "crc32.c", "crc32_hardware.c")]
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


BLOB = hashlib.shake_128(b"any").digest(1 << 16)
SOURCES = [
    Path(__file__).with_name("crc_driver.c"),
    *(NATIVE / "src" / name for name in ("crc32.c", "crc32_hardware.c")),
]
CROSS = Path("/usr/aarch64-linux-gnu")
Driver = list[str | Path]


@pytest.fixture(scope="module", params=["native", "arm64"])
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Driver:
    """The command that computes CRCs of BLOB, with the sanitizers here, and under qemu as an arm64 phone would."""
    folder = tmp_path_factory.mktemp("crc")
    flags = ["-std=c11", "-D_XOPEN_SOURCE=700", "-O2", f"-I{NATIVE / 'src'}"]
    blob = folder / "blob"
    blob.write_bytes(BLOB)
    if request.param == "native":
        sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
        subprocess.run(["cc", *flags, *sanitizers, "-o", folder / "crc", *SOURCES], check=True)
        return [folder / "crc", blob]
    compiler, emulator = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64")
    if compiler is None or emulator is None:
        pytest.skip("no aarch64-linux-gnu-gcc or no qemu-aarch64 here")
    subprocess.run([compiler, *flags, "-o", folder / "crc", *SOURCES], check=True)
    return [emulator, "-cpu", "cortex-a76", "-L", CROSS, folder / "crc", blob]


def crcs(driver: Driver, parts: list[tuple[int, int, int]]) -> tuple[bool, list[tuple[int, int]]]:
    """Whether hardware computed, and (hardware, table) for every (start, offset, length)."""
    text = "".join(f"{start} {offset} {length}\n" for start, offset, length in parts)
    done = subprocess.run(driver, input=text, capture_output=True, text=True, check=True, timeout=60)
    first, *lines = done.stdout.splitlines()
    return first == "1", [(int(a), int(b)) for a, b in (line.split() for line in lines)]


def expected(parts: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    return [(zlib.crc32(BLOB[at : at + n], start),) * 2 for start, at, n in parts]


def test_crc_of_every_short_length_and_alignment_is_zlibs(driver: Driver) -> None:
    parts = [(0, offset, length) for length in range(200) for offset in range(16)]
    hardware, found = crcs(driver, parts)
    assert found == expected(parts)
    flags = Path("/proc/cpuinfo").read_text().split()
    assert hardware == (len(driver) > 2 or "pclmulqdq" in flags or "crc32" in flags)


PART = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 1000), st.integers(0, len(BLOB) - 1000))


@settings(max_examples=10, deadline=None)
@given(st.lists(PART, min_size=1, max_size=20))
def test_crc_goes_on_from_any_value_over_any_length(driver: Driver, parts: list[tuple[int, int, int]]) -> None:
    _, found = crcs(driver, parts)
    assert found == expected(parts)
