"""A data contract: learnt from the inputs that the reference pipeline feeds, checked on what an edge pipeline did feed.

A term about values allows what chance does: of m new frames of the same source, k beyond the most extreme of the n learnt have
probability `prod((m - i) / (m + n - i), i < k)`, whatever the distribution. Terms about types and shapes allow no exception.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from farm.compare.accuracy import holm
from farm.compare.features import FeatureTable, ends, of_tensor
from farm.compare.shift import LEAST, shift
from farm.errors import InputsError
from farm.report.shift import Contract, ContractCheck, InputField, Violation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from farm.capture.recording import Recording, TensorSpec
    from farm.model.graph import Graph

    Array = np.ndarray[Any, Any]

ALPHA = 0.01
LIMIT_FRAMES = 4096
"""Learnt of more frames, an even selection is kept."""
LIMIT_BYTES = 64 << 20
NAMED = 10
NEVER = ("missing",)
"""Features of which anything is too much where the reference had nothing."""


def learn(
    graph: Graph,
    model_sha256: str,
    source: str,
    frames: Iterable[tuple[int, Mapping[int, Array]]],
    shapes: Mapping[int, tuple[int, ...]],
) -> Contract:
    """From frames as the reference pipeline feeds them: (index, tensor index -> value as fed).

    Raises:
        InputsError: there are none.
    """
    specs = {index: _spec(graph, index, position, shapes) for position, index in enumerate(graph.inputs)}
    rows = {}
    for frame, values in frames:
        features: dict[str, float] = {}
        for index, value in values.items():
            features |= of_tensor(f"input {specs[index].position}", value, specs[index])
        rows["reference", frame] = features
    if not rows:
        raise InputsError("there is no frame to learn from", where=source, remedy="give inputs")
    return of_table(FeatureTable.of(rows), specs.values(), model_sha256, source)


def of_table(table: FeatureTable, specs: Iterable[TensorSpec], model_sha256: str, source: str) -> Contract:
    """From features of frames that are taken as healthy, e.g. of captures."""
    names = tuple(name for name in table.names if name.startswith("input "))
    picked = np.unique(np.linspace(0, len(table.rows) - 1, min(len(table.rows), LIMIT_FRAMES)).astype(int))
    columns = [table.names.index(name) for name in names]
    return Contract(
        model_sha256=model_sha256,
        learnt_from=source,
        fields=tuple(
            InputField(position=s.position, name=s.name, dtype=s.dtype, shape=s.shape)
            for s in specs
            if s.role == "input"
        ),
        features=names,
        sample=tuple(tuple(None if math.isnan(v) else float(v) for v in table.values[i, columns]) for i in picked),
    )


def read(data: bytes, where: str) -> Contract:
    """A contract's file.

    Raises:
        InputsError: it is none.
    """
    remedy = "make one with `farm contract learn`"
    if len(data) > LIMIT_BYTES:
        raise InputsError(f"is larger than {LIMIT_BYTES >> 20} MiB", where=where, remedy=remedy)
    try:
        contract = Contract.model_validate_json(data)
    except ValidationError as e:
        first = e.errors()[0]
        raise InputsError(
            f"is no data contract: {'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}",
            where=where,
            remedy=remedy,
        ) from e
    if not contract.sample or any(len(row) != len(contract.features) for row in contract.sample):
        raise InputsError("is no data contract: its sample and its features do not fit", where=where, remedy=remedy)
    return contract


def check(contract: Contract, recordings: Sequence[Recording], table: FeatureTable) -> ContractCheck:
    """The inputs of `recordings`, whose features are `table`, against a contract.

    Raises:
        InputsError: no input of the model was logged.
    """
    learnt = _sample(contract)
    names = [name for name in contract.features if name in table.names and len(table.column(name))]
    if not names:
        raise InputsError(
            "no input of the model was logged", where="captures", remedy="give captures of the pass `layers`"
        )
    hard = _types(contract, recordings)
    terms = [(name, sign) for name in names for sign in (-1, 1)]
    found = [_beyond(name, sign, learnt, table) for name, sign in terms]
    corrected = holm([p for p, _, _ in found])
    soft = [
        _violation(name, sign, learnt.column(name), values[over], [table.rows[i][1] for i in over], p)
        for (name, sign), (_, values, over), p in zip(terms, found, corrected, strict=True)
        if p <= ALPHA
    ]
    inputs = FeatureTable(tuple(names), table.rows, table.values[:, [table.names.index(name) for name in names]])
    moved = shift(learnt, inputs, alpha=ALPHA) if min(len(learnt.rows), len(table.rows)) >= LEAST else None
    violations = (*hard, *soft)
    return ContractCheck(
        holds=not violations and not (moved is not None and moved.shifted),
        frames=len(table.rows),
        violations=violations,
        shift=moved,
    )


def quartiles(contract: Contract) -> dict[str, tuple[float, float, float]]:
    """Least, median and most of each feature that was told."""
    table = _sample(contract)
    columns = ((name, table.column(name)) for name in contract.features)
    return {name: (float(c.min()), float(np.median(c)), float(c.max())) for name, c in columns if len(c)}


def _sample(contract: Contract) -> FeatureTable:
    values = np.array([[math.nan if v is None else v for v in row] for row in contract.sample])
    return FeatureTable(contract.features, tuple(("learnt", i) for i in range(len(values))), values)


def _types(contract: Contract, recordings: Sequence[Recording]) -> list[Violation]:
    found = {}
    for recording in recordings:
        positions = ends(recording)[0].values()
        by_position = {s.position: s for s in recording.specs if s.role == "input"}
        for field in contract.fields:
            spec = by_position.get(field.position)
            if spec is None and positions:
                found[field.position, "input"] = _hard(field, "input", field.name, "not logged")
            elif spec is not None and spec.dtype != field.dtype:
                found[field.position, "type"] = _hard(field, "type", field.dtype, spec.dtype)
            elif spec is not None and spec.shape != field.shape:
                found[field.position, "shape"] = _hard(field, "shape", str(list(field.shape)), str(list(spec.shape)))
    return list(found.values())


def _hard(field: InputField, what: str, expected: str, got: str) -> Violation:
    return Violation(field=f"input {field.position}", what=what, expected=expected, got=got)


def _beyond(name: str, sign: int, learnt: FeatureTable, table: FeatureTable) -> tuple[float, Array, Array]:
    """Probability of so many frames beyond all learnt; the values of all rows; which rows they are."""
    known, values = sign * learnt.column(name), sign * table.values[:, table.names.index(name)]
    n, m = len(known), int((~np.isnan(values)).sum())
    # What float32 and two orders of summing leave is no difference.
    slack = 1e-5 * max(abs(float(known.max())), float(known.max() - known.min()), 1e-30)
    over = np.flatnonzero(np.nan_to_num(values, nan=-np.inf) > known.max() + slack)
    if not len(over):
        return 1.0, sign * values, over
    if sign > 0 and name.endswith(NEVER) and known.max() <= 0:
        return 0.0, sign * values, over
    logs = [math.log((m - i) / (m + n - i)) for i in range(len(over))]
    return math.exp(sum(logs)), sign * values, over


def _violation(name: str, sign: int, known: Array, values: Array, frames: list[int], p: float) -> Violation:
    limit = float(known.max() if sign > 0 else known.min())
    worst = float(values.max() if sign > 0 else values.min())
    field, _, what = name.rpartition(" ")
    return Violation(
        field=field,
        what=what,
        expected=f"{'at most' if sign > 0 else 'at least'} {limit:.4g}",
        got=f"{worst:.4g}",
        frames=tuple(frames[:NAMED]),
        count=len(frames),
        p_value=p,
    )


def _spec(graph: Graph, index: int, position: int, shapes: Mapping[int, tuple[int, ...]]) -> TensorSpec:
    from farm.capture.recording import TensorSpec

    tensor = graph.tensors[index]
    return TensorSpec(
        tensor=index,
        name=tensor.name,
        role="input",
        position=position,
        dtype=tensor.dtype,
        shape=shapes.get(index, tensor.shape),
        scale=tensor.scale,
        zero_point=tensor.zero_point,
        axis=tensor.axis,
    )
