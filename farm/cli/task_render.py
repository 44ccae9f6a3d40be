"""A task's metrics as people read them on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from farm.report.words import class_words, confusion_words, metric_words

if TYPE_CHECKING:
    from rich.console import Console

    from farm.report.metrics import TaskMetrics

OTHERS, CLASSES, CONFUSIONS = 6, 5, 5
"""Shown; --json and the page have more."""


def task_metrics(console: Console, found: TaskMetrics) -> None:
    """The main metric, further ones, the classes and confusions that say most."""
    line = f"{found.task}: {metric_words(found.main, found.reference)}, {found.n} frames"
    if found.p_value is not None:
        line += f", p = {found.p_value:.2g} of the frames' {found.frame_metric}"
    if found.labelled and found.agreement is not None:
        line += f"; agreement {found.agreement.value:.3f}"
    lines = [] if found.task == "classification" and found.labelled else [line]  # its accuracy is told already
    if found.others:
        lines.append("  also: " + "; ".join(metric_words(m) for m in found.others[:OTHERS]))
    worse = [c for c in found.classes if c.worse][:CLASSES]
    if worse:
        lines.append("  worse than the reference: " + "; ".join(map(class_words, worse)))
    confused = [c for c in found.confusions if c.count > c.reference][:CONFUSIONS]
    if confused:
        lines.append("  taken for another: " + "; ".join(map(confusion_words, confused)))
    for text in lines:
        console.print(escape(text), highlight=False, soft_wrap=True)
