"""What a device did to clips: planted bugs are named, alone and in pairs, and nothing else is ever accused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.planted import clip, clip_bugs
from benchmarks.planted.bug import Bug
from farm.model.recipe import Audio, Recipe
from tests.assess.planted import CLIP, INT8, WAVEFORM, clips, explain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.report.explanation import Explanation
    from farm.store.artifacts import ArtifactStore

SEED = 3
FED: dict[str, dict[str, Any]] = {"mfcc": CLIP, "int8": INT8, "waveform": WAVEFORM}


def said(fed: str, bugs: Sequence[Bug], artifacts: ArtifactStore, raw: Sequence[Any] | None = None) -> Explanation:
    p = FED[fed]
    recipe = Recipe(audio=Audio(features=p["features"]))
    return explain(raw or clips(SEED), recipe, p, clip.feed, bugs, artifacts)


@pytest.mark.parametrize("fed", FED)
def test_a_healthy_device_agrees(fed: str, artifacts: ArtifactStore) -> None:
    assert said(fed, (), artifacts).kind == "agrees"


@pytest.mark.parametrize(
    ("fed", "draw"),
    [
        ("waveform", clip_bugs.scale),
        ("mfcc", clip_bugs.transposed),
        *(pytest.param("mfcc", d, marks=pytest.mark.slow) for d in (clip_bugs.gain, clip_bugs.window, clip_bugs.mel)),
        *(
            pytest.param("waveform", d, marks=pytest.mark.slow)
            for d in (clip_bugs.reverse, clip_bugs.channel, clip_bugs.not_resampled)
        ),
        *(pytest.param("int8", d, marks=pytest.mark.slow) for d in (clip_bugs.power, clip_bugs.affine)),
    ],
    ids=lambda v: v if isinstance(v, str) else v.__name__,
)
def test_a_bug_is_named(fed: str, draw: clip_bugs.Draw, artifacts: ArtifactStore) -> None:
    bug = draw(np.random.default_rng(SEED), FED[fed])
    found = said(fed, [bug], artifacts)
    assert (found.kind, [c.name for c in found.changes]) == ("named", [bug.name])
    assert found.residual < found.unexplained
    assert all(c.lines or d for c, d in zip(found.changes, [found.diff], strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("fed", FED)
@pytest.mark.parametrize("seed", range(2))
def test_pairs_are_named(fed: str, seed: int, artifacts: ArtifactStore) -> None:
    random = np.random.default_rng(seed)
    draws = [d for d in clip_bugs.bugs(FED[fed]) if d is not clip_bugs.channel]
    first, second = (draws[i](random, FED[fed]) for i in random.permutation(len(draws))[:2])
    found = said(fed, (first, second), artifacts)
    assert {c.name for c in found.changes} == {first.name, second.name} or found.kind == "not identifiable"


@pytest.mark.slow
@pytest.mark.parametrize("draw", clip_bugs.UNKNOWN, ids=lambda d: d.__name__)
def test_what_nobody_listed_is_not_given_a_name(draw: clip_bugs.Draw, artifacts: ArtifactStore) -> None:
    found = said("waveform", [draw(np.random.default_rng(SEED), WAVEFORM)], artifacts)
    assert (found.kind, found.changes) == ("unexplained", ())


@pytest.mark.slow
def test_fitted_numbers_are_those_planted(artifacts: ArtifactStore) -> None:
    rate = Bug("sample-rate", edit=lambda p: p | {"assume_rate": 12_345})
    found = said("waveform", [rate], artifacts)
    assert [(c.name, c.parameters["assumed_hz"]) for c in found.changes] == [("sample-rate", 12_345)]
    mel = Bug("mel-range", edit=lambda p: p | {"low": 90.0, "high": 6543.0})
    found = said("mfcc", [mel], artifacts)
    (change,) = found.changes
    assert change.parameters == {"low_hz": pytest.approx(90, abs=3), "high_hz": pytest.approx(6543, rel=0.003)}


def test_another_base_of_the_logarithm_is_an_affine_map_and_says_so(artifacts: ArtifactStore) -> None:
    found = said("mfcc", [clip_bugs.log(np.random.default_rng(SEED), CLIP)], artifacts)
    assert [c.name for c in found.changes] == ["log"]
    assert ("affine",) in found.equivalent


def test_mono_clips_hide_the_channel(artifacts: ArtifactStore) -> None:
    mono = [c for c in clips(SEED) if c.recorded.shape[1] == 1]
    bug = clip_bugs.channel(np.random.default_rng(SEED), CLIP)
    found = said("mfcc", [bug], artifacts, mono)
    assert found.kind == "agrees"
    assert "which channel is taken: the clips are mono" in found.reason


def test_silent_clips_tell_nothing(artifacts: ArtifactStore) -> None:
    silent = [clip.Clip(np.zeros((16_000, 1), np.int16), 16_000)] * 3
    other = Bug("other", stage="fed", change=lambda v: v + np.arange(v.size).reshape(v.shape))
    found = said("mfcc", [other], artifacts, silent)
    assert (found.kind, found.reason) == ("not identifiable", "the clips are silent")
