"""How figures and layers are worded, the same on the terminal and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.report.document import Comparison, LayerDiff, Run, Target
    from farm.report.ladder import Blame, Rung
    from farm.report.measures import Energy, Throttling
    from farm.report.metrics import ClassMetric, Confusion, Metric

VIRTUAL_NOTE = "virtual: taken on this computer, stands for no phone"


def percent(share: float | None) -> str:
    """0.634 -> `63.4 %`."""
    return "-" if share is None else f"{100 * share:.1f} %"


def layer_label(layer: LayerDiff) -> str:
    """`12 CONV_2D`, or `input`."""
    return layer_name(layer.node, layer.op)


def layer_name(node: int, op: str) -> str:
    """`12 CONV_2D`, or `input`."""
    return "input" if node < 0 else f"{node} {op}"


def tensor_label(name: str) -> str:
    """The end of a tensor's name, which tells layers apart: `a/block3/Relu6;a/block3/...` -> `block3/Relu6`."""
    return "/".join(name.partition(";")[0].split("/")[-2:])


def origin(comparison: Comparison) -> str:
    """Where the error is made, and what is only inherited; empty when the `isolated` pass did not run or nothing is wrong."""
    first, faults = comparison.first_divergence, comparison.faults()
    known = [d for d in comparison.layers if d.isolated_nrmse is not None]
    if faults:
        fault = faults[0]
        more = f" and at {len(faults) - 1} more, each by itself" if len(faults) > 1 else ""
        inherited = sum(d.running_nrmse > comparison.threshold and d not in faults for d in known)
        others = (
            "another diverging layer inherits its"
            if inherited == 1
            else f"{inherited} more diverging layers inherit theirs"
        )
        rest = f"; {others}" if inherited else ""
        return f"the error is made at node {layer_label(fault)} (alone {fault.isolated_nrmse:.2g}){more}{rest}"
    if first is None or not known:
        return ""
    if first.node < 0:
        return "every layer is right by itself: the error comes in with the input"
    worst = max(known, key=lambda d: d.isolated_nrmse or 0.0)
    return (
        f"no layer is wrong by itself (at most {worst.isolated_nrmse:.2g}, node {layer_label(worst)}): "
        "small differences add up over the layers"
    )


def run_label(run: Run) -> str:
    """A run's target and, in a job of several, its configuration and how often it was repeated."""
    words = [target_label(run.target), run.variant, f"again {run.repetition}" if run.repetition else ""]
    if run.same_as is not None:
        words.append(f"done by run {run.same_as}")
    return ", ".join(word for word in words if word)


def context_line(run: Run) -> str:
    """`app, dev.exray.bench 1.0, files by run-as; memory is RSS of the app's process`; empty in the shell's context."""
    told = run.conditions
    if "app" not in told:
        return ""
    words = [told.get("context", ""), told["app"], f"files by {told.get('files by', 'unknown')}"]
    return ", ".join(words) + (f"; memory is {told['memory']}" if "memory" in told else "")


def grounds(run: Run) -> str:
    """What a verdict rests on."""
    if run.pair is not None:
        return f"{run.pair.rounds} rounds of {run.pair.frames} frames; A against A: {run.pair.noise_ratio:.3f}x"
    if run.verdict is None:
        return ""
    return f"confidence {percent(run.verdict.confidence)} of {run.verdict.n} frame bootstraps"


def target_label(target: Target | None) -> str:
    """`127.0.0.1:4711 (virtual x86_64)`."""
    if target is None:
        return "no device yet"
    kind = "" if target.kind == "phone" else f"{target.kind} "
    return f"{target.serial} ({kind}{target.abi or 'unknown ABI'})"


def verdict_line(run: Run) -> str:
    """A run's conclusion, or why it has none."""
    if run.verdict is not None:
        return f"{run.verdict.kind}: {run.verdict.summary}"
    if run.error is not None:
        return f"{run.status}: {run.error.message}"
    return run.status if not run.stage else f"{run.status}: {run.stage}"


def energy_line(energy: Energy) -> str:
    """`0.412 mJ an inference (0.390 to 0.431) at the battery, above 0.61 W idle; ...`, or why there is no figure."""
    where = f"at the {energy.boundary}"
    counted = f"{energy.samples} samples, {energy.idle_samples} idle over {energy.idle_s:g} s"
    note = f"; {VIRTUAL_NOTE}" if energy.virtual else ""
    if energy.per_inference_mj is None or energy.interval_mj is None:
        return f"no figure {where}: {energy.reason}{note}"
    low, high = energy.interval_mj
    charging = "charging" if energy.charging else "not charging"
    return (
        f"{energy.per_inference_mj:.3g} mJ an inference ({low:.3g} to {high:.3g}) {where}, above {energy.baseline_w:.3g} W "
        f"idle; {counted}; {energy.state or 'state unknown'}, {charging if energy.boundary == 'battery' else energy.units}{note}"
    )


def throttling_line(found: Throttling) -> str:
    """`pass latency was throttled: cpu 4 was held to 1401 of 2841 MHz; ...`."""
    again = f" (taken {found.taken} times)" if found.taken > 1 else ""
    return f"pass {found.during} was throttled{again}: {'; '.join(found.evidence)}"


def traced_line(passes: str) -> str:
    """`Perfetto recorded pass latency, which costs it time and power`."""
    return f"Perfetto recorded pass {passes}, which costs it time and power"


def metric_words(m: Metric, reference: str = "") -> str:
    """`mAP 0.412 (0.377 to 0.440), litert-ref 0.431`."""
    between = f" ({m.interval[0]:.3f} to {m.interval[1]:.3f})" if m.interval is not None else ""
    other = f", {reference or 'reference'} {m.reference:.3g}" if m.reference is not None else ""
    return f"{m.name} {m.value:.3g}{between}{other}"


def rung_figures(rung: Rung) -> tuple[str, str, str, str]:
    """Running error, error alone, agreement and score of a rung; `-` where there is none."""
    errors = ("-" if e is None else f"{e:.1e}" for e in (rung.running_nrmse, rung.isolated_nrmse))
    running, alone = errors
    return running, alone, percent(rung.agreement), "-" if rung.score is None else f"{rung.score:.3f}"


def blame_words(blame: Blame) -> str:
    """`calibration (input): input holds [0, 1] where ...; confidence 100.0 %`."""
    where = f" ({blame.layer})" if blame.layer else f" ({blame.name})" if blame.name else ""
    settle = f"; {blame.needed} more frames would settle it" if blame.needed is not None else ""
    return f"{blame.word}{where}: {blame.evidence}; confidence {percent(blame.confidence)}{settle}"


def class_words(c: ClassMetric) -> str:
    """`cat 0.310 of 0.520`."""
    return f"{c.name or f'class {c.label}'} {c.value:.3f} of {c.reference or 0.0:.3f}"


def confusion_words(c: Confusion) -> str:
    """`cat for dog 12 times, the reference 3`."""
    told = (c.truth_name or f"class {c.truth}", c.answer_name or f"class {c.answer}")
    return f"{told[0]} for {told[1]} {c.count} times, the reference {c.reference}"
