"""What climbing the ladder found: figures of each rung, and which of them no healthy target shows.

All is kept per frame, so that conclusions can be drawn again from resampled frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from farm.compare.difference import BROKEN
from farm.compare.layers import FLOAT_LIMIT
from farm.compare.quantization import CUT_LIMIT, ROUNDING_LIMIT
from farm.compare.rung import over_frames
from farm.report.ladder import Ladder, Rung

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from farm.compare.rung import Errors, Layer, Ranges
    from farm.compare.twin import Alignment
    from farm.report.ladder import Blame

    Array = np.ndarray[Any, Any]

CONVERTED_LIMIT = 10 * FLOAT_LIMIT
"""nRMSE of outputs above which a converted float model computes something else; half precision leaves some 1e-3."""


@dataclass(frozen=True)
class Scored:
    """How right a target's answers are: float [n] in [0, 1] over the outcomes' frames."""

    name: str
    scores: Array


@dataclass(frozen=True)
class Step:
    """One rung and what was measured on it."""

    name: str
    """As in `Rung.name`."""
    target: str
    against: str = ""
    running: Errors | None = None
    isolated: Errors | None = None
    limit: float = 0.0
    """Of the running error; 0 where none is too much (quantizing)."""
    own_limit: float = 0.0
    agreement: float | None = None
    score: float | None = None
    answers: int = 0
    """Frames behind the two."""
    missing: str = ""

    def faults(self, weights: Array | None = None) -> tuple[Layer, ...]:
        """Layers that are wrong by themselves, in execution order."""
        if self.isolated is None or not self.own_limit:
            return ()
        return tuple(self.isolated.layers[i] for i in self.isolated.over(self.own_limit, weights))

    def diverging(self, weights: Array | None = None) -> tuple[Layer, ...]:
        """Layers whose running error is over the limit, in execution order; inputs left out."""
        if self.running is None or not self.limit:
            return ()
        return tuple(self.running.layers[i] for i in self.running.over(self.limit, weights))

    def own_error(self, layer: Layer) -> float | None:
        """Of one layer by itself."""
        return None if self.isolated is None else _of(self.isolated, layer)

    def running_error(self, layer: Layer) -> float | None:
        """Of one layer, with what it inherited."""
        return None if self.running is None else _of(self.running, layer)


@dataclass(frozen=True)
class Cut:
    """A tensor whose scale does not fit the values that the float model has there."""

    layer: Layer
    cut: float
    rounding: float
    beyond: float
    """Share of the values outside of the range."""
    bounds: tuple[float, float]
    seen: tuple[float, float]

    def words(self) -> str:
        """`input holds [0, 1] where the float model has [-1, 1]: 70 % of the values are cut off`."""
        held, had = (f"[{low:.3g}, {high:.3g}]" for low, high in (self.bounds, self.seen))
        cost = (
            f"{self.beyond:.0%} of the values are cut off"
            if self.cut > CUT_LIMIT
            else f"its steps are {self.rounding:.2g} of the range that is used"
        )
        return f"{self.layer.label} holds {held} where the float model has {had}: {cost}"


@dataclass(frozen=True)
class Other:
    """The same model and frames elsewhere: what tells a device's fault from a kernel's."""

    source: str
    kernel: str
    accelerator: str
    runtime_sha256: str
    healthy: bool
    """None of its layers leaves the limit."""


@dataclass(frozen=True)
class Climb:
    """From the top of the ladder to the device."""

    steps: tuple[Step, ...]
    metric: str = ""
    alignment: Alignment | None = None
    ranges: Ranges | None = None
    same_code: bool = False
    """This computer runs the very library that the device does."""
    top: Scored | None = None
    """The float model, where it is known."""
    device: Scored | None = None
    """The device by the same measure: the task's, or agreement with the float model where nothing is known to be true."""
    others: tuple[Other, ...] = ()
    outputs: frozenset[int] = frozenset()
    """Of the submitted model: a converter that changes none of them changes nothing."""
    unsaid: tuple[str, ...] = ()

    def step(self, name: str) -> Step | None:
        """The rung of that name, if it was climbed."""
        return next((s for s in self.steps if s.name == name and not s.missing), None)

    def calibration(self, weights: Array | None = None) -> tuple[Cut, ...]:
        """Tensors whose range was not made for these values, in execution order."""
        found = self.ranges
        if found is None:
            return ()
        cut, rounding, beyond = (over_frames(v, weights) for v in (found.cut, found.rounding, found.beyond))
        return tuple(
            Cut(layer, float(cut[i]), float(rounding[i]), float(beyond[i]), found.bounds[i], found.seen[i])
            for i, layer in enumerate(found.layers)
            if cut[i] > CUT_LIMIT or rounding[i] > ROUNDING_LIMIT
        )

    def converted_otherwise(self, weights: Array | None = None) -> Step | None:
        """The rung below the unconverted model, when it computes something else."""
        step = next((s for s in self.steps if s.against == UNCONVERTED and not s.missing), None)
        wrong = () if step is None else step.diverging(weights)
        return step if any(layer.tensor in self.outputs for layer in wrong) else None

    def optimized(self, weights: Array | None = None) -> tuple[Step, tuple[Layer, ...]] | None:
        """The first rung of optimized kernels of this computer with layers that are wrong by themselves."""
        for step in self.steps:
            if step.name != DEVICE and step.own_limit and (faults := step.faults(weights)):
                return step, faults
        return None

    def ladder(self, enters: frozenset[str] = frozenset()) -> Ladder:
        """For the report; `enters` names the rungs at which an error comes in."""
        return Ladder(
            rungs=tuple(_rung(step, step.name in enters) for step in self.steps),
            metric=self.metric,
            alignment=self.alignment.words() if self.alignment is not None else "",
            unsaid=self.unsaid,
        )


def enters(blames: Sequence[Blame], climb: Climb) -> frozenset[str]:
    """The rungs at which what is blamed comes in."""
    words = {b.word for b in blames}
    found = {DEVICE} if words & {"pre-processing", "delegate", "device", "post-processing"} else set()
    if "calibration" in words:
        found |= {s.name for s in climb.steps if s.name == "quantized reference"}
    if "converter" in words:
        found |= {s.name for s in climb.steps if s.against == UNCONVERTED}
    if "kernel" in words:
        here = climb.optimized()
        found.add(here[0].name if here is not None else DEVICE)
    return frozenset(found)


UNCONVERTED, DEVICE = "unconverted", "device"


def _rung(step: Step, enters: bool) -> Rung:
    running, isolated = step.running, step.isolated
    where = ""
    if running is not None:
        over = running.over(step.limit, inputs=True) if step.limit else ()
        row = over[0] if over else running.worst(inputs=True)
        where = running.layers[row].label if row is not None and running.typical()[row] > 0 else ""
    return Rung(
        name=step.name,
        target=step.target,
        against=step.against,
        frames=len(running.frames) if running is not None else 0,
        running_nrmse=_worst(running),
        isolated_nrmse=_worst(isolated),
        layer=where,
        answers=step.answers,
        agreement=step.agreement,
        score=step.score,
        enters=enters,
        missing=step.missing,
    )


def _worst(errors: Errors | None) -> float | None:
    row = errors.worst() if errors is not None else None
    return None if errors is None or row is None else min(BROKEN, float(errors.typical()[row]))


def _of(errors: Errors, layer: Layer) -> float | None:
    row = next((i for i, found in enumerate(errors.layers) if found.tensor == layer.tensor), None)
    return None if row is None else float(errors.typical()[row])
