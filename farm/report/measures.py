"""The parts of a run's document that say what it was measured under, beside its times: samples, energy, throttling."""

from __future__ import annotations

from typing import Literal

from farm.report.base import Part

Boundary = Literal["battery", "rail", "external meter", "virtual model"]
Quantity = Literal["power", "temperature", "clock", "load", "memory", "current", "voltage", "status", "energy", "other"]


class Throttling(Part):
    """A pass whose figures heat or a clock cap spoiled, and what says so."""

    during: str
    evidence: tuple[str, ...]
    change: float | None = None
    """Of the invocation time from first to last along its robust trend, as a share of the first."""
    p_value: float | None = None
    """Of that trend: Mann and Kendall's test."""
    taken: int = 1
    """How often the pass was taken; the last one counts, and it is the one these words are of."""


class Energy(Part):
    """What an inference takes beyond idling, at one boundary; figures of different boundaries are never compared."""

    boundary: Boundary
    source: str
    """What was read: `power/battery/current_now x voltage_now`, ..."""
    per_inference_mj: float | None
    """Millijoule above the idle baseline; None: the samples do not support a figure, and `reason` says why."""
    interval_mj: tuple[float, float] | None = None
    """95 %, by a block bootstrap over the samples."""
    reason: str = ""
    active_w: float | None = None
    """Mean over the invocations."""
    baseline_w: float | None = None
    """Mean while idle, before the pass, under the same screen and Doze state."""
    idle_s: float = 0.0
    state: str = ""
    """Screen, Doze, charging: `screen off, ACTIVE, discharging`."""
    charging: bool = False
    samples: int = 0
    """During the invocations; `idle_samples` during the baseline."""
    idle_samples: int = 0
    inferences: int = 0
    units: str = ""
    """What the raw figures were taken for, and why."""
    virtual: bool = False


class Series(Part):
    """One quantity along the latency pass, as few points as a page can draw."""

    quantity: Quantity
    source: str
    unit: str
    by: str
    """Who read it: agent, dumpsys, psutil, meter."""
    points: tuple[tuple[float, float], ...]
    """Position on the axis of the invocations (3.5: in the middle of the fourth), and value."""


class Samples(Part):
    """All that was read beside the frames of a run: one Parquet file, on the agent's clock."""

    sha256: str
    path: str
    removed: bool = False
    """The file was removed by retention since."""
    rows: int
    offset_error_ms: float | None = None
    """Half the shortest round trip by which this computer's clock was put on the agent's; None: nothing was read here."""
    series: tuple[Series, ...] = ()
