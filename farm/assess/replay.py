"""The submitted frames through the host's fast runtime under other recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare.tasks.read import read
from farm.errors import BugError

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame

    Array = np.ndarray[Any, Any]

LIMIT_FRAMES = 500
"""Replayed under every alternative; of more frames an even selection is taken."""


class Replay:
    """Replays on demand, each recipe once.

    `run` gives the recordings for recipes over frames; `frames` are (index, frame), the truth of all of which is known.
    """

    def __init__(
        self,
        run: Callable[[tuple[tuple[int, InputFrame], ...], tuple[Recipe, ...]], tuple[Recording, ...]],
        frames: tuple[tuple[int, InputFrame], ...],
        graph: Graph,
        artifacts: ArtifactStore,
    ) -> None:
        self.positions: Array = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), LIMIT_FRAMES)).astype(int))
        """Of the frames that are replayed, among those given."""
        self._run = run
        self._frames = tuple(frames[i] for i in self.positions)
        self._graph = graph
        self._artifacts = artifacts
        self._known: dict[Recipe, Array] = {}

    def right(self, recipes: tuple[Recipe, ...], *, known_only: bool = False) -> tuple[Array, ...] | None:
        """For each recipe, f64 [len(positions)]: the task's score of each frame, 1 where it is right.

        With `known_only` None, instead of a replay, when some recipe was not asked for before.
        """
        missing = tuple(dict.fromkeys(r for r in recipes if r not in self._known))
        if missing and known_only:
            return None
        if missing:
            for recipe, recording in zip(missing, self._run(self._frames, missing), strict=True):
                reading = read(recording, self._graph, recipe, self._frames, self._artifacts)
                if reading is None or not reading.labelled:
                    raise BugError(
                        "was asked how right frames without truth are", where="replay", remedy="please report it"
                    )
                self._known[recipe] = reading.scores().values
        return tuple(self._known[r] for r in recipes)
