"""exray: what a pipeline was fed, computed and cost, as a capture that the farm reads.

    import exray

    with exray.open("app.mcap", model="model.tflite") as log:
        for name, picture in pictures:
            with log.frame(name) as frame:
                frame.image("frame", picture)
                interpreter.set_tensor(0, preprocess(picture))
                frame.run(interpreter)

Nothing here waits for the disk. What finds no room in the ring is dropped, counted, and told in the capture.
"""

from __future__ import annotations

from exray.capture import Capture, open  # noqa: A004  # exray.open, as gzip.open
from exray.frame import Frame
from exray.totals import Totals
from exray.version import __version__

__all__ = ["Capture", "Frame", "Totals", "__version__", "open"]
