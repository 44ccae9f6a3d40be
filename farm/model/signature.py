"""The names that a model's first signature gives its inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from farm.errors import ModelError
from farm.model.graph import unpack

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Signature:
    """Names by tensor index; empty where the model has no signature of its main subgraph."""

    inputs: dict[int, str] = field(default_factory=dict)
    outputs: dict[int, str] = field(default_factory=dict)


def signature(model: bytes) -> Signature:
    """Of a model file's bytes; empty where it cannot be read."""
    try:
        found = unpack(model, "model").signatureDefs or ()
    except ModelError:
        return Signature()
    for one in found:
        if one.subgraphIndex == 0:
            return Signature(_names(one.inputs or ()), _names(one.outputs or ()))
    return Signature()


def _names(maps: Iterable[Any]) -> dict[int, str]:
    return {int(m.tensorIndex): (m.name or b"").decode("utf-8", "replace") for m in maps}
