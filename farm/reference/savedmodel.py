"""The SavedModel that was converted: `--reference savedmodel=FOLDER`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.reference.hosted import HostedModel
from farm.reference.tensorflow_lite import PINS

if TYPE_CHECKING:
    from collections.abc import Sequence


class SavedModel(HostedModel):
    """Its signature `serving_default`, or the first, frozen into one graph."""

    name = "savedmodel"
    wants = "a SavedModel's folder"
    pins = PINS
    kin = "tensorflow"
    probe = "import tensorflow; tensorflow.lite.Interpreter; import keras"
    program: ClassVar[Sequence[str]] = ("run_tensorflow.py", "savedmodel")
    suffixes = (".tar",)
