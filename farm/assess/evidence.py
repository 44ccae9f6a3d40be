"""What an assertion may look at: everything known about one run, in recordings and in the conclusions drawn from them.

Every view is over the frames in `order`, so that the same assertion runs unchanged on resampled frames (the bootstrap behind
a verdict's confidence).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.assess.alternatives import Better, search
from farm.compare.accuracy import frames_needed, paired

if TYPE_CHECKING:
    from farm.assess.inputs import InputEvidence, Transform
    from farm.assess.replay import Replay
    from farm.capture.recording import Recording
    from farm.compare.answers import Answers
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.report.document import Comparison
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

    Array = np.ndarray[Any, Any]

ALPHA = 0.05
SMALLEST_EFFECT = 0.02
"""Without labels: the share of answers that must have changed, besides being significant, to call it an effect."""


@dataclass(frozen=True)
class Effect:
    """What the difference does to the model's answers, device against reference."""

    measure: str
    """`top-1` (labelled frames), or `agreement` with the reference."""
    device: int
    """Frames right, or in agreement."""
    reference: int
    """The same of the reference; for agreement, of the host's fast runtime, which is healthy."""
    n: int
    p_value: float
    needed: int | None
    """Frames that would show a drop of the size seen; None when none is seen."""

    @property
    def shown(self) -> bool:
        """The device is worse, and it is no chance."""
        gap = self.reference - self.device
        least = 0 if self.measure == "top-1" else SMALLEST_EFFECT * self.n
        return gap > 0 and gap >= least and self.p_value < ALPHA


@dataclass(frozen=True)
class Outcomes:
    """Per frame of the latency pass, n frames: what the device answered, and what healthy runtimes did."""

    frames: tuple[int, ...]
    agrees: Array
    """bool [n]: the device gives the reference's answer."""
    control_agrees: Array
    """bool [n]: the host's fast runtime gives the reference's answer."""
    labelled: bool
    """Every frame has a label and the model is a classifier."""
    device: Answers | None
    """None when the model is no classifier."""
    reference: Answers | None
    reference_name: str


@dataclass(frozen=True)
class Evidence:
    """One run. `recipe` is what the references did to the frames: the expected one where it is known, else the submitted."""

    submission: Submission
    graph: Graph
    artifacts: ArtifactStore
    recipe: Recipe | None
    latency: Recording
    layers: Recording | None
    references: tuple[Recording, ...]
    """Layer recordings, in the order of `submission.references`."""
    comparisons: tuple[Comparison, ...]
    outcomes: Outcomes
    inputs: InputEvidence | None
    """None when no input tensors of the device are at hand."""
    replay: Replay | None
    """None without labels or without a recipe: then no alternative can be judged."""
    order: Array
    """Positions in `outcomes.frames`."""
    layer_weights: Array
    """How often each frame of `inputs` counts."""
    resampled_: bool = False

    @property
    def expected_is_known(self) -> bool:
        """The references used another source than the device's own recipe."""
        return self.submission.expected is not None

    @functools.cached_property
    def transform(self) -> Transform | None:
        """What turns the expected input into the device's; None when the device's input was not logged."""
        return None if self.inputs is None else self.inputs.infer(self.layer_weights)

    @functools.cached_property
    def better(self) -> tuple[Better, ...]:
        """Changes of the recipe that make the model significantly more accurate.

        Looked for only where nothing else says what the recipe should be: the expected one is not given, and the device's
        input is the recipe's.
        """
        seen = self.transform
        replay, recipe = self.replay, self.recipe
        if replay is None or recipe is None or self.expected_is_known or (seen is not None and seen.differs):
            return ()

        def right(recipes: tuple[Recipe, ...]) -> tuple[Array, ...] | None:
            answers = replay.right(recipes, known_only=self.resampled_)
            return None if answers is None else tuple(a[self._replayed] for a in answers)

        return search(recipe, right)

    @property
    def pipeline_examined(self) -> bool:
        """Something at hand could have shown a pre-processing bug."""
        return self.transform is not None or (self.replay is not None and not self.expected_is_known)

    def mend(self, line: str) -> str:
        """A remedy: the recipe's line, or where to look when the device's recipe says that already."""
        deployed = self.submission.recipe
        if deployed is None or deployed.recipe == self.recipe:
            return f"the device does not do what its recipe says; it must do: {line}"
        return line

    def change(self, part: str) -> Better | None:
        """The change of `better` that concerns an assertion."""
        return next((b for b in self.better if b.part == part), None)

    @functools.cached_property
    def effect(self) -> Effect:
        """Device against reference, paired over frames: accuracy where labels allow, else agreement."""
        mine, other = self.outcomes.agrees[self.order], self.outcomes.control_agrees[self.order]
        measure = "agreement"
        if self.outcomes.labelled and self.outcomes.device is not None and self.outcomes.reference is not None:
            mine, other = self.outcomes.device.right[self.order], self.outcomes.reference.right[self.order]
            measure = "top-1"
        return Effect(
            measure=measure,
            device=int(mine.sum()),
            reference=int(other.sum()),
            n=len(mine),
            p_value=paired(mine, other),
            needed=frames_needed(other, mine),
        )

    @property
    def _replayed(self) -> Array:
        """The positions of `order` among the frames that were replayed."""
        assert self.replay is not None  # noqa: S101  # asked only then
        place = np.full(len(self.outcomes.frames), -1)
        place[self.replay.positions] = np.arange(len(self.replay.positions))
        found = place[self.order]
        return found[found >= 0]

    def resampled(self, random: np.random.Generator) -> Evidence:
        """The same run with its frames drawn again, with replacement; nothing is run again for it."""
        n, f = len(self.order), len(self.layer_weights)
        weights = np.bincount(random.integers(0, f, f), minlength=f) if f else self.layer_weights
        return replace(
            self, order=self.order[random.integers(0, n, n)], layer_weights=weights.astype(np.float64), resampled_=True
        )
