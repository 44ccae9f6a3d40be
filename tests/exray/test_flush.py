"""exray_flush: what was logged before it is in the file, whatever becomes of the app."""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING

from farm.capture.ingest import record
from farm.capture.recording import load
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from pathlib import Path


def frames_in(file: Path, folder: Path) -> int:
    artifacts = ArtifactStore(folder)
    made = record(file, "app", artifacts)
    assert made is not None
    found = load(artifacts, made)
    assert not found.complete
    return len(found.frame_times(artifacts))


def test_what_was_logged_before_is_in_the_file(exray: ctypes.CDLL, tmp_path: Path) -> None:
    path = tmp_path / "app.mcap"
    log = ctypes.c_void_p(exray.exray_open(str(path).encode(), None))
    for round_ in range(1, 4):
        for _ in range(10):
            exray.exray_frame_stop(log, exray.exray_frame_start(log, None))
        assert exray.exray_flush(log) == 0
        assert frames_in(path, tmp_path / str(round_)) == 10 * round_
    assert exray.exray_close(log, None) == 0


def test_threads_flush_at_once(exray: ctypes.CDLL, tmp_path: Path) -> None:
    path = tmp_path / "app.mcap"
    log = ctypes.c_void_p(exray.exray_open(str(path).encode(), None))

    def work() -> None:
        for _ in range(50):
            exray.exray_frame_stop(log, exray.exray_frame_start(log, None))
            assert exray.exray_flush(log) == 0

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    assert frames_in(path, tmp_path / "artifacts") == 300
    assert exray.exray_close(log, None) == 0


def test_a_capture_that_could_not_be_opened_has_nothing_to_write(exray: ctypes.CDLL) -> None:
    assert exray.exray_flush(None) == 0
