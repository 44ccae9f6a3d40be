"""Which layers to keep in float for how much accuracy: a greedy search over simulations (docs/quantization.md).

Choices are judged by how near the outputs come to the float model's; labels are not looked at, so that the accuracy told of a
choice is not the luck it was chosen for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare import twin as twins
from farm.compare.accuracy import paired, wilson
from farm.compare.answers import is_classifier
from farm.errors import ModelError
from farm.model.mixed import Mixed
from farm.reference.cost import multiply_accumulates
from farm.reference.trials import Trials
from farm.report.quantization import Kept, Sensitivity
from farm.report.words import tensor_label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.model.graph import Node
    from farm.model.recipe import Recipe
    from farm.reference.trials import Trial
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame

    Array = np.ndarray[Any, Any]
    Progress = Callable[[int, int], None]
    """Told how many trials are done, of how many at most."""

SEARCH_BUDGET = 1e12
"""Multiply-accumulates that the search may spend: about two minutes of one core."""
LEAST_FRAMES = 4
AGAIN = 6
"""Candidates that are tried anew after each choice: the best of when they were last tried (lazy greedy, Minoux 1978)."""
GAIN = 0.02
"""Of the distance that is left: a choice must take more away."""
ENOUGH = 0.8
"""Of the best choice's gain: a smaller choice that brings as much is taken instead."""
SOUND_NRMSE, SOUND_AGREEMENT = 0.05, 0.9
"""How near the simulation of all layers quantized must come to the quantized model itself."""


def sensitivity(
    quantized: bytes,
    float_model: bytes,
    frames: Sequence[InputFrame],
    recipe: Recipe | None,
    artifacts: ArtifactStore,
    *,
    names: tuple[str, str] = ("model", "float model"),
    keep: int = 4,
    timeout_s: float = 1800.0,
    progress: Progress | None = None,
) -> Sensitivity:
    """Try layers of `quantized` in float, on this computer, and tell what up to `keep` choices bring, best first.

    `frames` are in `artifacts`; with labels on all of them accuracy is told, too.

    Raises:
        ModelError: a model cannot be read or run, or nothing of the one is found in the other.
        InputsError, RecipeError: the frames do not fit the models.
        DeadlineError: over `timeout_s`.
    """
    alignment = twins.align(quantized, float_model, *names)
    mixed = Mixed(quantized, float_model, alignment.twins(), *names)
    if not mixed.layers:
        raise ModelError(
            f"no quantized layer of it is found in {names[1]} ({alignment.words()})",
            where=names[0],
            remedy="give the float model that it was quantized from",
        )
    with Trials(artifacts, frames, recipe, timeout_s, quantized) as trials:
        return _Search(mixed, trials, frames, names, keep, progress).result(quantized, float_model, alignment)


class _Search:
    def __init__(
        self,
        mixed: Mixed,
        trials: Trials,
        frames: Sequence[InputFrame],
        names: tuple[str, str],
        keep: int,
        progress: Progress | None,
    ) -> None:
        self.mixed, self.trials, self.frames, self.names, self.keep = mixed, trials, frames, names, keep
        self._progress = progress
        self._most = len(self._candidates(frozenset())) + (AGAIN + 1) * keep + 3
        work = multiply_accumulates(mixed.twin.graph) * self._most
        count = int(np.clip(SEARCH_BUDGET / max(work, 1.0), LEAST_FRAMES, len(frames)))
        self._some = np.unique(np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int)).tolist()
        self._tried = 0
        labels = [frame.label for frame in frames]
        self._classifies = is_classifier(mixed.twin.graph)
        self._labels = np.array(labels) if self._classifies and all(label is not None for label in labels) else None

    def result(self, quantized: bytes, float_model: bytes, alignment: twins.Alignment) -> Sensitivity:
        right = self._run(float_model, keep=True)
        itself = self._run(quantized, keep=True)
        none = self._run(self.mixed.model(frozenset()))
        fidelity = float(np.median(none.distance[1]))
        agree = float((none.top1 == itself.top1).mean()) if self._classifies else None
        steps, stopped = [self._kept(frozenset(), none, right, none)], ""
        chosen: frozenset[int] = frozenset()
        last = {c: float("inf") for c in self._candidates(chosen)}
        while len(steps) <= self.keep:
            best, gain, left = self._best(chosen, last)
            if best is None or gain <= GAIN * left:
                stopped = "nothing more comes nearer to the float model" if best is not None else "all layers are kept"
                break
            chosen = best
            steps.append(self._kept(chosen, self._run(self.mixed.model(chosen)), right, none))
        return Sensitivity(
            model=self.names[0],
            float_model=self.names[1],
            frames=len(self.frames),
            aligned=alignment.found,
            of=alignment.layers,
            float_top1=self._share(right),
            quantized_top1=self._share(itself),
            fidelity_nrmse=fidelity,
            fidelity=agree,
            sound=fidelity <= SOUND_NRMSE and (agree is None or agree >= SOUND_AGREEMENT),
            steps=tuple(steps),
            tried=self._tried,
            stopped=stopped or f"{self.keep} choices were asked for",
        )

    def _candidates(self, chosen: frozenset[int]) -> list[frozenset[int]]:
        """What could be kept in float: a layer alone (its weights), or all layers at the ends of a value (that value, too)."""
        nodes = {node.index for node in self.mixed.layers}
        sets = [frozenset({n}) for n in sorted(nodes)]
        sets += [group.ends & nodes for group in self.mixed.groups if group.ends]
        return [c for c in dict.fromkeys(sets) if c and not c <= chosen]

    def _best(
        self, chosen: frozenset[int], last: dict[frozenset[int], float]
    ) -> tuple[frozenset[int] | None, float, float]:
        """The best set to keep, what it takes off the distance, and the distance before; updates what each brought last."""
        before = self._distance(chosen)
        options = sorted((c for c in self._candidates(chosen) if c in last), key=lambda c: -last[c])
        fresh = [c for c in options if last[c] == float("inf")]
        for candidate in fresh or options[:AGAIN]:
            last[candidate] = before - self._distance(chosen | candidate)
        if not options:
            return None, 0.0, before
        tried = fresh or options[:AGAIN]
        most = max(last[c] for c in tried)
        # Of those that gain nearly as much the one with the fewest layers.
        best = min(
            (c for c in tried if last[c] >= min(most, ENOUGH * most)), key=lambda c: (len(c | chosen), -last[c], min(c))
        )
        return chosen | best, last[best], before

    def _distance(self, kept: frozenset[int]) -> float:
        trial = self._run(self.mixed.model(kept), self._some)
        return float(np.mean(trial.distance[0]))

    def _run(self, model: bytes, positions: Sequence[int] | None = None, *, keep: bool = False) -> Trial:
        found = self.trials.run(model, positions=positions, keep=keep)
        self._tried += 1
        if self._progress is not None:
            self._progress(min(self._tried, self._most), self._most)
        return found

    def _kept(self, kept: frozenset[int], trial: Trial, right: Trial, none: Trial) -> Kept:
        n, agrees, agreed = len(self.frames), trial.top1 == right.top1, none.top1 == right.top1
        hits = None if self._labels is None else trial.top1 == self._labels
        p_value = None
        if kept and self._classifies:
            p_value = (
                paired(agrees, agreed)
                if self._labels is None or hits is None
                else paired(hits, none.top1 == self._labels)
            )
        nodes = [node for node in self.mixed.opened.graph.nodes if node.index in kept]
        return Kept(
            layers=tuple(self._label(node) for node in nodes),
            nodes=tuple(node.index for node in nodes),
            output_nrmse=float(np.median(trial.distance[0])),
            agreement=float(agrees.mean()) if self._classifies else None,
            agreement_interval=wilson(int(agrees.sum()), n) if self._classifies else None,
            top1=self._share(trial),
            top1_interval=None if hits is None else wilson(int(hits.sum()), n),
            p_value=p_value,
            more_bytes=self.mixed.more_bytes(kept),
        )

    def _share(self, trial: Trial) -> float | None:
        return None if self._labels is None else float((trial.top1 == self._labels).mean())

    def _label(self, node: Node) -> str:
        return f"{node.index} {node.op} {tensor_label(self.mixed.opened.graph.tensors[node.outputs[0]].name)}"
