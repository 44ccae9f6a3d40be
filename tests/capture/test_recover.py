"""A capture that was cut off, written again: stock mcap opens it, with every whole chunk and nothing else."""

from __future__ import annotations

import functools
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import CompressionType

from farm.capture import exray_pb2 as pb
from farm.capture.ingest import record
from farm.capture.recover import Recovered, recover
from farm.errors import CaptureError
from tests.capture import kit

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore


@functools.cache
def chunk_ends(data: bytes) -> list[tuple[int, int, int]]:
    """Start and end of each chunk, and how many messages stand before its end."""
    summary = make_reader(io.BytesIO(data)).get_summary()
    assert summary is not None
    total, found = 0, []
    for index in summary.chunk_indexes:
        end = index.chunk_start_offset + index.chunk_length
        # A chunk may start with the very time the one before ended with: messages are counted by the index.
        total += sum(len(kit.index_of(data, at)) for at in index.message_index_offsets.values())
        found.append((index.chunk_start_offset, end, total))
    return found


def recovered(data: bytes, folder: Path) -> tuple[Recovered, bytes]:
    source, out = folder / "cut.mcap", folder / "out.mcap"
    source.write_bytes(data)
    out.unlink(missing_ok=True)
    return recover(source, out), out.read_bytes()


def test_every_cut_in_the_last_chunk_gives_the_chunks_before(recorded: dict[str, Path], tmp_path: Path) -> None:
    whole = recorded["layers"].read_bytes()
    everything, ends = kit.stock(whole), chunk_ends(whole)
    start, end, total = ends[-1]
    before = ends[-2][2]
    assert 0 < before < total == len(everything)
    expected = recovered(whole[:start], tmp_path)[1]
    assert kit.stock(expected) == everything[:before]
    for cut in range(start + 1, end):  # all of them are one and the same file
        figures, found = recovered(whole[:cut], tmp_path)
        assert found == expected
        assert figures.left_out_bytes > 0
    assert kit.stock(recovered(whole[:end], tmp_path)[1]) == everything


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_cut_gives_every_whole_chunk(
    recorded: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, draw: st.DataObject
) -> None:
    whole = recorded["large"].read_bytes()
    everything, ends = kit.stock(whole), chunk_ends(whole)
    assert len(ends) > 2
    near = st.sampled_from(ends).flatmap(lambda e: st.integers(e[1] - 40, e[1] + 40))
    cut = draw.draw(st.integers(0, len(whole)) | near.map(lambda at: min(at, len(whole))))
    folder = tmp_path_factory.mktemp("cut")
    try:
        figures, found = recovered(whole[:cut], folder)
    except CaptureError as e:
        assert cut < 100  # the header itself is not whole
        assert "before anything was whole" in str(e)
        return
    total = max((n for _, end, n in ends if end <= cut), default=0)
    assert kit.stock(found) == everything[:total]
    assert (figures.messages, figures.bytes) == (total, len(found))


def test_what_is_recovered_is_taken_in_as_the_cut_is(
    recorded: dict[str, Path], artifacts: ArtifactStore, tmp_path: Path
) -> None:
    whole = recorded["large"].read_bytes()
    for cut in (len(whole) // 2, len(whole) - 5000, len(whole)):
        recovered(whole[:cut], tmp_path)
        taken = [record(tmp_path / name, "device:x", artifacts) for name in ("cut.mcap", "out.mcap")]
        assert taken[0] is not None
        assert taken[0] == taken[1]


@pytest.mark.parametrize("packed", list(CompressionType))
def test_other_writers_captures_are_recovered_too(packed: CompressionType, tmp_path: Path) -> None:
    messages = [kit.header(), *(pb.Memory(frame=i, rss_bytes=i << 20) for i in range(500)), pb.End()]
    path = kit.made(tmp_path / "a.mcap", *messages, chunk_size=1000, compression=packed)
    whole = path.read_bytes()
    everything = kit.stock(whole)
    assert kit.stock(recovered(whole, tmp_path)[1]) == everything
    found = kit.stock(recovered(whole[: len(whole) // 3], tmp_path)[1])
    assert 0 < len(found) < len(everything)
    assert found == everything[: len(found)]


def test_a_damaged_chunk_ends_what_is_believed(recorded: dict[str, Path], tmp_path: Path) -> None:
    whole = bytearray(recorded["large"].read_bytes())
    ends = chunk_ends(bytes(whole))
    everything = kit.stock(bytes(whole))
    whole[ends[2][1] - 100] ^= 1
    figures, found = recovered(bytes(whole), tmp_path)
    assert kit.stock(found) == everything[: ends[1][2]]
    assert figures.left_out_bytes == len(whole) - ends[2][0]


def test_nothing_is_overwritten_and_nothing_is_left_behind(recorded: dict[str, Path], tmp_path: Path) -> None:
    taken = tmp_path / "taken.mcap"
    taken.write_text("mine")
    with pytest.raises(CaptureError, match="exists already"):
        recover(recorded["layers"], taken)
    assert taken.read_text() == "mine"
    (tmp_path / "garbage").write_bytes(b"\0" * 1000)
    with pytest.raises(CaptureError, match="is no capture"):
        recover(tmp_path / "garbage", tmp_path / "out.mcap")
    assert {p.name for p in tmp_path.iterdir()} == {"taken.mcap", "garbage"}
