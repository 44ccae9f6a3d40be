"""The Keras model that was converted: `--reference keras=model.keras` (or .h5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.reference.hosted import HostedModel
from farm.reference.tensorflow_lite import PINS

if TYPE_CHECKING:
    from collections.abc import Sequence


class Keras(HostedModel):
    """Keras on TensorFlow, frozen into one graph; Lambda layers are refused, as they are programs."""

    name = "keras"
    wants = "a .keras or .h5 file"
    pins = PINS
    kin = "tensorflow"
    probe = "import tensorflow; tensorflow.lite.Interpreter; import keras"
    program: ClassVar[Sequence[str]] = ("run_tensorflow.py", "keras")
    suffixes = (".keras", ".h5", ".hdf5")
