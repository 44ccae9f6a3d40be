"""The evidence of a run's inputs: which frames are looked at, and which module knows their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.explain import audio, picture, tensor, text
from farm.assess.explain.seen import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.assess.explain.engine import InputEvidence
    from farm.capture.recording import Recording
    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore
    from farm.submission import Submission

LIMIT_FRAMES = 32

KINDS: dict[str, Callable[[Seen], InputEvidence]] = {
    "image": picture.observe,
    "audio": audio.observe,
    "text": text.observe,
    "tensor": tensor.observe,
}
"""A kind that is missing here is taken as tensors."""


def observe(
    submission: Submission,
    graph: Graph,
    recipe: Recipe | None,
    device: Recording,
    reference: Recording,
    artifacts: ArtifactStore,
) -> InputEvidence | None:
    """What the first `LIMIT_FRAMES` frames that both logged say about the model's first input; None without any."""
    frames = sorted(device.frames.keys() & reference.frames.keys())[:LIMIT_FRAMES]
    mine, other = [], []
    for frame in frames:
        d, r = device.tensors(artifacts, frame), reference.tensors(artifacts, frame)
        if any(i not in d or i not in r or d[i].size != r[i].size for i in graph.inputs):
            return None
        mine.append({i: d[i].reshape(r[i].shape) for i in graph.inputs})
        other.append({i: r[i] for i in graph.inputs})
    if not frames:
        return None
    deployed = submission.recipe.recipe if submission.recipe is not None else None
    seen = Seen(
        graph=graph,
        artifacts=artifacts,
        recipe=recipe,
        deployed=deployed,
        frames=tuple(submission.frames[f] for f in frames),
        device=tuple(mine),
        expected=tuple(other),
    )
    return KINDS.get(seen.kind, tensor.observe)(seen)
