"""What a run will do with sound and text, before any device is touched."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from farm.model import graph as graphs
from farm.model.recipe import Audio, Recipe, Text
from farm.reference import wav
from farm.run import passes
from farm.run.steps import Planner
from farm.submission import InputFrame, RecipeUse, Submission
from tests.agents.kit import reshape_model, several_inputs_model

if TYPE_CHECKING:
    from pathlib import Path

    from farm.run.steps import Plan
    from farm.store.artifacts import ArtifactStore
    from farm.submission import FrameKind


def plan(
    artifacts: ArtifactStore, folder: Path, model: bytes, kind: FrameKind, frames: list[bytes], recipe: Recipe
) -> tuple[Plan, Submission]:
    submission = Submission(
        model_name="m.tflite",
        model_sha256=artifacts.put(model),
        frames=tuple(InputFrame(name=f"{i}", kind=kind, sha256=(artifacts.put(f),)) for i, f in enumerate(frames)),
        recipe=RecipeUse(recipe=recipe, origin="test"),
        passes=("latency", "profile", "layers"),
    )
    made = Planner(submission, graphs.read(model, "m.tflite"), artifacts, folder, lambda *_: None).plan()
    return made, submission


def content(blob: object) -> bytes:
    return b"".join(blob.parts())  # type: ignore[attr-defined]


def test_a_text_is_staged_once_for_all_inputs_with_its_vocabulary(artifacts: ArtifactStore, tmp_path: Path) -> None:
    vocabulary = artifacts.put(b"a\nb\n")
    recipe = Recipe(text=Text(vocabulary=vocabulary, inputs=("ids", "mask")))
    model = several_inputs_model([[1, 4], [1, 4]], "int32")
    made, submission = plan(artifacts, tmp_path, model, "text", [b"a b", b""], recipe)
    assert [step.name for step in made.steps] == ["latency", "profile", "layers"]
    for step in made.steps:
        assert [(row.frame, row.position, row.kind) for row in step.rows] == [
            (f, i, "text") for f in (0, 1) for i in (0, 1)
        ]
        assert [content(row.blob) for row in step.rows] == [b"a b", b"a b", b"", b""]
        (file,) = step.files
        assert (file.sha256, content(file)) == (vocabulary, b"a\nb\n")
        work = passes.Pass(step.name, "agent", "rt", "model", "list", "out", "lock", 1, flags=step.flags)
        command = passes.command(work, submission)
        assert command[command.index("--vocabulary") + 1] == file.remote
        assert command[command.index("--text-inputs") + 1] == "ids,mask"
        assert "--rotate" not in command
    assert vocabulary in {blob.sha256 for blob in made.blobs()}


def test_a_clip_is_staged_as_16_bit_samples(artifacts: ArtifactStore, tmp_path: Path) -> None:
    samples = np.array([[0.5, -1.0], [0.25, 0.999]], "<f4")
    layout = struct.pack("<HHIIHH", 3, 2, 44_100, 44_100 * 8, 8, 32)
    body = b"WAVEfmt " + struct.pack("<I", 16) + layout + b"data" + struct.pack("<I", 16) + samples.tobytes()
    encoded = b"RIFF" + struct.pack("<I", len(body)) + body
    made, submission = plan(
        artifacts, tmp_path, reshape_model([1, 100]), "audio", [encoded], Recipe(audio=Audio(channel="left"))
    )
    (row,) = made.steps[0].rows
    assert (row.position, row.kind, row.blob.size) == (0, "pcm", 44 + 8)
    staged = wav.decode(content(row.blob), "staged")
    assert staged.rate == 44_100
    assert staged.samples.tolist() == [[16384, -32768], [8192, 32735]]
    work = passes.Pass("latency", "agent", "rt", "model", "list", "out", "lock", 1)
    command = passes.command(work, submission)
    assert command[command.index("--channel") + 1] == "left"
    assert made.steps[0].files == ()
