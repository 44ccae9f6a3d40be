"""Frames: cut anywhere, they come out as they went in; what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import InfrastructureError
from farm.fleet.streams import ERROR, EXIT, HEAD, STDERR, STDOUT, read

FRAMES = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR, EXIT, ERROR]), st.binary(max_size=50)), max_size=8)


@given(frames=FRAMES, step=st.integers(1, 20))
def test_frames_come_out_as_they_went_in(frames: list[tuple[int, bytes]], step: int) -> None:
    data = b"".join(HEAD.pack(kind, len(content)) + content for kind, content in frames)
    assert list(read(data[i : i + step] for i in range(0, len(data), step))) == frames


@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        list(read([data]))
    except InfrastructureError as e:
        assert e.remedy  # either way is fine, a crash is not


def test_a_stream_that_breaks_off_is_noticed() -> None:
    with pytest.raises(InfrastructureError, match="broke off"):
        list(read([HEAD.pack(STDOUT, 5) + b"abc"]))
