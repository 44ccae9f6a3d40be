"""Captures that lie: an error that says so or what is whole of them, and never more memory than the limits allow."""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING, Any

import lz4.frame  # type: ignore[import-untyped]
import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farm.capture import exray_pb2 as pb
from farm.capture.container import Limits
from farm.capture.info import info
from farm.capture.ingest import record
from farm.capture.recording import load
from farm.capture.recover import recover
from farm.errors import CaptureError
from farm.store.artifacts import ArtifactStore
from tests.capture import kit
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BOMB = 200 << 20


def refused(path: Path, artifacts: ArtifactStore, words: str, **limits: int) -> None:
    with pytest.raises(CaptureError, match=words):
        record(path, "x", artifacts, Limits(**limits))


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([pb.End()], "starts with End instead of a header"),
        ([kit.header(), kit.header()], "second header"),
        ([kit.header(), pb.TensorData(spec=3)], "before its spec 3"),
        ([kit.header(), pb.Statistics(spec=3)], "before their spec 3"),
        ([kit.header(), kit.spec(1, [2**40, 2**40])], "impossible shape"),
        ([kit.header(), kit.spec(1, [-1, 4])], "impossible shape"),
        ([kit.header(), kit.spec(1, [1] * 100)], "impossible shape"),
        ([kit.header(), kit.spec(1, [4], scale=[float("nan")])], "impossible quantization"),
        ([kit.header(), kit.spec(1, [4], scale=[1, 2], zero_point=[1])], "impossible quantization"),
        ([kit.header(), kit.spec(1, [4], scale=[1, 2])], "2 scales for shape"),
        ([kit.header(), kit.spec(1, [4], scale=[1, 2], quantized_dimension=-1)], "2 scales for shape"),
        ([kit.header(), kit.spec(1, [4]), kit.spec(1, [5])], "two specs 1"),
        ([kit.header(), kit.spec(1, [4], pb.DTYPE_UNSPECIFIED)], "no word for"),
        ([kit.header(), kit.spec(1, [2**40]), pb.TensorData(spec=1, data=bytes(8))], "2 values for shape"),
        ([kit.header(), kit.spec(1, [2]), pb.TensorData(spec=1, data=bytes(7))], "7 bytes of float32"),
        ([kit.header(), kit.spec(1, [9], pb.DTYPE_INT4), pb.TensorData(spec=1, data=bytes(4))], "8 values for shape"),
        ([kit.header(), ("/frame", b"\xff\xff")], "a Frame message that is none"),
        ([("/header", b"\x0a\x01")], "a Header message that is none"),
        ([kit.header(), ("/memory", bytes(5 << 20))], "Memory message of 5242880 bytes"),
        ([kit.header(), pb.Conditions(clocks=[pb.Clock()] * 5000)], "over 4096 clocks"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_lies_are_named(messages: list[Any], words: str, tmp_path: Path, artifacts: ArtifactStore) -> None:
    refused(kit.made(tmp_path / "a", *messages), artifacts, words)


def test_what_may_be_asked_for_is_limited(tmp_path: Path, artifacts: ArtifactStore) -> None:
    specs = [kit.spec(i, [4]) for i in range(4)]
    values = [kit.data(i, frame, np.zeros(4, np.float32)) for frame in range(5) for i in range(4)]
    path = kit.made(tmp_path / "a", kit.header(), *specs, *values, pb.End(), chunk_size=100)
    assert record(path, "x", artifacts) is not None
    for words, limits in {
        "over 3 tensors": {"specs": 3},
        "bytes of specs": {"specs_bytes": 20},
        "over 4 frames": {"frames": 4},
        "is over 90 bytes": {"frame_bytes": 90},
        "the limit is 64": {"chunk_bytes": 64},
        "over 5 chunks": {"chunks": 5},
        "the limit is 5$": {"message_bytes": 5},
    }.items():
        refused(path, artifacts, words, **limits)
    with pytest.raises(CaptureError, match=r"half a message, or over 1$"):
        recover(path, tmp_path / "out", Limits(chunk_messages=1))


@pytest.mark.parametrize("packed", ["zstd", "lz4"])
def test_bombs_are_not_set_off(packed: str, tmp_path: Path, artifacts: ArtifactStore) -> None:
    pack = zstandard.compress if packed == "zstd" else lz4.frame.compress
    stored = pack(bytes(BOMB))
    path = tmp_path / "a"
    path.write_bytes(kit.sealed(bytes(9), compression=packed, size=BOMB, stored=stored))
    refused(path, artifacts, f"a {packed} chunk of {BOMB} bytes")
    path.write_bytes(kit.sealed(bytes(1000), compression=packed, stored=stored))  # it says it is small
    assert record(path, "x", artifacts) is None
    path.write_bytes(kit.sealed(bytes(1000), compression=packed, stored=stored[:40]))
    assert record(path, "x", artifacts) is None
    path.write_bytes(kit.sealed(bytes(1000), compression="bzip2", stored=stored))
    refused(path, artifacts, "packed with 'bzip2'")


def test_chunks_that_do_not_add_up_are_named(tmp_path: Path, artifacts: ArtifactStore) -> None:
    told = kit.channel(1, "/header")
    path = tmp_path / "a"
    for records, words in {
        told + b"\x05\x01": "half a record",
        told + b"\x05" + (1 << 60).to_bytes(8, "little"): "half a record",
        told + b"\x05" + (3).to_bytes(8, "little") + bytes(3): "",
        told + b"\x05" + (3).to_bytes(8, "little") + b"\x01\0\0": "without its head",
        b"\x04" + (6).to_bytes(8, "little") + b"\1\0\0\0\xff\xff": "a channel is not readable",
        b"\x04" + (10).to_bytes(8, "little") + b"\1\0\0\0\2\0\0\0\xff\xff": "a channel is not readable",
    }.items():
        path.write_bytes(kit.sealed(records))
        if words:
            refused(path, artifacts, words)
            with pytest.raises(CaptureError):
                recover(path, tmp_path / "out")
    path.write_bytes(kit.sealed(told + kit.message(2, b"") + kit.message(1, kit.header().SerializeToString())))
    assert record(path, "x", artifacts) is not None, "a channel nobody told of is passed over"
    with pytest.raises(CaptureError, match="channel 2"):
        recover(path, tmp_path / "out")


def test_files_that_are_no_captures(tmp_path: Path, artifacts: ArtifactStore) -> None:
    path = tmp_path / "a"
    for content in (b"x", b"\0" * 100, b"PK\3\4" * 100, b"\x89MCAP1\r\n" + bytes(100)):
        path.write_bytes(content)
        refused(path, artifacts, "is no capture")
    for content in (b"", b"\x89MCAP", b"\x89MCAP0\r\n", b"\x89MCAP0\r\n" + bytes(10_000)):
        path.write_bytes(content)
        assert record(path, "x", artifacts) is None
        with pytest.raises(CaptureError, match="cut off before"):
            info(path)


def attempt(content: bytes, folder: Path) -> None:
    """Whatever `content` is: an error of ours, or a recording that can be read."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path, artifacts = folder / "a", ArtifactStore(folder / "artifacts")
    path.write_bytes(content)
    limits = Limits(chunk_bytes=8 << 20, record_bytes=1 << 20, unpacked_bytes=1 << 20, frame_bytes=8 << 20)
    with contextlib.suppress(CaptureError):
        info(path, limits)
    with contextlib.suppress(CaptureError):
        recover(path, folder / "out", limits)
        kit.stock((folder / "out").read_bytes())
    with contextlib.suppress(CaptureError):
        found = record(path, "x", artifacts, limits)
        if found is not None:
            recording = load(artifacts, found)
            for frame in recording.frames:
                recording.tensors(artifacts, frame)
            recording.frame_times(artifacts)
            recording.op_times(artifacts)
            recording.tensor_statistics(artifacts)


def resealed(whole: bytes, edits: list[tuple[float, int]], cut: float) -> bytes:
    """The capture with bytes of its chunks changed or cut away, their checksums right again: past the guard at the door."""
    data, at = bytearray(whole), 8
    while at + 9 < len(data):
        opcode, length = struct.unpack_from("<BQ", data, at)
        if opcode == 6:
            start, end = at + 9 + 40, at + 9 + length
            for place, value in edits:
                data[start + int(place * (end - start))] = value
            struct.pack_into("<I", data, at + 9 + 24, zlib.crc32(data[start:end]))
        if opcode == 2:
            break
        at += 9 + length
    return bytes(data[: int(cut * len(data))])


shares = st.floats(0, 1, exclude_max=True)
edits = st.lists(st.tuples(shares, st.integers(0, 255)), max_size=12)
ends = st.just(1.0) | shares


def test_odd_records_outside_chunks_do_not_spoil_what_is_recovered(recorded: dict[str, Path], tmp_path: Path) -> None:
    whole = recorded["layers"].read_bytes()
    swaps = {b"exray.TensorSpec": b"\xffxray.TensorSpec", b"/end": b"/en\xff", b"exray\x11": b"exra\xff\x11"}
    for broken in (whole.replace(old, new, 1) for old, new in swaps.items()):
        (tmp_path / "a").write_bytes(broken)
        with pytest.raises(CaptureError, match="is not readable"):
            recover(tmp_path / "a", tmp_path / "out")
        assert not (tmp_path / "out").exists()
    channel = b"\x04" + (31).to_bytes(8, "little") + b"\x01\0"
    (tmp_path / "a").write_bytes(whole.replace(channel + b"\x01", channel + b"\x77"))
    with pytest.raises(CaptureError, match="of schema 119"):
        recover(tmp_path / "a", tmp_path / "out")


def fuzz(examples: int, recorded: dict[str, Path], folder: Path) -> None:
    given_ = given(st.sampled_from(["layers", "latency"]), edits, edits, ends, st.binary(max_size=60), shares)
    quiet = settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))

    @quiet
    @given_
    def run(
        name: str,
        inside: list[tuple[float, int]],
        anywhere: list[tuple[float, int]],
        cut: float,
        insert: bytes,
        place: float,
    ) -> None:
        data = bytearray(resealed(recorded[name].read_bytes(), inside, cut))
        for at, value in anywhere[: len(insert) % 4]:
            if data:
                data[int(at * len(data))] = value
        if len(insert) > 40:
            data[int(place * len(data)) : int(place * len(data))] = insert
        attempt(bytes(data), folder)

    run()


def test_mutated_captures_give_errors_of_ours_or_a_recording(recorded: dict[str, Path], tmp_path: Path) -> None:
    fuzz(150, recorded, tmp_path / "fuzz")


@pytest.mark.slow
def test_many_mutated_captures_give_errors_of_ours_or_a_recording(recorded: dict[str, Path], tmp_path: Path) -> None:
    fuzz(10_000, recorded, tmp_path / "fuzz")


IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
import numpy, pyarrow.parquet
from farm.capture.info import info
from farm.capture.ingest import record
from farm.capture.recover import recover
from farm.errors import CaptureError
from farm.store.artifacts import ArtifactStore
folder = Path(sys.argv[1])
folder.mkdir()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (256 << 20), used + (256 << 20)))
for name in sys.argv[2:]:
    path = Path(name)
    for work in (info, lambda p: recover(p, folder / f"{p.name}.out"), lambda p: record(p, "x", ArtifactStore(folder))):
        try:
            work(path)
            print(path.name, "read")
        except CaptureError as e:
            print(path.name, "refused")
"""


@pytest.mark.slow
def test_no_capture_fills_memory(tmp_path: Path) -> None:
    """256 MiB above what the imports take, for files that ask for far more."""
    huge = b"\x89MCAP0\r\n" + b"\x01" + (8).to_bytes(8, "little") + bytes(8)
    files: dict[str, bytes | tuple[bytes, int]] = {
        "large-record": (huge + b"\x03" + (3 << 30).to_bytes(8, "little"), 4 << 30),
        "large-chunk": (huge + b"\x06" + (3 << 30).to_bytes(8, "little"), 4 << 30),
        "half-large-chunk": huge + b"\x06" + (500 << 20).to_bytes(8, "little") + bytes(100),
        "sparse": (huge, 1 << 30),
        "bomb": kit.sealed(bytes(9), compression="zstd", size=60 << 20, stored=zstandard.compress(bytes(60 << 20))),
    }
    for name, content in files.items():
        head, size = content if isinstance(content, tuple) else (content, len(content))
        with (tmp_path / name).open("wb") as file:
            file.write(head)
            file.truncate(size)
    start = [kit.header(), kit.spec(1, [1], pb.DTYPE_UINT8)]
    tiny = (pb.TensorData(spec=1, frame=i, data=b"x") for i in range(20_000))
    kit.made(tmp_path / "tiny-messages", *start, *tiny)
    kit.made(tmp_path / "tiny-ops", *start, ("/op_times", b"\x12\x00" * 400_000))
    kit.made(tmp_path / "long-names", *start, *(pb.Frame(index=i, name="n" * (2 << 20)) for i in range(150)))
    kit.made(tmp_path / "long-specs", *start, *(kit.spec(i, [200_000], scale=[1.0] * 200_000) for i in range(2, 99)))
    kit.made(tmp_path / "scattered", *start, *scattered(), chunk_size=4 << 20)
    done = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY, tmp_path / "store", *sorted(p for p in tmp_path.iterdir() if p.is_file())],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def scattered() -> Any:
    """A tensor of one byte in every chunk of 4 MB: its view keeps the chunk."""
    for frame in range(70):
        yield pb.TensorData(spec=1, frame=frame, data=b"x")
        yield ("/unknown", bytes(4 << 20))
