"""What TFLite metadata tells of the recipe: the normalization of the first input, which is RGB.

Metadata tells nothing of crop, resize kernel or rotation.
Schema: tflite-support's metadata_schema.fbs (ModelMetadata, SubGraphMetadata, TensorMetadata, NormalizationOptions).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from farm.model.recipe import Normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Graph
    from farm.model.recipe import Recipe

BUFFER = "TFLITE_METADATA"
IDENTIFIER = b"M001"
SUBGRAPH_METADATA, INPUT_TENSORS, PROCESS_UNITS = 3, 2, 4
NORMALIZATION = 1
LIMIT = 64


def recipe(graph: Graph, base: Recipe) -> Recipe | None:
    """`base` with the words that the model's metadata tells put right; None when it tells none."""
    data = dict(graph.metadata).get(BUFFER)
    if data is None or data[4:8] != IDENTIFIER:
        return None
    try:
        for mean, std in _normalizations(data):
            normalize = Normalize.model_validate({"mean": _three(mean), "std": _three(std)})
            return base.model_copy(update={"channels": "rgb", "normalize": normalize})
    except (struct.error, IndexError, ValueError, TypeError, ValidationError):
        return None  # damaged metadata says nothing; the model itself may still be sound
    return None


def _three(values: tuple[float, ...]) -> tuple[float, ...]:
    return values * 3 if len(values) == 1 else values


def _normalizations(data: bytes) -> Iterator[tuple[tuple[float, ...], tuple[float, ...]]]:
    import flatbuffers
    from flatbuffers import number_types as numbers

    def table(position: int) -> Any:
        return flatbuffers.table.Table(data, position)

    def tables(of: Any, field: int) -> Iterator[Any]:
        offset = of.Offset(4 + 2 * field)
        if offset:
            start = of.Vector(offset)
            for i in range(min(of.VectorLen(offset), LIMIT)):
                yield table(of.Indirect(start + 4 * i))

    def floats(of: Any, field: int) -> tuple[float, ...]:
        offset = of.Offset(4 + 2 * field)
        if not offset:
            return ()
        start = of.Vector(offset)
        return tuple(
            float(of.Get(numbers.Float32Flags, start + 4 * i)) for i in range(min(of.VectorLen(offset), LIMIT))
        )

    root = table(struct.unpack_from("<I", data, 0)[0])
    for subgraph in tables(root, SUBGRAPH_METADATA):
        for tensor in tables(subgraph, INPUT_TENSORS):
            for unit in tables(tensor, PROCESS_UNITS):
                kind = unit.Offset(4)
                value = unit.Offset(6)
                if kind and value and unit.Get(numbers.Uint8Flags, unit.Pos + kind) == NORMALIZATION:
                    options = table(unit.Indirect(unit.Pos + value))
                    mean, std = floats(options, 0), floats(options, 1)
                    if mean and std:
                        yield mean, std
