"""From a run's recordings to its verdict.

The references run here (from the cache where they ran before); all the rest is a pure function of recordings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.assess import assertion as assertions
from farm.assess.baseline import NO_COSTS
from farm.assess.climb import enters
from farm.assess.frames import slices
from farm.assess.gather import Room, gather
from farm.assess.limits import LIMITS
from farm.assess.user import ask
from farm.assess.verdict import find, judge
from farm.compare.accuracy import accuracy
from farm.compare.latency import latency as latency_of
from farm.compare.latency import layer_types
from farm.compare.metrics import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from farm.assess.baseline import Costs
    from farm.assess.evidence import Evidence
    from farm.assess.gather import Progress
    from farm.assess.limits import Limits
    from farm.capture.recording import Recording
    from farm.report.document import Accuracy, Comparison, Finding, Latency, LayerType, Verdict
    from farm.report.explanation import Explanation
    from farm.report.ladder import Ladder
    from farm.report.metrics import TaskMetrics
    from farm.report.quantization import Quantization
    from farm.report.sequence import Fired
    from farm.report.slice import Slice
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

MIB = 1 << 20
SEQUENCES = ("flicker", "consistency")


@dataclass(frozen=True)
class Assessment:
    """What the assertions and the statistics conclude from a run's evidence."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    accuracy: Accuracy | None
    """None without labels, or when the model is no classifier."""
    metrics: TaskMetrics | None
    """None where nothing tells what the outputs mean."""


@dataclass(frozen=True)
class AssessedRun:
    """The result fields of a run that come from its recordings."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    accuracy: Accuracy | None
    metrics: TaskMetrics | None
    latency_ms: Latency | None
    layer_types: tuple[LayerType, ...]
    comparisons: tuple[Comparison, ...]
    memory_mb: float | None
    ladder: Ladder | None = None
    quantization: Quantization | None = None
    explanation: Explanation | None = None
    slices: tuple[Slice, ...] = ()
    fired: tuple[Fired, ...] = ()


def assess(
    evidence: Evidence, checks: Sequence[assertions.Assertion] | None = None, asserted: Sequence[Finding] = ()
) -> Assessment:
    """Ask every assertion, and conclude. `asserted` is what the user's own found.

    Raises:
        JobError: an assertion cannot be loaded, or its code failed; names file and line.
    """
    checks = assertions.discover() if checks is None else checks
    findings = (*find(evidence, checks), *asserted)
    outcomes = evidence.outcomes
    return Assessment(
        verdict=judge(evidence, findings, checks),
        findings=findings,
        accuracy=accuracy(outcomes.device, outcomes.reference, name=outcomes.reference_name)
        if outcomes.labelled and outcomes.device is not None
        else None,
        metrics=None
        if outcomes.readings is None
        else metrics(*outcomes.readings, name=outcomes.reference_name, names=evidence.submission.labels),
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
    others: Sequence[Recording] = (),
    costs: Costs = NO_COSTS,
    limits: Limits = LIMITS,
) -> AssessedRun:
    """Run what references are needed, compare, conclude.

    `isolated` was fed the layers of the reference that its label `isolated.FED_BY` names, or of the first one. Times by type
    of layer come from `profile` where it is given, else from `layers`. `others` are `layers` recordings of the same model and
    frames from elsewhere (other kernels, other devices): they tell a delegate's fault from a device's.

    `costs` is what was measured beside the passes; `limits` hold for each file of the user's assertions.

    `progress` is told the stage and its frames, at least once a second while a reference runs, and may raise to give up.

    Raises:
        JobError: an unknown reference, or the references refuse the model, the inputs or the labels.
        InfrastructureError: the latency pass logged nothing, or a reference took longer than `pass_timeout_s`.
    """
    room = Room(submission, artifacts, cache_dir, progress)
    evidence = gather(room, latency, layers, isolated, profile, others, costs)
    room.tell("assess", 0, 0)
    asserted, fired = _asserted(evidence, limits)
    assessment = assess(evidence, asserted=asserted)
    timed = profile if profile is not None and profile.ops else layers
    return AssessedRun(
        verdict=assessment.verdict,
        findings=assessment.findings,
        accuracy=assessment.accuracy,
        metrics=assessment.metrics,
        latency_ms=latency_of(latency, artifacts),
        layer_types=() if timed is None else layer_types(timed, evidence.graph, artifacts),
        comparisons=evidence.comparisons,
        memory_mb=latency.peak_rss_bytes / MIB if latency.peak_rss_bytes else None,
        ladder=None
        if evidence.climb is None
        else evidence.climb.ladder(enters(assessment.verdict.blames, evidence.climb)),
        quantization=evidence.quantization,
        explanation=evidence.explanation,
        slices=slices(submission, artifacts, evidence.outcomes.frames, evidence.lost),
        fired=(*(found[0] for name in SEQUENCES if (found := evidence.fired(name)) is not None), *fired),
    )


def _asserted(evidence: Evidence, limits: Limits) -> tuple[tuple[Finding, ...], tuple[Fired, ...]]:
    """What the user's own files say; they are asked once, of all frames."""
    submission = evidence.submission
    if not submission.assertions:
        return (), ()
    passes = {"latency": evidence.latency, "layers": evidence.layers, "profile": evidence.profile}
    edge = {name: recording for name, recording in passes.items() if recording is not None}
    ref = {"latency": evidence.outputs} if evidence.outputs is not None else {}
    ref |= {"layers": evidence.references[0]} if evidence.references else {}
    named = (submission.references[0] if submission.references else evidence.outcomes.reference_name, ref)
    return ask(submission, evidence.artifacts, edge, named if ref else None, limits)
