"""An app of the tests: the demo's classifier, with exray around it. Right, or with its channels swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import exray
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MODEL = DEMO / "model.tflite"


def classify(pictures: Sequence[Path], capture: Path, *, bgr: bool = False, sensor: str = "", run: str = "") -> None:
    """What the app does with pictures that come in; a picture that is given twice comes in again under another name."""
    interpreter = Interpreter(str(MODEL))
    interpreter.allocate_tensors()
    index = interpreter.get_input_details()[0]["index"]
    labels = {"exray.run": run} if run else None
    with exray.open(capture, app="classifier", model=MODEL, ring=4 << 20, labels=labels) as log:
        seen: set[str] = set()
        for number, file in enumerate(pictures):
            picture = np.asarray(Image.open(file).convert("RGB"))
            name = file.name if file.name not in seen else f"again-{number}-{file.name}"
            seen.add(name)
            with log.frame(name) as frame:
                frame.image("frame", picture)
                if sensor:
                    log.sensor(sensor, float(number), 0.5)
                height, width = (int(side * 0.875 + 0.5) for side in picture.shape[:2])
                top, left = ((side - kept) // 2 for side, kept in zip(picture.shape, (height, width), strict=False))
                part = Image.fromarray(picture[top : top + height, left : left + width])
                small = np.asarray(part.resize((64, 64), Image.Resampling.BILINEAR), np.float32)
                fed = (small[..., ::-1] if bgr else small) / 127.5 - 1
                interpreter.set_tensor(index, np.ascontiguousarray(fed[None]))
                with frame.inference(interpreter):
                    interpreter.invoke()
