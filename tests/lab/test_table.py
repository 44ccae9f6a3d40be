"""ML-EXray's table of tasks and assertions, each cell with its bug planted for real: the assertion of that name finds it, and
finds nothing in the healthy run. Cells that ML-EXray leaves empty are here too, where the task can have the bug.

The ids say which model: `repo` models are those of tests/lab/models, `testdata` ones are published.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from farm.capture import exray_pb2 as pb
from farm.capture.recording import RecordingWriter, load
from farm.capture.rows import FrameTime
from farm.submission import Baseline
from tests.capture import kit as captures
from tests.lab.bench import Plan

if TYPE_CHECKING:
    from pathlib import Path

    from farm.assess.assess import AssessedRun
    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore
    from tests.lab.bench import Bench

FAST = {"things-rotation", "reviews-casing"}
"""A picture and a text run with the fast tests."""
BGR, UNIT, TURNED, CROPPED = (
    {"channels": "bgr"},
    {"normalize": {"mean": 0.0, "std": 255.0}},
    {"rotate": 90},
    {"crop": 0.7},
)
PICTURES: dict[str, dict[str, Any]] = {"channel": BGR, "resize": CROPPED, "normalization": UNIT, "rotation": TURNED}
TASKS = {
    "classification": ("things",),
    "detection": ("boxes",),
    "segmentation": ("masks",),
    "regression": ("dials",),
    "speech": ("words", "whistles"),
    "text": ("reviews",),
}
HARMLESS_IN_ACCURACY = {("things", "resize")}
"""A crop costs `things` nothing (tests/lab/models/README.md): it is named, and fails nothing."""


@dataclass(frozen=True)
class Cell:
    """A task, an assertion, and the bug it must find."""

    task: str
    assertion: str
    kit: str
    change: dict[str, Any] = field(default_factory=dict)
    model: str = "model"
    by: str = ""
    """The farm's name of the assertion, where ML-EXray's means something else for this task."""
    taken_for: int = 0
    """Hz for which the device takes every clip."""
    how: str = ""
    """Tells two bugs of one cell apart."""

    @property
    def name(self) -> str:
        """The farm's."""
        return self.by or self.assertion

    def param(self) -> Any:
        """For parametrize."""
        marks = [] if f"{self.kit}-{self.assertion}" in FAST else [pytest.mark.slow]
        how = f"-{self.how}" if self.how else ""
        return pytest.param(self, id=f"{self.task}-{self.assertion}{how}-repo:{self.kit}/{self.model}", marks=marks)


CELLS = [
    *(Cell(task, name, TASKS[task][0], PICTURES[name]) for task in list(TASKS)[:4] for name in PICTURES),
    # What resizing is to a picture, resampling is to a clip.
    Cell("speech", "resize", "words", taken_for=16_000),
    Cell("speech", "resize", "whistles", taken_for=8_000),
    Cell("speech", "resize", "words", {"audio": {"sample_rate": 8000}}, how="rate"),
    Cell("speech", "resize", "whistles", {"audio": {"sample_rate": 16_000}}, how="rate"),
    Cell("speech", "normalization", "words", {"audio": {"mean": 0.0, "std": 1.0}}),
    Cell("speech", "normalization", "whistles", {"audio": {"scale": "int16"}}),
    Cell("speech", "channel", "words", {"audio": {"channel": "right"}}),
    Cell("text", "casing", "reviews", {"text": {"lowercase": False}}, by="text"),
    Cell("text", "padding", "reviews", {"text": {"padding": "left"}}, by="text"),
    Cell("text", "truncation", "reviews", {"text": {"truncation": "head"}}, by="text"),
    *(
        Cell(task, "quantization", kit, {}, "model_badcalib")
        for task, kits in TASKS.items()
        for kit in kits
        if kit != "remarks"
    ),
]


def failing(run: AssessedRun) -> set[str]:
    """Names of the assertions that found something, harmless or not."""
    return {f.assertion for f in run.findings if not f.holds}


@pytest.mark.parametrize("cell", [cell.param() for cell in CELLS])
def test_the_assertion_finds_its_bug(cell: Cell, bench: Bench) -> None:
    twin = "model" if cell.model != "model" else ""
    count = 20 if f"{cell.kit}-{cell.assertion}" in FAST else 40
    plan = bench.plan(cell.kit, cell.change, model=cell.model, count=count, float_model=twin)
    run = bench.run(bench.mislabeled(plan, cell.taken_for) if cell.taken_for else plan)
    assert cell.name in failing(run), [f.summary for f in run.findings]
    if (cell.kit, cell.assertion) not in HARMLESS_IN_ACCURACY:
        assert run.verdict.kind == "fail", run.verdict.summary
        assert cell.name in run.verdict.cause.split("+"), run.verdict.summary
    else:
        assert run.verdict.kind != "fail", run.verdict.summary


def healthy() -> list[Any]:
    """Every kit's float and quantized model; one is fast."""
    pairs = [(kit, model) for kits in TASKS.values() for kit in kits for model in ("model", "model_int8")]
    pairs += [("remarks", "model"), ("remarks", "model_dynamic"), ("boxes", "model_nms")]
    slow = [[] if pair == ("things", "model") else [pytest.mark.slow] for pair in pairs]
    return [pytest.param(*pair, id=f"repo:{'/'.join(pair)}", marks=m) for pair, m in zip(pairs, slow, strict=True)]


@pytest.mark.parametrize(("kit", "model"), healthy())
def test_a_healthy_run_is_clean(kit: str, model: str, bench: Bench) -> None:
    run = bench.run(bench.plan(kit, model=model))
    assert (run.verdict.kind, run.verdict.cause) == ("pass", "none"), run.verdict.summary
    assert not failing(run), [f.summary for f in run.findings]


PUBLISHED = {"detection": ("ssd_mobilenet_v1_coco_quant", "detection"), "segmentation": ("deeplabv3", "segmentation")}
"""Task to model and folder of pictures."""


@pytest.mark.slow
@pytest.mark.parametrize("bug", ["none", *PICTURES])
@pytest.mark.parametrize("task", [pytest.param(t, id=f"{t}-testdata:{m}") for t, (m, _) in PUBLISHED.items()])
def test_published_models_on_a_picture(task: str, bug: str, bench: Bench, testdata: Path) -> None:
    """One picture without labels: the bug is found in the tensors, its effect need not show."""
    name, folder = PUBLISHED[task]
    right = {"task": task, "normalize": {"mean": 127.5, "std": 127.5}}
    recipe, own = (bench.recipe({**right, **c}, testdata) for c in ({} if bug == "none" else PICTURES[bug], {}))
    pictures = sorted((testdata / "images" / folder).glob("*.jpg"))
    asked = bench.submission(testdata / "models" / f"{name}.tflite", pictures[0], None, recipe, own)
    found = failing(bench.run(Plan(asked, asked)))
    assert (bug in found) if bug != "none" else not found & set(PICTURES)


@pytest.mark.parametrize("task", [pytest.param(t, marks=[] if t == "text" else [pytest.mark.slow]) for t in TASKS])
@pytest.mark.parametrize("times", [1.0, 1.5], ids=["healthy", "slower"])
def test_latency_against_a_healthy_run(task: str, times: float, bench: Bench, tmp_path: Path) -> None:
    """The clock is the test's: what a slow device does to the figures, without one."""
    kit = TASKS[task][0]
    plan = bench.plan(kit, count=12)
    baseline = Baseline(name="1/1", captures={"latency": capture(tmp_path, bench.artifacts, kit)})
    asked = plan.prepared.submission.model_copy(update={"baseline": baseline})
    prepared = type(plan.prepared)(asked, plan.prepared.files)
    run = bench.run(Plan(prepared, plan.device), edit=lambda r: timed(r, bench.artifacts, times))
    assert ("latency" in failing(run)) == (times > 1.0), [f.summary for f in run.findings]
    expected = ("fail", "latency") if times > 1.0 else ("pass", "none")
    assert (run.verdict.kind, run.verdict.cause) == expected, run.verdict.summary


def clock(number: int) -> int:
    """Nanoseconds of an invocation of the healthy device."""
    return 4_000_000 + 40_000 * (number * 7 % 11)


def capture(folder: Path, artifacts: ArtifactStore, kit: str) -> str:
    """A healthy device's capture: sha256."""
    path = folder / f"{kit}.mcap"
    frames = [pb.Frame(index=n % 12, repetition=n // 12, invoke_ns=clock(n)) for n in range(96)]
    with path.open("wb") as out:
        captures.write(out, [captures.header(pb.PASS_LATENCY), *frames, pb.End()])
    return artifacts.put_file(path)


def timed(recording: Recording, artifacts: ArtifactStore, times: float) -> Recording:
    """The same recording by another clock."""
    writer = RecordingWriter(artifacts, recording.header)
    for spec in recording.specs:
        writer.spec(spec)
    for frame in sorted(recording.frames):
        writer.frame(frame, recording.tensors(artifacts, frame))
    for n in range(96):
        index = sorted(recording.frames)[n % len(recording.frames)]
        writer.time(
            FrameTime(index=index, repetition=n // 12, name="", preprocess_ns=1, invoke_ns=round(times * clock(n)))
        )
    return load(artifacts, writer.close())
