"""What an app logs in Java is what farm reads."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from .kit import recorded

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore

    from .kit import Driver

Array = np.ndarray[Any, Any]
VIEWS = ("int16", "int32", "int64", "float32", "float64")
"""Types that Java has buffers of."""
WIDE = (*VIEWS, "bool", "int8", "uint8", "uint16", "uint32", "uint64", "float16")
HOLDERS = ("array", "heap", "direct", "read-only", "typed", "foreign", "heap typed")
SHARED = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@st.composite
def held(draw: st.DrawFn) -> tuple[str, Array]:
    holder = draw(st.sampled_from(HOLDERS))
    dtype = draw(st.sampled_from(VIEWS if holder in {"typed", "foreign", "heap typed"} else WIDE))
    shape = arrays.array_shapes(max_dims=4, max_side=4)
    return holder, draw(arrays.arrays(dtype, shape))


def tensor(holder: str, value: Array, name: str = "", scale: float = 0, zero: int = 0, index: int = -1) -> list[Any]:
    shape = ",".join(map(str, value.shape))
    return [holder, value.dtype.name.upper(), shape, value.tobytes(), name, scale, zero, index]


@SHARED
@given(
    fed=st.lists(st.tuples(held(), held()), min_size=1, max_size=3),
    text=st.text(min_size=1, max_size=40),
    number=st.floats(allow_nan=False),
    data=st.binary(max_size=300),
    holder=st.sampled_from(("array", "heap", "direct", "read-only")),
)
def test_what_is_logged_is_what_is_read(
    fed: list[tuple[tuple[str, Array], tuple[str, Array]]], text: str, number: float, data: bytes, holder: str,
    tmp_path: Path, artifacts: ArtifactStore, java: Driver,
) -> None:  # fmt: skip
    path = tmp_path / "ein Apfel \U0001f34e.mcap"
    java("open", path, "app", "an app", "label", "key", text)
    for i, (one, other) in enumerate(fed):
        java("frame", "f", f"{i}.png")
        java("inference", "f")
        java("over", "f", "inference")
        java("input", "f", 0, *tensor(*one, f"in {i}", index=2 * i))
        java("output", "f", 0, *tensor(*other, f"out {i}", 0.5, -3, 2 * i + 1))
        java("tensor", "f", "between", *tensor(*one))
        java("layer", "f", *tensor(*other, index=100 + i))
        java("scalar", "f", text, repr(number).replace("inf", "Infinity"))
        java("text", "f", "text", text)
        java("bytes", "f", "data", holder, data)
        java("span", "f", "a while")
        java("over", "f", "span")
        java("stop", "f")
    java("sensor", "gravity", "double", np.array([0, number]).tobytes())
    java("sensor", "light", "float", np.array([1.5], np.float32).tobytes())
    java("close")
    found = recorded(path, artifacts)
    kept = text.replace("\0", "\ufffd")
    assert (found.header.app, found.header.labels, found.complete) == ("an app", {"key": kept}, True)
    assert [t.name for t in found.frame_times(artifacts)] == [f"{i}.png" for i in range(len(fed))]
    assert len(found.memory_samples(artifacts)) == len(fed)
    values = [(one, other) for (_, one), (_, other) in fed]
    for i, (first, second) in enumerate(values):
        tensors = found.tensors(artifacts, i)
        for index, value in ((2 * i, first), (2 * i + 1, second), (100 + i, second)):
            assert tensors[index].dtype == value.dtype
            np.testing.assert_array_equal(tensors[index], value)
        spec = found.by_tensor[2 * i + 1]
        assert (spec.name, spec.role, spec.scale, spec.zero_point) == (f"out {i}", "output", (0.5,), (-3,))
        assert found.by_tensor[100 + i].role == "layer"
    rows = found.element_rows(artifacts)
    assert [(r.name, r.value) for r in rows if r.kind == "scalar"] == [(kept, number)] * len(fed)
    assert [artifacts.read(r.sha256) for r in rows if r.name == "text"] == [kept.encode()] * len(fed)
    assert [artifacts.read(r.sha256) for r in rows if r.name == "data"] == [data] * len(fed)
    between = [artifacts.read(r.sha256) for r in rows if r.name == "between"]
    assert between == [first.tobytes() for first, _ in values]
    assert [(s.name, s.value) for s in found.sensor_rows(artifacts)] == [
        ("gravity", 0.0), ("gravity", number), ("light", 1.5),
    ]  # fmt: skip


@pytest.mark.parametrize("holder", ["array", "direct", "heap", "read-only"])
@pytest.mark.parametrize("form", ["RGB", "BGR", "RGBA", "BGRA", "ARGB", "GRAY"])
@pytest.mark.parametrize("gap", [0, 5])
def test_pictures_are_logged_in_the_order_of_their_channels(
    form: str, holder: str, gap: int, tmp_path: Path, artifacts: ArtifactStore, java: Driver
) -> None:
    channels = 1 if form == "GRAY" else len(form)
    rows = np.random.default_rng(1).integers(0, 256, (3, 4 * channels + gap), np.uint8)
    java("open", tmp_path / "app.mcap")
    java("frame", "f")
    data = rows.tobytes()[: len(rows.tobytes()) - gap]  # as cameras give it: without what is behind the last row
    java("image", "f", "frame", holder, form, 4, 3, 4 * channels + gap if gap else 0, data)
    java("stop", "f")
    java("close")
    (row,) = recorded(tmp_path / "app.mcap", artifacts).element_rows(artifacts)
    assert (row.kind, row.format, row.shape) == ("image", form.lower(), f"3,4,{channels}")
    assert artifacts.read(row.sha256) == rows[:, : 4 * channels].tobytes()


def test_ints_are_pixels(tmp_path: Path, artifacts: ArtifactStore, java: Driver) -> None:
    java("open", tmp_path / "app.mcap")
    java("frame", "f")
    java("argb", "f", "frame", 2, 2, 4)  # 0xFF000000, 0xFF010203, 0xFF020406, 0xFF030609
    java("stop", "f")
    java("close")
    (row,) = recorded(tmp_path / "app.mcap", artifacts).element_rows(artifacts)
    assert (row.format, row.shape) == ("bgra", "2,2,4")
    expected = [3 - c if c < 3 else 255 for c in range(4)]
    assert list(artifacts.read(row.sha256)) == [v * i if v < 255 else v for i in range(4) for v in expected]


@pytest.mark.parametrize("filler", range(4))
def test_long_names_are_cut_between_characters(
    filler: int, tmp_path: Path, artifacts: ArtifactStore, java: Driver
) -> None:
    name = "x" * filler + "\U0001f34e" * 100
    java("open", tmp_path / "app.mcap")
    java("frame", "f", name)
    java("scalar", "f", name, 1)
    java("sensor", name, "float", bytes(4))
    java("stop", "f")
    java("close")
    found = recorded(tmp_path / "app.mcap", artifacts)
    kept = [(time.name, 127) for time in found.frame_times(artifacts)]
    kept += [(row.name, 255) for row in found.element_rows(artifacts)]
    kept += [(row.name, 255) for row in found.sensor_rows(artifacts)]
    assert len(kept) == 3
    for cut, limit in kept:
        assert cut == name[: filler + (limit - filler) // 4]


@pytest.mark.parametrize(
    ("sampling", "n", "logged"),
    [
        ("EVERY", 0, range(20)),
        ("EVERY", 3, range(0, 20, 3)),
        ("FIRST", 4, range(4)),
        ("NEVER", 0, ()),
        ("ON_ASSERTION", 0, (5, 10, 15)),
    ],
)
def test_frames_are_sampled(
    sampling: str, n: int, logged: range | tuple[int, ...], tmp_path: Path, artifacts: ArtifactStore, java: Driver
) -> None:
    java("open", tmp_path / "app.mcap", "sampling", sampling, n)
    for i in range(20):
        java("frame", "f")
        java("output", "f", 0, *tensor("array", np.array([i])))
        java("check", "f", "true" if i % 5 or i == 0 else "false", "not a multiple of five")
        java("stop", "f")
    java("close")
    found = recorded(tmp_path / "app.mcap", artifacts)
    assert sorted(found.frames) == list(logged)
    assert len(found.frame_times(artifacts)) == 20
    assert [r.frame for r in found.element_rows(artifacts) if r.kind == "assertion"] == [5, 10, 15]


def test_what_finds_no_room_is_counted(tmp_path: Path, artifacts: ArtifactStore, java: Driver) -> None:
    java("open", tmp_path / "app.mcap", "ring", 1 << 14, "memory", "false")
    java("frame", "f")
    java("bytes", "f", "too large for half of the ring", "direct", bytes(1 << 14))
    java("bytes", "f", "small", "direct", bytes(100))
    java("stop", "f")
    assert (java.count().frames, java.count().dropped) == (1, 1)
    java("close")
    totals = java.count()
    assert (totals.dropped, totals.bytes) == (1, (tmp_path / "app.mcap").stat().st_size)
    assert totals.dropped_bytes >= 1 << 14
    found = recorded(tmp_path / "app.mcap", artifacts)
    assert found.dropped == 1
    assert [r.name for r in found.element_rows(artifacts)] == ["small"]
    assert not found.memory_samples(artifacts)


def test_what_was_flushed_is_in_the_file(tmp_path: Path, artifacts: ArtifactStore, java: Driver) -> None:
    java("open", tmp_path / "app.mcap")
    java("frame", "f", "one")
    java("text", "f", "t", "text")
    java("stop", "f")
    java("flush")
    shutil.copy(tmp_path / "app.mcap", tmp_path / "now.mcap")
    found = recorded(tmp_path / "now.mcap", artifacts)
    assert ([t.name for t in found.frame_times(artifacts)], found.complete) == (["one"], False)
    assert [artifacts.read(r.sha256) for r in found.element_rows(artifacts)] == [b"text"]


def test_the_file_stays_within_its_byte_budget(tmp_path: Path, artifacts: ArtifactStore, java: Driver) -> None:
    java("open", tmp_path / "app.mcap", "budget", 150_000, "ring", 4 << 20)
    for _ in range(400):
        java("frame", "f")
        java("output", "f", 0, *tensor("array", np.zeros(250, np.float32)))
        java("stop", "f")
    java("close")
    totals = java.count()
    assert totals.bytes == (tmp_path / "app.mcap").stat().st_size <= 150_000
    assert totals.over_budget > 0
    found = recorded(tmp_path / "app.mcap", artifacts)
    assert found.over_budget == totals.over_budget
    assert len(found.frame_times(artifacts)) + len(found.frames) + totals.over_budget == 800
