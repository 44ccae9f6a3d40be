"""TFLite's last runtime of that name, as older apps ship it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.reference.hosted import HostedInterpreter

if TYPE_CHECKING:
    from collections.abc import Sequence


class TfliteRuntime(HostedInterpreter):
    """tflite-runtime 2.14, which works with numpy 1 alone. It leaves XNNPACK out where layers are asked for."""

    name = "tflite-runtime"
    kernel = "delegate"
    pins: ClassVar[tuple[str, ...]] = ("tflite-runtime==2.14.0", "numpy==1.26.4")
    probe = "from tflite_runtime.interpreter import Interpreter"
    program: ClassVar[Sequence[str]] = ("run_interpreter.py", "tflite_runtime")
