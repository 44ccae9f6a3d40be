"""Makes farm/reference/golden: one small model in each format a reference runtime reads, for `farm runtime check`.

    python tools/golden_models.py tflite      # in an environment with tensorflow: golden.tflite, .keras, .tar (a SavedModel)
    python tools/golden_models.py onnx        # in one with onnx: golden.onnx, channels first, from weights.npz

All have the same seeded weights: a strided convolution, a rectifier, a mean over the picture, a matrix product, a softmax.
"""

from __future__ import annotations

import argparse
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20260119
SIDE, CHANNELS, KERNELS, CLASSES = 12, 3, 6, 5
FOLDER = Path(__file__).resolve().parents[1] / "farm" / "reference" / "golden"


def weights() -> dict[str, np.ndarray[Any, Any]]:
    """Seeded: kernel [3, 3, in, out], bias, matrix [in, out], offset."""
    rng = np.random.default_rng(SEED)
    shapes = {
        "kernel": (3, 3, CHANNELS, KERNELS),
        "bias": (KERNELS,),
        "matrix": (KERNELS, CLASSES),
        "offset": (CLASSES,),
    }
    return {name: rng.normal(0, 0.6, shape).astype(np.float32) for name, shape in shapes.items()}


def with_tensorflow() -> None:
    """The .tflite, the .keras and the SavedModel."""
    import keras
    import tensorflow as tf

    made = weights()
    picture = keras.Input((SIDE, SIDE, CHANNELS), name="picture")
    x = keras.layers.Conv2D(KERNELS, 3, strides=2, padding="valid", activation="relu", name="features")(picture)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    scores = keras.layers.Dense(CLASSES, activation="softmax", name="scores")(x)
    model = keras.Model(picture, scores, name="golden")
    model.get_layer("features").set_weights([made["kernel"], made["bias"]])
    model.get_layer("scores").set_weights([made["matrix"], made["offset"]])
    model.save(FOLDER / "golden.keras")
    (FOLDER / "golden.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    with tempfile.TemporaryDirectory() as name:
        model.export(name, verbose=False)
        with tarfile.open(FOLDER / "golden.tar", "w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(p for p in Path(name).rglob("*") if p.is_file()):
                tar.add(path, path.relative_to(name).as_posix())


def with_onnx() -> None:
    """The same in ONNX, laid out as PyTorch would: [1, channels, height, width]."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    made = weights()
    constants = {
        "kernel": made["kernel"].transpose(3, 2, 0, 1), "bias": made["bias"], "matrix": made["matrix"],
        "offset": made["offset"],
    }  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["picture", "kernel", "bias"], ["convolved"], strides=[2, 2], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["convolved"], ["golden_1/features_1/Relu"]),
        helper.make_node("GlobalAveragePool", ["golden_1/features_1/Relu"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["golden_1/mean_1/Mean"]),
        helper.make_node("Gemm", ["golden_1/mean_1/Mean", "matrix", "offset"], ["golden_1/scores_1/BiasAdd"]),
        helper.make_node("Softmax", ["golden_1/scores_1/BiasAdd"], ["scores"], axis=1),
    ]
    graph = helper.make_graph(
        nodes, "golden",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["n", CHANNELS, SIDE, SIDE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", CLASSES])],
        [numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in constants.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, FOLDER / "golden.onnx")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["tflite", "onnx"])
    FOLDER.mkdir(exist_ok=True)
    (with_tensorflow if parser.parse_args().what == "tflite" else with_onnx)()
