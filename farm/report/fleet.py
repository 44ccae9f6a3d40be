"""One model over many runs and frames: who is affected, in the fewest words."""

from __future__ import annotations

from pydantic import Field

from farm.report.base import Part
from farm.report.document import Divergence, VerdictKind
from farm.report.slice import Slice


class TableRow(Part):
    """A pattern of the explanation table, and what it adds to those above it (El Gebaly et al. 2014)."""

    words: str
    support: int
    share: float
    """Of them affected."""
    gain_bits: float


class Description(Part):
    """The shortest description of some runs among all: any of `patterns` fits."""

    patterns: tuple[str, ...]
    described: int
    """Runs that fit."""
    right: int
    """Of them, those that are meant."""
    meant: int
    bits: float
    """Length of the description, exceptions included."""
    plain_bits: float
    """Length of the list of runs."""


class FleetRow(Part):
    """One run."""

    job: int
    run: int
    target: str
    attributes: dict[str, str | float]
    verdict: VerdictKind | None = None
    cause: str = ""
    divergence: Divergence | None = None
    top1: float | None = None
    median_ms: float | None = None
    cluster: int | None = None
    """Position in `Fleet.clusters`; None for runs that part nowhere, or were not compared."""


class Cluster(Part):
    """Runs that part from the reference in the same way."""

    runs: tuple[int, ...]
    layer: str
    """Where they part first."""
    node: int
    cohesion: float = Field(ge=-1, le=1)
    """Mean correlation of their errors over the layers."""
    description: Description | None = None
    """None when nothing told of them is shorter than naming them."""


class Fleet(Part):
    """Runs of one model, side by side."""

    model: str
    reference: str
    rows: tuple[FleetRow, ...]
    clusters: tuple[Cluster, ...] = ()
    table: tuple[TableRow, ...] = ()
    """Who is affected, over all clusters."""
    slices: tuple[Slice, ...] = ()
    """By the effect on the answers, runs weighed alike."""
