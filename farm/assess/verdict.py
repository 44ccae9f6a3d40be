"""The verdict: which cause, who is to blame, whether it has an effect, how sure.

A difference is always named; a failing verdict needs an effect on the model's answers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from farm.assess.blame import MODEL, PLACES, asked_for, blames, calibrated_wrongly, differs, named
from farm.report.document import Finding, Verdict, VerdictKind
from farm.report.words import origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.assess.assertion import Assertion
    from farm.assess.effect import Effect
    from farm.assess.evidence import Evidence
    from farm.report.ladder import Blame

BOOTSTRAPS = 200
SEED = 20220831


def find(evidence: Evidence, assertions: Sequence[Assertion]) -> tuple[Finding, ...]:
    """Findings of the assertions that apply.

    Raises:
        JobError: an assertion's code failed.
    """
    return tuple(finding for assertion in assertions if (finding := assertion(evidence)) is not None)


def judge(evidence: Evidence, findings: Sequence[Finding], assertions: Sequence[Assertion]) -> Verdict:
    """The run's conclusion; `assertions` are asked again for each of `BOOTSTRAPS` resamplings of the frames.

    Of those that do not hang on the draw, the findings stand.
    """
    drawn = [a for a in assertions if not a.once]
    asked = {a.name for a in drawn}
    standing = [f for f in findings if f.assertion not in asked]
    cause = _cause(evidence, findings)
    random = np.random.default_rng(SEED)
    agree, blamed = 0, Counter[tuple[str, str]]()
    for _ in range(BOOTSTRAPS):
        other = evidence.resampled(random)
        found = [*find(other, drawn), *standing]
        agree += _cause(other, found) == cause
        blamed.update({_key(b) for b in blames(other, found)})
    kind = _kind(evidence, cause, findings)
    return Verdict(
        kind=kind,
        cause=cause,
        summary=_summary(evidence, findings, kind, cause),
        confidence=agree / BOOTSTRAPS,
        n=BOOTSTRAPS,
        remedy="; ".join(f.remedy for f in named(evidence, findings) if f.remedy),
        blames=tuple(_settled(evidence, b, blamed[_key(b)], kind, cause) for b in blames(evidence, findings)),
    )


def _key(blame: Blame) -> tuple[str, str]:
    """What must be the same in two resamplings to be the same blame: of pre-processing the assertion, too."""
    return blame.word, blame.name if blame.word == "pre-processing" else ""


def _settled(evidence: Evidence, blame: Blame, times: int, kind: VerdictKind, cause: str) -> Blame:
    """With how sure it is, and what would settle it."""
    fails = blame.fails and kind == "fail"
    effect = _effect(evidence, cause)
    needed = None
    if kind == "undecided" and effect.needed is not None:
        needed = max(1, effect.needed - effect.n)
    return blame.model_copy(update={"confidence": times / BOOTSTRAPS, "fails": fails, "needed": needed})


def _cause(evidence: Evidence, findings: Sequence[Finding]) -> str:
    names = [f.assertion for f in named(evidence, findings)]
    if calibrated_wrongly(evidence) and not any(name in MODEL for name in names):
        names.append(MODEL[0])
    if names:
        return "+".join(names)
    seen = evidence.explanation
    if seen is not None and seen.kind == "not identifiable":
        return "not identifiable"
    places = dict.fromkeys(b.word for b in blames(evidence, findings) if b.word in PLACES)
    if places:
        return "+".join(places)
    return "unexplained" if differs(evidence) or evidence.effect.shown else "none"


def _kind(evidence: Evidence, cause: str, findings: Sequence[Finding]) -> VerdictKind:
    if cause == "none":
        return "pass"
    if asked_for(findings):
        return "fail"
    if _has_effect(evidence, cause):
        return "fail"
    return "pass" if _effect(evidence, cause).harmless else "undecided"


def _effect(evidence: Evidence, cause: str) -> Effect:
    """What counts: against the float model where the way from there is what is wrong, else against the reference."""
    climb = evidence.climb
    converted = climb is not None and climb.converted_otherwise() is not None
    way_is_wrong = converted or any(name in cause.split("+") for name in MODEL)
    return evidence.total if evidence.total is not None and way_is_wrong else evidence.effect


def _has_effect(evidence: Evidence, cause: str) -> bool:
    seen = evidence.explanation
    if cause == "resize" and seen is not None and seen.harmless:
        # Another interpolation gives other answers here and there. Only a truth could tell that they are worse, and then it
        # must be worth telling.
        return evidence.effect.measure != "agreement" and evidence.effect.shown and evidence.effect.large
    return (
        bool(evidence.better) or _effect(evidence, cause).shown or evidence.effect.shown or evidence.shift is not None
    )


def _summary(evidence: Evidence, findings: Sequence[Finding], kind: VerdictKind, cause: str) -> str:
    told = named(evidence, findings)
    what = " and ".join(f.summary if i == 0 else _inner(f.summary) for i, f in enumerate(told))
    if not told and not differs(evidence) and kind == "pass" and not calibrated_wrongly(evidence):
        return _agreement(evidence)
    if calibrated_wrongly(evidence) and not any(f.assertion in MODEL for f in told):
        cuts = next(b.evidence for b in blames(evidence, findings) if b.word == "calibration")
        what = f"{what} and the calibration is wrong: {cuts}" if what else f"The calibration is wrong: {cuts}"
    changed = next((b.evidence for b in blames(evidence, findings) if b.word == "converter"), "")
    if changed:
        what = (
            f"{what}; converting changed the model: {changed}" if what else f"Converting changed the model: {changed}"
        )
    what = what or _unexplained(evidence)
    model = next((f.summary for f in findings if not f.holds and f.assertion in MODEL and f not in told), "")
    doubt = f". {model}" if model else ""
    if kind == "fail" and _has_effect(evidence, cause):
        return f"{what}: {_cost(evidence, cause)}{doubt}."
    if kind == "fail" and len(asked_for(findings)) == len(told):
        return f"{what}{doubt}."
    return f"{what}; {_no_effect(evidence, cause)}{doubt}."


def _inner(summary: str) -> str:
    rest = summary.removeprefix("The device ")
    return (
        rest
        if rest != summary
        else summary[:1].lower() + summary[1:]
        if summary.startswith(("The ", "A "))
        else summary
    )


def _cost(evidence: Evidence, cause: str) -> str:
    effect, shift = _effect(evidence, cause), evidence.shift
    if shift is not None and not evidence.better and not effect.shown:
        return f"top-1 {shift.right} of {shift.n}, and {shift.shifted} with the classes moved by {shift.by:+d}"
    if evidence.better and effect is evidence.effect:
        first, last = evidence.better[0], evidence.better[-1]
        same = effect.measure != "agreement" and effect.n == first.n and not _on_twin(evidence)
        before = effect.device if same else first.before
        where = " on the float model" if _on_twin(evidence) else ""
        return replace(effect, device=before, reference=last.after, n=first.n).figures() + where
    if effect.measure == "agreement" and effect is evidence.total:
        return f"{effect.device:g} of {effect.n} answers agree with the float model ({effect.against})"
    if effect.measure == "agreement":
        told = f"{effect.device:g} of {effect.n} answers agree with {effect.against}"
        return f"{told}, {effect.reference:g} do on a healthy runtime"
    return effect.figures()


def _on_twin(evidence: Evidence) -> bool:
    return evidence.climb is not None and evidence.climb.alignment is not None


def _no_effect(evidence: Evidence, cause: str) -> str:
    effect = _effect(evidence, cause)
    figures = effect.against_words()
    if effect.harmless:
        return f"it costs less than {max(effect.most, 0.0):.1%} of the answers ({figures})"
    if effect.needed is None or effect.needed <= effect.n:
        return f"no effect on the answers is seen ({figures})"
    return f"no effect is shown yet ({figures}): {effect.needed - effect.n} more frames would settle it"


def _unexplained(evidence: Evidence) -> str:
    seen = evidence.explanation
    if seen is not None and seen.kind == "not identifiable":
        return f"The device's input is not the expected one, and these frames cannot tell why: {seen.reason}"
    if seen is not None and seen.kind != "agrees":
        why = seen.reason or "nothing tried explains it"
        return f"The device's input is not the expected one, and {why} (residual {seen.residual:.2g})"
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
    score = f"; {effect.measure} {effect.device:g} of {effect.n}, the reference {effect.reference:g}"
    if not effect.counted:
        score = f"; {effect.measure} {effect.device / effect.n:.3f}, the reference {effect.reference / effect.n:.3f}"
    return (
        f"The device agrees with {outcomes.reference_name} on {agree} of {len(evidence.order)} answers"
        f"{layers}{score if effect.measure != 'agreement' else ''}."
    )
