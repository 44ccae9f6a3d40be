"""What an app may do wrong in C, and the file is whole: names that are no text, budgets, more names than there is room for."""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from farm.capture.ingest import record
from farm.capture.recording import Recording, load
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from pathlib import Path

SPECS = 1024


class Options(ctypes.Structure):
    """As exray.h's."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("app", ctypes.c_char_p),
        ("model", ctypes.c_char_p),
        ("labels", ctypes.POINTER(ctypes.c_char_p)),
        ("sampling", ctypes.c_int),
        ("n", ctypes.c_uint32),
        ("byte_budget", ctypes.c_uint64),
        ("ring", ctypes.c_size_t),
        ("no_memory", ctypes.c_int),
        ("no_signals", ctypes.c_int),
    )


class Totals(ctypes.Structure):
    """As exray.h's."""

    _fields_ = (
        ("frames", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("dropped", ctypes.c_uint64),
        ("dropped_bytes", ctypes.c_uint64),
        ("over_budget", ctypes.c_uint64),
        ("error", ctypes.c_int),
    )


def opened(exray: ctypes.CDLL, path: Path, **options: object) -> ctypes.c_void_p:
    asked = Options(size=ctypes.sizeof(Options), **options)
    log = ctypes.c_void_p(exray.exray_open(str(path).encode(), ctypes.byref(asked)))
    assert log
    return log


def closed(exray: ctypes.CDLL, log: ctypes.c_void_p) -> Totals:
    totals = Totals()
    assert exray.exray_close(log, ctypes.byref(totals)) == 0
    return totals


def read(path: Path, folder: Path) -> Recording:
    artifacts = ArtifactStore(folder)
    made = record(path, "app", artifacts)
    assert made is not None
    return load(artifacts, made)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace"))))
@example(name="ä".encode() * 200)
@example(name=b"\xed\xa0\x80")
@example(name=b"\xf0\x9f\x98")
@example(name=b"\xc0\x80")
def test_any_bytes_are_a_name(name: bytes, exray: ctypes.CDLL, tmp_path: Path) -> None:
    name = name.replace(b"\0", b"")
    path = tmp_path / "app.mcap"
    log = opened(exray, path, app=name or b"-")
    frame = exray.exray_frame_start(log, name)
    exray.exray_log_scalar(log, frame, name, 1.0)
    exray.exray_frame_stop(log, frame)
    closed(exray, log)
    artifacts = ArtifactStore(tmp_path / "artifacts")
    made = record(path, "app", artifacts)
    assert made is not None
    found = load(artifacts, made)
    (time,) = found.frame_times(artifacts)
    (row,) = found.element_rows(artifacts)
    for told, limit in ((time.name, 127), (row.name, 255)):
        assert len(told.encode()) <= limit
        if name.decode("utf-8", "ignore").encode() == name:  # it was text: told as it is, cut between characters
            assert name.decode().startswith(told)
            assert len(told.encode()) > min(limit, len(name)) - 4


def test_without_a_name_an_app_is_called_as_its_program(exray: ctypes.CDLL, tmp_path: Path) -> None:
    path = tmp_path / "app.mcap"
    closed(exray, opened(exray, path))
    assert "python" in read(path, tmp_path / "artifacts").header.app


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("sampling", [0, 2])
def test_a_budget_holds_however_often_chunks_end(
    sampling: int, flushed: bool, exray: ctypes.CDLL, tmp_path: Path
) -> None:
    path, budget, frames = tmp_path / "app.mcap", 180_000, 2500
    log = opened(exray, path, byte_budget=budget, sampling=sampling)
    for i in range(frames):
        frame = exray.exray_frame_start(log, str(i).encode())
        exray.exray_log_scalar(log, frame, b"value", float(i))
        exray.exray_assert(log, frame, int(i % 2), b"odd")
        exray.exray_frame_stop(log, frame)
        if flushed:
            exray.exray_flush(log)
    totals = closed(exray, log)
    found = read(path, tmp_path / "artifacts")
    assert path.stat().st_size == totals.bytes <= budget
    rows = found.element_rows(ArtifactStore(tmp_path / "artifacts"))
    times = len(found.frame_times(ArtifactStore(tmp_path / "artifacts")))
    wanted = frames + frames // 2 + (frames if sampling == 0 else frames // 2)  # times, assertions, values
    assert len(rows) + times + totals.over_budget + totals.dropped == wanted
    assert totals.over_budget > 0


def test_names_beyond_those_that_are_kept_are_counted(exray: ctypes.CDLL, tmp_path: Path) -> None:
    path, more = tmp_path / "app.mcap", 50
    log = opened(exray, path, ring=8 << 20)
    frame = exray.exray_frame_start(log, None)
    for i in range(SPECS + more):
        exray.exray_log_scalar(log, frame, f"value {i}".encode(), float(i))
    exray.exray_frame_stop(log, frame)
    totals = closed(exray, log)
    rows = read(path, tmp_path / "artifacts").element_rows(ArtifactStore(tmp_path / "artifacts"))
    assert (len(rows), totals.dropped) == (SPECS, more)
    np.testing.assert_array_equal([r.value for r in rows], np.arange(SPECS))


def test_threads_that_log_one_frame_lose_nothing_of_what_is_held(exray: ctypes.CDLL, tmp_path: Path) -> None:
    path, each = tmp_path / "app.mcap", 400
    log = opened(exray, path, sampling=2, ring=8 << 20)
    frame = exray.exray_frame_start(log, None)

    def work(number: int) -> None:
        for i in range(each):
            exray.exray_log_scalar(log, frame, b"value", float(number * each + i))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    exray.exray_assert(log, frame, 0, b"looked at")
    exray.exray_frame_stop(log, frame)
    assert closed(exray, log).dropped == 0
    rows = read(path, tmp_path / "artifacts").element_rows(ArtifactStore(tmp_path / "artifacts"))
    assert sorted(r.value for r in rows if r.kind == "scalar") == list(range(6 * each))
