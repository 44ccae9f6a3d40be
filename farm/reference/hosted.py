"""References that run in another environment than ours, each through one of the programs in children/."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, ClassVar

from farm.errors import BugError, ModelError
from farm.model.instrument import exposed
from farm.reference import environments
from farm.reference.child import Child
from farm.reference.contract import Reference
from farm.reference.foreign import Foreign
from farm.reference.unpack import unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from farm.model.graph import Graph
    from farm.reference.contract import Means

    Array = np.ndarray[Any, Any]


def _version(runtime: type[Reference]) -> str:
    """Of what is pinned first, and of what it shares its environment with."""
    return (
        ", ".join(pin.replace("==", " ") for pin in runtime.pins) if runtime.kin else runtime.pins[0].partition("==")[2]
    )


def _child(runtime: type[HostedInterpreter | HostedModel], means: Means | None) -> tuple[Child, Means]:
    if means is None:
        raise BugError("was not told where environments are", where=runtime.name)
    return Child.of(runtime.name, environments.python(means.environments, runtime), runtime.program), means


class HostedInterpreter(Reference):
    """The submitted .tflite on another interpreter, tensor for tensor."""

    program: ClassVar[Sequence[str]]
    """File of children/, and its arguments."""

    @classmethod
    def version(cls) -> str:
        """As pinned."""
        return _version(cls)

    def __init__(self, model: bytes, graph: Graph, *, layers: bool, threads: int, means: Means | None = None) -> None:
        child, means = _child(type(self), means)
        # A file, not a message: a model may be large, and is mapped.
        file = means.scratch / f"model-{id(self):x}.tflite"
        file.write_bytes(model)
        try:
            self._session = child.open(file, layers=layers, threads=threads)
        finally:
            file.unlink()
        self._shapes = {int(p["key"]): tuple(map(int, p["shape"])) for p in self._session.about["inputs"]}
        self._wanted = [
            str(i) for i in dict.fromkeys([*graph.inputs, *exposed(graph), *graph.outputs] if layers else graph.outputs)
        ]

    @property
    def input_shapes(self) -> dict[int, tuple[int, ...]]:
        """See `Reference`."""
        return self._shapes

    def run(self, inputs: Mapping[int, Array]) -> dict[int, Array]:
        """See `Reference`."""
        values = self._session.run({str(i): v for i, v in inputs.items()}, self._wanted)
        return {int(key): value for key, value in values.items()}

    def invoke_ns(self, inputs: Mapping[int, Array]) -> int:
        """See `Reference`."""
        return self._session.time({str(i): v for i, v in inputs.items()})


class HostedModel(Foreign):
    """A model file of its own."""

    runs = "a model of its own"
    program: ClassVar[Sequence[str]]
    suffixes: ClassVar[tuple[str, ...]]
    """Of its files; the first is what a file without a known one is taken for."""

    @classmethod
    def version(cls) -> str:
        """As pinned."""
        return _version(cls)

    def _open(
        self, means: Means | None, *, layers: bool, threads: int
    ) -> tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]], Sequence[dict[str, Any]]]:
        child, means = _child(type(self), means)
        self._session = child.open(self._file(means), layers=layers, threads=threads)
        about = self._session.about
        return about["inputs"], about["outputs"], about["layers"]

    def _file(self, means: Means) -> Path:
        """The model under a name that its runtime knows the format by."""
        stored, name = means.artifacts.path(means.source.model_sha256), means.source.model_name.lower()
        if not stored.is_file():
            raise ModelError("its model is not stored", where=self.name, remedy="submit the job again")
        if self.suffixes == (".tar",):
            return unpack(stored, means.scratch / f"own-{means.source.model_sha256[:12]}")
        suffix = next((s for s in self.suffixes if name.endswith(s)), self.suffixes[0])
        file = means.scratch / f"own-{means.source.model_sha256[:12]}{suffix}"
        if not file.exists():
            shutil.copyfile(stored, file)
        return file

    def _call(self, arrays: Mapping[str, Array], wanted: Sequence[str]) -> Mapping[str, Array]:
        return self._session.run(arrays, wanted)
