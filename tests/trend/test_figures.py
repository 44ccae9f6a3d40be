"""What a run says in numbers, and which of its conditions make another line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.report.document import Accuracy, Comparison, LayerDiff, Pair, Run, Side
from farm.report.measures import Energy, Throttling
from farm.report.metrics import Metric, TaskMetrics
from farm.trend.figures import METRICS, circumstances, configuration, figures, shared
from tests.trend.nights import measured


def energy(boundary: str, value: float | None, *, charging: bool = False) -> Energy:
    return Energy(
        boundary=boundary,  # type: ignore[arg-type]
        source="s", per_inference_mj=value, interval_mj=(1.0, 2.0), inferences=8, charging=charging,
    )  # fmt: skip


def layer(running: float, isolated: float | None) -> LayerDiff:
    return LayerDiff(
        node=0, tensor="t", op="CONV_2D", dtype="int8", shape=(1,), running_nrmse=running, cosine=1, sqnr_db=None,
        max_abs=0, isolated_nrmse=isolated,
    )  # fmt: skip


def test_every_figure_of_a_run_is_there_once() -> None:
    run = measured(1, "one", 10.0).model_copy(
        update={
            "accuracy": Accuracy(n=50, top1=0.9, top5=0.98, top1_interval=(0.8, 0.95), agreement=0.97),
            "metrics": TaskMetrics(
                task="classification", n=50, labelled=True, reference="r", frame_metric="right",
                main=Metric(name="top-1", value=0.9, interval=(0.79, 0.96)),
                agreement=Metric(name="agreement", value=0.97, interval=(0.9, 0.99)),
                others=(Metric(name="macro F1", value=0.88), Metric(name="macro recall", value=0.5)),
            ),
            "energy": (energy("battery", 1.5), energy("rail", 1.2, charging=True), energy("external meter", None)),
            "comparisons": (
                Comparison(
                    reference="litert-ref", reference_version="2", frames=4, threshold=0.1, first_divergence=None,
                    layers=(layer(0.2, 0.01), layer(0.5, None)),
                ),
            ),
        }
    )  # fmt: skip
    found = {(f.metric, f.condition): (f.value, f.unit, f.better) for f in figures(run)}
    assert found == {
        ("latency.median", ""): (10.0, "ms", "low"),
        ("latency.p90", ""): (12.0, "ms", "low"),
        ("memory.peak", ""): (20.0, "MiB", "low"),
        ("energy.median", "energy at battery"): (1.5, "mJ", "low"),
        ("energy.median", "energy at rail while charging"): (1.2, "mJ", "low"),
        ("top1", ""): (0.9, "", "high"),
        ("top5", ""): (0.98, "", "high"),
        ("macro_f1", ""): (0.88, "", "high"),
        ("agreement", ""): (0.97, "", "high"),
        ("layers.worst", ""): (0.5, "", "low"),
        ("layers.worst_isolated", ""): (0.01, "", "low"),
    }
    top1 = next(f for f in figures(run) if f.metric == "top1")
    assert (top1.low, top1.high, top1.n) == (0.79, 0.96, 50)


def test_a_run_that_gave_nothing_and_a_pair_have_theirs_alone() -> None:
    assert figures(measured(1, "one", 10.0).model_copy(update={"status": "failed"})) == ()
    side = Side(name="threads=1", model="m", latency_ms=measured(1, "one", 10.0).latency_ms)  # type: ignore[arg-type]
    pair = Pair(
        a=side, b=side.model_copy(update={"name": "threads=4"}), rounds=10, frames=3, latency_ratio=0.8,
        latency_interval=(0.7, 0.9), noise_ratio=1.0,
    )  # fmt: skip
    run = Run(id=1, target=None, status="done", pair=pair)
    assert [(f.metric, f.value, f.n) for f in figures(run)] == [("pair.latency_ratio", 0.8, 10)]
    assert configuration(run) == "threads=4 against threads=1"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_figure(value: float) -> None:
    run = measured(1, "one", 10.0)
    assert run.latency_ms is not None
    broken = run.model_copy(
        update={"latency_ms": run.latency_ms.model_copy(update={"median": value}), "memory_mb": value}
    )
    assert [f.metric for f in figures(broken)] == ["latency.p90"]


@pytest.mark.parametrize(
    ("conditions", "line"),
    [
        ({}, ""),
        ({"kernel": "delegate", "threads": "1", "cpu_mask": "all", "warmup": "5", "model": "m2", "runtime": "r2"}, ""),
        ({"runtime_version": "2.2.0 (lab)", "runtime_bundle": "lab"}, "runtime_bundle=lab"),
        ({"threads": "4", "kernel": "builtin"}, "kernel=builtin, threads=4"),
        ({"context": "app", "warmup": "0"}, "context=app, cold"),
        ({"context": "app", "app": "dev.exray.bench 1.0", "apk": "0123456789ab"}, "context=app, the farm's app"),
        ({"fixed_performance": "on (the power HAL took it)"}, "fixed performance"),
        ({"fixed_performance": "refused: no such mode"}, ""),
    ],
)
def test_builds_share_a_line_and_delegates_and_threads_do_not(conditions: dict[str, str], line: str) -> None:
    run = measured(1, "one", 10.0, conditions)
    assert configuration(run) == line
    assert shared(configuration(run, "energy at battery while charging")) == line


def test_circumstances_tell_what_may_have_moved_a_figure() -> None:
    run = measured(
        1, "one", 10.0,
        {"model": "m1", "runtime": "r1", "battery": "80 %, discharging", "battery_temperature": "31.2 C",
         "skin_temperature": "33.4 C", "thermal_status": "none", "charging": "yes: power and heat ..."},
    ).model_copy(update={"throttled": (Throttling(during="latency", evidence=("hot",)),)})  # fmt: skip
    assert circumstances(run, {"firmware": "f" * 300, "commit": ""}) == {
        "model": "m1", "runtime": "r1", "power": "discharging", "temperature": "33.5", "thermal": "none",
        "charging": "yes", "throttled": "latency", "kind": "virtual", "firmware": "f" * 200,
    }  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["battery_temperature", "skin_temperature", "battery", "kernel", "threads", "warmup"]),
        st.text(max_size=20) | st.sampled_from(["nan C", "inf C", "1e999 C", "36.6 C", "C", " C"]),
    )
)
def test_no_words_of_a_device_break_them(conditions: dict[str, str]) -> None:
    run = measured(1, "one", 10.0, conditions)
    told = circumstances(run, {})
    assert all(told.values())
    assert "temperature" not in told or math.isfinite(float(told["temperature"]))
    assert len(configuration(run)) < 1000


def test_names_of_metrics_are_those_of_a_query() -> None:
    assert all(name.replace("_", "").isalnum() and name.islower() for name, _, _ in METRICS.values())
