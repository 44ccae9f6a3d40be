"""A classifier over the pictures of a folder, by LiteRT: what each shows, a line per picture. All it does is logged.

    python classifier.py MODEL.tflite PICTURES CAPTURE [--bug rotation]

With the bug every picture is fed a quarter turn off, as from a camera that is mounted so, and `farm diagnose CAPTURE --model
MODEL.tflite` says so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import exray
import numpy as np
import pictures
from ai_edge_litert.interpreter import Interpreter


def classify(model: Path, folder: Path, capture: Path, *, turned: bool) -> None:
    """Print the class of each picture."""
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    fed, answered = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    with exray.open(capture, app="classifier", model=model, ring=4 << 20) as log:
        for file in pictures.files(folder):
            picture = pictures.read(file)
            with log.frame(file.name) as frame:
                frame.image("frame", picture)
                seen = np.rot90(picture) if turned else picture
                interpreter.set_tensor(fed["index"], pictures.prepared(seen, fed["shape"][1]))
                frame.run(interpreter)
            sys.stdout.write(f"{file.name}\t{interpreter.get_tensor(answered['index']).argmax()}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("capture", type=Path)
    parser.add_argument("--bug", choices=["rotation"])
    given = parser.parse_args()
    classify(given.model, given.pictures, given.capture, turned=given.bug == "rotation")
