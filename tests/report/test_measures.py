"""What a run was measured under, as people read it: on the page and on the terminal."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from farm.cli import render
from farm.report import html, plots
from farm.report.document import Latency, Run, TimelinePoint
from farm.report.measures import Energy, Samples, Series, Throttling
from farm.report.words import energy_line
from tests.report.test_html import HEALTHY, comparison, job, pictures

POINTS = tuple(TimelinePoint(first=i, count=1, ms=1.0, worst_ms=1.0, memory_mb=10.0) for i in range(4))
FIGURE = Energy(
    boundary="battery", source="power/battery/current_now x voltage_now", per_inference_mj=12.345, interval_mj=(11.1, 13.2),
    active_w=2.5, baseline_w=0.61, idle_s=5.0, state="screen off, discharging", samples=40, idle_samples=25, inferences=1200,
    units="uA: no phone draws that many mA", virtual=True,
)  # fmt: skip
NONE = Energy(boundary="rail", source="rail/x", per_inference_mj=None, reason="3 samples <only>")


def series(quantity: Any, unit: str, *values: float) -> Series:
    points = tuple((i * 3 / max(1, len(values) - 1), v) for i, v in enumerate(values))
    return Series(quantity=quantity, source=f"{quantity}<b>", unit=unit, by="agent", points=points)


SAMPLES = Samples(
    sha256="ab", path="/x/ab", rows=99, offset_error_ms=1.25,
    series=(series("power", "W", 1, 2.5), series("temperature", "C", 30, 41), series("clock", "MHz", 2841, 1401),
            series("memory", "MiB", 10, 11)),
)  # fmt: skip


def measured() -> Run:
    changes = {
        "samples": SAMPLES,
        "energy": (FIGURE, NONE),
        "throttled": (Throttling(during="latency", evidence=("cpu 4 was held to 1401 of 2841 MHz",), taken=2),),
        "partial": ("meter: ended with status -9 before the pass did",),
    }
    return job(comparison(*HEALTHY), *POINTS).runs[0].model_copy(update=changes)


def test_the_page_draws_power_heat_and_clock_under_the_frames() -> None:
    whole = job(comparison(*HEALTHY), *POINTS)
    page = html.render(whole.model_copy(update={"runs": (measured(),)}))
    assert len(pictures(page)) == len(pictures(html.render(whole))) + 1
    assert "power, W: power&lt;b&gt; (agent)" in page
    assert "12.3 mJ an inference (11.1 to 13.2) at the battery, above 0.61 W idle" in page
    assert "no figure at the rail: 3 samples &lt;only&gt;" in page
    assert "pass latency was throttled (taken 2 times): cpu 4 was held to 1401 of 2841 MHz" in page
    assert "Partial: meter: ended with status -9" in page
    assert "clocks within 1.25 ms" in page


def test_the_terminal_says_the_same() -> None:
    out = io.StringIO()
    whole = job(comparison(*HEALTHY), *POINTS)
    render.job(Console(file=out, width=200), whole.model_copy(update={"runs": (measured(),)}))
    text = out.getvalue()
    assert "energy: 12.3 mJ an inference" in text
    assert "virtual" in text
    assert "throttled: pass latency" in text
    assert "partial: meter" in text
    assert "samples: 99, /x/ab" in text


def test_a_virtual_figure_says_virtual_and_a_phones_does_not() -> None:
    assert "virtual" in energy_line(FIGURE)
    assert "virtual" not in energy_line(FIGURE.model_copy(update={"virtual": False}))
    assert "virtual" in energy_line(NONE.model_copy(update={"virtual": True}))


def test_a_document_without_measures_reads_as_before() -> None:
    run = Run.model_validate_json('{"id": 1, "target": null, "status": "done"}')
    assert (run.energy, run.samples, run.throttled, run.partial) == ((), None, (), ())


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(plots.PANELS)), st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20)),
        max_size=12,
    )
)
def test_any_samples_can_be_drawn(drawn: list[tuple[Any, list[float]]]) -> None:
    found = Samples(
        sha256="", path="", rows=0, series=tuple(series(q, plots.PANELS[q], *values) for q, values in drawn)
    )
    latency = Latency(median=1, p90=1, n=4, interval=(1, 1), timeline=POINTS)
    assert len(pictures(str(plots.samples(latency, found)))) == bool(drawn)
