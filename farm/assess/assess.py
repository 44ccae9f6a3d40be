"""From a run's recordings to its verdict.

The references run here (from the cache where they ran before); all the rest is a pure function of recordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.assess import assertion as assertions
from farm.assess.gather import Room, gather
from farm.assess.verdict import find, judge
from farm.compare.accuracy import accuracy
from farm.compare.latency import latency as latency_of
from farm.compare.latency import layer_types

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from farm.assess.evidence import Evidence
    from farm.assess.gather import Progress
    from farm.capture.recording import Recording
    from farm.report.document import Accuracy, Comparison, Finding, Latency, LayerType, Verdict
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

MIB = 1 << 20


@dataclass(frozen=True)
class Assessment:
    """What the assertions and the statistics conclude from a run's evidence."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    accuracy: Accuracy | None
    """None without labels, or when the model is no classifier."""


@dataclass(frozen=True)
class AssessedRun:
    """The result fields of a run that come from its recordings."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    accuracy: Accuracy | None
    latency_ms: Latency | None
    layer_types: tuple[LayerType, ...]
    comparisons: tuple[Comparison, ...]
    memory_mb: float | None


def assess(evidence: Evidence, checks: Sequence[assertions.Assertion] | None = None) -> Assessment:
    """Ask every assertion, and conclude.

    Raises:
        JobError: an assertion cannot be loaded, or its code failed; names file and line.
    """
    checks = assertions.discover() if checks is None else checks
    findings = find(evidence, checks)
    outcomes = evidence.outcomes
    return Assessment(
        verdict=judge(evidence, findings, checks),
        findings=findings,
        accuracy=accuracy(outcomes.device, outcomes.reference, name=outcomes.reference_name)
        if outcomes.labelled and outcomes.device is not None
        else None,
    )


def assess_run(
    submission: Submission,
    artifacts: ArtifactStore,
    cache_dir: Path,
    latency: Recording,
    layers: Recording | None,
    progress: Progress | None = None,
    *,
    isolated: Recording | None = None,
    profile: Recording | None = None,
) -> AssessedRun:
    """Run what references are needed, compare, conclude.

    `isolated` was fed the layers of the reference that its label `isolated.FED_BY` names, or of the first one. Times by type
    of layer come from `profile` where it is given, else from `layers`.

    `progress` is told the stage and its frames, at least once a second while a reference runs, and may raise to give up.

    Raises:
        JobError: an unknown reference, or the references refuse the model, the inputs or the labels.
        InfrastructureError: the latency pass logged nothing, or a reference took longer than `pass_timeout_s`.
    """
    room = Room(submission, artifacts, cache_dir, progress)
    evidence = gather(room, latency, layers, isolated, profile)
    room.tell("assess", 0, 0)
    assessment = assess(evidence)
    timed = profile if profile is not None and profile.ops else layers
    return AssessedRun(
        verdict=assessment.verdict,
        findings=assessment.findings,
        accuracy=assessment.accuracy,
        latency_ms=latency_of(latency, artifacts),
        layer_types=() if timed is None else layer_types(timed, evidence.graph, artifacts),
        comparisons=evidence.comparisons,
        memory_mb=latency.peak_rss_bytes / MIB if latency.peak_rss_bytes else None,
    )
