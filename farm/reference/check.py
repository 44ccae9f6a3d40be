"""`farm runtime check`: a small model in the runtime's own format, against the same model on LiteRT's reference kernels."""

from __future__ import annotations

import io
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from farm.compare.difference import difference
from farm.errors import JobError
from farm.model import graph as graphs
from farm.reference.litert_ref import LiteRtRef
from farm.reference.record import record
from farm.reference.timing import SEED
from farm.store.artifacts import ArtifactStore
from farm.submission import InputFrame, ReferenceSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.capture.recording import Recording
    from farm.reference.contract import Reference

GOLDEN = Path(__file__).parent / "golden"
FILES = {"keras": "golden.keras", "savedmodel": "golden.tar", "onnx": "golden.onnx"}
FRAMES = 3
LIMIT = 1e-4
"""Of nRMSE: healthy float kernels differ by some 1e-6 of an output's range."""
TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Checked:
    """What a runtime did with the golden model."""

    name: str
    version: str
    right: bool
    nrmse: float
    """The largest of an output or layer, against litert-ref."""
    tensors: int
    """Compared in each frame."""
    seconds: float
    """All in all, the runtime's start included."""
    notes: dict[str, str]


def checkable(runtime: type[Reference]) -> bool:
    """Whether there is a golden model for it: not for a server, which has its own, nor for what runs nothing."""
    return not runtime.wants or runtime.name in FILES


def check(runtime: type[Reference], data: Path, tell: Callable[[str], None] = lambda _: None) -> Checked:
    """Run the golden model's frames, which are seeded. Nothing is kept of it, and nothing comes from a cache.

    Raises:
        JobError: it is not installed (says what to type), or has no golden model.
        FarmError: as `record.record`.
    """
    if not checkable(runtime):
        raise JobError(
            f"{runtime.name} has no model of ours to be tried on",
            where="farm runtime check",
            remedy="submit a job with it",
        )
    data.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    # Beside the environments, which are found from where the artifacts are.
    with tempfile.TemporaryDirectory(prefix="check-", dir=data) as name:
        folder = Path(name)
        (folder / "runtimes").symlink_to((data / "runtimes").absolute(), target_is_directory=True)
        artifacts = ArtifactStore(folder / "artifacts")
        model = (GOLDEN / "golden.tflite").read_bytes()
        source = _source(runtime, artifacts)
        tell(f"running the golden model on {runtime.name}")
        made = [
            record(
                which,
                artifacts=artifacts,
                cache=folder / "references",
                model_sha256=artifacts.put(model),
                frames=_frames(model, artifacts),
                recipe=None,
                layers=True,
                sources=(source,),
                timeout_s=TIMEOUT_S,
            )
            for which in (source.name, LiteRtRef.name)
        ]
        worst, tensors = _worst(made[0], made[1], model, artifacts)
    return Checked(
        name=runtime.name,
        version=runtime.version(),
        right=tensors > 0 and worst <= LIMIT,
        nrmse=worst,
        tensors=tensors,
        seconds=round(time.monotonic() - began, 3),
        notes=made[0].header.labels,
    )


def _source(runtime: type[Reference], artifacts: ArtifactStore) -> ReferenceSource:
    file = FILES.get(runtime.name)
    if file is None:
        return ReferenceSource(name=runtime.name, runtime=runtime.name)
    return ReferenceSource(
        name=runtime.name, runtime=runtime.name, model_name=file, model_sha256=artifacts.put_file(GOLDEN / file)
    )


def _frames(model: bytes, artifacts: ArtifactStore) -> list[tuple[int, InputFrame]]:
    graph, rng, frames = graphs.read(model), np.random.default_rng(SEED), []
    for i in range(FRAMES):
        file = io.BytesIO()
        shape = [max(1, d) for d in graph.tensors[graph.inputs[0]].shape]
        np.save(file, rng.uniform(-1, 1, shape).astype(np.float32))
        frames.append((i, InputFrame(name=f"{i}.npy", kind="tensor", sha256=(artifacts.put(file.getvalue()),))))
    return frames


def _worst(made: Recording, right: Recording, model: bytes, artifacts: ArtifactStore) -> tuple[float, int]:
    graph, worst, tensors = graphs.read(model), 0.0, 0
    for frame in range(FRAMES):
        mine, other = made.tensors(artifacts, frame), right.tensors(artifacts, frame)
        common = (mine.keys() & other.keys()) - set(graph.inputs)
        tensors = len(common)
        if not set(graph.outputs) <= common:
            return float("inf"), 0
        worst = max(worst, *(difference(mine[t], other[t], graph.tensors[t]).nrmse for t in common))
    return worst, tensors
