"""The HTML report of a job: one file, nothing loaded from anywhere, readable on a phone and in the dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report import plots
from farm.report.table import SOURCES, latency_table
from farm.report.words import VIRTUAL_NOTE, energy_line, grounds, layer_label, origin, percent, throttling_line

if TYPE_CHECKING:
    from pathlib import Path

    from farm.report.document import Job


def render(job: Job) -> str:
    """The page."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("farm.report"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(percent=percent, layer=layer_label, grounds=grounds)
    return environment.get_template("job.html.j2").render(
        job=job,
        plots=plots,
        origin=origin,
        energy_line=energy_line,
        throttling_line=throttling_line,
        latencies=latency_table([job]),
        sources=SOURCES,
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
