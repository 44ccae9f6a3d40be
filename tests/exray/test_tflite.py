"""TFLite's C API by its hooks. The library here stands in for TFLite's: nothing but its functions' names and types is real."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

from farm.capture.ingest import record
from farm.capture.recording import Recording, load
from farm.store.artifacts import ArtifactStore

HERE = Path(__file__).resolve().parent
INTERPRETER = ctypes.c_void_p(1)
"""Not looked into."""


def compiled(folder: Path, *flags: str) -> ctypes.CDLL:
    file = folder / "libtflite.so"
    command = ["cc", "-shared", "-fPIC", *flags, "-o", str(file), str(HERE / "tflite_stand_in.c")]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(file))


def logged(exray: ctypes.CDLL, tflite: ctypes.CDLL, folder: Path, layers: tuple[int, ...]) -> tuple[int, Recording]:
    """What the hooks returned, summed, and the capture."""
    log = ctypes.c_void_p(exray.exray_open(str(folder / "app.mcap").encode(), None))
    frame = exray.exray_frame_start(log, b"a.png")
    handle = ctypes.c_void_p(tflite._handle)
    status = exray.exray_log_tflite(log, frame, handle, INTERPRETER)
    indices = (ctypes.c_int32 * len(layers))(*layers)
    if layers:
        status += exray.exray_log_tflite_layers(log, frame, handle, INTERPRETER, indices, ctypes.c_size_t(len(layers)))
    exray.exray_frame_stop(log, frame)
    assert exray.exray_close(log, None) == 0
    artifacts = ArtifactStore(folder / "artifacts")
    made = record(folder / "app.mcap", "app", artifacts)
    assert made is not None
    return status, load(artifacts, made)


def test_inputs_outputs_and_layers_are_logged(exray: ctypes.CDLL, tmp_path: Path) -> None:
    status, found = logged(exray, compiled(tmp_path), tmp_path, (3, 99, -1))
    assert status == 0
    told = {s.tensor: (s.role, s.position, s.name, s.dtype, s.shape, s.scale, s.zero_point) for s in found.specs}
    assert told == {
        0: ("input", 0, "fed", "int8", (1, 2, 3, 1), (0.5,), (-3,)),
        2: ("output", 0, "scores", "float32", (1, 2), (), ()),
        3: ("layer", 0, "inner", "int16", (), (0.25,), (0,)),
    }, "captures have no word for strings"
    values = found.tensors(ArtifactStore(tmp_path / "artifacts"), 0)
    assert values[0].ravel().tolist() == [1, -2, 3, -4, 5, -6]
    assert values[2].ravel().tolist() == [0.25, 0.75]
    assert values[3].tolist() == -7


def test_a_library_that_tells_no_indices_leaves_positions(exray: ctypes.CDLL, tmp_path: Path) -> None:
    tflite = compiled(tmp_path, "-DOLD")
    status, found = logged(exray, tflite, tmp_path, ())
    assert status == 0
    assert {(s.role, s.position, s.name) for s in found.specs} == {("input", 0, "fed"), ("output", 0, "scores")}
    assert all(s.tensor < 0 for s in found.specs)
    assert logged(exray, tflite, tmp_path, (3,))[0] == -1
    assert exray.exray_error() == b"this TFLite has no TfLiteInterpreterGetTensor"


def test_a_library_of_something_else_is_refused(exray: ctypes.CDLL, tmp_path: Path) -> None:
    status, found = logged(exray, ctypes.CDLL(None), tmp_path, ())
    assert status == -1
    assert exray.exray_error().startswith(b"TfLiteInterpreterGetInputTensorCount is not there: link TFLite")
    assert not found.specs
