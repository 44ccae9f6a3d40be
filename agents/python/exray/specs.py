"""Names with their constants: each has one number, told once before anything of it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from exray import words
from exray.messages import encode
from exray.ring import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from exray.tensor import Tensor

LIMIT = 1024


class Specs:
    """`tell` takes a record, and counts it where there is no room for it; `drop` counts one of so many bytes."""

    def __init__(self, tell: Callable[[Record], bool], drop: Callable[[int], None]) -> None:
        self._tell, self._drop, self._numbers = tell, drop, dict[tuple[Any, ...], int]()
        self._lock = threading.RLock()

    def tensor(self, role: int, position: int, tensor: Tensor) -> int | None:
        """Of what the model was fed, answered or computed. None: no room."""
        name, shape = words.name(tensor.name), tensor.values.shape
        key = (
            "TensorSpec", role, position, name, tensor.type, shape, tensor.index, tensor.scale, tensor.zero_point,
        )  # fmt: skip
        if (number := self._numbers.get(key)) is not None:
            return number
        fields: dict[str, Any] = {
            "role": role, "position": position, "name": name, "dtype": tensor.type, "shape": shape,
            "tensor_index": tensor.index,
        }  # fmt: skip
        if tensor.scale:
            fields |= {"scale": [tensor.scale], "zero_point": [tensor.zero_point]}
        return self._add(key, fields)

    def element(
        self, kind: str, name: str, dtype: int = 0, shape: tuple[int, ...] = (), format: str = ""  # noqa: A002
    ) -> int | None:  # fmt: skip
        """Of anything else; `kind` is ElementSpec.Kind's name. None: no room."""
        name = words.name(name)
        key = ("ElementSpec", kind, name, dtype, shape, format)
        if (number := self._numbers.get(key)) is not None:
            return number
        return self._add(key, {"kind": kind, "name": name, "dtype": dtype, "shape": shape, "format": format})

    def _add(self, key: tuple[Any, ...], fields: dict[str, Any]) -> int | None:
        with self._lock:
            if key in self._numbers:
                return self._numbers[key]
            number = len(self._numbers) + 1
            message = encode(key[0], id=number, **fields)
            if number > LIMIT:
                self._drop(len(message))
                return None
            if not self._tell(Record(key[0], time.monotonic_ns(), message)):
                return None
            self._numbers[key] = number
            return number
