"""What a reference runtime promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore
    from farm.submission import ReferenceSource

    Array = np.ndarray[Any, Any]

Runs = Literal["the submitted model", "a model of its own", "a model server's model", "nothing: it was logged before"]


@dataclass(frozen=True)
class Means:
    """What a runtime may use besides the submitted model."""

    source: ReferenceSource
    artifacts: ArtifactStore
    environments: Path
    """The folder of runtimes that have an environment of their own."""
    scratch: Path
    """Goes with the job."""


class Reference(ABC):
    """A runtime on the host whose answer is taken as right. Made and used in a worker process of its own.

    It promises: tensors are keyed by their index in the submitted model's main subgraph; the same model, inputs, threads and
    version give the same bits; nothing but the model's bytes, the inputs and its `Means` reaches it.
    """

    name: ClassVar[str]
    kernel: ClassVar[str]
    """As in `Header.kernel`."""
    runs: ClassVar[Runs] = "the submitted model"
    wants: ClassVar[str] = ""
    """What stands behind `NAME=` on the command line; empty: nothing."""
    pins: ClassVar[tuple[str, ...]] = ()
    """Requirements of the environment it runs in, the runtime's own first; none: it runs in the farm's."""
    by_name: ClassVar[bool] = False
    """Finds frames by their names, which are part of the cache's key then."""
    probe: ClassVar[str] = ""
    """A Python statement that goes well where what is pinned works."""
    kin: ClassVar[str] = ""
    """The runtime whose environment it shares; empty: it has one of its own."""

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Of the runtime, without importing it: part of the cache's key. Empty where it has none."""

    @classmethod
    def state(cls, source: ReferenceSource) -> str:  # noqa: ARG003  # for those that have one
        """What else the answers depend on that no file tells, a server's model version: part of the cache's key.

        Raises:
            JobError, InfrastructureError: it cannot be found out.
        """
        return ""

    @abstractmethod
    def __init__(self, model: bytes, graph: Graph, *, layers: bool, threads: int, means: Means | None = None) -> None:
        """Prepare; open batch sizes become 1. `layers`: every tensor that can be had will be asked for.

        Raises:
            ModelError: the runtime refuses the model, or its own model does not fit the submitted one.
            JobError: the runtime is not installed.
        """

    @property
    @abstractmethod
    def input_shapes(self) -> dict[int, tuple[int, ...]]:
        """Shape of each model input after open sizes were fixed, in the model's order."""

    @property
    def real_inputs(self) -> frozenset[int]:
        """Inputs that it takes as real numbers, float32, though the submitted model stores integers with a scale."""
        return frozenset()

    @property
    def notes(self) -> dict[str, str]:
        """What was done to make its tensors comparable, for people: goes into the recording's labels."""
        return {}

    def recorded(self, index: int, name: str) -> dict[int, Array] | None:  # noqa: ARG002  # for those that do
        """What was logged for a frame before; None: it has to be run.

        Raises:
            InputsError: it logs nothing but what was logged before, and this frame was not.
        """
        return None

    @abstractmethod
    def run(self, inputs: Mapping[int, Array]) -> dict[int, Array]:
        """Run one frame. `inputs` have the model's `input_shapes` and dtypes, but for `real_inputs`.

        Returns:
            Copies of the outputs, or with `layers` of intermediate tensors and outputs, as the runtime has them: a float
            model's tensors are float, whatever the submitted model's are (docs/references.md).

        Raises:
            ModelError: an operator fails.
        """

    @abstractmethod
    def invoke_ns(self, inputs: Mapping[int, Array]) -> int:
        """Nanoseconds that the runtime takes for one frame, copies in and out left out. `inputs` may have other shapes.

        Raises:
            ModelError: an operator fails.
        """
