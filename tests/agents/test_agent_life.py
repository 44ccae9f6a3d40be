"""How a running agent tells of its progress, and how it ends when told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm.capture import exray_pb2 as pb

from .kit import Bench, convolution_model, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def endless(bench: Bench) -> Iterator[subprocess.Popen[str]]:
    """An agent with hours of work."""
    model = bench.file("conv.tflite", convolution_model())
    frames = bench.tensors(*([np.zeros((1, 8, 8, 3), np.float32)] for _ in range(400)))
    options: list[str | Path] = ["--runtime", bench.runtime, "--model", model, "--frames", frames, "--out", bench.out]
    command = [bench.agent, "run", *options, "--pass", "latency", "--repetitions", "1000000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def next_progress(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    progress: dict[str, Any] = json.loads(process.stdout.readline())["progress"]
    return progress


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_it_with_a_capture_that_lacks_only_its_end(
    bench: Bench, endless: subprocess.Popen[str], number: signal.Signals
) -> None:
    first = next_progress(endless)
    assert (first["pass"], first["of"]) == ("latency", 400_000_000)
    os.kill(endless.pid, number)
    out, _ = endless.communicate(timeout=30)
    assert endless.returncode == 128 + number
    assert "done" not in [next(iter(json.loads(line))) for line in out.splitlines()]
    capture = read(bench.out)
    assert len(capture.of(pb.Frame)) >= first["done"]
    assert not capture.of(pb.End)


def test_host_that_goes_away_ends_it(bench: Bench, endless: subprocess.Popen[str]) -> None:
    next_progress(endless)
    assert endless.stdout is not None
    endless.stdout.close()
    assert endless.wait(timeout=30) == 128 + signal.SIGPIPE
    assert read(bench.out).of(pb.Frame)


def test_killed_one_leaves_what_it_wrote_up_to_then(bench: Bench, endless: subprocess.Popen[str]) -> None:
    next_progress(endless)
    deadline = time.monotonic() + 30
    while bench.out.stat().st_size < 2 << 20 and time.monotonic() < deadline:
        time.sleep(0.02)
    endless.kill()
    endless.wait()
    data = bench.out.read_bytes()
    assert data.startswith(b"\x89MCAP0\r\n")
    assert len(data) >= 2 << 20


def test_progress_comes_at_most_ten_times_a_second(endless: subprocess.Popen[str]) -> None:
    start = time.monotonic()
    counts = [next_progress(endless)["done"] for _ in range(6)]
    assert time.monotonic() - start >= 0.4  # five pauses of 0.1 s, less what went before the first line
    assert counts == sorted(set(counts))
