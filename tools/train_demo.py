"""Makes the bundled demo: draws the scenes, trains a small classifier, converts it, writes farm/demo/.

Training needs TensorFlow, in an environment of its own (the farm's must not have it):

    python3 -m venv /tmp/demo-env
    /tmp/demo-env/bin/pip install tensorflow-cpu==2.21.0 numpy==2.4.6 pillow==13.0.0
    nice /tmp/demo-env/bin/python tools/train_demo.py

The committed models can be measured in the farm's own environment:

    python tools/train_demo.py --evaluate

Everything is seeded: the same numpy and Pillow draw the same frames, the same TensorFlow on the same processor finds the
same weights. It takes one core about three minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import demo_accuracy
import numpy as np
from demo_scenes import CLASSES, draw
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEMO = Path(__file__).resolve().parent.parent / "farm" / "demo"
SEED = 22
TRAIN, HELD_OUT = 0, 1  # streams of scenes; a frame is drawn from (stream, class, index) and is in one stream only
TRAIN_EACH, HELD_OUT_EACH = 600, 10
EPOCHS, BATCH, RATE = 14, 48, 4e-3
CALIBRATION = 240
# Depthwise-separable blocks: output channels, stride. Stride 1 at equal width adds its input back.
BLOCKS = ((24, 1), (40, 2), (40, 1), (64, 2), (64, 1), (96, 2), (96, 1))


def scene(stream: int, label: int, index: int) -> Image.Image:
    """Frame `index` of class `label` in `stream`: 128 x 96, RGB."""
    return Image.fromarray(draw(label, np.random.default_rng([SEED, stream, label, index])))


def training_set() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Inputs float32 [N, 64, 64, 3] through the right recipe, classes int64 [N]; classes take turns."""
    order = [(label, index) for index in range(TRAIN_EACH) for label in range(len(CLASSES))]
    inputs = np.stack([demo_accuracy.prepare(scene(TRAIN, *at)) for at in order])
    return inputs, np.array([label for label, _ in order], np.int64)


def network(keras: Any) -> Any:
    """A MobileNet in small: 64 x 64 x 3 in -1..1 to class probabilities, about 30 thousand weights."""
    layers = keras.layers

    def block(x: Any, width: int, stride: int, name: str) -> Any:
        y = layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"{name}_depthwise")(x)
        y = layers.ReLU(6.0, name=f"{name}_depthwise_relu6")(layers.BatchNormalization()(y))
        y = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_pointwise")(y)
        y = layers.BatchNormalization()(y)
        if stride == 1 and x.shape[-1] == width:
            return layers.Add(name=f"{name}_add")([x, y])
        return layers.ReLU(6.0, name=f"{name}_pointwise_relu6")(y)

    image = keras.Input((demo_accuracy.INPUT, demo_accuracy.INPUT, 3), name="image")
    x = layers.Conv2D(16, 3, 2, "same", use_bias=False, name="stem")(image)
    x = layers.ReLU(6.0, name="stem_relu6")(layers.BatchNormalization()(x))
    for number, (width, stride) in enumerate(BLOCKS, 1):
        x = block(x, width, stride, f"block{number}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(len(CLASSES), activation="softmax", name="classes")(x))


def train(tf: Any, inputs: NDArray[np.float32], labels: NDArray[np.int64]) -> Any:
    """The trained network."""
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    model = network(tf.keras)
    steps = EPOCHS * -(-len(inputs) // BATCH)
    rate = tf.keras.optimizers.schedules.CosineDecay(
        RATE / 10, steps, 0.0, warmup_target=RATE, warmup_steps=steps // 20
    )
    loss = tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.05)
    model.compile(tf.keras.optimizers.AdamW(rate, weight_decay=1e-3), loss, metrics=["accuracy"])
    model.fit(inputs, np.eye(len(CLASSES), dtype=np.float32)[labels], BATCH, EPOCHS, verbose=2)
    return model


def convert(tf: Any, model: Any, samples: NDArray[np.float32]) -> tuple[bytes, bytes]:
    """The network as .tflite, batch 1 and a signature: float32, and full-integer int8 calibrated on `samples`."""

    with tempfile.TemporaryDirectory() as saved:
        signature = [tf.TensorSpec((1, *samples.shape[1:]), tf.float32, name="image")]
        model.export(saved, format="tf_saved_model", input_signature=signature, verbose=False)
        plain = tf.lite.TFLiteConverter.from_saved_model(saved).convert()
        converter = tf.lite.TFLiteConverter.from_saved_model(saved)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        return plain, converter.convert()


def write_inputs() -> None:
    """The held-out frames, in shuffled order so that a cut-off run still sees every class, and their labels."""
    folder = DEMO / "inputs"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    order = [(label, index) for index in range(HELD_OUT_EACH) for label in range(len(CLASSES))]
    np.random.default_rng(SEED).shuffle(order)
    lines = ["file\tlabel\tname"]
    for number, (label, index) in enumerate(order):
        name = f"frame_{number:03d}.png"
        scene(HELD_OUT, label, index).save(folder / name, optimize=True)
        lines.append(f"{name}\t{label}\t{CLASSES[label]}")
    (DEMO / "labels.tsv").write_text("\n".join(lines) + "\n")
    (DEMO / "labels.txt").write_text("\n".join(CLASSES) + "\n")


def main() -> None:
    """Trains, or measures what is committed."""
    parser = argparse.ArgumentParser(description="Make or measure the models in farm/demo/.")
    parser.add_argument("--evaluate", action="store_true", help="print the accuracies of the committed models")
    if parser.parse_args().evaluate:
        print(demo_accuracy.table(DEMO))
        return
    try:
        import tensorflow as tf
    except ImportError:
        parser.exit(2, f"TensorFlow is missing here.\n\n{__doc__}")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    write_inputs()
    inputs, labels = training_set()
    model = train(tf, inputs, labels)
    plain, integer = convert(tf, model, inputs[:CALIBRATION])
    for name, content in zip(demo_accuracy.MODELS, (plain, integer), strict=True):
        (DEMO / name).write_bytes(content)


if __name__ == "__main__":
    main()
