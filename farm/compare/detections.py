"""What a detector found in a frame, from its outputs: decoded, suppressed where the model does not, in the upright picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare import boxes as box
from farm.errors import RecipeError

if TYPE_CHECKING:
    from farm.compare.geometry import Geometry
    from farm.compare.outputs import Outputs
    from farm.model.graph import Graph
    from farm.model.recipe import Detection

    Array = np.ndarray[Any, Any]

LEAST_SCORE = 0.001
"""Of what is suppressed on the host; a score below it ranks behind everything that matters."""
CANDIDATES = 5000
"""The best of a frame, before suppression."""


@dataclass(frozen=True)
class Found:
    """In one frame, the best score first; n is at most the recipe's `limit`."""

    boxes: Array
    """f32 [n, 4]: top, left, bottom, right, in fractions of the upright picture."""
    labels: Array
    """int [n], in the numbering of the truth."""
    scores: Array
    """f32 [n]."""

    def above(self, score: float) -> Found:
        """Those of at least that score."""
        keep = self.scores >= score
        return Found(self.boxes[keep], self.labels[keep], self.scores[keep])


def decode(outputs: Outputs, detection: Detection, geometry: Geometry) -> Found:
    """The detections of a frame.

    Raises:
        InputsError: an output was not logged.
        RecipeError: the outputs do not have the shapes that the recipe says.
    """
    boxes = outputs.real(detection.boxes).reshape(-1, 4) if outputs.real(detection.boxes).size % 4 == 0 else None
    if boxes is None:
        raise _misfit(f"output {detection.boxes} holds no boxes of four numbers")
    scores, classes = outputs.real(detection.scores), None
    if detection.classes is not None:
        classes = outputs.real(detection.classes).ravel()
        scores = scores.ravel()
    elif scores.ndim != 2:
        raise _misfit(f"output {detection.scores} is {list(scores.shape)}, not boxes x classes")
    if len(scores) != len(boxes) or (classes is not None and len(classes) != len(boxes)):
        raise _misfit(
            f"{len(boxes)} boxes, {len(scores)} scores{'' if classes is None else f', {len(classes)} classes'}"
        )
    if detection.count is not None:
        rows = int(np.nan_to_num(outputs.real(detection.count).ravel()[:1].sum()))
        boxes, scores, classes = boxes[:rows], scores[:rows], None if classes is None else classes[:rows]
    boxes = _corners(boxes, detection, geometry.to)
    place, labels, flat = _candidates(scores, classes, detection)
    sound = np.isfinite(boxes[place]).all(1) & np.isfinite(flat)
    place, labels, flat = place[sound], labels[sound], flat[sound]
    order = np.argsort(-flat, kind="stable")[:CANDIDATES]
    if detection.nms == "host":
        order = _suppressed(boxes[place], labels, flat, order, detection.iou)
    order = order[: detection.limit]
    return Found(
        geometry.boxes(boxes[place[order]]).astype(np.float32),
        labels[order] + detection.first_class,
        flat[order].astype(np.float32),
    )


def check(graph: Graph, detection: Detection) -> None:
    """Whether the model has the outputs that the recipe names.

    Raises:
        RecipeError: it has not.
    """
    named = {
        "boxes": detection.boxes,
        "scores": detection.scores,
        "classes": detection.classes,
        "count": detection.count,
    }
    for word, position in named.items():
        if position is not None and not 0 <= position < len(graph.outputs):
            raise RecipeError(
                f"detection.{word}: output {position} of a model with {len(graph.outputs)}",
                where="recipe",
                remedy="positions count the model's outputs from 0: farm inspect MODEL",
            )
    shape = graph.tensors[graph.outputs[detection.boxes]].shape
    if shape and shape[-1] not in (4, -1):
        raise _misfit(f"output {detection.boxes} is {list(shape)}: its last size is not 4")


def _misfit(message: str) -> RecipeError:
    return RecipeError(
        f"detection: {message}", where="recipe", remedy="say what each output is in [detection] (docs/tasks.md)"
    )


def _corners(boxes: Array, detection: Detection, to: tuple[int, int]) -> Array:
    """As y, x, y, x in fractions of the model's input."""
    if detection.format == "center":
        x, y, w, h = boxes.T
        boxes = np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], 1)
    elif detection.format == "xyxy":
        boxes = boxes[:, [1, 0, 3, 2]]
    return boxes / np.array([*to, *to]) if detection.units == "pixels" else boxes


def _candidates(scores: Array, classes: Array | None, detection: Detection) -> tuple[Array, Array, Array]:
    """Row of its box, class and score of every detection that may count."""
    if classes is not None:
        keep = np.isfinite(classes) & (classes != (np.nan if detection.background is None else detection.background))
        return np.flatnonzero(keep), classes[keep].astype(np.int64), scores[keep]
    # Of probabilities most are next to nothing.
    wanted = scores >= LEAST_SCORE
    if detection.background is not None and detection.background < scores.shape[1]:
        wanted[:, detection.background] = False
    place, labels = np.nonzero(wanted)
    return place, labels, scores[place, labels]


def _suppressed(boxes: Array, labels: Array, scores: Array, order: Array, iou: float) -> Array:
    kept = [of[box.suppress(boxes[of], scores[of], iou)] for label in np.unique(labels[order])
            if len(of := order[labels[order] == label])]  # fmt: skip
    merged = np.concatenate(kept) if kept else order
    result: Array = merged[np.argsort(-scores[merged], kind="stable")]
    return result
