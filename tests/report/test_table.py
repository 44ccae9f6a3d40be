"""ML-EXray's latency table from job documents."""

from __future__ import annotations

import csv
import io

from rich.console import Console

from farm.cli import render
from farm.cli.latencies import as_csv
from farm.report import html
from farm.report.document import Job, LayerType, Run, Target
from farm.report.table import SOURCES, Column, latency_table


def types(**times: float) -> tuple[LayerType, ...]:
    total = sum(times.values())
    return tuple(
        LayerType(type=name.replace("_", "-"), count=2, time_us=t, share=t / total, source="profile")
        for name, t in times.items()
    )


def run(number: int, abi: str, found: tuple[LayerType, ...]) -> Run:
    return Run(
        id=number,
        target=Target(serial=f"s{number}", abi=abi, kind="virtual"),
        status="done",
        layer_types=found,
        conditions={"kernel": "delegate", "threads": "1"},
    )


JOB = Job(
    job=1,
    status="done",
    model="m",
    model_sha256="0",
    inputs="i",
    frames=1,
    runs=(
        run(1, "x86_64", types(Conv=20.0, D_Conv=30.0)),
        run(2, "arm64-v8a", types(Conv=900.0, Softmax=1.0)),
        run(3, "x86_64", ()),
    ),
)
REFERENCE = (Column(title="litert-ref", source="alone"), types(D_Conv=2000.0))


def test_types_by_target_the_dearest_first() -> None:
    found = latency_table([JOB], [REFERENCE])
    assert [c.title for c in found.columns] == [
        "s1 (virtual x86_64), kernel delegate, threads 1",
        "s2 (virtual arm64-v8a), kernel delegate, threads 1",
        "litert-ref",
    ]
    assert [(r.type, r.times_us) for r in found.rows] == [
        ("D-Conv", (30.0, None, 2000.0)),
        ("Conv", (20.0, 900.0, None)),
        ("Softmax", (None, 1.0, None)),
    ]
    assert found.totals_us == (50.0, 901.0, 2000.0)
    assert type(found).model_validate_json(found.model_dump_json()) == found


def test_columns_of_several_jobs_say_which() -> None:
    other = JOB.model_copy(update={"job": 2, "model": "n", "model_sha256": "1", "runs": JOB.runs[:1]})
    titles = [c.title for c in latency_table([JOB, other]).columns]
    assert titles[0] == "s1 (virtual x86_64), kernel delegate, threads 1, job 1, m"
    assert titles[2] == "s1 (virtual x86_64), kernel delegate, threads 1, job 2, n"


def test_runs_that_are_configured_alike_are_told_apart() -> None:
    twice = [JOB.runs[0].model_copy(update={"id": i, "variant": "b.tflite, kernel=builtin"}) for i in (7, 8)]
    titles = [c.title for c in latency_table([JOB.model_copy(update={"runs": tuple(twice)})]).columns]
    assert titles == [f"s1 (virtual x86_64), kernel delegate, threads 1, b.tflite, run {i}" for i in (7, 8)]


def test_as_csv_every_figure_has_its_place() -> None:
    found = latency_table([JOB], [REFERENCE])
    head, *rows = csv.reader(io.StringIO(as_csv(found)))
    assert head == ["layer type", "layers", *(f"{c.title}, us, {SOURCES[c.source]}" for c in found.columns)]
    assert rows[0] == ["D-Conv", "2", "30.0", "", "2000.0"]
    assert rows[-1] == ["all", "", "50.0", "901.0", "2000.0"]


def test_a_page_shows_it_where_there_is_more_than_one_column() -> None:
    page = html.render(JOB)
    assert "side by side" in page
    assert page.index("900.0") < page.index("<h2>s1")
    assert "side by side" not in html.render(JOB.model_copy(update={"runs": JOB.runs[:1]}))


def test_many_columns_still_show_every_figure() -> None:
    text = io.StringIO()
    found = latency_table([JOB, JOB, JOB], [REFERENCE])
    render.latency_table(Console(file=text, width=120), found)
    assert text.getvalue().count("900.0") == 3
    assert "…" not in text.getvalue()


def test_it_is_printed_whole() -> None:
    text = io.StringIO()
    render.latency_table(Console(file=text, width=200), latency_table([JOB], [REFERENCE]))
    assert "D-Conv" in text.getvalue()
    assert "(60 %)" in text.getvalue()
    assert "plain model" in text.getvalue()
    render.latency_table(Console(file=text, width=200), latency_table([JOB.model_copy(update={"runs": ()})]))
    assert "no run has layer times" in text.getvalue()
