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
from farm.assess.baseline import NO_COSTS, Costs
from farm.assess.effect import Effect, effect
from farm.assess.outputs import shift
from farm.compare.sequence import fires

if TYPE_CHECKING:
    from farm.assess.baseline import Earlier
    from farm.assess.climb import Climb
    from farm.assess.explain.engine import InputEvidence
    from farm.assess.outputs import OutputChange, Shift
    from farm.assess.replay import Replay
    from farm.capture.recording import Recording
    from farm.compare.answers import Answers
    from farm.compare.tasks.contract import Reading
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.report.document import Comparison
    from farm.report.explanation import Change, Explanation
    from farm.report.quantization import Quantization
    from farm.report.sequence import Fired
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Outcomes:
    """Per frame of the latency pass, n frames: what the device answered, and what healthy runtimes did."""

    frames: tuple[int, ...]
    agrees: Array
    """float [n] in [0, 1]: how far the device gives the reference's answer; 0 or 1 of a classifier."""
    control_agrees: Array
    """The same of the host's fast runtime."""
    labelled: bool
    """Every frame has a label and the model is a classifier."""
    device: Answers | None
    """None when the model is no classifier."""
    reference: Answers | None
    reference_name: str
    metric: str = ""
    """What the scores are: `top-1`, `mean IoU`, ...; empty where nothing is known to be true of the frames."""
    scores: Array | None = None
    """float [n] in [0, 1]: how right the device is; None without a metric."""
    reference_scores: Array | None = None
    readings: tuple[Reading, Reading] | None = None
    """Of device and reference, in the terms of the task; None where nothing tells what the outputs mean."""
    labels: Array | None = None
    """int [n]: classes that are true, -1 where none is known; None when the model is no classifier."""
    change: OutputChange | None = None
    """What was done to the device's outputs after the model; None where they agree, or nothing explains them."""


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
    """Under other recipes, of the float twin where there is one; None without labels or without a recipe."""
    climb: Climb | None
    """The ladder's figures; None where there was nothing to climb with."""
    order: Array
    """Positions in `outcomes.frames`."""
    layer_weights: Array
    """How often each frame of `inputs` counts."""
    quantization: Quantization | None = None
    """Faults of the file, and each quantized layer's figures over all frames; None for float models."""
    profile: Recording | None = None
    outputs: Recording | None = None
    """Of the reference in `outcomes`: its answers to the same frames."""
    baseline: Earlier | None = None
    costs: Costs = NO_COSTS
    """What was measured beside the passes."""
    resampled_: bool = False
    draw: int = 0
    """Number of the resampling; 0: all frames as they are."""

    @property
    def expected_is_known(self) -> bool:
        """The references used another source than the device's own recipe."""
        return self.submission.expected is not None

    @functools.cached_property
    def explanation(self) -> Explanation | None:
        """What turns the expected input into the device's; None when the device's input was not logged."""
        return None if self.inputs is None else self.inputs.infer(self.layer_weights)

    def changes(self, part: str) -> tuple[Change, ...]:
        """What the device does otherwise to its input, of what concerns an assertion; nothing unless that is sure."""
        seen = self.explanation
        return () if seen is None or seen.kind != "named" else tuple(c for c in seen.changes if c.part == part)

    def fired(self, name: str) -> tuple[Fired, Fired] | None:
        """Where a model assertion over sequences fires, on the device and in the reference; None where it does not apply."""
        readings = self.outcomes.readings
        if not self.submission.sequence or readings is None:
            return None
        names = [self.submission.frames[i].name for i in self.outcomes.frames]
        mine, other = (fires(name, reading, names) for reading in readings)
        return None if mine is None or other is None else (mine, other)

    @property
    def turned(self) -> int | None:
        """Degrees counter-clockwise by which the device's picture is turned against the expected one; None when not known."""
        seen = self.explanation
        if seen is None or seen.kind not in ("agrees", "named"):
            return None
        changes = self.changes("rotation")
        if any(not c.name.startswith("rotate-") for c in changes):
            return None  # mirrored, too
        return int(sum(float(c.parameters["rotate"]) for c in changes)) % 360

    @functools.cached_property
    def better(self) -> tuple[Better, ...]:
        """Changes of the recipe that make the model significantly more accurate.

        Looked for only where nothing else says what the recipe should be: the expected one is not given, and the device's
        input is the recipe's. None where labels that are off by a constant explain as much: turned pictures may do the same.
        """
        chain, moved = self._chain, self._moved
        explained = moved.shifted / moved.n if moved is not None else 0.0
        return chain if chain and chain[-1].after / chain[-1].n > explained else ()

    @functools.cached_property
    def _chain(self) -> tuple[Better, ...]:
        seen = self.explanation
        replay, recipe = self.replay, self.recipe
        differs = seen is not None and seen.kind != "agrees"
        if replay is None or recipe is None or self.expected_is_known or differs:
            return ()

        def right(recipes: tuple[Recipe, ...]) -> tuple[Array, ...] | None:
            answers = replay.right(recipes, known_only=self.resampled_)
            return None if answers is None else tuple(a[self._replayed] for a in answers)

        return search(recipe, right)

    @property
    def examined(self) -> Recipe | None:
        """The recipe, where something at hand could have shown that the device does not keep it."""
        return self.recipe if self.pipeline_examined else None

    @property
    def pipeline_examined(self) -> bool:
        """Something at hand could have shown a pre-processing bug."""
        return self.explanation is not None or (self.replay is not None and not self.expected_is_known)

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
        """Device against reference, paired over frames: the task's metric where it is known, else agreement."""
        o = self.outcomes
        if o.scores is not None and o.reference_scores is not None:
            return effect(o.metric, o.scores[self.order], o.reference_scores[self.order], o.reference_name)
        return effect("agreement", o.agrees[self.order], o.control_agrees[self.order], o.reference_name)

    @property
    def lost(self) -> Array:
        """float [n]: by how much each frame's answer is worse than the reference's; without a metric, 1 where they differ."""
        o = self.outcomes
        if o.scores is not None and o.reference_scores is not None:
            less: Array = np.clip(np.asarray(o.reference_scores, float) - np.asarray(o.scores, float), 0.0, 1.0)
            return less
        differs: Array = 1.0 - np.asarray(o.agrees, float)
        return differs

    @functools.cached_property
    def total(self) -> Effect | None:
        """Device against the top of the ladder: what all that was done to the model and its input costs. None without a top."""
        if self.climb is None or self.climb.top is None or self.climb.device is None:
            return None
        top, device = self.climb.top, self.climb.device
        measure = self.outcomes.metric or "agreement"
        return effect(measure, device.scores[self.order], top.scores[self.order], top.name)

    @property
    def shift(self) -> Shift | None:
        """Class indices that are off by a constant from the labels; None where another recipe explains more."""
        return None if self.better else self._moved

    @functools.cached_property
    def _moved(self) -> Shift | None:
        o = self.outcomes
        if o.device is None or o.labels is None:
            return None
        return shift(o.device.top1[self.order], o.labels[self.order], o.device.classes)

    @property
    def layers_diverge(self) -> bool:
        """A layer before the outputs is wrong, and the input is not to blame."""
        outputs = {self.graph.tensors[t].name for t in self.graph.outputs}
        places = [place for c in self.comparisons for place in (c.first_divergence, c.local_fault) if place is not None]
        return any(place.node >= 0 and place.tensor not in outputs for place in places)

    def weights(self, frames: int) -> Array | None:
        """How often each of so many layer frames counts; None: each once. The same frames are drawn for every rung."""
        if not self.draw:
            return None
        if frames == len(self.layer_weights):
            return self.layer_weights
        random = np.random.default_rng((self.draw, frames))
        return np.bincount(random.integers(0, frames, frames), minlength=frames) if frames else None

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
            self,
            order=self.order[random.integers(0, n, n)],
            layer_weights=weights.astype(np.float64),
            resampled_=True,
            draw=int(random.integers(1, 1 << 31)),
        )
