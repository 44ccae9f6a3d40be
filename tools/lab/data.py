"""Frames and what is true of them, by kit and number; and folders of them as `farm submit` reads them.

A kit is a kind of data with models of its own in tests/lab/models/. A frame is drawn from (kit, stream, number) and nothing
else, so it is the same wherever it is drawn, and what training saw is never held out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lab import dials, reviews, scenes, sounds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

KITS = ("things", "boxes", "masks", "dials", "words", "whistles", "reviews", "remarks")
TRAIN, HELD_OUT = 0, 1
"""Streams of frames."""
CLASSES: dict[str, tuple[str, ...]] = {
    "things": scenes.CLASSES,
    "boxes": scenes.CLASSES,
    "masks": ("background", *scenes.CLASSES),
    "dials": dials.VALUES,
    "words": sounds.WORDS,
    "whistles": sounds.WHISTLES,
    "reviews": reviews.CLASSES,
    "remarks": ("negative", "positive"),
}
_SEED = 5
_FORMS = ("s16", "s16", "s24", "f32", "s32")
_PALETTE = (0, 0, 0, 220, 40, 40, 255, 150, 150, 40, 70, 220, 150, 170, 255, 90, 90, 90, 190, 190, 190)


@dataclass(frozen=True)
class Clip:
    """Sound as a file holds it: float64 [n, channels] in -1..1, its rate in Hz, and the form of its samples (`sounds.wav`).

    The samples have 16 bits whatever the form: how more are rounded is another matter.
    """

    samples: NDArray[np.float64]
    rate: int
    form: str = "s16"


@dataclass(frozen=True)
class Frame:
    """One input and its truth, of which a kit uses one."""

    raw: NDArray[np.uint8] | Clip | str
    """A picture, a clip or a text."""
    label: int = 0
    things: tuple[scenes.Thing, ...] = ()
    mask: NDArray[np.uint8] | None = None
    values: tuple[float, ...] = ()


def frame(kit: str, number: int, stream: int = HELD_OUT) -> Frame:
    """Frame `number` of a stream; classes take turns."""
    rng = np.random.default_rng([_SEED, KITS.index(kit), stream, number])
    label = number % len(CLASSES[kit])
    if kit == "things":
        return Frame(scenes.draw(rng, label).picture, label)
    if kit in {"boxes", "masks"}:
        scene = scenes.draw(rng)
        return Frame(scene.picture, things=scene.things, mask=scene.classes())
    if kit == "dials":
        picture, values = dials.draw(rng)
        return Frame(picture, values=values)
    if kit == "words":
        return Frame(_word(label, rng) if stream == HELD_OUT else Clip(sounds.word(label, rng)[:, None], 16_000), label)
    if kit == "whistles":
        rate = int(rng.choice((8_000, 16_000, 44_100))) if stream == HELD_OUT else 8_000
        return Frame(Clip(_whole(sounds.whistle(label, rng, rate)[:, None]), rate), label)
    return Frame((reviews.review if kit == "reviews" else reviews.pieces)(label, rng), label)


def _whole(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.round(samples * 32768).clip(-32768, 32767) / 32768)


def _word(label: int, rng: np.random.Generator) -> Clip:
    """A recording as it comes: of some rate and form; in half of them the right channel is another speaker's."""
    rate = int(rng.choice((16_000, 22_050, 44_100, 48_000)))
    clip = sounds.word(label, rng, rate, float(rng.uniform(0.97, 1.1)))
    if rng.random() < 0.5:
        other = sounds.word(int(rng.integers(0, len(sounds.WORDS))), rng, rate, len(clip) / rate)
        size = min(len(clip), len(other))
        return Clip(_whole(np.stack([clip[:size], other[:size]], 1)), rate, str(rng.choice(_FORMS)))
    return Clip(_whole(clip[:, None]), rate, str(rng.choice(_FORMS)))


@dataclass(frozen=True)
class Folder:
    """What was written: give these to `--inputs` and `--labels`."""

    inputs: Path
    labels: Path


def write(kit: str, folder: Path, count: int, stream: int = HELD_OUT, first: int = 0) -> Folder:
    """Frames `first` to `first + count` into `folder`/inputs, their truth beside it: labels.tsv, labels.json (COCO) or masks/."""
    inputs = folder / "inputs"
    inputs.mkdir(parents=True, exist_ok=True)
    frames = {f"frame_{n:04d}": frame(kit, n, stream) for n in range(first, first + count)}
    for name, one in frames.items():
        if isinstance(one.raw, Clip):
            (inputs / f"{name}.wav").write_bytes(sounds.wav(one.raw.samples, one.raw.rate, one.raw.form))
        elif isinstance(one.raw, str):
            (inputs / f"{name}.txt").write_text(one.raw, encoding="utf-8")
        else:
            Image.fromarray(one.raw).save(inputs / f"{name}.png", compress_level=1)
    return Folder(inputs, _write_truth(kit, folder, frames))


def _write_truth(kit: str, folder: Path, frames: dict[str, Frame]) -> Path:
    if kit == "masks":
        masks = folder / "masks"
        masks.mkdir(exist_ok=True)
        for name, one in frames.items():
            assert one.mask is not None  # noqa: S101  # of this kit, all have one
            image = Image.fromarray(one.mask)
            image.putpalette(_PALETTE)
            image.save(masks / f"{name}.png")
        return masks
    if kit == "boxes":
        path = folder / "labels.json"
        path.write_text(json.dumps(_coco(frames)))
        return path
    ending = {"things": "png", "dials": "png", "words": "wav", "whistles": "wav"}.get(kit, "txt")
    columns = [f"value_{i}" for i in range(len(dials.VALUES))] if kit == "dials" else ["label", "name"]
    lines = ["\t".join(["file", *columns])]
    for name, one in frames.items():
        truth = [f"{v:.6f}" for v in one.values] if kit == "dials" else [str(one.label), CLASSES[kit][one.label]]
        lines.append("\t".join([f"{name}.{ending}", *truth]))
    path = folder / "labels.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def _coco(frames: dict[str, Frame]) -> dict[str, Any]:
    height, width = scenes.SHAPE
    annotations: list[dict[str, Any]] = []
    for number, one in enumerate(frames.values(), 1):
        for thing in one.things:
            top, left, bottom, right = thing.box
            box = [left * width, top * height, (right - left) * width, (bottom - top) * height]
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": thing.label,
                "bbox": box, "area": box[2] * box[3], "iscrowd": 0,
            })  # fmt: skip
    return {
        "images": [
            {"id": n, "file_name": f"{name}.png", "height": height, "width": width} for n, name in enumerate(frames, 1)
        ],
        "annotations": annotations,
        "categories": [{"id": i, "name": name} for i, name in enumerate(scenes.CLASSES)],
    }


def truths(frames: Sequence[Frame], kit: str) -> NDArray[Any]:
    """Labels [n], values [n, 3] or masks [n, 96, 128] of a kit that is not `boxes`."""
    if kit == "dials":
        return np.array([f.values for f in frames], np.float32)
    return np.array([f.mask if kit == "masks" else f.label for f in frames])
