"""What every operator of an interpreter computed."""

from __future__ import annotations

import itertools
import weakref
from typing import TYPE_CHECKING, Any

from exray.tensor import Tensor, is_loggable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_known: weakref.WeakKeyDictionary[Any, tuple[Mapping[str, Any], ...]] = weakref.WeakKeyDictionary()
"""Details of what an interpreter's operators compute: they take a look at each tensor."""


def of(interpreter: Any) -> Iterator[Tensor]:
    """By index, in the order of execution; the model's own outputs are none, nor what captures have no word for.

    Raises:
        ValueError: it does not keep them; says how it would.
    """
    found = _known.get(interpreter)
    if found is None:
        found = _known[interpreter] = tuple(_inside(interpreter))
    for detail in found:
        scale, zero_point = detail["quantization"]
        value = interpreter.get_tensor(detail["index"])
        if is_loggable(value):
            yield Tensor(detail["name"], value, scale, int(zero_point), detail["index"])


def _inside(interpreter: Any) -> list[Mapping[str, Any]]:
    ends = {d["index"] for d in (*interpreter.get_input_details(), *interpreter.get_output_details())}
    computed = dict.fromkeys(int(i) for op in interpreter._get_ops_details() for i in op["outputs"])
    inside = [i for i in computed if i not in ends]
    places = [_place(interpreter, i) for i in inside]
    if None in places or _overlap(p for p in places if p is not None):
        raise ValueError(
            "the interpreter does not keep what its operators compute: "
            "make it with Interpreter(..., experimental_preserve_all_tensors=True)"
        )
    return [interpreter._get_tensor_details(i, subgraph_index=0) for i in inside]


def _place(interpreter: Any, index: int) -> tuple[int, int] | None:
    """Where a tensor stands in memory, from and to; None where it stands nowhere."""
    try:
        view = interpreter.tensor(index)()
    except ValueError:
        return None
    start = int(view.__array_interface__["data"][0])
    return start, start + view.nbytes


def _overlap(places: Iterable[tuple[int, int]]) -> bool:
    """Whether two share memory, so that the later one stands where the earlier one was."""
    ordered = sorted(places)
    return any(after[0] < before[1] for before, after in itertools.pairwise(ordered))
