"""What a model's file gives away without being run: `farm lint` (docs/quantization.md lists the rules)."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

import numpy as np

from farm.model.opened import Opened
from farm.model.rules import biases, inputs, islands, ranges, scales, sharing, structure, weights, zero_points
from farm.report.quantization import Lint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from farm.model.recipe import Recipe
    from farm.report.quantization import Issue
    from farm.store.artifacts import ArtifactStore

RULES: tuple[Callable[[Opened], Iterator[Issue]], ...] = tuple(
    noun.check for noun in (scales, zero_points, biases, sharing, ranges, inputs, weights, islands, structure)
)
ORDER = ("error", "warning", "note")


def lint(data: bytes, where: str = "model", recipe: Recipe | None = None) -> Lint:
    """All that the rules find in a model's bytes. `recipe`: what it is fed by, else what its metadata tells.

    Raises:
        ModelError: the file cannot be read.
    """
    opened = Opened(data, where, recipe)
    with np.errstate(all="ignore"):  # broken scales are what is looked for
        issues = [issue for rule in RULES for issue in rule(opened)]
    issues.sort(key=lambda i: (ORDER.index(i.severity), -1 if i.node is None else i.node))
    return Lint(model=where, model_sha256=hashlib.sha256(data).hexdigest(), issues=tuple(issues))


@functools.lru_cache(maxsize=16)
def lint_stored(artifacts: ArtifactStore, model_sha256: str, recipe: Recipe | None = None) -> Lint:
    """The same of a model in the store; asked again for each resampling of a run's frames, so it is kept.

    Raises:
        ModelError: the file cannot be read.
    """
    return lint(artifacts.read(model_sha256), recipe=recipe)
