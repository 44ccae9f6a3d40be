"""The sampler thread: what it reads goes into the capture beside the frames, on their clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from farm.capture import exray_pb2 as pb
from farm.capture.ingest import ingest
from farm.capture.recording import load

from .kit import Bench, Capture, convolution_model

if TYPE_CHECKING:
    from farm.store.artifacts import ArtifactStore

MILLISECOND = 1_000_000


def capture(bench: Bench, *options: str, repetitions: int = 20) -> Capture:
    model = bench.file("conv.tflite", convolution_model())
    frames = bench.tensors(*([np.zeros((1, 8, 8, 3), np.float32)] for _ in range(20)))
    return bench.capture(model, frames, "--repetitions", str(repetitions), *options)


def marks(found: Capture) -> list[tuple[int, int]]:
    return [(s.phase, s.time_ns) for s in found.of(pb.Sample) if not s.figures]


def test_without_being_asked_it_reads_nothing(bench: Bench) -> None:
    assert capture(bench).of(pb.Sample) == []


def test_phases_follow_one_another_around_the_frames(strict: Bench) -> None:
    found = capture(strict, "--sample-ms", "5", "--idle-ms", "60")
    phases = marks(found)
    assert [p for p, _ in phases] == [pb.Sample.IDLE, pb.Sample.WARM_UP, pb.Sample.FRAMES, pb.Sample.OVER]
    times = [t for _, t in phases]
    assert times == sorted(times)
    assert times[1] - times[0] >= 60 * MILLISECOND
    frames = found.of(pb.Frame)
    assert times[2] <= frames[0].start_ns
    assert frames[-1].start_ns + frames[-1].invoke_ns <= times[3]
    idle = [s for s in found.of(pb.Sample) if s.figures and s.phase == pb.Sample.IDLE]
    assert idle
    assert all(times[0] <= s.time_ns + s.took_ns for s in idle)
    assert all(s.time_ns <= times[1] + 5 * MILLISECOND + s.took_ns for s in idle)


def test_memory_and_load_are_told_and_pss_only_when_asked_for(bench: Bench) -> None:
    plain = [s for s in capture(bench, "--sample-ms", "1").of(pb.Sample) if s.figures]
    figures = {f.source: f.value for f in plain[-1].figures}
    assert figures["memory/rss_bytes"] > 1 << 20
    assert "memory/pss_bytes" not in figures
    assert 0 <= figures["load/busy_ticks"] <= figures["load/all_ticks"]
    asked = [s for s in capture(bench, "--sample-ms", "1", "--sample-pss", "yes").of(pb.Sample) if s.figures]
    both = {f.source: f.value for f in asked[-1].figures}
    if "memory/pss_bytes" not in both:
        assert "Pss:" not in Path("/proc/self/smaps_rollup").read_text()
    else:
        assert 0 < both["memory/pss_bytes"] <= both["memory/rss_bytes"] * 1.1, "shared pages count in part"


def test_it_is_ingested_as_rows(bench: Bench, artifacts: ArtifactStore) -> None:
    found = capture(bench, "--sample-ms", "1")
    recorded = ingest(bench.out, "device:x", artifacts)
    assert recorded is not None
    rows = load(artifacts, recorded).sample_rows(artifacts)
    samples = found.of(pb.Sample)
    assert len(rows) == sum(max(1, len(s.figures)) for s in samples)
    assert {r.phase for r in rows if not r.source} == {"warm-up", "frames", "over"}
    told = {(s.time_ns, f.source, f.value) for s in samples for f in s.figures}
    assert {(r.time_ns, r.source, r.value) for r in rows if r.source} == told


def test_the_order_of_messages_stays(strict: Bench) -> None:
    found = capture(strict, "--sample-ms", "1", "--sample-pss", "yes", repetitions=100)
    assert len(found.of(pb.Frame)) == 2000
    assert found.of(pb.End)
    times = [s.time_ns for s in found.of(pb.Sample) if s.figures]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("option", "value"), [("--sample-ms", "60001"), ("--sample-ms", "-1"), ("--idle-ms", "x"), ("--sample-pss", "1")]
)
def test_what_is_no_value_is_refused(bench: Bench, option: str, value: str) -> None:
    model = bench.file("conv.tflite", convolution_model())
    frames = bench.tensors([np.zeros((1, 8, 8, 3), np.float32)])
    result = bench.run(model, frames, option, value)
    assert result.status == 2
    assert result.error["code"] == "bad-usage"
    assert option in result.error["where"]
