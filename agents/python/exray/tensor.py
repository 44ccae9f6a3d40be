"""An array with its constants, as captures take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

TYPES = {
    "bool": 1, "int8": 3, "int16": 4, "int32": 5, "int64": 6, "uint8": 7, "uint16": 8, "uint32": 9, "uint64": 10,
    "float16": 11, "bfloat16": 12, "float32": 13, "float64": 14,
}  # fmt: skip
"""DType of exray.proto, by numpy's name."""
MAX_RANK = 8


@dataclass(frozen=True, slots=True)
class Tensor:
    """Quantized by scale and zero point where scale is not 0."""

    name: str
    values: Array
    """Contiguous, in this computer's byte order, of one of `TYPES`."""
    scale: float = 0.0
    zero_point: int = 0
    index: int = -1
    """In the model's graph; -1: not told."""

    @property
    def type(self) -> int:
        """DType of exray.proto."""
        return TYPES[self.values.dtype.name]

    @property
    def data(self) -> Array:
        """Its bytes where they stand: uint8 [bytes]."""
        return self.values.reshape(-1).view(np.uint8)


def is_loggable(array: Array) -> bool:
    """Whether captures have a word for its type and rank."""
    return array.dtype.name in TYPES and array.ndim <= MAX_RANK


def as_array(value: Any) -> Array:
    """Numbers of any library that offers them to numpy, by `__array__` or by DLPack; copied only where they have to be.

    PyTorch's are taken off their gradient's tape and their device first.

    Raises:
        TypeError: it offers none, or none that numpy has a type for.
    """
    try:
        if hasattr(value, "detach"):
            value = value.detach().cpu()
        array = np.asarray(value, order="C")
        if array.dtype.hasobject and hasattr(value, "__dlpack__"):
            array = np.asarray(np.from_dlpack(value), order="C")
    except Exception as e:  # whatever the other library's own conversion raises
        raise TypeError(f"{type(value).__name__} gives no array: {e}") from e
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def tensor(name: str, value: Any, scale: float = 0.0, zero_point: int = 0, index: int = -1) -> Tensor:
    """Of any array.

    Raises:
        TypeError: captures have no word for it.
    """
    array = as_array(value)
    if not is_loggable(array):
        raise TypeError(f"{name or 'a tensor'}: {array.dtype} of {array.ndim} dimensions has no word in captures")
    return Tensor(name, array, scale, zero_point, index)
