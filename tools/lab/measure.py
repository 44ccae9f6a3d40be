"""How well the kits' models do, under the right recipe and under each planted bug: LiteRT on held-out frames."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np

from lab import data, prepare
from lab.networks import INPUTS
from lab.scenes import SHAPE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Inputs = tuple[NDArray[Any], ...]
    Box = tuple[float, float, float, float]

METRICS = {"boxes": "mAP at IoU 0.5, %", "masks": "mean IoU, %", "dials": "mean R2, %"}
"""Of the other kits: top-1, %."""
_PICTURE: dict[str, Mapping[str, Any]] = {
    "bgr": {"channels": "bgr"},
    "[0,1]": {"normalize": {"mean": 0.0, "std": 255.0}},
    "rotate 90": {"rotate": 90},
    "rotate 180": {"rotate": 180},
    "nearest": {"resize": "nearest"},
    "crop 0.7": {"crop": 0.7},
}
_AUDIO: dict[str, Mapping[str, Any]] = {
    "16-bit scale": {"audio": {"scale": "int16"}},
    "half the rate": {"audio": {"sample_rate": 8000}},
    "right channel": {"audio": {"channel": "right"}},
    "mel to 7600 Hz": {"audio": {"high_hz": 7600.0}},
    "log in decibels": {"audio": {"log": "db"}},
    "not normalized": {"audio": {"mean": 0.0, "std": 1.0}},
}
_TEXT: dict[str, Mapping[str, Any]] = {
    "case kept": {"text": {"lowercase": False}},
    "padded left": {"text": {"padding": "left"}},
    "head cut off": {"text": {"truncation": "head"}},
}
BUGS: dict[str, dict[str, Mapping[str, Any]]] = {
    **dict.fromkeys(("things", "masks", "dials"), _PICTURE),
    "boxes": _PICTURE | {"stretch": {"fit": "stretch"}},
    "words": _AUDIO,
    "whistles": {
        "16-bit scale": {"audio": {"scale": "int16"}},
        "twice the rate": {"audio": {"sample_rate": 16_000}},
        "half the scale": {"audio": {"std": 2.0}},
    },
    "reviews": _TEXT,
    "remarks": {"case kept": _TEXT["case kept"], "whole words": {"text": {"tokenizer": "words"}}},
}
"""What is planted: changes of the kit's recipe."""


def recipe(folder: Path) -> dict[str, Any]:
    """What a kit's models expect."""
    return tomllib.loads((folder / "model.recipe.toml").read_text())


def planted(right: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe with a change in it; tables are changed, not replaced."""
    tables = {k: {**right[k], **v} for k, v in change.items() if k in {"audio", "text"}}
    return {**right, **change, **tables}


def inputs(kit: str, frames: Sequence[data.Frame], words: Mapping[str, Any], folder: Path) -> Inputs:
    """The model's inputs, all frames of each stacked; `reversed`: true in the recipe turns clips round."""
    shape = INPUTS[kit]
    vocabulary = (folder / "vocab.txt").read_text().splitlines() if "text" in words else []
    rows: list[Inputs] = []
    for frame in frames:
        raw = frame.raw
        if isinstance(raw, data.Clip):
            samples = raw.samples[::-1] if words.get("reversed") else raw.samples
            rows.append((prepare.sound(samples, raw.rate, shape, words),))
        elif isinstance(raw, str):
            rows.append(prepare.text(raw, shape[0], words, vocabulary))
        else:
            rows.append((prepare.picture(raw, (shape[0], shape[1]), words),))
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


def miscalibrated(kit: str, samples: Inputs) -> Inputs:
    """What a careless calibration feeds instead of `samples`."""
    if kit in {"reviews", "remarks"}:
        return tuple(np.zeros_like(s) for s in samples)  # padding alone
    if kit == "words":
        return tuple((s - s.min()) / (s.max() - s.min()) for s in samples)  # scaled to [0, 1]
    if kit == "whistles":
        return tuple(s / 10 for s in samples)  # recorded from far away
    return tuple((s + 1) / 2 for s in samples)  # [0, 1] for [-1, 1]


def predict(model: Path, fed: Inputs) -> list[NDArray[np.float32]]:
    """Each output of the model, dequantized, all frames stacked; outputs by name."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    sources = interpreter.get_input_details()
    sinks = interpreter.get_output_details()
    found: list[list[NDArray[np.float32]]] = [[] for _ in sinks]
    for row in zip(*fed, strict=True):
        for source, one in zip(sources, row, strict=True):
            value = one
            if source["dtype"] == np.int8:
                scale, zero = source["quantization"]
                value = (one / scale + zero).round().clip(-128, 127).astype(np.int8)
            interpreter.set_tensor(source["index"], value[None])
        interpreter.invoke()
        for sink, outputs in zip(sinks, found, strict=True):
            answer = interpreter.get_tensor(sink["index"])[0].astype(np.float32)
            scale, zero = sink["quantization"]
            outputs.append((answer - zero) * scale if scale else answer)
    return [np.stack(outputs) for outputs in found]


def score(kit: str, frames: Sequence[data.Frame], outputs: list[NDArray[np.float32]]) -> float:
    """The kit's metric, in percent."""
    answer = outputs[0]
    if kit == "boxes":
        boxes, scores = _spread(outputs) if len(outputs) == 4 else sorted(outputs, key=lambda o: o.shape[-1] != 4)
        return 100 * mean_average_precision(frames, boxes, scores)
    truth = data.truths(frames, kit)
    if kit == "dials":
        return 100 * float((1 - ((answer - truth) ** 2).mean(0) / truth.var(0)).clip(-9.99).mean())
    if kit == "masks":
        rows, columns = ((np.arange(n) * s) // n for n, s in zip(SHAPE, answer.shape[1:3], strict=True))
        classes = answer.argmax(-1)[:, rows][:, :, columns]
        size = len(data.CLASSES[kit])
        table = np.bincount((truth.astype(int) * size + classes).ravel(), minlength=size**2).reshape(size, size)
        return 100 * float((table.diagonal() / (table.sum(0) + table.sum(1) - table.diagonal())).mean())
    return 100 * float((answer.argmax(-1) == truth).mean())


def _spread(outputs: list[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Classes, count, boxes and scores of a detector that removes overlaps itself, as one that does not would give them."""
    classes, _, boxes, scores = outputs
    top, left, bottom, right = np.moveaxis(boxes, -1, 0)
    each = np.eye(len(data.CLASSES["boxes"]), dtype=np.float32)[classes.astype(int)] * scores[..., None]
    return np.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], -1), each


def letterboxed(box: Box, *, back: bool = False) -> Box:
    """A box of the picture in fractions of the model's square input, or back: pictures are wider than high."""
    share = SHAPE[0] / SHAPE[1]
    top, left, bottom, right = box
    if back:
        return (top - (1 - share) / 2) / share, left, (bottom - (1 - share) / 2) / share, right
    return top * share + (1 - share) / 2, left, bottom * share + (1 - share) / 2, right


def mean_average_precision(
    frames: Sequence[data.Frame], boxes: NDArray[np.float32], scores: NDArray[np.float32], least: float = 0.5
) -> float:
    """Area under precision against recall, averaged over classes, at one IoU; overlaps above 0.45 are removed first."""
    precisions = []
    for label in range(scores.shape[-1]):
        hits: list[tuple[float, bool]] = []
        total = 0
        for frame, cells, column in zip(frames, boxes, scores[..., label], strict=True):
            wanted = [t.box for t in frame.things if t.label == label]
            total += len(wanted)
            kept: list[Box] = []
            for cell in np.argsort(-column):
                if column[cell] < 0.05:
                    break
                x, y, wide, high = (float(v) for v in cells[cell])
                box = letterboxed((y - high / 2, x - wide / 2, y + high / 2, x + wide / 2), back=True)
                if any(overlap(box, other) > 0.45 for other in kept):
                    continue
                kept.append(box)
                best = max(wanted, key=lambda w, b=box: overlap(b, w), default=None)  # type: ignore[misc]
                hit = best is not None and overlap(box, best) >= least
                if hit and best is not None:
                    wanted.remove(best)
                hits.append((float(column[cell]), hit))
        right = np.array([hit for _, hit in sorted(hits, reverse=True)], bool)
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        best_after = np.maximum.accumulate(precision[::-1])[::-1]
        precisions.append(float(best_after[right].sum() / max(total, 1)))
    return float(np.mean(precisions))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    high = min(a[2], b[2]) - max(a[0], b[0])
    wide = min(a[3], b[3]) - max(a[1], b[1])
    both = max(high, 0.0) * max(wide, 0.0)
    sizes = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return both / max(sum(sizes) - both, 1e-12)


def models(folder: Path) -> list[Path]:
    """A kit's models, the float one first, the badly calibrated one last."""
    order = ("model", "model_nms", "model_dynamic", "model_int8", "model_badcalib")
    return sorted(folder.glob("*.tflite"), key=lambda path: order.index(path.stem))


def table(kit: str, folder: Path, count: int) -> str:
    """The metric of each model under every recipe, as a Markdown table."""
    frames = [data.frame(kit, n) for n in range(count)]
    right, files = recipe(folder), models(folder)
    bugs: dict[str, Mapping[str, Any]] = {"right": {}, **BUGS[kit]}
    if "audio" in right:
        bugs["reversed"] = {"reversed": True}
    names = " | ".join(p.stem.removeprefix("model").strip("_") or "float" for p in files)
    lines = [f"| {kit}: {METRICS.get(kit, 'top-1, %')} | {names} |", "|---|" + "---|" * len(files)]
    for name, change in bugs.items():
        fed = inputs(kit, frames, planted(right, change), folder)
        scores = [score(kit, frames, predict(path, fed)) for path in files]
        lines.append(f"| {name} | " + " | ".join(f"{s:.1f}" for s in scores) + " |")
    return "\n".join(lines)
