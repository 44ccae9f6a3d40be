"""What every operator of a model makes of given inputs by itself, on this computer."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import ModelError
from farm.model.instrument import layers_bytes
from farm.model.isolate import isolate
from farm.submission import InputFrame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from farm.assess.gather import Room
    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.store.artifacts import ArtifactStore

    Array = np.ndarray[Any, Any]

MIB = 1 << 20


def alone(
    room: Room,
    runtime: str,
    model: tuple[str, Graph],
    frames: Iterable[int],
    tensors: Callable[[int], Mapping[int, Array]],
) -> Recording:
    """Each operator of `model` (sha256 and graph) on `runtime`, fed what `tensors` has for a frame; outputs by tensor index.

    Raises:
        ModelError: the model cannot be isolated, its layers take more than the submission's byte budget, or a tensor is
            missing.
    """
    sha256, graph = model
    taken = tuple(frames)
    if layers_bytes(graph) * len(taken) > room.submission.layer_budget_mb * MIB:
        raise ModelError("its layers take more than --layer-budget-mb", where="isolated")
    first = tensors(taken[0]) if taken else {}
    isolated = isolate(room.artifacts.read(sha256), "model", {t: value.shape for t, value in first.items()})
    fed = tuple((i, _frame(room.artifacts, isolated.feeds, tensors(i), i)) for i in taken)
    return room.record(
        runtime,
        fed,
        (None,),
        f"operators alone on {runtime}",
        layers=False,
        model_sha256=room.artifacts.put(isolated.model),
    )[0]


def _frame(artifacts: ArtifactStore, feeds: Iterable[int], values: Mapping[int, Array], index: int) -> InputFrame:
    stored = []
    for tensor in feeds:
        if tensor not in values:
            raise ModelError(f"tensor {tensor} was not logged", where="isolated")
        file = io.BytesIO()
        np.save(file, np.ascontiguousarray(values[tensor]), allow_pickle=False)
        stored.append(artifacts.put(file.getvalue()))
    return InputFrame(name=f"frame {index}", kind="tensor", sha256=tuple(stored))
