"""The HTML report of a job: one file, nothing loaded from anywhere, readable on a phone and in the dark."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from farm.report.words import VIRTUAL_NOTE, layer_label, percent

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.document import Comparison, Job

FLOOR = 1e-8
"""Errors below are drawn as nothing: bit-equal and one ulp look alike."""


def render(job: Job) -> str:
    """The page."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("farm.report"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(percent=percent, layer=layer_label)
    return environment.get_template("job.html.j2").render(
        job=job,
        bars=error_bars,
        floor=f"{FLOOR:g}",
        virtual_note=VIRTUAL_NOTE,
        any_virtual=any(r.target and r.target.kind == "virtual" for r in job.runs),
    )


def write(job: Job, folder: Path) -> Path:
    """Write the page as `<folder>/job-<id>.html`; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"job-{job.job}.html"
    temporary = path.with_suffix(".new")
    temporary.write_text(render(job), encoding="utf-8")
    temporary.replace(path)
    return path


def error_bars(comparison: Comparison) -> list[tuple[str, float, float, bool]]:
    """Running error by layer for drawing: label, nRMSE, height 0..1 on a log scale, and whether it is over the threshold."""
    top = max([1.0, *(layer.running_nrmse for layer in comparison.layers if math.isfinite(layer.running_nrmse))])
    span = math.log10(top / FLOOR)
    return [
        (
            layer_label(layer),
            layer.running_nrmse,
            1.0
            if not math.isfinite(layer.running_nrmse)
            else max(0.0, math.log10(max(layer.running_nrmse, FLOOR) / FLOOR) / span),
            not layer.running_nrmse <= comparison.threshold,
        )
        for layer in comparison.layers
    ]
