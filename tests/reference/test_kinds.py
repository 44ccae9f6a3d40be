"""Sounds and texts through real models on the host, from the files as users have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from farm.errors import InputsError, RecipeError
from farm.model import graph as graphs
from farm.model.recipe import Audio, Normalize, Recipe, Text
from farm.reference.frames import FrameReader
from farm.reference.record import record
from farm.submission import InputFrame

if TYPE_CHECKING:
    from pathlib import Path

    from farm.store.artifacts import ArtifactStore
    from farm.submission import FrameKind

KEYWORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence", "unknown")
MFCC = Recipe(audio=Audio(features="mfcc"))


def answers(
    model: Path, kind: FrameKind, contents: list[bytes], recipe: Recipe, artifacts: ArtifactStore, cache: Path
) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    frames = [(i, InputFrame(name=f"f{i}", kind=kind, sha256=(artifacts.put(c),))) for i, c in enumerate(contents)]
    made = record(
        "litert",
        artifacts=artifacts,
        cache=cache,
        model_sha256=artifacts.put_file(model),
        frames=frames,
        recipe=recipe,
        layers=False,
        timeout_s=300,
    )
    output = graphs.read_file(model).outputs[0]
    return [made.tensors(artifacts, i)[output].ravel() for i, _ in frames]


@pytest.mark.parametrize("model", ["kws_float32", "kws_int8"])
def test_a_spoken_keyword_is_understood(model: str, testdata: Path, artifacts: ArtifactStore, tmp_path: Path) -> None:
    clips = [(testdata / "audio" / f"tflm_{word}_1000ms.wav").read_bytes() for word in ("yes", "no")]
    yes, no = answers(testdata / "models" / f"{model}.tflite", "audio", clips, MFCC, artifacts, tmp_path)
    assert KEYWORDS[yes.argmax()] == "yes"
    # The model takes this speaker's no for go; its second choice is right.
    assert "no" in {KEYWORDS[i] for i in no.argsort()[-2:]}


def test_sounds_as_waveforms(testdata: Path, artifacts: ArtifactStore, tmp_path: Path) -> None:
    names = (testdata / "labels" / "yamnet_521_labels.txt").read_text().splitlines()
    clips = [
        (testdata / "audio" / f"{n}.wav").read_bytes() for n in ("speech", "tflm_noise_1000ms", "tflm_silence_1000ms")
    ]
    made = answers(
        testdata / "models" / "yamnet_quant.tflite", "audio", clips, Recipe(audio=Audio()), artifacts, tmp_path
    )
    speech, noise, silence = (names[a.argmax()] for a in made)
    assert speech == "Speech"
    assert "noise" in noise.lower()
    assert silence == "Silence"


def test_reviews_are_read(testdata: Path, artifacts: ArtifactStore, tmp_path: Path) -> None:
    vocabulary = artifacts.put_file(testdata / "text" / "movie_review_vocab.txt")
    recipe = Recipe(text=Text(vocabulary=vocabulary, start=1, unknown=2))
    reviews = [
        b"This movie was terrible, awful, boring and a complete waste of time.",
        b"A wonderful, brilliant film: great acting and a superb story!",
        b"One of the worst films ever made; the plot is dull and stupid.",
        b"An excellent, moving and beautiful picture. I loved it, perfect.",
    ]
    model = testdata / "models" / "movie_review.tflite"
    made = answers(model, "text", reviews, recipe, artifacts, tmp_path)
    assert [int(a.argmax()) for a in made] == [0, 1, 0, 1]


def test_recipes_of_another_kind_are_refused(testdata: Path, artifacts: ArtifactStore) -> None:
    graph = graphs.read_file(testdata / "models" / "kws_int8.tflite")
    shapes = {graph.inputs[0]: (1, 49, 10, 1)}
    clip = artifacts.put_file(testdata / "audio" / "tflm_yes_1000ms.wav")
    reader = FrameReader(InputFrame(name="yes.wav", kind="audio", sha256=(clip,)), artifacts, graph, shapes)
    with pytest.raises(RecipeError, match="clips need a recipe"):
        reader.inputs(None)
    with pytest.raises(RecipeError, match="the recipe is for pictures, this is a clip"):
        reader.inputs(Recipe(normalize=Normalize(mean=0, std=1)))  # type: ignore[arg-type]  # made into three
    with pytest.raises(RecipeError, match="the recipe is for texts, this is a clip"):
        reader.inputs(Recipe(text=Text(vocabulary="v")))
    with pytest.raises(RecipeError, match="gives frames of 12 values"):
        reader.inputs(Recipe(audio=Audio(features="mfcc", coefficients=12)))
    text = FrameReader(InputFrame(name="a.txt", kind="text", sha256=(clip,)), artifacts, graph, shapes)
    with pytest.raises(InputsError, match="is a text; the model's inputs are int8, not int32 or int64"):
        text.inputs(Recipe(text=Text(vocabulary="v")))
    assert reader.inputs(MFCC)[graph.inputs[0]].dtype == np.int8
