"""The repo's own models do well under their recipe, and each planted bug costs what it is there for.

The pre-processing here is that of tools/lab, written apart from the farm's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from lab import data, measure
from lab.scenes import SHAPE

from tests.lab.bench import MODELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

FRAMES = 120
"""Of the README's table."""
LEAST = {"masks": 80.0}
"""Percent of the metric that a healthy model reaches, else 93."""
CHEAP = {("dials", "nearest"), ("things", "crop 0.7")}
"""Bugs that cost next to nothing: found by comparing inputs, not by accuracy."""
CASES = [
    pytest.param(kit, bug, marks=[] if bug in {"bgr", "16-bit scale", "case kept"} else [pytest.mark.slow])
    for kit in data.KITS
    for bug in measure.BUGS[kit]
    if (kit, bug) not in CHEAP
]
"""Together they take longer than ten seconds; one of each kit is fast."""


def score(kit: str, model: str, change: Mapping[str, Any], count: int = 24) -> float:
    folder = MODELS / kit
    frames = [data.frame(kit, n) for n in range(count)]
    fed = measure.inputs(kit, frames, measure.planted(measure.recipe(folder), change), folder)
    return measure.score(kit, frames, measure.predict(folder / f"{model}.tflite", fed))


@pytest.mark.parametrize("kit", data.KITS)
def test_models_do_well_in_float_and_quantized(kit: str) -> None:
    for path in measure.models(MODELS / kit):
        if path.stem != "model_badcalib":
            assert score(kit, path.stem, {}) >= LEAST.get(kit, 93.0), path.stem


@pytest.mark.slow
@pytest.mark.parametrize("kit", sorted(set(data.KITS) - {"remarks"}))
def test_a_bad_calibration_costs_much(kit: str) -> None:
    assert score(kit, "model_badcalib", {}) < score(kit, "model_int8", {}) - 30


@pytest.mark.parametrize(("kit", "bug"), CASES)
def test_each_bug_costs(kit: str, bug: str) -> None:
    assert score(kit, "model", measure.BUGS[kit][bug]) < score(kit, "model", {}) - 5


@pytest.mark.parametrize("kit", ["words", "whistles"])
def test_a_clip_played_backwards_costs_nearly_all(kit: str) -> None:
    assert score(kit, "model", {"reversed": True}) < 10


def test_frames_are_the_same_wherever_they_are_drawn_and_never_those_of_training() -> None:
    for kit in data.KITS:
        one, two, seen = data.frame(kit, 3), data.frame(kit, 3), data.frame(kit, 3, data.TRAIN)
        assert str(one) == str(two), kit
        assert str(one) != str(seen), kit


def test_boxes_and_masks_are_of_the_same_things() -> None:
    for number in range(20):
        frame = data.frame("boxes", number)
        assert frame.things
        for thing in frame.things:
            rows, columns = thing.mask.nonzero()
            top, left, bottom, right = thing.box
            assert (rows.min(), columns.min()) == (round(top * SHAPE[0]), round(left * SHAPE[1]))
            assert (rows.max() + 1, columns.max() + 1) == (round(bottom * SHAPE[0]), round(right * SHAPE[1]))


def test_models_are_small() -> None:
    sizes = [p.stat().st_size for p in MODELS.rglob("*") if p.is_file()]
    assert max(sizes) < 300_000
    assert sum(sizes) < 2_500_000


@pytest.mark.slow
@pytest.mark.parametrize("kit", data.KITS)
def test_readme_shows_what_the_script_measures(kit: str) -> None:
    measured = figures(measure.table(kit, MODELS / kit, FRAMES))
    written = figures((MODELS / "README.md").read_text().partition(f"| {kit}: ")[2].partition("\n\n")[0])
    assert measured.keys() == written.keys()
    for recipe, scores in measured.items():
        assert scores == pytest.approx(written[recipe], abs=2.5), recipe  # another processor may round some frames away


def figures(text: str) -> dict[str, tuple[float, ...]]:
    """Rows of a table: recipe to percentages."""
    found = re.findall(r"^\| (.+?) \|((?: -?[\d.]+ \|)+)$", text, re.MULTILINE)
    assert found
    return {recipe: tuple(float(v) for v in cells.split("|") if v.strip()) for recipe, cells in found}
