"""The reference runtimes by name, and what a submission calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import JobError
from farm.reference import environments
from farm.reference.keras import Keras
from farm.reference.litert import LiteRt
from farm.reference.litert_builtin import LiteRtBuiltin
from farm.reference.litert_ref import LiteRtRef
from farm.reference.onnx import Onnx
from farm.reference.recorded import Recorded
from farm.reference.savedmodel import SavedModel
from farm.reference.server import Server
from farm.reference.tensorflow_lite import TensorflowLite
from farm.reference.tflite_runtime import TfliteRuntime
from farm.submission import ReferenceSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from farm.reference.contract import Reference

KNOWN: dict[str, type[Reference]] = {
    runtime.name: runtime
    for runtime in (
        LiteRt,
        LiteRtRef,
        LiteRtBuiltin,
        TfliteRuntime,
        TensorflowLite,
        Keras,
        SavedModel,
        Onnx,
        Recorded,
        Server,
    )
}


def find(name: str) -> type[Reference]:
    """The runtime called `name`.

    Raises:
        JobError: there is none; lists those there are.
    """
    if name not in KNOWN:
        raise JobError(f"no reference is called {name!r}", where="references", remedy=f"known: {', '.join(KNOWN)}")
    return KNOWN[name]


def source_of(name: str, sources: Sequence[ReferenceSource] = ()) -> ReferenceSource:
    """What a name in `Submission.references` stands for: one of `sources`, else the runtime of that name.

    Raises:
        JobError: neither, or the runtime needs something of its own and has nothing.
    """
    for source in sources:
        if source.name == name:
            find(source.runtime)
            return source
    runtime = find(name)
    if runtime.wants:
        raise JobError(
            f"the reference {name} needs {runtime.wants}", where="references", remedy=f"--reference {name}=..."
        )
    return ReferenceSource(name=name, runtime=name)


def every_tensor(name: str, sources: Sequence[ReferenceSource] = ()) -> bool:
    """Whether a reference runs the submitted model itself, so that each of its tensors is there.

    Raises:
        JobError: as `source_of`.
    """
    return find(source_of(name, sources).runtime).runs == "the submitted model"


def ready(name: str, sources: Sequence[ReferenceSource], environment_folder: Path) -> ReferenceSource:
    """As `source_of`, and that it can run here; nothing is started for it.

    Raises:
        JobError: as `source_of`, or it is not installed: says what to type.
    """
    source = source_of(name, sources)
    runtime = find(source.runtime)
    if runtime.pins:
        environments.python(environment_folder, runtime)
    return source
