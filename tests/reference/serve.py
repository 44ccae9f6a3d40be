"""A real model server for tests: KServe's, from PyPI, with the golden ONNX model: `python serve.py MODEL PORT`.

It knows nothing of the farm. It speaks both protocols: /v1/models/golden:predict and /v2/models/golden/infer.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

SIDE, CHANNELS, CLASSES = 12, 3, 5


class Golden(Model):  # type: ignore[misc]  # typed nowhere here
    """What comes over v2 is laid out as the model is, channels first; what comes over v1 is a picture, channels last."""

    def __init__(self, path: str) -> None:
        super().__init__("golden")
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.ready = True

    async def get_input_types(self) -> list[dict[str, Any]]:
        return [{"name": "picture", "datatype": "FP32", "shape": [-1, CHANNELS, SIDE, SIDE]}]

    async def get_output_types(self) -> list[dict[str, Any]]:
        return [{"name": "scores", "datatype": "FP32", "shape": [-1, CLASSES]}]

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        if isinstance(payload, InferRequest):
            value = payload.inputs[0].as_numpy()
            (scores,) = self._session.run(None, {"picture": value})
            output = InferOutput("scores", list(scores.shape), "FP32")
            output.set_data_from_numpy(scores, binary_data=False)
            return InferResponse(payload.id, self.name, [output])
        value = np.asarray(payload["instances"], np.float32).transpose(0, 3, 1, 2)
        (scores,) = self._session.run(None, {"picture": np.ascontiguousarray(value)})
        return {"predictions": scores.tolist()}


if __name__ == "__main__":
    ModelServer(http_port=int(sys.argv[2]), enable_grpc=False, workers=1).start([Golden(sys.argv[1])])
