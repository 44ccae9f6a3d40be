"""An ONNX model that is the same: `--reference onnx=model.onnx`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from farm.reference.hosted import HostedModel

if TYPE_CHECKING:
    from collections.abc import Sequence


class Onnx(HostedModel):
    """ONNX Runtime on this computer's processor. A model whose weights are in files beside it cannot be sent."""

    name = "onnx"
    wants = "an .onnx file"
    pins: ClassVar[tuple[str, ...]] = ("onnxruntime==1.31.1", "onnx==1.23.2", "numpy==2.4.6")
    probe = "import onnx, onnxruntime"
    program: ClassVar[Sequence[str]] = ("run_onnx.py",)
    suffixes = (".onnx",)
