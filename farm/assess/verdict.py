"""The verdict: which cause, whether it has an effect, how sure.

A difference is always named; a failing verdict needs an effect on the model's answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from farm.report.document import Finding, Verdict, VerdictKind
from farm.report.words import origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.assess.assertion import Assertion
    from farm.assess.evidence import Evidence

BOOTSTRAPS = 200
SEED = 20220831
PIPELINE = ("rotation", "resize", "channel", "normalization")
"""Assertions about pre-processing, in the order the recipe applies them."""


def find(evidence: Evidence, assertions: Sequence[Assertion]) -> tuple[Finding, ...]:
    """Findings of the assertions that apply.

    Raises:
        JobError: an assertion's code failed.
    """
    return tuple(finding for assertion in assertions if (finding := assertion(evidence)) is not None)


def judge(evidence: Evidence, findings: Sequence[Finding], assertions: Sequence[Assertion]) -> Verdict:
    """The run's conclusion; `assertions` are asked again for each of `BOOTSTRAPS` resamplings of the frames."""
    cause = _cause(evidence, findings)
    random = np.random.default_rng(SEED)
    agree = 0
    for _ in range(BOOTSTRAPS):
        other = evidence.resampled(random)
        agree += _cause(other, find(other, assertions)) == cause
    kind: VerdictKind = "pass" if cause == "none" else "fail" if _has_effect(evidence) else "undecided"
    broken = _named(findings)
    return Verdict(
        kind=kind,
        cause=cause,
        summary=_summary(evidence, findings, kind),
        confidence=agree / BOOTSTRAPS,
        n=BOOTSTRAPS,
        remedy="; ".join(f.remedy for f in broken if f.remedy),
    )


def _named(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that make the cause, in order. What is wrong with the pipeline comes before what is wrong with the model."""
    broken = {f.assertion: f for f in findings if not f.holds}
    pipeline = [broken[name] for name in PIPELINE if name in broken]
    rest = [f for name, f in sorted(broken.items()) if name not in PIPELINE]
    return [*pipeline, *(f for f in rest if not (pipeline and f.assertion == "quantization"))]


def _cause(evidence: Evidence, findings: Sequence[Finding]) -> str:
    named = _named(findings)
    if named:
        return "+".join(f.assertion for f in named)
    return "unexplained" if _differs(evidence) or evidence.effect.shown else "none"


def _differs(evidence: Evidence) -> bool:
    seen = evidence.transform
    parts = any(c.first_divergence is not None or c.local_fault is not None for c in evidence.comparisons)
    return (seen is not None and seen.differs) or parts


def _has_effect(evidence: Evidence) -> bool:
    return bool(evidence.better) or evidence.effect.shown


def _summary(evidence: Evidence, findings: Sequence[Finding], kind: VerdictKind) -> str:
    if kind == "pass":
        return _agreement(evidence)
    named = _named(findings)
    what = " and ".join(f.summary if i == 0 else _inner(f.summary) for i, f in enumerate(named))
    what = what or _unexplained(evidence)
    model = next((f.summary for f in findings if not f.holds and f.assertion == "quantization" and f not in named), "")
    doubt = f". {model}" if model else ""
    if kind == "fail":
        return f"{what}: {_effect(evidence)}{doubt}."
    return f"{what}; {_no_effect(evidence)}{doubt}."


def _inner(summary: str) -> str:
    return summary.removeprefix("The device ") if summary.startswith("The device ") else summary


def _effect(evidence: Evidence) -> str:
    effect = evidence.effect
    if evidence.better:
        first, last = evidence.better[0], evidence.better[-1]
        before = effect.device if effect.measure == "top-1" and effect.n == first.n else first.before
        return f"top-1 {before} of {first.n} instead of {last.after}"
    if effect.measure == "top-1":
        return f"top-1 {effect.device} of {effect.n} instead of {effect.reference}"
    name = evidence.outcomes.reference_name
    return f"{effect.device} of {effect.n} answers agree with {name}, {effect.reference} do on a healthy runtime"


def _no_effect(evidence: Evidence) -> str:
    effect = evidence.effect
    figures = f"{effect.measure} {effect.device} against {effect.reference} of {effect.n}, p = {effect.p_value:.2g}"
    if effect.needed is None or effect.needed <= effect.n:
        return f"no effect on the answers is seen ({figures})"
    return f"no effect is shown yet ({figures}): {effect.needed - effect.n} more frames would show a drop of this size"


def _unexplained(evidence: Evidence) -> str:
    seen = evidence.transform
    if seen is not None and seen.constant:
        return "The device's input has the same value everywhere"
    if seen is not None and seen.differs:
        return (
            f"The device's input is not the expected one, and nothing tried explains it (residual {seen.residual:.2g})"
        )
    start = "The device's input agrees with the reference's, yet" if seen is not None else "For all that was logged,"
    for comparison in evidence.comparisons:
        if comparison.first_divergence is not None:
            d = comparison.first_divergence
            made = origin(comparison)
            return (
                f"{start} it parts from {comparison.reference} first at node {d.node} {d.op} ({d.tensor}), "
                f"running nRMSE {d.running_nrmse:.2g} over {comparison.threshold:.2g}{f'; {made}' if made else ''}"
            )
    for comparison in evidence.comparisons:
        if comparison.local_fault is not None:
            return f"No layer parts from {comparison.reference} on the whole, yet {origin(comparison)}"
    layers = "and no layer diverges on the frames logged, but" if evidence.comparisons else ""
    return f"{start} {layers} its answers are worse".replace("yet and", "and").replace("  ", " ")


def _agreement(evidence: Evidence) -> str:
    outcomes, effect = evidence.outcomes, evidence.effect
    agree = int(outcomes.agrees[evidence.order].sum())
    layers = f", and layer by layer on {evidence.comparisons[0].frames} frames" if evidence.comparisons else ""
    accuracy = f"; top-1 {effect.device} of {effect.n}, the reference {effect.reference}"
    return (
        f"The device agrees with {outcomes.reference_name} on {agree} of {len(evidence.order)} answers"
        f"{layers}{accuracy if effect.measure == 'top-1' else ''}."
    )
