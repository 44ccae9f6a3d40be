"""Sound and text on a virtual phone, with real models: what the agent does in C is what the reference does in Python."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from farm.reference import audio, wav
from farm.report.document import Job

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.document import Run
    from tests.cli.conftest import Lab

pytestmark = pytest.mark.slow

MFCC = '[audio]\nfeatures = "mfcc"\n'
WAVEFORM = "[audio]\n"
REVIEWS = '[text]\nvocabulary = "words.txt"\nstart = 1\nunknown = 2\n'
TEXTS = {
    "good.txt": "An excellent film: wonderful acting, and a story that I really loved.",
    "bad.txt": "Awful. The WORST movie I have ever seen, boring and badly acted!",
    "odd.txt": "café\0 naïve ... 100% it's_fine",
    "empty.txt": "",
    "long.txt": "one of the best films of the year " * 100,
}


def submit(lab: Lab, folder: Path, model: Path, inputs: Path, words: str) -> Run:
    recipe = folder / "app.recipe.toml"
    recipe.write_text(words)
    result = lab.farm(
        "submit", str(model), "--inputs", str(inputs), "--recipe", str(recipe), "--reference", "litert-ref",
        "--wait", "--json",
    )  # fmt: skip
    assert result.status in {0, 4}, result.out + result.err
    (run,) = Job.model_validate_json(result.out).runs
    return run


def agrees(run: Run) -> None:
    assert run.status == "done"
    assert run.verdict is not None
    assert (run.verdict.kind, run.verdict.cause) == ("pass", "none"), run.verdict
    assert run.latency_ms is not None
    assert run.latency_ms.preprocess_median > 0
    (layers,) = (c for c in run.comparisons if c.reference == "litert-ref")
    assert layers.first_divergence is None
    assert not layers.faults()


@pytest.fixture
def clips(testdata: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for path in (testdata / "audio").glob("tflm_*.wav"):
        shutil.copy(path, folder / path.name)
    yes = wav.decode((folder / "tflm_yes_1000ms.wav").read_bytes(), "yes")
    other = audio.resample(yes.samples[:, 0].astype(np.float64), yes.rate, 44_100, 30_000)[:, None] * [0.9, 0.3]
    (folder / "other.wav").write_bytes(wav.encode(wav.Clip(other.astype(np.int16), 44_100)))  # stereo, shorter
    return folder


@pytest.mark.parametrize("model", ["kws_float32", "kws_int8"])
def test_keywords_by_mfcc(lab: Lab, testdata: Path, tmp_path: Path, clips: Path, model: str) -> None:
    agrees(submit(lab, tmp_path, testdata / "models" / f"{model}.tflite", clips, MFCC))


def test_audio_events_by_waveform(lab: Lab, testdata: Path, tmp_path: Path, clips: Path) -> None:
    agrees(submit(lab, tmp_path, testdata / "models" / "yamnet_quant.tflite", clips, WAVEFORM))


def test_movie_reviews(lab: Lab, testdata: Path, tmp_path: Path) -> None:
    shutil.copy(testdata / "text" / "movie_review_vocab.txt", tmp_path / "words.txt")
    texts = tmp_path / "texts"
    texts.mkdir()
    for name, text in TEXTS.items():
        (texts / name).write_bytes(text.encode())
    agrees(submit(lab, tmp_path, testdata / "models" / "movie_review.tflite", texts, REVIEWS))
