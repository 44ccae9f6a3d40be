"""From a reference that `farm compare` and `farm play` name to a side of a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.subject import side_of

if TYPE_CHECKING:
    from farm.assess.gather import Frames, Room
    from farm.compare.pairing import Side


def of_reference(word: str, name: str, room: Room, layered: Frames, answered: Frames) -> Side:
    """What the reference that the room's submission calls `name` computes: every layer of some frames, its answers to others.

    Raises:
        FarmError: it cannot run.
    """
    recordings = {"layers": room.every_tensor(name, layered), "latency": room.outputs(name, answered)}
    # Times of a reference are this computer's, taken as it happened to be: no figure to lay beside another.
    untimed = {k: r.model_copy(update={"times": "", "ops": "", "peak_rss_bytes": 0}) for k, r in recordings.items()}
    return side_of(word, room.submission, untimed, room.artifacts)
