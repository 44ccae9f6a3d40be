"""Nothing that a caller does ends the virtual machine, or the app."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from .kit import TOLD, Driver, JavaError, command, recorded
from .test_logged import tensor

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore

LOGGED: list[list[Any]] = [
    ["inference", "f"],
    ["over", "f", "inference"],
    ["span", "f", "s"],
    ["over", "f", "span"],
    ["input", "f", 0, *tensor("array", np.zeros(3))],
    ["output", "f", 0, *tensor("direct", np.zeros(3))],
    ["layer", "f", *tensor("typed", np.zeros(3), "conv")],
    ["tensor", "f", "t", *tensor("heap", np.zeros(3))],
    ["image", "f", "frame", "direct", "RGB", 1, 1, 0, bytes(3)],
    ["argb", "f", "frame", 1, 1, 1],
    ["scalar", "f", "n", 1],
    ["text", "f", "t", "text"],
    ["bytes", "f", "b", "array", b"data"],
    ["check", "f", "false", "holds"],
    ["sensor", "light", "float", bytes(4)],
]


def test_after_the_end_nothing_happens(tmp_path: Path, artifacts: ArtifactStore, java: Driver) -> None:
    path = tmp_path / "app.mcap"
    java("open", path)
    java("frame", "f", "one")
    for call in LOGGED:
        java(*call)
    java("stop", "f")
    for call in [*LOGGED, ["stop", "f"]]:
        java(*call)
    java("frame", "f", "two")
    java("close")
    size = path.stat().st_size
    for call in [*LOGGED, ["stop", "f"], ["frame", "f"], *LOGGED, ["stop", "f"], ["flush"], ["close"]]:
        java(*call)
    assert java.count().frames == 1
    assert path.stat().st_size == size
    found = recorded(path, artifacts)
    assert [t.name for t in found.frame_times(artifacts)] == ["one"]
    rows = found.element_rows(artifacts)
    assert len([r for r in rows if r.frame == 0]) == 8
    assert [(r.frame, r.kind) for r in rows if r.frame != 0] == [(-1, "assertion")], "which is told all the same"


def test_without_a_log_an_app_runs_on(classes: Path) -> None:
    driver = Driver(classes, "-Dexray.library=/no/such/library.so")
    for call in [["frame", "f", "one"], *LOGGED, ["stop", "f"], ["close"]]:
        driver(*call)
    assert driver.count().frames == 0
    with pytest.raises(JavaError, match=r"IOException: the native library cannot be loaded: .*/no/such/library.*make"):
        driver("open", "app.mcap")
    driver.end()


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (["input", "f", -1, *tensor("array", np.zeros(3))], "position -1"),
        (["input", "f", 0, "array", "FLOAT32", "2,2", bytes(12), "", 0, 0, -1], r"FLOAT32 and shape \[2, 2\] is not 12 bytes"),
        (["tensor", "f", "t", "direct", "INT64", "1", bytes(12), "", 0, 0, -1], "is not 12 bytes"),
        (["tensor", "f", "t", "direct", "INT8", "-1,-3", bytes(3), "", 0, 0, -1], "is not 3 bytes"),
        (["tensor", "f", "t", "direct", "INT8", "65536,65536,65536,65536", b"", "", 0, 0, -1], "is not 0 bytes"),
        (["tensor", "f", "t", "heap", "INT8", "1,1,1,1,1,1,1,1,1", b"x", "", 0, 0, -1], "9 dimensions"),
        (["image", "f", "p", "array", "RGB", 4, 4, 0, bytes(47)], "p: 47 bytes are no picture of 4x4 pixels in RGB"),
        (["image", "f", "p", "direct", "RGBA", 4, 4, 20, bytes(75)], "rows 20 bytes apart"),
        (["image", "f", "p", "direct", "RGBA", 4, 4, 15, bytes(99)], "rows 15 bytes apart"),
        (["image", "f", "p", "direct", "RGBA", 4, 4, -16, bytes(99)], "rows -16 bytes apart"),
        (["image", "f", "p", "heap", "GRAY", 0, 4, 0, bytes(9)], "0x4 pixels"),
        (["image", "f", "p", "heap", "GRAY", 2147483647, 2147483647, 2147483647, bytes(9)], "9 bytes are no picture"),
        (["argb", "f", "p", 2, 2, 3], "12 bytes are no picture"),
        (["sensor", "s", "float", b""], "s: 0 values; a sensor has 1 to 16"),
        (["sensor", "s", "double", bytes(17 * 8)], "s: 17 values"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(call: list[Any], why: str, tmp_path: Path, java: Driver) -> None:
    java("open", tmp_path / "app.mcap")
    java("frame", "f")
    with pytest.raises(JavaError, match=why) as refused:
        java(*call)
    assert refused.value.kind == "java.lang.IllegalArgumentException"
    java("stop", "f")


@pytest.mark.parametrize(
    ("path", "options", "why"),
    [
        ("/dev/full", [], "/dev/full cannot be written: No space left"),
        ("{folder}/no/such \U0001f34e/app.mcap", [], "such \U0001f34e/app.mcap cannot be written: No such file"),
        ("{folder}", [], "Is a directory"),
        ("{folder}/app.mcap", ["model", "/no/model"], "the model /no/model cannot be read"),
        ("{folder}/app.mcap", ["budget", 1000], "a byte budget of 1000 holds no frame: give [0-9]+ at least"),
    ],
)
def test_what_cannot_be_written_is_told(path: str, options: list[Any], why: str, tmp_path: Path, java: Driver) -> None:
    with pytest.raises(JavaError, match=why) as refused:
        java("open", path.format(folder=tmp_path), *options)
    assert refused.value.kind == "java.io.IOException"


@pytest.mark.parametrize("option", ["budget", "ring"])
def test_options_below_nothing_are_refused(option: str, tmp_path: Path, java: Driver) -> None:
    with pytest.raises(JavaError, match=r"IllegalArgumentException: a .* of -1"):
        java("open", tmp_path / "app.mcap", option, -1)


def run(classes: Path, path: Path, how: str) -> None:
    threads = command(classes, "Threads", path, how, machine=(TOLD,))
    done = subprocess.run(threads, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_threads_log_frames_of_their_own(classes: Path, tmp_path: Path, artifacts: ArtifactStore) -> None:
    run(classes, tmp_path / "app.mcap", "own")
    found = recorded(tmp_path / "app.mcap", artifacts)
    names = {t.index: t.name for t in found.frame_times(artifacts) if t.name != "shared"}
    assert (len(names), found.dropped) == (1600, 0)
    for index, name in names.items():
        number, i = map(int, name.split("-"))
        tensors = found.tensors(artifacts, index)
        assert (tensors[0].tolist(), tensors[1].tolist()) == ([number, i], [number * 1000 + i])


def test_threads_log_of_one_frame(classes: Path, tmp_path: Path, artifacts: ArtifactStore) -> None:
    """Under ON_ASSERTION, where all of it is held until the frame is over."""
    run(classes, tmp_path / "app.mcap", "one")
    rows = recorded(tmp_path / "app.mcap", artifacts).element_rows(artifacts)
    values = sorted(r.value for r in rows if r.kind == "scalar")
    assert values == [number * 1000 + i for number in range(8) for i in range(200)]


def test_a_capture_is_closed_under_those_who_log(classes: Path, tmp_path: Path, artifacts: ArtifactStore) -> None:
    run(classes, tmp_path / "app.mcap", "closed")
    assert recorded(tmp_path / "app.mcap", artifacts).complete
