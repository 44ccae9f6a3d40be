"""Which of many series are told tonight, so that false ones stay rare among them: e-Benjamini-Hochberg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]


def discoveries(evidence: Array, rate: float, of: int) -> Array:
    """bool [s]: the k series of most evidence, k the largest for which all k have at least of / (k rate).

    `evidence` [s] are e-detectors (farm.trend.control), the other of `of` series have none. Over n nights the share of false
    ones among those told is at most n * rate in the mean, and so is the chance of any where none shifted, however the series
    depend on each other: one phone that slows down moves twenty of them, and each then needs a twentieth.

    Sources: Wang, Ramdas 2022 (e-BH); Dandapanthula, Ramdas 2025 (e-detectors of many streams, error over patience).
    """
    order = np.argsort(-evidence, kind="stable")
    enough = evidence[order] * np.arange(1, len(evidence) + 1) * rate >= of
    told = np.zeros(len(evidence), bool)
    if enough.any():
        told[order[: int(np.flatnonzero(enough)[-1]) + 1]] = True
    return told
