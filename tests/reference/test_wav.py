from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import InputsError
from farm.reference import wav


def riff(
    tag: int, channels: int, rate: int, bits: int, body: bytes, *, extra: bytes = b"", before: bytes = b""
) -> bytes:
    layout = (
        struct.pack("<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits) + extra
    )
    chunks = before + b"fmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


SAMPLES = np.array([[0, 1000], [-32768, 32767], [-1, 255]], np.int16)
"""Of which 8 bits keep the upper byte."""


def as_24(samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> bytes:
    return b"".join(struct.pack("<i", int(v) * 256 + 7)[:3] for v in samples.ravel())


@pytest.mark.parametrize(
    ("data", "right"),
    [
        (riff(1, 2, 44100, 16, SAMPLES.astype("<i2").tobytes()), SAMPLES),
        (riff(1, 2, 44100, 8, ((SAMPLES >> 8) + 128).astype(np.uint8).tobytes()), (SAMPLES >> 8) << 8),
        (riff(1, 2, 44100, 24, as_24(SAMPLES)), SAMPLES),
        (riff(1, 2, 44100, 32, (SAMPLES.astype("<i4") * 65536 + 9).tobytes()), SAMPLES),
        (riff(3, 2, 44100, 32, (SAMPLES.astype("<f4") / 32768).tobytes()), SAMPLES),
        (
            riff(0xFFFE, 2, 44100, 16, SAMPLES.astype("<i2").tobytes(), extra=struct.pack("<HHIH14x", 22, 16, 3, 1)),
            SAMPLES,
        ),
        (riff(1, 2, 44100, 16, SAMPLES.astype("<i2").tobytes(), before=b"LIST\x03\0\0\0abc\0"), SAMPLES),
    ],
    ids=["16", "8", "24", "32", "float", "extensible", "list-first"],
)
def test_all_formats_become_16_bits(data: bytes, right: object) -> None:
    clip = wav.decode(data, "a.wav")
    assert clip.rate == 44100
    assert np.array_equal(clip.samples, right)  # type: ignore[arg-type]  # an array


def test_floats_beyond_one_are_clamped() -> None:
    clip = wav.decode(riff(3, 1, 8000, 32, np.array([2, -2, np.inf, 0.49999 / 32768], "<f4").tobytes()), "a.wav")
    assert clip.samples.ravel().tolist() == [32767, -32768, 32767, 0]


def test_a_stream_whose_size_was_never_filled_in_goes_to_its_end() -> None:
    data = riff(1, 1, 8000, 16, b"\1\0\2\0")
    at = data.index(b"data") + 4
    assert wav.decode(data[:at] + b"\xff" * 4 + data[at + 4 :], "a.wav").samples.ravel().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a WAV"),
        (b"RIFF\0\0\0\0WAVE", "no data chunk"),
        (riff(1, 1, 8000, 16, b"\0" * 8)[:-2], "data chunk says 8 bytes, 6 are there"),
        (riff(2, 1, 8000, 4, b""), "format 2 with 4 bits"),
        (riff(3, 1, 8000, 64, b""), "format 3 with 64 bits"),
        (riff(1, 0, 8000, 16, b""), "0 channels"),
        (riff(1, 65, 8000, 16, b""), "65 channels"),
        (riff(1, 1, 99, 16, b""), "at 99 Hz"),
        (riff(3, 1, 8000, 32, np.array([0, np.nan], "<f4").tobytes()), "sample 1 is not a number"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "before its fmt"),
    ],
)
def test_errors_name_file_and_chunk(data: bytes, says: str) -> None:
    with pytest.raises(InputsError, match=says) as caught:
        wav.decode(data, "a.wav")
    assert caught.value.where == "a.wav"
    assert caught.value.remedy


@given(st.integers(0, 30), st.integers(1, 5), st.sampled_from([100, 8000, 768_000]))
def test_what_is_encoded_is_decoded(n: int, channels: int, rate: int) -> None:
    samples = np.random.default_rng(n).integers(-32768, 32768, (n, channels)).astype(np.int16)
    clip = wav.decode(wav.encode(wav.Clip(samples, rate)), "x")
    assert clip.rate == rate
    assert np.array_equal(clip.samples, samples)


@given(st.binary(max_size=80), st.binary(max_size=40))
def test_any_bytes_are_a_clip_or_refused(head: bytes, tail: bytes) -> None:
    for data in (head, b"RIFF\0\0\0\0WAVE" + head, riff(1, 1, 8000, 16, head)[:44] + tail):
        try:
            clip = wav.decode(data, "a.wav")
        except InputsError as e:
            assert e.where == "a.wav"
        else:
            assert clip.samples.ndim == 2
