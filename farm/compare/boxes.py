"""Boxes against boxes: overlap, suppression, and who matches whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]


def overlaps(a: Array, b: Array, crowd: Array | None = None) -> Array:
    """Intersection over union of boxes [n, 4] and [m, 4] (y, x, y, x): f64 [n, m]; 0 for boxes without area.

    For the `crowd` ones of b (bool [m]) the intersection's share of a, as COCO has it.
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a, area_b = (np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (a, b))
    whole = area_a[:, None] + area_b[None, :] - shared
    if crowd is not None:
        whole = np.where(crowd[None, :], area_a[:, None], whole)
    result: Array = np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
    return result


def suppress(boxes: Array, scores: Array, iou: float) -> Array:
    """Greedy non-maximum suppression of one class: indices of the boxes kept, the best score first."""
    order = np.argsort(-scores, kind="stable")
    top, left, bottom, right = boxes[order].astype(np.float64).T
    area = np.maximum(bottom - top, 0) * np.maximum(right - left, 0)
    alive = np.ones(len(order), bool)
    for i in range(len(order)):
        if alive[i]:
            rest = slice(i + 1, None)
            height = np.minimum(bottom[i], bottom[rest]) - np.maximum(top[i], top[rest])
            width = np.minimum(right[i], right[rest]) - np.maximum(left[i], left[rest])
            shared = np.maximum(height, 0) * np.maximum(width, 0)
            alive[rest] &= shared <= iou * (area[i] + area[rest] - shared)
    return order[alive]


def match(found: Array, truth: Array, crowd: Array, iou: float) -> Array:
    """For each found box, the best score first, the truth it takes: int [n]; -1 none, -2 a crowd (counts neither way).

    Greedy, as COCO's evaluation does it: each takes the free box of most overlap, if that is at least `iou`; a crowd only where
    no other is left, and any number may take it.
    """
    result = np.full(len(found), -1, np.int64)
    if not len(found) or not len(truth):
        return result
    table = overlaps(found, truth, crowd)
    free = ~crowd
    for i, row in enumerate(table):
        open_ = np.where(free & (row >= iou), row, -1.0)
        best = int(open_.argmax())
        if open_[best] >= 0:
            result[i], free[best] = best, False
        elif (crowd & (row >= iou)).any():
            result[i] = -2
    return result
