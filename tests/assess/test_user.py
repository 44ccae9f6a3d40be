"""A user's assertions: found by name, run for real in their own process, and kept within limits."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.assess.limits import Limits
from farm.assess.user import ask, functions
from farm.capture.recording import Recording, RecordingWriter, load
from farm.capture.rows import FrameTime, OpTime
from farm.errors import JobError
from farm.submission import RecipeUse, Submission, UserFile
from tests.assess.test_assess import BUGS, RIGHT, Bench, demo
from tests.conftest import DEMO, ROOT

if TYPE_CHECKING:
    from farm.report.document import Finding
    from farm.report.sequence import Fired

__all__ = ["demo"]  # a fixture

EXAMPLES = ROOT / "assertions" / "examples"
TARGETS = {"preprocessing": 4, "quantization": 13, "cost": 8, "layer_latency": 8}
"""Statements that ML-EXray's users write for its four debugging targets (its table of lines of code)."""
MODEL = DEMO / "model.tflite"


@pytest.mark.parametrize(("name", "most"), TARGETS.items())
def test_the_targets_take_no_more_statements_than_ml_exray(name: str, most: int) -> None:
    tree = ast.parse((EXAMPLES / f"{name}.py").read_text())
    statements = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and not _docstring(n)]
    assert 0 < len(statements) <= most


def _docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


class Side:
    """What the device and the reference of the demo logged, with bugs where a test plants them."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.model = MODEL.read_bytes()
        self.right = self.record("litert", RIGHT)

    def record(self, source: str, recipe: Any) -> dict[str, Recording]:
        latency = self.bench.record(self.model, recipe, 8, layers=False)
        layers = self.bench.record(self.model, recipe, 2, layers=True)
        header = latency.header.model_copy(update={"source": f"device:{source}"})
        return {"latency": latency.model_copy(update={"header": header}), "layers": layers}

    def ask(self, source: str | Path, edge: dict[str, Recording], **limits: Any) -> dict[str, Finding]:
        return {f.assertion: f for f in self.all(source, edge, **limits)[0]}

    def all(
        self, source: str | Path, edge: dict[str, Recording], **limits: Any
    ) -> tuple[tuple[Finding, ...], tuple[Fired, ...]]:
        text = source.read_text() if isinstance(source, Path) else source
        artifacts = self.bench.artifacts
        submission = Submission(
            model_name=MODEL.name,
            model_sha256=artifacts.put(self.model),
            frames=self.bench.frames[:8],
            recipe=RecipeUse(recipe=RIGHT, origin="test"),
            assertions=(UserFile(name="mine.py", sha256=artifacts.put(text.encode())),),
        )
        return ask(submission, artifacts, edge, ("litert", self.right), Limits(**{"timeout_s": 60.0, **limits}))


@pytest.fixture
def side(demo: Bench) -> Side:
    return Side(demo)


def changed(side: Side, edge: dict[str, Recording], name: str, change: Any) -> dict[str, Recording]:
    """The recording of a pass again, its tensors changed."""
    old, artifacts = edge[name], side.bench.artifacts
    writer = RecordingWriter(artifacts, old.header)
    for spec in old.specs:
        writer.spec(spec)
    for frame in sorted(old.frames):
        writer.frame(frame, change(old.tensors(artifacts, frame)))
    for time in old.frame_times(artifacts):
        writer.time(time)
    return edge | {name: load(artifacts, writer.close(peak_rss_bytes=old.peak_rss_bytes))}


def test_the_pre_processing_target(side: Side) -> None:
    healthy = side.ask(EXAMPLES / "preprocessing.py", side.right)
    assert healthy["channels_are_in_order"].holds
    wrong = side.ask(EXAMPLES / "preprocessing.py", side.record("x", BUGS["channel"]))
    found = wrong["channels_are_in_order"]
    assert not found.holds
    assert found.area == "user"
    assert "mine.py:6: not abs(edge.input() - ref.input()).mean()" in found.summary


def test_the_quantization_target(side: Side) -> None:
    healthy = side.ask(EXAMPLES / "quantization.py", side.right)
    assert all(f.holds for f in healthy.values())
    assert set(healthy) == {"no_layer_leaves_the_reference", "no_layer_is_stuck"}

    def broken(values: dict[int, Any]) -> dict[int, Any]:
        last = max(values)
        return values | {last: values[last] * 3}

    wrong = side.ask(EXAMPLES / "quantization.py", changed(side, side.right, "layers", broken))
    assert not wrong["no_layer_leaves_the_reference"].holds
    assert "of its range in frame" in wrong["no_layer_leaves_the_reference"].summary


def test_the_cost_target(side: Side) -> None:
    assert all(f.holds for f in side.ask(EXAMPLES / "cost.py", side.right).values())
    old, artifacts = side.right["latency"], side.bench.artifacts
    writer = RecordingWriter(artifacts, old.header)
    for i in range(5):
        writer.time(FrameTime(index=i, repetition=0, name="x", preprocess_ns=1, invoke_ns=250_000_000))
    slow = side.right | {"latency": load(artifacts, writer.close(peak_rss_bytes=1 << 30))}
    wrong = side.ask(EXAMPLES / "cost.py", slow)
    assert "typical = 250" in wrong["fast_enough"].summary
    assert not wrong["small_enough"].holds


def test_the_layer_latency_target(side: Side) -> None:
    artifacts = side.bench.artifacts

    def timed(share: float) -> dict[str, Recording]:
        from farm.model import graph as graphs

        nodes = graphs.read(side.model, MODEL.name).nodes
        writer = RecordingWriter(artifacts, side.right["layers"].header.model_copy(update={"pass_": "profile"}))
        for frame in range(4):
            writer.time(FrameTime(index=frame, repetition=0, name="x", preprocess_ns=1, invoke_ns=1))
            for node in nodes:
                spent = round(share / (1 - share) * 100 * (len(nodes) - 1)) if node.index == 0 else 100
                writer.op(OpTime(frame=frame, tag=node.op, type=2, index=node.index, duration_us=spent))
        return side.right | {"profile": load(artifacts, writer.close())}

    healthy = side.ask(EXAMPLES / "layer_latency.py", timed(0.3))
    assert all(f.holds for f in healthy.values())
    wrong = side.ask(EXAMPLES / "layer_latency.py", timed(0.97))
    assert not wrong["no_layer_takes_it_all"].holds


def test_every_element_can_be_asked_for(side: Side) -> None:
    said = side.ask(
        """
import numpy as np

def assert_all_there(edge, ref):
    assert edge.name.startswith("device:") and ref.name == "litert"
    assert edge.frames == tuple(range(8)) and len(edge.layer_frames) == 2
    assert edge.output(7).shape == ref.output(7).shape
    assert edge.top1[3] == int(edge.output(3).argmax())
    assert edge.label(0) is not None and edge.frame(0).name
    name = edge.layers[0]
    assert edge.layer(name).dtype == np.float64 and edge.raw(name).dtype == edge.spec(name).dtype
    assert [f for f, _ in edge.inputs()] == list(edge.layer_frames)
    assert sum(1 for _ in edge.outputs()) == 8
    assert len(edge.latency_ms) == 8 and len(edge.preprocess_ms) == 8
    assert edge.memory_mb is None or edge.memory_mb > 0
    assert edge.recipe.channels == "rgb" and isinstance(edge.samples, tuple) and not edge.conditions

def assert_by_return(edge, ref):
    return "too dark"

def assert_numpy(edge, ref):
    return np.bool_(True)
""",
        side.right,
    )
    assert said["all_there"].holds, said["all_there"].summary
    assert said["by_return"].summary == "too dark"
    assert said["numpy"].holds


def test_a_score_fires_where_answers_flicker(side: Side) -> None:
    _, silent = side.all(EXAMPLES / "flicker.py", still(side, flicker=None))
    assert silent[0].count == 0
    findings, fired = side.all(EXAMPLES / "flicker.py", still(side, flicker=4))
    assert [(f.frame, f.severity) for f in fired[0].frames] == [(4, 1.0)]
    assert fired[0].windows == 6
    assert not findings[0].holds
    assert side.bench.frames[4].name in findings[0].summary


def still(side: Side, flicker: int | None) -> dict[str, Recording]:
    """A video on which nothing happens but, at one frame, another answer."""
    old, artifacts = side.right["latency"], side.bench.artifacts
    writer = RecordingWriter(artifacts, old.header)
    (spec,) = [s for s in old.specs if s.role == "output"]
    writer.spec(spec)
    for frame in range(8):
        scores = np.zeros(spec.shape, spec.dtype)
        scores.ravel()[1 if frame == flicker else 0] = 1
        writer.frame(frame, {spec.tensor: scores})
    return side.right | {"latency": load(artifacts, writer.close())}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def assert_x(edge, ref):\n    while True: pass", "took longer than"),
        ("def assert_x(edge, ref):\n    x = bytearray(8 << 30)", "MemoryError"),
        ("def assert_x(edge, ref):\n    import os; os._exit(7)", "ended its process with status 7"),
        ("def assert_x(edge, ref):\n    import os; os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("import nothing_like_this\ndef assert_x(edge, ref): pass", "mine.py:1: ModuleNotFoundError"),
        ("def assert_x(edge, ref):\n    return edge.layer('none')", "mine.py:2: KeyError"),
        ("def score_x(window):\n    return 'much'", "ValueError"),
    ],
)
def test_what_goes_wrong_in_it_stays_in_it(side: Side, source: str, words: str) -> None:
    (found,) = side.ask(source, side.right, timeout_s=4.0, memory_mb=4096).values()
    assert not found.holds
    assert words in found.summary


def test_prints_and_files_do_no_harm(side: Side) -> None:
    source = """
import os
def assert_x(edge, ref):
    print("{}" * 1000)
    assert not [k for k in os.environ if "FARM" in k]
    with open("big", "wb") as file:
        try:
            file.write(bytes(64 << 20))
            file.flush()
        except OSError:
            return
    return "wrote it"
"""
    assert side.ask(source, side.right)["x"].holds


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"def assert_x(edge):\n  pass", "does not take (edge, ref)"),
        (b"def assert_x(edge, ref, more):\n  pass", "does not take (edge, ref)"),
        (b"def assert_x(edge, ref, *, more):\n  pass", "does not take (edge, ref)"),
        (b"def score_x(a, b):\n  pass", "does not take (window)"),
        (b"def check(edge, ref):\n  pass", "no function"),
        (b"def assert_x(edge, ref:\n", "mine.py:1"),
        (b"\0", "is not Python"),
    ],
)
def test_a_file_is_checked_before_it_is_sent(source: bytes, words: str) -> None:
    with pytest.raises(JobError) as raised:
        functions(source, "mine.py")
    assert words in str(raised.value)


@pytest.mark.parametrize(
    "source",
    [
        b"def assert_x(edge, ref, more=1): pass",
        b"def assert_x(*sides): pass",
        b"def score_x(window, *, length=5): pass",
    ],
)
def test_other_ways_to_take_them(source: bytes) -> None:
    assert len(functions(source, "mine.py")) == 1


@given(st.binary(max_size=100))
def test_no_bytes_break_the_check(source: bytes) -> None:
    with pytest.raises(JobError):
        functions(source, "mine.py")
