"""What a run's cost is compared with, and what it is itself: plain data for the assertions about cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.capture.ingest import record
from farm.capture.recording import load
from farm.errors import InputsError

if TYPE_CHECKING:
    from farm.capture.recording import Recording
    from farm.report.measures import Energy, Throttling
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission


@dataclass(frozen=True)
class Costs:
    """What was measured beside the passes."""

    energy: tuple[Energy, ...] = ()
    throttled: tuple[Throttling, ...] = ()


NO_COSTS = Costs()


@dataclass(frozen=True)
class Earlier:
    """A healthy run of the same model."""

    name: str
    latency: Recording | None
    profile: Recording | None
    layers: Recording | None
    energy: tuple[Energy, ...] = field(default=())


def reread(sha256: str, artifacts: ArtifactStore) -> Recording | None:
    """A stored capture as the recording it was taken in as; None when it was cut off before its header was whole.

    Raises:
        CaptureError: it is no capture, or broken.
    """
    found = record(artifacts.path(sha256), "", artifacts)
    if found is None:
        return None
    recording = load(artifacts, found)
    serial = recording.header.labels.get("serial")
    source = f"device:{serial}" if serial else "a capture"
    return recording.model_copy(update={"header": recording.header.model_copy(update={"source": source})})


def earlier(submission: Submission, artifacts: ArtifactStore) -> Earlier | None:
    """The submission's baseline, read; None where it has none.

    Raises:
        InputsError: a capture of it is no whole one.
    """
    given = submission.baseline
    if given is None:
        return None
    found = {}
    for name, sha256 in given.captures.items():
        recording = reread(sha256, artifacts)
        if recording is None:
            raise InputsError(
                f"its capture of the pass {name} was cut off",
                where=given.name,
                remedy="name a whole run as the baseline",
            )
        found[name] = recording
    return Earlier(given.name, found.get("latency"), found.get("profile"), found.get("layers"), energy=given.energy)
