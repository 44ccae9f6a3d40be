"""Which frames are kept where near-duplicates are skipped, and what comes of sensors."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from farm.assess.duplicates import THRESHOLD, Sketch, difference, keep, sketch
from farm.assess.sensors import COLUMNS, Reading, readings, table
from farm.capture.recording import Header, RecordingWriter, load
from farm.capture.rows import FrameTime, SensorRow
from farm.errors import InputsError
from farm.reference import wav
from farm.store.artifacts import ArtifactStore
from tests.conftest import DEMO

levels = st.lists(st.floats(-10, 10), max_size=40)


def of(level: float) -> Sketch:
    return Sketch(("image",), np.full(4, level), 1.0)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@given(levels, st.floats(0, 5))
def test_who_is_kept_is_apart_from_the_last_kept_and_who_is_not_is_near(found: list[float], threshold: float) -> None:
    frames = [of(level) for level in found]
    kept = keep(frames, threshold)
    assert kept == sorted(set(kept))
    assert kept[:1] == ([0] if frames else [])
    last = 0
    for place, frame in enumerate(frames[1:], 1):
        apart = difference(frame, frames[last]) > threshold
        assert (place in kept) == apart
        last = place if apart else last


@given(levels, st.floats(0, 5))
def test_what_was_kept_is_kept_again(found: list[float], threshold: float) -> None:
    frames = [of(level) for level in found]
    once = [frames[i] for i in keep(frames, threshold)]
    assert keep(once, threshold) == list(range(len(once)))


def test_a_scene_that_changes_slowly_is_seen_again() -> None:
    kept = keep([of(step / 1000) for step in range(100)], 1.05e-4)
    assert kept == list(range(0, 100, 11)), "each step is far below the threshold, eleven are above it"


def test_of_photos_those_that_are_recompressed_are_alike_and_others_are_not() -> None:
    files = sorted((DEMO / "inputs").glob("*.png"))[:20]
    photos = [file.read_bytes() for file in files]
    frames = []
    for file, data in zip(files, photos, strict=True):
        again = io.BytesIO()
        Image.open(io.BytesIO(data)).save(again, "JPEG", quality=60)
        frames += [sketch(file.name, "image", [data]), sketch(file.name, "image", [again.getvalue()])]
    assert keep(frames, THRESHOLD) == list(range(0, 40, 2))


def test_pictures_of_other_sizes_are_never_alike() -> None:
    small, large = (png(np.full((side, side, 3), 90, np.uint8)) for side in (40, 80))
    assert difference(sketch("a", "image", [small]), sketch("b", "image", [large])) == math.inf


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_texts_are_alike_when_they_are_the_same(a: bytes, b: bytes) -> None:
    assert (difference(sketch("a", "text", [a]), sketch("b", "text", [b])) == 0) == (a == b)


def test_of_sounds_loudness_does_not_count() -> None:
    tone = np.sin(np.arange(4000) / 20)[:, None]
    for loud in (30, 30000):
        kept, near, far = (
            wav.encode(wav.Clip((samples * loud).astype(np.int16), 16000)) for samples in (tone, tone * 0.9, tone * 0.2)
        )
        first = sketch("a", "audio", [kept])
        assert difference(sketch("b", "audio", [near]), first) == pytest.approx(0.01, rel=0.3)
        assert difference(sketch("c", "audio", [far]), first) == pytest.approx(0.64, rel=0.1)


def test_tensors_are_compared_by_all_their_parts() -> None:
    def parts(*values: float) -> list[bytes]:
        found = []
        for value in values:
            file = io.BytesIO()
            np.save(file, np.full((2, 3), value, np.float32))
            found.append(file.getvalue())
        return found

    one = sketch("a", "tensor", parts(1, 2))
    assert difference(sketch("b", "tensor", parts(1, 2)), one) == 0
    assert difference(sketch("c", "tensor", parts(1, 3)), one) == pytest.approx(0.2)
    assert difference(sketch("d", "tensor", parts(1, math.nan)), one) == math.inf
    assert difference(sketch("e", "tensor", parts(1)), one) == math.inf


@given(st.sampled_from(["image", "audio", "tensor"]), st.binary(max_size=64))
def test_what_cannot_be_read_is_named(kind: str, data: bytes) -> None:
    with pytest.raises(InputsError, match=r"x\.bin"):
        sketch("x.bin", kind, [data])  # type: ignore[arg-type]  # one of the kinds


def test_readings_are_told_in_the_time_of_their_frames(artifacts: ArtifactStore) -> None:
    header = Header(pass_="app", source="", source_version="", model_sha256="", kernel="", threads=0)  # noqa: S106  # a pass
    writer = RecordingWriter(artifacts, header)
    for index, start in ((0, 1_000_000), (1, 5_000_000)):
        writer.time(
            FrameTime(index=index, repetition=0, name="", preprocess_ns=0, invoke_ns=0, start_ns=start, duration_ns=1)
        )
    for time, name, values in (
        (500_000, "light", (7.0,)),
        (3_000_000, "gravity\t", (1.0, 2.5)),
        (6_000_000, "light", (8.0,)),
    ):
        for axis, value in enumerate(values):
            writer.sensor(SensorRow(time_ns=time, name=name, axis=axis, value=value))
    found = readings(load(artifacts, writer.close()), {0: "a.png", 1: "b.png"}, artifacts)
    assert found == [
        Reading("a.png", -0.5, "light", (7.0,)),
        Reading("a.png", 2.0, "gravity\t", (1.0, 2.5)),
        Reading("b.png", 1.0, "light", (8.0,)),
    ]
    assert table(found, {"a.png"}) == f"{COLUMNS}\na.png\t-0.500\tlight\t7\na.png\t2.000\tgravity\t1 2.5\n"
