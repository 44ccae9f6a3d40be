"""The writer in Python: as libexray writes, what it alone is, and when it is taken."""

from __future__ import annotations

import importlib.util
import os
import threading
from typing import TYPE_CHECKING, Any

import exray
import numpy as np
import pytest
from exray import words
from exray.container import Container
from exray.library import LibraryMissingError
from exray.messages import DESCRIPTORS, with_data
from exray.ring import AROUND, Record, Ring
from exray.writer import Writer
from google.protobuf.internal.encoder import _VarintBytes  # type: ignore[attr-defined]
from hypothesis import given
from hypothesis import strategies as st
from mcap.reader import make_reader

from farm.capture import exray_pb2 as pb
from farm.store.artifacts import ArtifactStore
from tests.agents.kit import NATIVE
from tests.exray.python_kit import app, frames, ran, recorded

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXRAY_PURE", "1")


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def test_descriptors_are_those_of_the_schema() -> None:
    spec = importlib.util.spec_from_file_location("make_descriptor", NATIVE / "make_descriptor.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.descriptor_set() == DESCRIPTORS, "run agents/native/make_descriptor.py"


def said(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """What a capture says, but times, memory and its own size, with whatever is said of a channel's schema."""
    found = []
    with path.open("rb") as file:
        for schema, channel, message in make_reader(file).iter_messages(log_time_order=False):
            assert schema is not None
            assert schema.data == DESCRIPTORS
            parsed = getattr(pb, schema.name.rpartition(".")[2]).FromString(message.data)
            fields = {f.name: v for f, v in parsed.ListFields() if not f.name.endswith("_ns") and f.name != "rss_bytes"}
            fields |= {
                name: list(v) for name, v in fields.items() if name in {"shape", "scale", "zero_point", "values"}
            }
            found.append((f"{channel.topic} {message.sequence}", fields))
    return found


@pytest.mark.parametrize("sampling", ["every", "on-assertion"])
def test_both_writers_say_the_same(sampling: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "model.bin"
    model.write_bytes(b"a model")
    for way in ("0", "1"):
        monkeypatch.setenv("EXRAY_PURE", way)
        with exray.open(
            tmp_path / way, app="an app", model=model, labels={"a": "b", "c": "d"}, sampling=sampling, n=2
        ) as log:
            for i in range(6):
                with log.frame(f"{i}.png" if i else None) as frame:
                    frame.image("frame", np.full((2, 3, 4), i, np.uint8), "bgra")
                    frame.image("gray", np.full((2, 3), i, np.uint8), "gray")
                    frame.input(0, np.full((1, 2), i), name="in", index=3, scale=0.5, zero_point=-7)
                    frame.layer(np.float32(i), name="inside")
                    with frame.span("part"), frame.inference():
                        pass
                    frame.output(1, np.full(3, i, np.float16))
                    frame.tensor("between", np.zeros((2, 0)))
                    frame.tensor("between", np.full((2, 1), i % 2 == 0))
                    frame.scalar("number", i / 3)
                    frame.text("text", "ein Wörtchen")
                    frame.bytes("bytes", bytes(i))
                    frame.check(i % 3 != 0, "not a multiple of three")
                log.sensor("light", i, -i)
    native, other = said(tmp_path / "0"), said(tmp_path / "1")
    assert len(native) > 40
    assert native == other


@given(st.binary(max_size=400), st.integers(1, 15))
def test_a_message_with_its_data_is_protobufs(data: bytes, field: int) -> None:
    key = _VarintBytes(field << 3 | 2)
    assert with_data(b"head", field, data) == b"head" + key + _VarintBytes(len(data)) + data


@given(st.text(), st.integers(0, 60))
def test_a_name_is_cut_between_characters(text: str, limit: int) -> None:
    cut = words.name(text, limit)
    assert len(cut.encode()) <= limit
    whole = words.text(text)
    assert whole.startswith(cut)
    assert cut == whole or len(whole[: len(cut) + 1].encode()) > limit, "no more would fit"


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    """While the disk stands still: a pipe that nobody empties."""
    ring = Ring(1 << 16)
    reading, writing = os.pipe()
    container = Container(f"/dev/fd/{writing}", {"Span": "/span", "Dropped": "/dropped"})
    container.begin()
    writer = Writer(ring, container)
    over = threading.Event()
    try:
        put = [ring.put(Record("Span", i, bytes(1000))) for i in range(3000)]
        assert not all(put)
        assert ring.dropped == put.count(False)
        assert ring.dropped_bytes == 1000 * ring.dropped
        full = 0
        while full < 200:  # until the writer stands still, too
            full = full + 1 if not ring.put(Record("Span", 0, bytes(1000))) else 0
            over.wait(0.001)
        held = 0
        while (record := ring.take()) is not None:
            held += AROUND + len(record.message)
            ring.release(record)
        assert held <= 1 << 16
    finally:
        emptied = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reading, 1 << 20), b"")])
        emptied.start()
        writer.stop()
        container.abandon()
        os.close(writing)
        emptied.join()
        os.close(reading)


def test_a_slow_app_stays_within_its_budget_too(pure: None, tmp_path: Path, artifacts: ArtifactStore) -> None:
    """A chunk for every frame: what is around them counts."""
    path, budget = tmp_path / "app.mcap", 180_000
    log = exray.open(path, byte_budget=budget)
    for _ in range(400):
        with log.frame("x") as frame:
            frame.scalar("y", 1)
        log.flush()
    totals = log.close()
    assert totals.over_budget > 0
    assert path.stat().st_size <= budget
    assert frames(path) > 100
    assert recorded(path, artifacts).over_budget == totals.over_budget


def test_frames_that_were_held_stay_within_the_budget(pure: None, tmp_path: Path, artifacts: ArtifactStore) -> None:
    path, budget = tmp_path / "app.mcap", 400_000
    log = exray.open(path, byte_budget=budget, sampling="on-assertion", ring=4 << 20)
    for i in range(8):
        with log.frame() as frame:
            for position in range(20):
                frame.output(position, np.full(1000, i, np.float32))
            frame.check(i % 2 == 0, "even")
    totals = log.close()
    assert path.stat().st_size <= budget
    found = recorded(path, artifacts)
    assert len(found.frame_times(artifacts)) == 8
    assert sum(len(found.tensors(artifacts, i)) for i in found.frames) + totals.over_budget == 4 * 20


def test_chunks_are_written_every_two_seconds(pure: None, tmp_path: Path) -> None:
    """Of what a killed app logged, all is there but its last two seconds."""
    program = """
import os, signal, sys, time
import exray
log = exray.open(sys.argv[1])
end = time.monotonic() + 3
number = 0
while time.monotonic() < end:
    with log.frame(str(number)):
        pass
    number += 1
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGSEGV)
"""
    path = tmp_path / "app.mcap"
    with app(program, path) as process:
        process.communicate(timeout=60)
    assert process.returncode < 0
    found = recorded(path, ArtifactStore(tmp_path / "artifacts"))
    assert not found.complete
    assert found.frame_times(ArtifactStore(tmp_path / "artifacts"))


def test_names_beyond_what_a_capture_tells_apart_are_counted(pure: None, tmp_path: Path) -> None:
    with exray.open(tmp_path / "app.mcap", ring=1 << 22) as log, log.frame() as frame:
        for i in range(1030):
            frame.scalar(f"name {i}", i)
        assert log.count().dropped == 6


def test_the_library_is_not_loaded_where_python_writes(pure: None, tmp_path: Path) -> None:
    program = """
import sys
import exray
with exray.open(sys.argv[1]) as log, log.frame():
    pass
print("cffi" in sys.modules, "_cffi_backend" in sys.modules)
"""
    assert ran(program, tmp_path / "app.mcap") == "False False\n"


def test_without_the_library_python_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from exray import library

    monkeypatch.setattr(library, "LIBRARIES", (tmp_path / "none.so",))
    with exray.open(tmp_path / "app.mcap") as log, log.frame():
        pass
    assert frames(tmp_path / "app.mcap") == 1
    monkeypatch.setenv("EXRAY_LIBRARY", str(tmp_path / "other.so"))
    with pytest.raises(LibraryMissingError, match=r"EXRAY_LIBRARY=.*other\.so: no such file"):
        exray.open(tmp_path / "app.mcap")


def test_without_either_it_is_told_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "mcap.py").write_text("raise ModuleNotFoundError('No module named mcap', name='mcap')\n")
    program = f"""
import os, sys
os.environ["EXRAY_PURE"] = "1"
sys.path.insert(0, {str(tmp_path)!r})
import exray
try:
    exray.open(sys.argv[1])
except ModuleNotFoundError as e:
    print(e)
"""
    assert "by mcap: pip install 'exray[pure]'" in ran(program, tmp_path / "app.mcap")
    assert not (tmp_path / "app.mcap").exists()
