"""TensorFlow's own TFLite interpreter."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, ClassVar

from farm.reference.hosted import HostedInterpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "2.21.0"
PINS = (f"tensorflow-cpu=={VERSION}" if platform.machine() == "x86_64" else f"tensorflow=={VERSION}", "keras==3.15.1")


class TensorflowLite(HostedInterpreter):
    """`tf.lite.Interpreter` of TensorFlow 2.21."""

    name = "tensorflow"
    kernel = "delegate"
    pins = PINS
    probe = "import tensorflow; tensorflow.lite.Interpreter; import keras"
    program: ClassVar[Sequence[str]] = ("run_interpreter.py", "tensorflow")
