"""One model over the lab: targets by configurations, and which runs part from the reference in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.compare.fleet import fleet
from farm.errors import InputsError
from farm.pages.chart import Axis, Cell, Chart
from farm.pages.view import View
from farm.report import fleet_words as words
from farm.report.base import Part
from farm.report.fleet import Fleet
from farm.store import browse

if TYPE_CHECKING:
    from farm.report.fleet import FleetRow
    from farm.store.state import State

MOST_RUNS = 400
"""On one page."""
MOST_CELLS = 4000
"""Of the matrix."""


class FleetCell(Part):
    """Runs of one target under one configuration, as positions in `Fleet.rows`."""

    rows: tuple[int, ...]


class FleetLine(Part):
    """One target."""

    target: str
    cells: tuple[FleetCell, ...]
    """By configuration."""


class CompareFleet(View):
    """The page of one model."""

    template: ClassVar[str] = "compare_fleet.html.j2"
    section: ClassVar[str] = "/compare"
    jobs: tuple[int, ...]
    reference: str
    references: tuple[str, ...]
    fleet: Fleet
    configurations: tuple[str, ...]
    lines: tuple[FleetLine, ...]
    left_out: int = 0
    """Runs beyond MOST_RUNS."""

    @property
    def asked(self) -> str:
        """The jobs as the address has them."""
        return ",".join(map(str, self.jobs))

    def headline(self) -> str:
        """What is compared."""
        return words.headline(self.fleet)

    def clusters(self) -> tuple[str, ...]:
        """A sentence for each."""
        return tuple(words.cluster(c, len(self.fleet.rows)) for c in self.fleet.clusters)

    def worse(self) -> tuple[str, ...]:
        """A sentence for each slice."""
        return tuple(words.worse(found) for found in self.fleet.slices)

    def said(self, row: FleetRow) -> str:
        """Where a run parts."""
        return words.parts_at(row)


def view(
    jobs: tuple[int, ...], found: Fleet, references: tuple[str, ...], reference: str, left_out: int
) -> CompareFleet:
    """The page."""
    configurations = tuple(dict.fromkeys(words.configuration(row) for row in found.rows))
    by_target: dict[str, dict[str, list[int]]] = {}
    for i, row in enumerate(found.rows):
        by_target.setdefault(row.target, {}).setdefault(words.configuration(row), []).append(i)
    lines = tuple(
        FleetLine(target=target, cells=tuple(FleetCell(rows=tuple(cells.get(name, ()))) for name in configurations))
        for target, cells in by_target.items()
    )
    chart = _matrix(found, configurations, lines)
    return CompareFleet(
        title=f"{found.model} over the lab"[:1000],
        charts=() if chart is None else (chart,),
        jobs=jobs,
        reference=reference,
        references=references,
        fleet=found,
        configurations=configurations,
        lines=lines,
        left_out=left_out,
    )


def made(state: State, jobs: tuple[int, ...], reference: str) -> CompareFleet:
    """The page of these jobs, which must be there.

    Raises:
        InputsError: they are of several models, or no run is done.
    """
    found, left_out = browse.done(state, jobs, MOST_RUNS)
    models = {job.model_sha256: job.model for job in found}
    if len(models) > 1:
        raise InputsError(
            f"they are of {len(models)} models: {', '.join(models.values())[:300]}",
            where=f"jobs {', '.join(map(str, jobs))[:300]}",
            remedy="name jobs of one model",
        )
    if not any(job.runs for job in found):
        raise InputsError("no run is done", where=f"job {jobs[0]}", remedy=f"see /jobs/{jobs[0]}")
    references = tuple(dict.fromkeys(c.reference for job in found for run in job.runs for c in run.comparisons))
    return view(jobs, fleet(found, reference), references, reference, left_out)


def _matrix(found: Fleet, configurations: tuple[str, ...], lines: tuple[FleetLine, ...]) -> Chart | None:
    """Where runs part: a field a target and configuration, by cluster."""
    if not found.clusters or not 1 < len(lines) * len(configurations) <= MOST_CELLS:
        return None
    cells = []
    for y, line in enumerate(lines):
        for x, cell in enumerate(line.cells):
            known = [found.rows[i] for i in cell.rows]
            if known:
                row = next((r for r in known if r.cluster is not None), known[0])
                number = 0 if row.cluster is None else row.cluster + 1
                cells.append(Cell(x=x, y=y, value=number, text=words.parts_at(row)))
    return Chart(
        id="clusters",
        title="Where runs part first",
        kind="heatmap",
        x=Axis(name="configuration", categories=tuple(name or "as submitted" for name in configurations)),
        y=(Axis(name="target", unit="cluster", categories=tuple(line.target for line in lines), low=0),),
        cells=tuple(cells),
        note="0: the run parts nowhere. Runs of one cluster part at the same layer, and their errors go on alike.",
        height="tall" if len(lines) > 8 else "middle",
    )
