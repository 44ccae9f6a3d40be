"""The same classifier by ONNX Runtime: what each picture of a folder shows, a line per picture. All it does is logged.

    python as_onnx.py MODEL.tflite MODEL.onnx
    python onnx_classifier.py MODEL.onnx MODEL.tflite PICTURES CAPTURE [--bug resize]

With the bug it takes the nearest pixel where training took the mean of an area, and `farm diagnose CAPTURE --model MODEL.tflite`
says so. The capture names the model that the .onnx was made of, with which the farm compares it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import exray
import onnxruntime
import pictures
from PIL import Image


def classify(model: Path, original: Path, folder: Path, capture: Path, *, nearest: bool) -> None:
    """Print the class of each picture."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    fed = session.get_inputs()[0]
    resample = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    with exray.open(capture, app="onnx classifier", model=original, ring=4 << 20) as log:
        for file in pictures.files(folder):
            picture = pictures.read(file)
            with log.frame(file.name) as frame:
                frame.image("frame", picture)
                seen = pictures.prepared(picture, fed.shape[1], resample)
                (scores,) = frame.run(session, None, {fed.name: seen})
            sys.stdout.write(f"{file.name}\t{scores.argmax()}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("original", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--bug", choices=["resize"])
    given = parser.parse_args()
    classify(given.model, given.original, given.pictures, given.capture, nearest=given.bug == "resize")
