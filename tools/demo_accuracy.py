"""How well the bundled demo models do, under the right recipe and under each planted bug: LiteRT on the committed frames."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

INPUT = 64  # the model's input is INPUT x INPUT
CROP = 0.875
MODELS = ("model.tflite", "model_int8.tflite")
RECIPES = ("right", "bgr", "[0,1]", "rotate 90", "rotate 270", "nearest", "not antialiased", "no crop")


def prepare(frame: Image.Image, recipe: str = "right") -> Floats:
    """The model's input for one frame: float32 [64, 64, 3]; in -1..1 under the right recipe.

    `recipe` is one of `RECIPES`: the right one, or one that differs from it in the single point it is named for.
    Turns are counter-clockwise, as in a recipe.
    """
    crop = 1.0 if recipe == "no crop" else CROP
    left, top = frame.width * (1 - crop) / 2, frame.height * (1 - crop) / 2
    box = (round(left), round(top), round(frame.width - left), round(frame.height - top))
    view = frame.convert("RGB").crop(box)
    if recipe == "not antialiased":
        pixels = _two_taps(np.asarray(view, np.float32))
    else:
        kernel = Image.Resampling.NEAREST if recipe == "nearest" else Image.Resampling.BILINEAR
        pixels = np.asarray(view.resize((INPUT, INPUT), kernel), np.float32)
    if recipe == "bgr":
        pixels = pixels[..., ::-1]
    if recipe.startswith("rotate"):
        pixels = np.rot90(pixels, int(recipe.removeprefix("rotate ")) // 90)
    low, span = (0.0, 255.0) if recipe == "[0,1]" else (127.5, 127.5)
    return ((pixels - low) / span).astype(np.float32)


def _two_taps(pixels: Floats) -> Floats:
    """Bilinear as most phone code does it: two pixels a side however far apart the samples are. float32 [64, 64, C]."""
    for axis in (0, 1):
        size = pixels.shape[axis]
        at = ((np.arange(INPUT) + 0.5) * size / INPUT - 0.5).clip(0, size - 1)
        low = np.floor(at).astype(np.intp)
        weight = (at - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        pixels = pixels.take(low, axis) * (1 - weight) + pixels.take((low + 1).clip(max=size - 1), axis) * weight
    return pixels


def predict(model: Path, inputs: Floats) -> NDArray[np.intp]:
    """The class the model gives each of `inputs` (float32 [N, 64, 64, 3]): intp [N]."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    source, sink = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    if source["dtype"] == np.int8:
        scale, zero = source["quantization"]
        inputs = (inputs / scale + zero).round().clip(-128, 127).astype(np.int8)
    classes = np.empty(len(inputs), np.intp)
    for index in range(len(inputs)):
        interpreter.set_tensor(source["index"], inputs[index : index + 1])
        interpreter.invoke()
        classes[index] = int(interpreter.get_tensor(sink["index"])[0].argmax())
    return classes


def table(folder: Path) -> str:
    """Top-1 in percent of both models under every recipe on the folder's frames, as a Markdown table."""
    with (folder / "labels.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    frames = [Image.open(folder / "inputs" / row["file"]) for row in rows]
    labels = np.array([int(row["label"]) for row in rows])
    lines = [f"| {len(rows)} frames, top-1 % | float | int8 |", "|---|---|---|"]
    for recipe in RECIPES:
        inputs = np.stack([prepare(frame, recipe) for frame in frames])
        scores = [100 * float((predict(folder / name, inputs) == labels).mean()) for name in MODELS]
        lines.append(f"| {recipe} | " + " | ".join(f"{score:.1f}" for score in scores) + " |")
    return "\n".join(lines)
