"""Assertions about what was told beside the frames: energy and heat, the sensor's orientation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from farm.assess.assess import assess_run
from farm.assess.baseline import Costs
from farm.report.measures import Energy, Throttling
from farm.submission import Baseline, RecipeUse, Submission
from tests.assess.test_assess import BUGS, RIGHT, Bench, demo
from tests.conftest import DEMO

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.report.document import Finding

__all__ = ["demo"]  # a fixture

MODEL = DEMO / "model.tflite"


def energy(low: float, high: float, boundary: str = "battery") -> Energy:
    middle = (low + high) / 2
    return Energy.model_validate(
        {"boundary": boundary, "source": "test", "per_inference_mj": middle, "interval_mj": (low, high)}
    )


def found(bench: Bench, costs: Costs, before: tuple[Energy, ...]) -> tuple[str, dict[str, Finding]]:
    submission = Submission(
        model_name=MODEL.name,
        model_sha256=bench.artifacts.put(MODEL.read_bytes()),
        frames=bench.frames[:20],
        recipe=RecipeUse(recipe=RIGHT, origin="test"),
        baseline=Baseline(name="last night", captures={}, energy=before),
    )
    latency = bench.record(MODEL.read_bytes(), RIGHT, 20, layers=False)
    run = assess_run(submission, bench.artifacts, bench.cache, latency, None, costs=costs)
    return run.verdict.cause, {f.assertion: f for f in run.findings}


def test_more_energy_than_the_baseline_fails_the_run(demo: Bench) -> None:
    cause, findings = found(demo, Costs(energy=(energy(5, 6),)), (energy(3, 4),))
    assert cause == "energy"
    assert "5.5 mJ (5 to 6)" in findings["energy"].summary
    assert "last night's took 3.5 mJ" in findings["energy"].summary


@pytest.mark.parametrize("before", [(energy(5.5, 7),), (energy(1, 2, "external meter"),)], ids=["overlap", "elsewhere"])
def test_intervals_that_meet_and_other_boundaries_prove_nothing(demo: Bench, before: tuple[Energy, ...]) -> None:
    cause, findings = found(demo, Costs(energy=(energy(5, 6),)), before)
    assert cause == "none"
    assert "energy" not in findings or findings["energy"].holds


def test_heat_is_told_and_fails_nothing(demo: Bench) -> None:
    hot = Throttling(during="latency", evidence=("cpu 4 was held to 1401 of 2841 MHz",))
    cause, findings = found(demo, Costs(throttled=(hot,)), ())
    assert cause == "none"
    assert not findings["throttling"].holds
    assert "1401 of 2841" in findings["throttling"].summary


def mounted(degrees: str, recording: Recording) -> Recording:
    labels = recording.header.labels | {"sensor.orientation": degrees}
    return recording.model_copy(update={"header": recording.header.model_copy(update={"labels": labels})})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "degrees", "words"),
    [
        (RIGHT, "90", "The sensor's 90 degrees are undone"),
        (BUGS["rotation"], "90", "the app does not undo it"),
        (BUGS["rotation"], "270", "the app turns it wrongly"),
        (BUGS["rotation"], "²", None),
        (BUGS["channel"], "0", "The sensor's 0 degrees are undone"),
    ],
)
def test_the_sensors_orientation(demo: Bench, recipe: Any, degrees: str, words: str | None) -> None:
    run = demo.assess(MODEL, recipe, expected=RIGHT, n=8, layer_frames=2, edit=partial(mounted, degrees))
    told = [f.summary for f in run.findings if f.assertion == "orientation"]
    assert len(told) == (words is not None)
    assert all(words in summary for summary in told if words)
