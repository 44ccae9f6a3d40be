"""A data folder with some days of runs in it, made by hand."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from farm.history.answer import Format, Question
from farm.history.archiver import Archiver
from farm.report.document import (
    Accuracy,
    CaptureLink,
    Comparison,
    Finding,
    Latency,
    LayerDiff,
    Run,
    Target,
    TimelinePoint,
    Verdict,
)
from farm.sections.history import History
from farm.store.artifacts import ArtifactStore
from farm.store.finished import start_of
from farm.store.rows import Placement
from farm.store.state import State
from farm.submission import InputFrame, Submission

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS = ("2026-11-01", "2026-11-02", "2026-11-04")
NOW = start_of("2026-11-05") + 12 * 3600
"""Three days are over, and the one under way has runs too."""
TODAY = "2026-11-05"


def target(serial: str) -> Target:
    return Target(serial=serial, abi="arm64-v8a", kind="phone", model="Pixel 8", sdk=34)


def run(number: int, serial: str, *, status: str = "done") -> Run:
    layers = tuple(
        LayerDiff(
            node=node, tensor=f"conv{node}", op="CONV_2D", dtype="float32", shape=(1, 8, 8, 16),
            running_nrmse=0.01 * node, cosine=0.99, sqnr_db=None, max_abs=0.5, time_us=10.0 * node,
            isolated_nrmse=None if node else 0.001,
        )
        for node in range(5)
    )  # fmt: skip
    compared = Comparison(
        reference="litert-ref", reference_version="2.3", frames=8, threshold=0.03, first_divergence=None, layers=layers
    )
    timeline = tuple(TimelinePoint(first=i, count=1, ms=5.0, worst_ms=6.0) for i in range(50))
    return Run.model_validate(
        {
            "id": number, "target": target(serial), "status": status,
            "verdict": Verdict(kind="fail", cause="channel", summary="rgb and bgr", confidence=0.98, n=40, remedy="swap"),
            "findings": (Finding(assertion="channel", holds=False, summary="swapped", evidence={"gain": 1.5, "how": "bgr"}),),
            "accuracy": Accuracy(n=40, top1=0.75, top5=None, top1_interval=(0.6, 0.86), agreement=0.9),
            "latency_ms": Latency(median=5.0 + number / 100, p90=6.0, n=50, interval=(4.9, 5.2), timeline=timeline),
            "memory_mb": 30.0, "comparisons": (compared,), "attempt": 1,
            "captures": (CaptureLink(name="layers", sha256="ab" * 32, bytes=9, complete=True, path="here"),),
            "conditions": {"threads": "4", "kernel": "delegate", "runtime": "eec47eb3"},
        }
    )  # fmt: skip


def add(state: State, day: str, count: int = 4, *, model: str = "m.tflite", frames: int = 1) -> int:
    """A job of `count` runs, alternating between two devices, that were over on a day."""
    placements = [Placement(target(("one", "two")[i % 2]), repetition=i) for i in range(count)]
    fed = tuple(InputFrame(name=f"{n}", kind="image", sha256=(f"{n:064x}",), label=n) for n in range(frames))
    job = state.add_job(Submission(model_name=model, model_sha256="ef" * 32, frames=fed), placements)
    for number, waiting in enumerate(r for r in state.queued() if r.job == job):
        lease = state.claim(waiting.id, target(waiting.serial), 1.0)
        assert lease is not None
        state.finish(lease.token, run(waiting.id, waiting.serial))
        at = start_of(day) + 3600 + number
        with state.write() as db:
            db.execute("UPDATE runs SET over_at = ?1, started = ?1 - 30, ended = ?1 WHERE id = ?2", (at, waiting.id))
    state.close_job(job, "done", "")
    return job


@contextlib.contextmanager
def opened(data: Path) -> Iterator[State]:
    data.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(State(data / "state.db")) as state:
        yield state


def filled(data: Path) -> None:
    """Two jobs on each of the days, and one today."""
    with opened(data) as state:
        for day in (*DAYS, *DAYS, TODAY):
            add(state, day)
        with state.write() as db:
            db.execute("UPDATE backfills SET before = 0")  # what older versions left is looked after


def archiver(data: Path, state: State, **kept: float) -> Archiver:
    def bug(name: str, text: str) -> str:
        raise AssertionError(f"{name}: {text}")

    return Archiver(
        History(**{"document_days": 0, **kept}), data, state, ArtifactStore(data / "artifacts"), report_bug=bug  # type: ignore[arg-type]
    )  # fmt: skip


def question(data: Path, sql: str, form: Format = "json", *, rows: int = 1000, seconds: float = 60.0) -> Question:
    return Question(
        sql=sql, format=form, data=str(data), rows=rows, bytes=1 << 26, memory_mb=256, seconds=seconds
    )  # fmt: skip
