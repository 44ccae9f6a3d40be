"""A data folder with jobs in it, made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import CaptureLink, EvidenceLink, Failure, Run, Target
from farm.store.artifacts import ArtifactStore
from farm.store.rows import Placement
from farm.store.state import State
from farm.submission import InputFrame, Submission

if TYPE_CHECKING:
    from pathlib import Path

TARGET = Target(serial="one", abi="x86_64", kind="virtual")


def add_job(data: Path, name: str, *, over: bool = True) -> int:
    """A job of one run, with a model and a frame of its own; if `over`, with a capture, evidence and a report."""
    data.mkdir(parents=True, exist_ok=True)
    artifacts = ArtifactStore(data / "artifacts")
    model, frame = artifacts.put(f"model {name}".encode()), artifacts.put(f"frame {name}".encode())
    asked = Submission(
        model_name=name, model_sha256=model, frames=(InputFrame(name="f", kind="image", sha256=(frame,)),)
    )
    state = State(data / "state.db")
    try:
        job = state.add_job(asked, [Placement(TARGET)])
        if over:
            run = next(r for r in state.queued() if r.job == job)
            lease = state.claim(run.id, TARGET, 1.0)
            assert lease is not None
            capture, log = f"capture {name}".encode(), f"log {name}".encode()
            link = CaptureLink(
                name="latency", sha256=artifacts.put(capture), bytes=len(capture), complete=True, path="here"
            )
            evidence = EvidenceLink(name="log", attempt=1, sha256=artifacts.put(log), bytes=len(log))
            error = Failure(kind="infrastructure", code="adb", message="the cable")
            state.finish(
                lease.token,
                Run(id=run.id, target=TARGET, status="failed", captures=(link,), evidence=(evidence,), error=error),
            )
            report = data / "reports" / str(job) / "report.html"
            report.parent.mkdir(parents=True)
            report.write_text(f"report {name}")
            state.close_job(job, "failed", str(report))
    finally:
        state.close()
    return job
