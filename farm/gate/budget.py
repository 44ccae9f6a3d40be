"""What a promise costs when one test set answers many checks, after ease.ml/ci (Renggli et al., MLSys 2019, section 3).

`none`: nobody chooses the next model by earlier answers, so that `steps` checks share the promise. `full`: everybody may,
and the promise has to hold for every course that `steps` answers of two kinds can take, 2**steps. `first-change`: a set is
used until a model passes; until then every answer is the same, and `steps` checks share the promise as in `none`.
"""

from __future__ import annotations

from typing import Literal

from farm.report.base import Part

Adaptivity = Literal["none", "full", "first-change"]
STEPS = 32
MOST_STEPS = {"none": 100_000, "full": 256, "first-change": 100_000}


class Budget(Part):
    """Of one gate and one test set."""

    test_set: str
    """sha256 over its frames and what is true of them."""
    adaptivity: Adaptivity
    steps: int
    """Checks that the promise is made for."""
    spent: int
    """This check among them, where it was one."""
    changed: bool = False
    """A model passed, and the set was for use until then."""

    @property
    def left(self) -> int:
        """Checks that it still answers."""
        return 0 if self.changed else max(0, self.steps - self.spent)

    @property
    def words(self) -> str:
        """As people are told."""
        told = f"{self.spent} of {self.steps} checks of test set {self.test_set[:12]} are spent"
        if self.changed:
            return f"{told}; a model passed, and until then it was for: label a new one"
        if not self.left:
            return f"{told}: label a new one"
        if self.left <= max(1, self.steps // 8):
            return f"{told}: begin to label a new one"
        return told


def courses(adaptivity: Adaptivity, steps: int) -> int:
    """By how many the promise is divided."""
    return 1 << steps if adaptivity == "full" else steps


def alpha(confidence: float, *, conditions: int, cells: int, courses: int = 1) -> float:
    """Of each limit of one condition in one cell, so that none of them all is wrong with more than 1 - confidence.

    `conditions` of the gate and `cells` (models x devices x configurations) share it (union bound). A decision hangs on
    one limit only: whatever the truth is, one of the two answers is right.
    """
    return (1.0 - confidence) / (conditions * cells * courses)
