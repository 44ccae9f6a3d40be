"""The HTML report of a job: one file, nothing loaded from anywhere, readable on a phone and in the dark."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from farm.report import plots
from farm.report.confusion import confusion
from farm.report.explained import details, fired_words, headline, slice_words
from farm.report.quantization import FIGURES, figures, in_words
from farm.report.table import SOURCES, latency_table
from farm.report.words import (
    VIRTUAL_NOTE,
    blame_words,
    energy_line,
    grounds,
    layer_label,
    origin,
    percent,
    rung_figures,
    throttling_line,
    traced_line,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import jinja2
    from markupsafe import Markup

    from farm.report.document import Job
    from farm.report.pairing import Pairing
    from farm.report.pictures import InputPictures
    from farm.report.quantization import Lint


def render(job: Job, pictures: Mapping[int, Sequence[InputPictures]] | None = None) -> str:
    """The page; `pictures` are those of the model's input, by run."""
    return (
        _environment()
        .get_template("job.html.j2")
        .render(job=job, pictures=pictures or {}, any_virtual=any(r.target and r.target.kind == "virtual" for r in job.runs),
                latencies=latency_table([job]))
    )  # fmt: skip


def render_pairing(pairing: Pairing) -> str:
    """The page of two that were compared."""
    return _environment().get_template("pairing.html.j2").render(p=pairing)


def render_lint(models: Sequence[Lint]) -> str:
    """The page of models' files."""
    return _environment().get_template("lint.html.j2").render(models=models)


def part(name: str, **shown: object) -> Markup:
    """One part of the pages above alone, in the same words; its plots are left out, for who draws them otherwise."""
    from markupsafe import Markup

    # Of our own templates, which escape what they are given.
    return Markup(_environment().get_template(f"{name}.html.j2").render({"svg": False, "pictures": {}} | shown))  # noqa: S704


@functools.cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("farm.report"), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        percent=percent, layer=layer_label, grounds=grounds, capitalize_first=lambda text: text[:1].upper() + text[1:]
    )
    environment.globals.update(
        plots=plots,
        confusion=confusion,
        rung_figures=rung_figures,
        blame_words=blame_words,
        origin=origin,
        quantization_words=in_words,
        quantization_heads=FIGURES,
        quantization_figures=figures,
        energy_line=energy_line,
        throttling_line=throttling_line,
        traced_line=traced_line,
        headline=headline,
        explained=details,
        fired_words=fired_words,
        slice_words=slice_words,
        sources=SOURCES,
        virtual_note=VIRTUAL_NOTE,
        svg=True,
    )
    return environment


def write(job: Job, folder: Path) -> Path:
    """Write the page as `<folder>/job-<id>.html`; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"job-{job.job}.html"
    temporary = path.with_suffix(".new")
    temporary.write_text(render(job), encoding="utf-8")
    temporary.replace(path)
    return path
