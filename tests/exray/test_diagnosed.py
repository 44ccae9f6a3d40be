"""Apps of one's own, right and wrong, from their capture alone: no folder of inputs, no device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import exray
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from PIL import Image

from farm.assess.app import as_passes
from farm.capture.ingest import record
from farm.capture.recording import load
from farm.model import graph as graphs
from farm.store.artifacts import ArtifactStore
from tests.conftest import DEMO

from . import kit

if TYPE_CHECKING:
    from pathlib import Path


def classify(capture: Path, *, bgr: bool, named: bool, layers: bool = False) -> None:
    """A pipeline as an app has it, over the demo's pictures."""
    interpreter = Interpreter(
        str(DEMO / "model.tflite"),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        if layers
        else OpResolverType.AUTO,
        experimental_preserve_all_tensors=layers,
    )
    interpreter.allocate_tensors()
    computed = [t for t in graphs.read_file(DEMO / "model.tflite").tensors if not t.constant]
    index = interpreter.get_input_details()[0]["index"]
    with exray.open(capture, app="classifier", model=DEMO / "model.tflite", ring=4 << 20) as log:
        for file in kit.pictures():
            picture = np.asarray(Image.open(file).convert("RGB"))
            with log.frame(file.name if named else None) as frame:
                frame.image("frame", picture)
                height, width = (int(side * 0.875 + 0.5) for side in picture.shape[:2])
                top, left = ((side - kept) // 2 for side, kept in zip(picture.shape, (height, width), strict=False))
                part = Image.fromarray(picture[top : top + height, left : left + width])
                with frame.span("resize"):
                    small = np.asarray(part.resize((64, 64), Image.Resampling.BILINEAR), np.float32)
                fed = (small[..., ::-1] if bgr else small) / 127.5 - 1
                interpreter.set_tensor(index, np.ascontiguousarray(fed[None]))
                with frame.inference(interpreter):
                    interpreter.invoke()
                for tensor in computed if layers else ():
                    frame.layer(interpreter.get_tensor(tensor.index), index=tensor.index)


@pytest.mark.parametrize(
    ("bgr", "verdict", "cause"),
    [pytest.param(False, "pass", "none", marks=pytest.mark.slow), (True, "fail", "channel")],
)
def test_an_apps_bug_is_named_from_its_capture(bgr: bool, verdict: str, cause: str, tmp_path: Path) -> None:
    capture = tmp_path / "app.mcap"
    classify(capture, bgr=bgr, named=True)
    assert kit.verdict(capture, tmp_path) == (verdict, cause)


def test_layers_that_an_app_logged_stand_where_an_agents_do(tmp_path: Path) -> None:
    capture, artifacts = tmp_path / "app.mcap", ArtifactStore(tmp_path / "artifacts")
    classify(capture, bgr=False, named=True, layers=True)
    made = record(capture, "app", artifacts)
    assert made is not None
    graph = graphs.read_file(DEMO / "model.tflite")
    passes = as_passes(load(artifacts, made), graph, artifacts, dict.fromkeys(range(kit.FRAMES), ""))
    assert passes["latency"].by_tensor.keys() == {*graph.inputs, *graph.outputs}
    assert passes["layers"].by_tensor.keys() == {t.index for t in graph.tensors if not t.constant}
    assert {s.role for s in passes["layers"].specs} == {"input", "output"}, "the ends stay what they are"
    values = passes["layers"].tensors(artifacts, kit.FRAMES - 1)
    assert all(values[t.index].shape == t.shape for t in graph.tensors if not t.constant)


@pytest.mark.slow
def test_frames_without_a_name_go_by_their_number(tmp_path: Path) -> None:
    capture = tmp_path / "app.mcap"
    classify(capture, bgr=True, named=False)
    assert kit.diagnosed(capture, tmp_path)["verdict"]["cause"] == "channel"


def test_another_model_is_refused(tmp_path: Path) -> None:
    capture = tmp_path / "app.mcap"
    classify(capture, bgr=False, named=True)
    done = kit.farm(tmp_path, "diagnose", str(capture), "--model", str(DEMO / "model_int8.tflite"))
    assert done.returncode == 2
    assert "is of another model" in done.stderr
