"""The ladder and its words. The device is LiteRT itself: with another recipe, model or kernel, a device with that fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm.assess.assess import AssessedRun, assess_run
from farm.capture.recording import Recording, RecordingWriter, load
from farm.model import graph as graphs
from farm.model import rewrite
from farm.model.recipe import Normalize
from farm.reference.library import installed_sha256
from farm.reference.record import record
from farm.submission import FloatTwin, RecipeUse, Submission
from tests.assess.test_assess import IMAGENET, RIGHT, Bench, demo, photos
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.model.recipe import Recipe
    from farm.report.ladder import Blame, Rung

__all__ = ["demo", "photos"]
FLOAT, INT8 = DEMO / "model.tflite", DEMO / "model_int8.tflite"
UNIT = Normalize(mean=(0,) * 3, std=(255,) * 3)


def words(run: AssessedRun) -> list[str]:
    return [blame.word for blame in run.verdict.blames]


def rungs(run: AssessedRun) -> dict[str, Rung]:
    assert run.ladder is not None
    return {rung.name: rung for rung in run.ladder.rungs}


def twin(bench: Bench, path: Path) -> FloatTwin:
    return FloatTwin(model_name=path.name, model_sha256=bench.artifacts.put_file(path))


def of_device(
    bench: Bench,
    model: Path,
    *,
    runs: bytes | None = None,
    runtime: str = "litert",
    edit: Callable[[Recording], Recording] = lambda r: r,
    recipe: Recipe = RIGHT,
    n: int = 60,
    others: tuple[Recording, ...] = (),
    **fields: Any,
) -> AssessedRun:
    """A device that runs `runs` on `runtime` where `model` was submitted."""
    sha256 = bench.artifacts.put(runs or model.read_bytes())
    frames = list(enumerate(bench.frames))[:n]
    latency, layers = (
        edit(
            record(
                runtime, artifacts=bench.artifacts, cache=bench.cache, model_sha256=sha256, frames=frames[:count],
                recipe=recipe, layers=deep, timeout_s=120,
            )
        )
        for count, deep in ((n, False), (4, True))
    )  # fmt: skip
    submission = Submission(
        model_name=model.name,
        model_sha256=bench.artifacts.put_file(model),
        frames=bench.frames[:n],
        recipe=RecipeUse(recipe=recipe, origin="test"),
        **fields,
    )
    return assess_run(submission, bench.artifacts, bench.cache, latency, layers, others=others)


def broken_weights(model: Path, node: int) -> bytes:
    """The model with one operator that computes something else: its weights' order is turned around."""
    graph, tree = rewrite.open_model(model.read_bytes(), model.name, "changed")
    main = tree.subgraphs[0]
    buffer = tree.buffers[main.tensors[graph.nodes[node].inputs[1]].buffer]
    item = np.dtype(graph.tensors[graph.nodes[node].inputs[1]].dtype)
    values = np.asarray(buffer.data, np.uint8).view(item)
    buffer.data = values[::-1].copy().view(np.uint8)
    return rewrite.pack(tree, model.name, outputs=list(main.outputs), more_outputs={})


def header(bench: Bench, **fields: str) -> Callable[[Recording], Recording]:
    """The same recording from somewhere else."""

    def edit(recording: Recording) -> Recording:
        changed = recording.model_copy(update={"header": recording.header.model_copy(update=fields)})
        return load(bench.artifacts, bench.artifacts.put(changed.model_dump_json().encode()))

    return edit


@pytest.mark.slow
def test_a_healthy_float_model_climbs_three_rungs(demo: Bench) -> None:
    run = of_device(demo, FLOAT)
    found = rungs(run)
    assert list(found) == ["float reference", "float optimized", "device"]
    assert words(run) == ["none"]
    assert not any(rung.enters or rung.missing for rung in found.values())
    fast = found["float optimized"]
    assert fast.running_nrmse is not None
    assert fast.isolated_nrmse is not None
    assert fast.isolated_nrmse <= fast.running_nrmse < 1e-4
    assert [rung.score for rung in found.values()] == [run.accuracy and run.accuracy.top1] * 3
    assert run.ladder is not None
    assert "unconverted" in run.ladder.unsaid[0]


@pytest.mark.slow
def test_quantizing_is_said_with_the_float_model_and_left_unsaid_without(demo: Bench) -> None:
    without = of_device(demo, INT8)
    assert list(rungs(without)) == ["quantized reference", "quantized optimized", "device"]
    assert without.ladder is not None
    assert any("--float" in line for line in without.ladder.unsaid)
    run = of_device(demo, INT8, float_twin=twin(demo, FLOAT))
    found = rungs(run)
    assert list(found) == ["float reference", "float optimized", "quantized reference", "quantized optimized", "device"]
    assert (words(run), run.verdict.kind) == (["none"], "pass")
    assert found["quantized reference"].against == "float reference"
    assert found["quantized reference"].isolated_nrmse is not None
    assert run.ladder is not None
    assert run.ladder.alignment == "21 of 21 layers aligned: 21 by name"


@pytest.mark.slow
def test_another_model_is_no_float_twin(demo: Bench, testdata: Path) -> None:
    run = of_device(demo, INT8, n=8, float_twin=twin(demo, testdata / "models" / "kws_float32.tflite"))
    assert "is not the float model" in rungs(run)["float reference"].missing
    assert words(run) == ["none"]


def test_a_wrong_kernel_is_blamed_with_its_layer(demo: Bench) -> None:
    run = of_device(demo, FLOAT, runs=broken_weights(FLOAT, 6))
    assert run.verdict.kind == "fail"
    (blame,) = run.verdict.blames
    assert (blame.word, blame.name) == ("kernel", "local")
    assert blame.layer.startswith("6 CONV_2D")
    assert blame.confidence > 0.9
    assert rungs(run)["device"].enters


@pytest.mark.slow
def test_what_runs_on_another_accelerator_is_the_delegates(demo: Bench) -> None:
    run = of_device(demo, FLOAT, runs=broken_weights(FLOAT, 6), edit=header(demo, source="device:a", accelerator="gpu"))
    assert words(run) == ["delegate"]


def test_the_same_device_with_other_kernels_tells_the_delegate(demo: Bench) -> None:
    other = record(
        "litert-builtin", artifacts=demo.artifacts, cache=demo.cache, model_sha256=demo.artifacts.put_file(FLOAT),
        frames=list(enumerate(demo.frames))[:4], recipe=RIGHT, layers=True, timeout_s=120,
    )  # fmt: skip
    same = header(demo, source="device:a")
    run = of_device(demo, FLOAT, runs=broken_weights(FLOAT, 6), edit=same, others=(same(other),))
    assert words(run) == ["delegate"]
    assert "builtin kernels" in run.verdict.blames[0].evidence


@pytest.mark.slow
def test_the_same_library_elsewhere_tells_the_device(demo: Bench) -> None:
    library = installed_sha256()
    assert len(library) == 64
    run = of_device(demo, FLOAT, runs=broken_weights(FLOAT, 6), edit=header(demo, runtime_sha256=library))
    assert words(run) == ["device"]


@pytest.mark.slow
def test_builtin_kernels_are_no_fault_where_they_were_asked_for(demo: Bench) -> None:
    run = of_device(demo, INT8, runtime="litert-builtin", kernel="builtin")
    assert words(run) == ["none"]
    assert rungs(run)["device"].running_nrmse == 0


def moved(bench: Bench, by: int, recording: Recording) -> Recording:
    """A device whose outputs, and nothing else, are moved by some classes."""
    output = graphs.read_file(FLOAT).outputs[0]
    writer = RecordingWriter(bench.artifacts, recording.header)
    for spec in recording.specs:
        writer.spec(spec)
    for frame in recording.frames:
        values = recording.tensors(bench.artifacts, frame)
        writer.frame(frame, values | {output: np.roll(values[output], by, axis=-1)})
    return load(bench.artifacts, writer.close())


@pytest.mark.slow
def test_scores_moved_by_a_class_are_post_processing(demo: Bench) -> None:
    run = of_device(demo, FLOAT, edit=lambda recording: moved(demo, 1, recording))
    assert (run.verdict.kind, run.verdict.cause, words(run)) == ("fail", "postprocessing", ["post-processing"])
    assert "moved by +1 classes" in run.verdict.summary


@pytest.mark.parametrize("by", [1, -1])
def test_labels_off_by_one_are_post_processing(by: int, demo: Bench) -> None:
    frames = tuple(f.model_copy(update={"label": ((f.label or 0) + by) % 12}) for f in demo.frames)
    run = of_device(Bench(demo.artifacts, demo.cache, frames), FLOAT)
    assert (run.verdict.kind, run.verdict.cause, words(run)) == ("fail", "postprocessing", ["post-processing"])
    assert f"off by {by:+d}" in run.verdict.summary


# On photographs: the figures of testdata's README, within what another cropping and rounding changes.

README = {"": 63, "_quant": 62, "_ptq_int8": 56, "_ptq_int8_badcalib01": 15}


def photographed(photos: Bench, testdata: Path, model: str, recipe: Recipe = IMAGENET, **fields: Any) -> AssessedRun:
    models = testdata / "models"
    return photos.assess(
        models / f"mobilenet_v1_0.25_224{model}.tflite", recipe, n=100, layer_frames=8,
        float_twin=twin(photos, models / "mobilenet_v1_0.25_224.tflite"), **fields,
    )  # fmt: skip


def blamed(run: AssessedRun, word: str) -> Blame:
    return next(b for b in run.verdict.blames if b.word == word)


@pytest.mark.slow
@pytest.mark.parametrize("model", README)
def test_the_rungs_of_mobilenet_agree_with_the_readme(model: str, photos: Bench, testdata: Path) -> None:
    run = photographed(photos, testdata, model)
    found = rungs(run)
    score = found["float reference" if not model else "quantized optimized"].score
    assert score is not None
    assert abs(100 * score - README[model]) <= 2
    assert found["float reference"].score == 0.63
    if model == "_ptq_int8_badcalib01":
        assert (run.verdict.kind, run.verdict.cause, words(run)) == ("fail", "quantization", ["calibration"])
        assert found["quantized reference"].enters
        assert blamed(run, "calibration").layer == "input"
        assert "instead of 63" in run.verdict.summary
    else:
        assert (run.verdict.kind, words(run)) == ("pass", ["none"])


@pytest.mark.slow
@pytest.mark.parametrize("known", [True, False], ids=["expected known", "labels judge"])
def test_two_faults_that_cancel_are_seen_as_two(known: bool, photos: Bench, testdata: Path) -> None:
    wrong = IMAGENET.model_copy(update={"normalize": UNIT})
    run = photographed(
        photos, testdata, "_ptq_int8_badcalib01", wrong, expected=IMAGENET if known else None
    )  # fmt: skip
    assert (run.verdict.kind, run.verdict.cause) == ("fail", "normalization+quantization")
    assert words(run) == ["pre-processing", "calibration"]
    assert [name for name, rung in rungs(run).items() if rung.enters] == ["quantized reference", "device"]


@pytest.mark.slow
def test_a_swapped_channel_is_not_the_calibrations(photos: Bench, testdata: Path) -> None:
    wrong = IMAGENET.model_copy(update={"channels": "bgr"})
    run = photographed(photos, testdata, "_ptq_int8", wrong, expected=IMAGENET)
    assert (run.verdict.kind, run.verdict.cause, words(run)) == ("fail", "channel", ["pre-processing"])
