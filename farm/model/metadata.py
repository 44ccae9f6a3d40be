"""What TFLite metadata tells of the recipe: the normalization of the first input, which is RGB; or the sample rate of sound.

Metadata tells nothing of crop, resize kernel or rotation, nor of features of sound: those are in the model. A tokenizer's
vocabulary is packed behind the model, where no reader of the graph sees it: a recipe has to name it.
Schema: tflite-support's metadata_schema.fbs (ModelMetadata, SubGraphMetadata, TensorMetadata, Content, AudioProperties,
NormalizationOptions).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from farm.model.recipe import Audio, Normalize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Graph
    from farm.model.recipe import Recipe

BUFFER = "TFLITE_METADATA"
IDENTIFIER = b"M001"
SUBGRAPH_METADATA, INPUT_TENSORS, CONTENT, PROCESS_UNITS = 3, 2, 3, 4
NORMALIZATION, AUDIO = 1, 4
LIMIT = 64


def recipe(graph: Graph, base: Recipe) -> Recipe | None:
    """`base` with the words that the model's metadata tells put right; None when it tells none."""
    data = dict(graph.metadata).get(BUFFER)
    if data is None or data[4:8] != IDENTIFIER:
        return None
    try:
        rate = next(_sample_rates(data), 0) if base.text is None else 0
        if rate:
            audio = base.audio.model_dump(exclude_unset=True) if base.audio is not None else {}
            return base.model_copy(update={"audio": Audio.model_validate(audio | {"sample_rate": rate})})
        for mean, std in _normalizations(data) if base.kind == "image" else ():
            normalize = Normalize.model_validate({"mean": _three(mean), "std": _three(std)})
            return base.model_copy(update={"channels": "rgb", "normalize": normalize})
    except (struct.error, IndexError, ValueError, TypeError, ValidationError):
        return None  # damaged metadata says nothing; the model itself may still be sound
    return None


def _three(values: tuple[float, ...]) -> tuple[float, ...]:
    return values * 3 if len(values) == 1 else values


def _normalizations(data: bytes) -> Iterator[tuple[tuple[float, ...], tuple[float, ...]]]:
    for tensor in _inputs(data):
        for unit in _tables(tensor, PROCESS_UNITS):
            options = _member(unit, 0, NORMALIZATION)
            if options is not None:
                mean, std = _floats(options, 0), _floats(options, 1)
                if mean and std:
                    yield mean, std


def _sample_rates(data: bytes) -> Iterator[int]:
    from flatbuffers import number_types as numbers

    for tensor in _inputs(data):
        content = _table(tensor, CONTENT)
        sound = None if content is None else _member(content, 0, AUDIO)
        offset = 0 if sound is None else sound.Offset(4)
        if sound is not None and offset:
            yield int(sound.Get(numbers.Uint32Flags, sound.Pos + offset))


def _inputs(data: bytes) -> Iterator[Any]:
    import flatbuffers

    root = flatbuffers.table.Table(data, struct.unpack_from("<I", data, 0)[0])
    for subgraph in _tables(root, SUBGRAPH_METADATA):
        yield from _tables(subgraph, INPUT_TENSORS)


def _tables(of: Any, field: int) -> Iterator[Any]:
    import flatbuffers

    offset = of.Offset(4 + 2 * field)
    if offset:
        start = of.Vector(offset)
        for i in range(min(of.VectorLen(offset), LIMIT)):
            yield flatbuffers.table.Table(of.Bytes, of.Indirect(start + 4 * i))


def _table(of: Any, field: int) -> Any:
    """A field that is a table; None where it is left out."""
    import flatbuffers

    offset = of.Offset(4 + 2 * field)
    return flatbuffers.table.Table(of.Bytes, of.Indirect(of.Pos + offset)) if offset else None


def _member(of: Any, field: int, kind: int) -> Any:
    """The value of a union, which takes two fields, if it is of this kind; else None."""
    from flatbuffers import number_types as numbers

    offset = of.Offset(4 + 2 * field)
    if not offset or of.Get(numbers.Uint8Flags, of.Pos + offset) != kind:
        return None
    return _table(of, field + 1)


def _floats(of: Any, field: int) -> tuple[float, ...]:
    from flatbuffers import number_types as numbers

    offset = of.Offset(4 + 2 * field)
    if not offset:
        return ()
    start = of.Vector(offset)
    return tuple(float(of.Get(numbers.Float32Flags, start + 4 * i)) for i in range(min(of.VectorLen(offset), LIMIT)))
