"""What a reference runtime promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from farm.model.graph import Graph

    Array = np.ndarray[Any, Any]


class Reference(ABC):
    """A runtime on the host whose answer is taken as right. Made and used in a worker process of its own.

    It promises: tensors are keyed by their index in the model's main subgraph; the same model, inputs, threads and
    version give the same bits; nothing but the model's bytes and the inputs reaches it.
    """

    name: ClassVar[str]
    kernel: ClassVar[str]
    """As in `Header.kernel`."""

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Of the runtime, without importing it: part of the cache's key."""

    @abstractmethod
    def __init__(self, model: bytes, graph: Graph, *, layers: bool, threads: int) -> None:
        """Prepare `model`; open batch sizes become 1. `layers`: every tensor will be asked for.

        Raises:
            ModelError: the runtime refuses the model.
        """

    @property
    @abstractmethod
    def input_shapes(self) -> dict[int, tuple[int, ...]]:
        """Shape of each model input after open sizes were fixed, in the model's order."""

    @abstractmethod
    def run(self, inputs: Mapping[int, Array]) -> dict[int, Array]:
        """Run one frame. `inputs` have the model's dtypes and `input_shapes`.

        Returns:
            Copies of the outputs, or with `layers` of inputs, intermediate tensors and outputs, not dequantized.

        Raises:
            ModelError: an operator fails.
        """

    @abstractmethod
    def invoke_ns(self, inputs: Mapping[int, Array]) -> int:
        """Nanoseconds that the runtime takes for one frame, copies in and out left out. `inputs` may have other shapes.

        Raises:
            ModelError: an operator fails.
        """
