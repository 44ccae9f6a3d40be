"""exray: what a pipeline was fed, computed and cost, as a capture that the farm reads.

    import exray

    with exray.open("app.mcap", model="model.tflite") as log:
        for name, picture in pictures:
            with log.frame(name) as frame:
                frame.image("frame", picture)
                interpreter.set_tensor(0, preprocess(picture))
                with frame.inference(interpreter):
                    interpreter.invoke()

Nothing here waits for the disk. What finds no room in the ring is dropped, counted, and told in the capture.
"""

from __future__ import annotations

from exray.capture import Capture, Frame, Totals, open  # noqa: A004  # exray.open, as gzip.open

__all__ = ["Capture", "Frame", "Totals", "open"]
