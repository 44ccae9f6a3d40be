"""A planted bug: what it does to a pipeline, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = np.ndarray[Any, Any]
Pipeline = dict[str, Any]
"""Words of a pipeline as plain values; `picture`, `clip` and `words` say which there are."""

Kind = Literal["bug", "unknown", "harmless"]
"""`bug`: to be named; `unknown`: nobody listed it, `unexplained` is the only right answer; `harmless`: no failing verdict."""


def _same(pipeline: Pipeline) -> Pipeline:
    return pipeline


@dataclass(frozen=True)
class Bug:
    """One thing that goes wrong. It edits the pipeline's words, or changes the value at a stage of it, or both."""

    name: str
    kind: Kind = "bug"
    parameters: dict[str, Any] = field(default_factory=dict)
    edit: Callable[[Pipeline], Pipeline] = _same
    stage: str = ""
    """Of the pipeline, at whose end `change` is applied."""
    change: Callable[[Array], Array] | None = None

    def __str__(self) -> str:
        """With its parameters."""
        told = ", ".join(f"{k} {_short(v)}" for k, v in self.parameters.items())
        return f"{self.name}({told})" if told else self.name


def edited(pipeline: Pipeline, bugs: Sequence[Bug]) -> Pipeline:
    """The pipeline's words with all bugs in them."""
    for bug in bugs:
        pipeline = bug.edit(dict(pipeline))
    return pipeline


def changed(value: Array, stage: str, bugs: Sequence[Bug]) -> Array:
    """The value at the end of a stage, with all bugs in it."""
    for bug in bugs:
        if bug.stage == stage and bug.change is not None:
            value = bug.change(value)
    return value


def quantize(value: Array, pipeline: Pipeline) -> Array:
    """Real numbers as the model's input stores them: `dtype`, and `scale` and `zero_point` of an integer type."""
    dtype = np.dtype(pipeline["dtype"])
    if dtype.kind == "f":
        return value.astype(dtype)
    steps = value.astype(np.float32) / np.float32(pipeline["scale"])
    whole = np.floor(np.abs(steps) + np.float32(0.5)) * np.sign(steps) + pipeline["zero_point"]
    limits = np.iinfo(str(dtype))
    stored: Array = np.clip(whole, limits.min, limits.max).astype(dtype)
    return stored


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, tuple | list):
        return "[" + " ".join(_short(v) for v in value) + "]"
    return str(value)
