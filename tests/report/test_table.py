"""ML-EXray's latency table from job documents."""

from __future__ import annotations

import io

from rich.console import Console

from farm.cli import render
from farm.report.document import Job, LayerType, Run, Target
from farm.report.table import Column, latency_table


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
    found = latency_table(JOB, [REFERENCE])
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


def test_it_is_printed_whole() -> None:
    text = io.StringIO()
    render.latency_table(Console(file=text, width=200), latency_table(JOB, [REFERENCE]))
    assert "D-Conv" in text.getvalue()
    assert "(60 %)" in text.getvalue()
    assert "plain model" in text.getvalue()
    render.latency_table(Console(file=text, width=200), latency_table(JOB.model_copy(update={"runs": ()})))
    assert "no run has layer times" in text.getvalue()
