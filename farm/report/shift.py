"""Whether two sets of captures saw the same kind of data, and whether inputs keep the contract they were learnt under."""

from __future__ import annotations

from typing import Literal

from farm.report.base import Part


class FeatureShift(Part):
    """One feature of the frames, set against set."""

    name: str
    distance: float
    """Kolmogorov-Smirnov: the largest gap between the two cumulative distributions, 0 to 1."""
    p_value: float
    """Corrected for all features looked at (Westfall and Young's max-T)."""
    a_median: float
    b_median: float
    a_frames: int
    b_frames: int


class Shift(Part):
    """Covariate shift between sets A and B."""

    shifted: bool
    p_value: float
    """Of the most extreme feature, by permutation of whole blocks of frames: at most `alpha` of healthy pairs are below it."""
    alpha: float
    permutations: int
    block: int
    """Neighboring frames that count as one."""
    detectable: float
    """The distance that a feature told by all frames would have needed to be significant."""
    a_frames: int
    b_frames: int
    features: tuple[FeatureShift, ...]
    """The most extreme first."""


class InputField(Part):
    """One model input, as the reference pipeline feeds it."""

    position: int
    name: str
    dtype: str
    shape: tuple[int, ...]


class Contract(Part):
    """What was learnt of a pipeline's inputs."""

    format: Literal[1] = 1
    model_sha256: str
    learnt_from: str
    fields: tuple[InputField, ...]
    features: tuple[str, ...]
    sample: tuple[tuple[float | None, ...], ...]
    """A row a frame, a value a feature; None where it does not tell."""


class Violation(Part):
    """A term of the contract that the inputs do not keep."""

    field: str
    what: str
    expected: str
    got: str
    frames: tuple[int, ...] = ()
    """The first of them."""
    count: int = 0
    p_value: float | None = None
    """Of so many frames beyond all that were learnt, corrected for all terms; None for terms that allow no exception."""


class ContractCheck(Part):
    """Inputs against a contract."""

    holds: bool
    frames: int
    violations: tuple[Violation, ...]
    shift: Shift | None = None
    """Of the distribution; None with too few frames."""
