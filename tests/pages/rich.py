"""A run with something in every part of its document, made up: for pages, which only draw it."""

from __future__ import annotations

from farm.report.document import (
    Accuracy,
    CaptureLink,
    Comparison,
    Divergence,
    EvidenceLink,
    Finding,
    Latency,
    LayerDiff,
    LayerType,
    Run,
    Target,
    TimelinePoint,
    Verdict,
)
from farm.report.explanation import Change, Explanation
from farm.report.ladder import Blame, Ladder, Rung
from farm.report.measures import Energy, Samples, Series, Throttling
from farm.report.metrics import ClassMetric, Confusion, Metric, TaskMetrics
from farm.report.plots import PANELS
from farm.report.quantization import Issue, LayerQuantization, Quantization
from farm.report.sequence import Fired, FiredFrame
from farm.report.slice import Slice

HOSTILE = "<img src=x onerror=alert(1)>\"'{{ 7*7 }}"
REFERENCES = ("litert-ref", "litert", "tensorflow")


def layer(node: int, error: float, name: str = "") -> LayerDiff:
    return LayerDiff(
        node=node,
        tensor=f"model/block{node}/Relu6;{name}",
        op="INPUT" if node < 0 else ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "SOFTMAX")[node % 4],
        dtype="float32",
        shape=(1, 14, 14, 32),
        running_nrmse=error,
        cosine=0.999,
        sqnr_db=30.0,
        max_abs=0.1,
        time_us=10.0 + node % 7,
        profile_us=9.0 + node % 7,
        isolated_nrmse=1e-7,
    )


def comparison(reference: str, layers: int, name: str = "") -> Comparison:
    errors = [1e-6 if node < layers // 2 else 0.05 for node in range(layers)]
    return Comparison(
        reference=reference,
        reference_version="2.3",
        frames=8,
        threshold=1e-3,
        first_divergence=Divergence(node=layers // 2, tensor="t", op="ADD", running_nrmse=0.05),
        layers=(layer(-1, 0.0, name), *(layer(node, error, name) for node, error in enumerate(errors))),
        isolated_threshold=1e-3,
    )


def series(source: str, quantity: str, unit: str) -> Series:
    points = tuple((float(i), 30.0 + i / 10) for i in range(0, 40, 5))
    return Series.model_validate(
        {"source": source, "quantity": quantity, "unit": unit, "by": "agent", "points": points}
    )


def run(number: int, *, layers: int = 12, name: str = "fine", evidence: str = "", capture: str = "") -> Run:
    """`name` stands wherever a user's own words may; `evidence` and `capture` are the sha256 of stored files."""
    points = tuple(TimelinePoint(first=i, count=1, ms=5 + i % 3, worst_ms=5 + i % 3, memory_mb=40.0) for i in range(40))
    matrix = ((0, 0, 30), (0, 1, 10), (1, 1, 35), (1, 0, 5))
    return Run(
        id=number,
        target=Target(serial=name, abi="arm64-v8a", kind="phone", model=name, sdk=34),
        status="done",
        verdict=Verdict(
            kind="fail", cause="channel", summary=f"The device feeds BGR: {name}", confidence=0.99, n=200, remedy=name,
            blames=(Blame(word="pre-processing", name="channel", evidence=name, confidence=0.99),),
        ),
        findings=(Finding(assertion="channel", holds=False, summary=name, evidence={"residual": 0.01, "said": name}),),
        accuracy=Accuracy(
            n=80, top1=0.2, top5=0.5, top1_interval=(0.1, 0.3), reference_top1=0.9, reference="litert-ref", p_value=1e-9,
            agreement=0.25,
        ),
        metrics=TaskMetrics(
            task="classification", n=80, labelled=True, reference="litert-ref",
            main=Metric(name="top-1", value=0.2, interval=(0.1, 0.3), reference=0.9), frame_metric="top-1",
            classes=tuple(
                ClassMetric(label=i, name=f"{name} {i}", n=40, precision=0.5, recall=0.5, f1=0.5) for i in range(2)
            ),
            class_count=2,
            confusions=(Confusion(truth=0, answer=1, truth_name=name, answer_name=name, count=10, reference=1),),
            matrix=matrix,
        ),
        latency_ms=Latency(median=6.0, p90=7.0, n=40, interval=(5.9, 6.1), timeline=points),
        memory_mb=41.0,
        layer_types=(LayerType(type="Conv", count=3, time_us=30, share=0.75, source="profile"),
                     LayerType(type=name, count=1, time_us=10, share=0.25, source="profile")),
        comparisons=tuple(comparison(reference, layers, name) for reference in REFERENCES),
        captures=(CaptureLink(name="layers", sha256=capture, bytes=9, complete=True, path=name),) if capture else (),
        evidence=(EvidenceLink(name="logcat-main.txt", attempt=1, sha256=evidence, bytes=9),) if evidence else (),
        explanation=Explanation(
            kind="named", changes=(Change(part="channel", name="bgr", words=f"feeds BGR, {name}"),), unexplained=0.1, frames=8,
            diff=(f"-{name}", '+channels = "rgb"'),
        ),
        slices=(Slice(words=name, support=20, error=0.9, overall=0.5, p_value=0.01),),
        fired=(Fired(name="flicker", windows=10, count=1, frames=(FiredFrame(frame=1, name=name, severity=0.5),)),),
        ladder=Ladder(
            rungs=(Rung(name="float reference", target=name), Rung(name="quantized", target=name, running_nrmse=1e-3),
                   Rung(name="device", target=name, running_nrmse=0.3, isolated_nrmse=1e-3, enters=True)),
            metric="top-1",
        ),
        quantization=Quantization(
            against=name,
            lint=(Issue(rule="r", severity="warning", what=name, why="w", remedy="m"),),
            layers=tuple(
                LayerQuantization(
                    node=i, op="CONV_2D", tensor=name, index=i, frames=8, rmse=0.1, bias=0.0, max_abs=1.0, nrmse=0.01 * (i + 1),
                    sqnr_db=20.0, saturated=0.0, at_low=0.0, at_high=0.0, pinned=0.0, clipped=None, range_nrmse=0.001,
                    dead_range=0.0, used_bits=7.5, bits=8, channels=4, origin="range" if i else "none", reason=name,
                )
                for i in range(3)
            ),
        ),
        energy=(Energy(boundary="battery", source=name, per_inference_mj=0.4, interval_mj=(0.3, 0.5), baseline_w=0.6),),
        samples=Samples(
            sha256="0" * 64, path=name, rows=8,
            series=tuple(series(f"{name}/{quantity}", quantity, unit) for quantity, unit in PANELS.items()),
        ),
        throttled=(Throttling(during="latency", evidence=(name,)),),
        partial=(name,),
        conditions={"kernel": "delegate", "threads": "1", "note": name},
    )  # fmt: skip


def traced(number: int, trace: str) -> Run:
    """One of which Perfetto recorded a pass."""
    link = EvidenceLink(name="trace-latency.pftrace", attempt=1, sha256=trace, bytes=9)
    return run(number).model_copy(update={"evidence": (link,), "conditions": {"traced": "latency"}})
