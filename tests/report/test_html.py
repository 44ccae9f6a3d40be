"""The page of a job: its plots stand in it, say what the tables say, and survive whatever a document may hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.report import html, plots
from farm.report.document import (
    Comparison,
    Divergence,
    Job,
    Latency,
    LayerDiff,
    LayerType,
    Run,
    Target,
    TimelinePoint,
    Verdict,
)
from farm.report.ladder import Ladder, Rung
from farm.report.quantization import LayerQuantization, Origin, Quantization
from farm.report.scale import Scale, linear, number

if TYPE_CHECKING:
    from pathlib import Path

figures = st.floats(allow_nan=False, allow_infinity=False, min_value=0, max_value=1e9)


def layer(node: int, error: float, alone: float | None = None, **more: float) -> LayerDiff:
    return LayerDiff(
        node=node,
        tensor=f"t{node}<script>",
        op="INPUT" if node < 0 else ("CONV_2D", "SOFTMAX")[node % 2],
        dtype="float32",
        shape=(1, 4),
        running_nrmse=error,
        cosine=1.0,
        sqnr_db=None,
        max_abs=0.0,
        isolated_nrmse=alone,
        **more,
    )


def comparison(*layers: LayerDiff) -> Comparison:
    return Comparison(
        reference="litert-ref",
        reference_version="2",
        frames=4,
        threshold=0.02,
        first_divergence=Divergence(node=1, tensor="t", op="SOFTMAX", running_nrmse=0.5),
        layers=layers,
        isolated_threshold=0.02,
    )


def job(compared: Comparison, *points: TimelinePoint) -> Job:
    latency = Latency(median=1.0, p90=2.0, n=3, interval=(0.5, 1.5), timeline=points)
    run = Run(
        id=1,
        target=Target(serial="x", abi="x86_64", kind="virtual"),
        status="done",
        verdict=Verdict(kind="fail", cause="unexplained", summary="s", confidence=1, n=200),
        latency_ms=latency,
        layer_types=(LayerType(type="Conv", count=1, time_us=3.0, share=1.0, source="profile"),),
        comparisons=(compared,),
    )
    return Job(job=7, status="done", model="m<&>.tflite", model_sha256="0", inputs="i", frames=3, runs=(run,))


def pictures(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]  # noqa: S314  # our own page


HEALTHY = (layer(-1, 0.0), layer(0, 1e-6, 1e-7, time_us=5.0), layer(1, 0.5, 1e-7, time_us=2.0))


def test_a_page_has_its_plots_and_loads_nothing(tmp_path: Path) -> None:
    points = (TimelinePoint(first=0, count=1, ms=1, worst_ms=1, memory_mb=9), TimelinePoint(
        first=1, count=1, ms=2, worst_ms=2, memory_mb=9.5))  # fmt: skip
    page = html.write(job(comparison(*HEALTHY), *points), tmp_path).read_text(encoding="utf-8")
    timeline, times, errors = pictures(page)
    assert "latency" in timeline.attrib["aria-label"]
    assert len(times.findall("rect")) == 2
    assert len([c for c in errors.findall("circle") if "running" in c.attrib["class"]]) == 3
    assert len([c for c in errors.findall("circle") if "isolated" in c.attrib["class"]]) == 2
    assert len([c for c in errors.findall("circle") if "over" in c.attrib["class"]]) == 1
    assert "threshold 0.02" in page
    assert "no layer is wrong by itself" in page
    assert "From the profile pass" in page
    assert page.count("<details>") == 2  # a table beside each plot; that of the layers serves two
    assert "<script" not in page
    assert not re.search(r"(src|href)\s*=|@import|url\(", page)


def test_what_was_not_measured_is_not_drawn() -> None:
    page = html.render(job(comparison(layer(-1, 0.0), layer(0, 0.1))))
    (errors,) = pictures(page)
    assert "isolated" not in page.partition("<figure>")[2].partition("</figure>")[0]
    assert errors.findall("circle")
    assert plots.time_by_layer(comparison(layer(0, 0.1))) == ""


def test_a_layer_of_several_outputs_is_one_bar() -> None:
    found = comparison(
        layer(-1, 0.0), layer(0, 0.0, time_us=4.0), layer(1, 0.0, time_us=2.0), layer(1, 0.1, time_us=2.0)
    )
    (picture,) = pictures(str(plots.time_by_layer(found)))
    assert [bar.findtext("title") for bar in picture.findall("rect")] == ["0 CONV_2D: 4.0 us", "1 SOFTMAX: 2.0 us"]


def test_rungs_and_quantized_layers_are_curves() -> None:
    rungs = tuple(
        Rung(name=name, target="t", running_nrmse=error, isolated_nrmse=alone, enters=error > 0.1)
        for name, error, alone in (("float <b>", 1e-7, None), ("device", 0.3, 1e-6))
    )
    (ladder,) = pictures(str(plots.ladder_curve(Ladder(rungs=rungs))))
    assert [c.attrib["class"] for c in ladder.findall("circle")] == ["isolated", "running", "running over"]
    assert ladder.findall("circle")[1].findtext("title") == "float <b>: 1e-07"
    assert plots.ladder_curve(Ladder(rungs=rungs[:1])) == ""
    origins: tuple[Origin, ...] = ("none", "range")
    layers = tuple(
        LayerQuantization(
            node=node, op="CONV_2D", tensor="t", index=0, frames=1, rmse=0, bias=0, max_abs=0, nrmse=0.1, sqnr_db=None,
            saturated=0, at_low=0, at_high=0, pinned=0, clipped=None, range_nrmse=0.01 if node else None, dead_range=0,
            used_bits=8, bits=8, channels=1, origin=origin,
        )
        for node, origin in enumerate(origins)
    )  # fmt: skip
    (curve,) = pictures(str(plots.quantization(Quantization(against="m", layers=layers))))
    assert [c.attrib["class"] for c in curve.findall("circle")] == ["isolated", "running", "running over"]
    assert plots.quantization(Quantization()) == ""


def test_documents_of_the_last_version_are_still_drawn() -> None:
    document = job(comparison(*HEALTHY)).model_dump(mode="json")
    run = document["runs"][0]
    del run["latency_ms"]["timeline"], run["layer_types"][0]["source"]
    for compared in run["comparisons"]:
        del compared["isolated_threshold"], compared["local_fault"]
        for one in compared["layers"]:
            del one["isolated_nrmse"], one["isolated_lsb"], one["profile_us"]
    assert len(pictures(html.render(Job.model_validate(document)))) == 2


@settings(max_examples=40)
@given(
    st.lists(st.tuples(figures, st.none() | figures, st.none() | figures), max_size=30),
    st.lists(st.tuples(figures, st.none() | figures), max_size=30),
)
def test_any_figures_make_a_well_formed_page(
    layers: list[tuple[float, float | None, float | None]], points: list[tuple[float, float | None]]
) -> None:
    found = comparison(
        *(layer(i - 1, e, a, **({} if t is None else {"time_us": t})) for i, (e, a, t) in enumerate(layers))
    )
    line = (TimelinePoint(first=i, count=1, ms=v, worst_ms=v, memory_mb=m) for i, (v, m) in enumerate(points))
    for picture in pictures(html.render(job(found, *line))):
        width, height = (float(v) for v in picture.attrib["viewBox"].split()[2:])
        for mark in picture.iter():
            for key, side in (
                ("cx", width),
                ("cy", height),
                ("x1", width),
                ("y1", height),
                ("x", width),
                ("y", height),
            ):
                if key in mark.attrib:
                    assert -0.1 <= float(mark.attrib[key]) <= side + 0.1


def test_ticks_are_round_and_inside() -> None:
    assert linear(0.113, 100, 0).ticks() == pytest.approx([0, 0.05, 0.1, 0.15])
    assert linear(9.57, 100, 0, lowest=8.6).low == pytest.approx(8.5)
    assert [number(t) for t in Scale(1e-8, 10, 100, 0, logarithmic=True).ticks()] == [
        "1e-8",
        "1e-6",
        "1e-4",
        "0.01",
        "1",
    ]
    assert linear(0.0, 100, 0).ticks()
    assert Scale(0, 10, 0, 100).place(5) == 50
    assert Scale(1e-8, 1, 0, 80, logarithmic=True).place(0.0) == 0


@given(figures, figures)
def test_every_axis_holds_its_values_and_has_few_ticks(low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    scale = linear(high, 200, 0, lowest=low)
    assert scale.low <= low + 1e-6 * abs(low)
    assert scale.high >= high - 1e-6 * abs(high)
    assert 1 <= len(scale.ticks()) <= 9
    assert 0 <= scale.place(high) <= scale.place(low) <= 200
