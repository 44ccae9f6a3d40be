"""A task's metrics on the terminal and on the page."""

from __future__ import annotations

import io

from rich.console import Console

from farm.cli.task_render import task_metrics
from farm.report.confusion import confusion
from farm.report.document import Job, Run
from farm.report.html import render
from farm.report.metrics import ClassMetric, Confusion, Metric, TaskMetrics

FOUND = TaskMetrics(
    task="detection",
    n=40,
    labelled=True,
    reference="litert-ref",
    main=Metric(name="mAP", value=0.312, interval=(0.25, 0.38), reference=0.5),
    frame_metric="F1",
    p_value=0.003,
    agreement=Metric(name="agreement", value=0.7, interval=(0.6, 0.8)),
    others=(Metric(name="mAP @.5", value=0.4, reference=0.6),),
    classes=(
        ClassMetric(label=3, name="<cat>", n=9, precision=0.5, recall=0.4, f1=0.44, score=0.2, reference=0.6),
        ClassMetric(label=4, name="dog", n=9, precision=None, recall=0.0, f1=0.0, score=0.5, reference=0.5),
    ),
    class_count=2,
    confusions=(Confusion(truth=3, answer=4, truth_name="<cat>", answer_name="dog", count=7, reference=1),),
    matrix=((3, 3, 10), (3, 4, 7), (4, 4, 5)),
)


def page(metrics: TaskMetrics) -> str:
    run = Run(id=1, target=None, status="done", metrics=metrics)
    return render(Job(job=1, status="done", model="m", model_sha256="", inputs="", frames=40, runs=(run,)))


def shown(metrics: TaskMetrics) -> str:
    out = io.StringIO()
    task_metrics(Console(file=out, width=200), metrics)
    return out.getvalue()


def test_on_the_page() -> None:
    text = page(FOUND)
    for part in (
        "<h3>Detection</h3>",
        "mAP @.5",
        "0.250 to 0.380",
        "p = 0.003",
        "&lt;cat&gt;",
        ">AP<",
        "confusion matrix",
    ):
        assert part in text
    assert "<cat>" not in text


def test_without_labels() -> None:
    bare = TaskMetrics(
        task="segmentation",
        n=3,
        labelled=False,
        reference="litert",
        main=Metric(name="agreement", value=0.9),
        frame_metric="agreement",
    )
    assert "agreement is all that can be told" in page(bare)
    assert shown(bare) == "segmentation: agreement 0.9, 3 frames\n"


def test_on_the_terminal() -> None:
    first, also, worse, taken = shown(FOUND).splitlines()
    assert first == (
        "detection: mAP 0.312 (0.250 to 0.380), litert-ref 0.5, 40 frames, p = 0.003 of the frames' F1; agreement 0.700"
    )
    assert also == "  also: mAP @.5 0.4, reference 0.6"
    assert worse == "  worse than the reference: <cat> 0.200 of 0.600"
    assert taken == "  taken for another: <cat> for dog 7 times, the reference 1"


def test_a_matrix_without_confusions_is_no_picture() -> None:
    assert confusion(FOUND.model_copy(update={"matrix": ((1, 1, 5),)})) == ""
    many = FOUND.model_copy(update={"matrix": tuple((i, i + 1, 2) for i in range(90))})
    picture = confusion(many)
    assert picture.count("<text") == 40
    assert "51 classes with fewer confusions are left out" in picture
