"""Worst slices of a run's frames."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from farm.assess.frames import attributes, slices
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame, Submission


def picture(width: int, height: int, seed: int) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_frames_that_fare_worse_are_told_by_what_is_known_of_them(tmp_path: Path) -> None:
    artifacts = ArtifactStore(tmp_path)
    frames = tuple(
        InputFrame(
            name=f"{i}.png",
            kind="image",
            sha256=(artifacts.put(picture(8 + i % 3, 8, i)),),
            label=i % 4,
            metadata={"light": "night" if i % 5 == 0 else "day"},
        )
        for i in range(100)
    )
    submission = Submission(model_name="m", model_sha256="m", frames=frames, labels=("cat", "dog"))
    known = attributes(frames[1], submission.labels, artifacts)
    assert known == {"light": "day", "label": "dog", "width": 9.0, "height": 8.0, "shape": "wide"}
    lost = np.array([f.metadata["light"] == "night" for f in frames], float)
    first, *_ = slices(submission, artifacts, range(100), lost)
    assert first.words == "light = night"
    assert (first.support, first.error, first.overall) == (20, 1.0, 0.2)
    assert slices(submission, artifacts, range(100), np.zeros(100)) == ()


def test_a_file_that_is_no_picture_tells_less(tmp_path: Path) -> None:
    artifacts = ArtifactStore(tmp_path)
    frame = InputFrame(name="x", kind="image", sha256=(artifacts.put(b"no picture"),), label=7)
    assert attributes(frame, (), artifacts) == {"label": "7"}
