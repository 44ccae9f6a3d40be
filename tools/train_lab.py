"""Makes tests/lab/models: draws the data of each kit (tools/lab), trains a small model on it, converts it.

Training needs TensorFlow, in an environment of its own (the farm's must not have it):

    python3 -m venv /tmp/lab-env
    /tmp/lab-env/bin/pip install tensorflow-cpu==2.21.0 numpy==2.4.6 pillow==13.0.0
    nice /tmp/lab-env/bin/python tools/train_lab.py              # all kits, or those named

In the farm's own environment the models can be measured, and their data written to look at or to submit:

    python tools/train_lab.py --evaluate [KIT ...]
    python tools/train_lab.py --write boxes /tmp/boxes --frames 60

Everything is seeded: the same numpy and Pillow draw the same frames, the same TensorFlow on the same processor finds the
same weights. All kits take one core about ten minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from lab import data, measure, prepare, reviews
from lab.networks import CELLS, INPUTS, TEXT_INPUTS, build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Inputs = tuple[NDArray[Any], ...]

MODELS = Path(__file__).resolve().parent.parent / "tests" / "lab" / "models"
SEED = 5
FRAMES = {"things": 2500, "boxes": 5000, "masks": 3000, "dials": 4000, "words": 3200, "whistles": 2400, "reviews": 6000}
EPOCHS = {"things": 12, "boxes": 20, "masks": 16, "dials": 20, "words": 15, "whistles": 15, "reviews": 10, "remarks": 6}
BATCH, RATE, CALIBRATION = 32, 4e-3, 200
KEPT_UNCONVERTED = ("things", "words")
"""Kits whose Keras original is kept beside what it was converted to."""


def targets(kit: str, frames: Sequence[data.Frame]) -> NDArray[Any]:
    """What the network that is trained should answer."""
    if kit == "dials":
        return data.truths(frames, kit)
    if kit == "masks":
        high, wide, _ = INPUTS[kit]
        rows, columns = ((np.arange(n) + 0.5) * size / n for n, size in zip((high, wide), (96, 128), strict=True))
        return data.truths(frames, kit)[:, rows.astype(int)][:, :, columns.astype(int)]
    if kit != "boxes":
        return data.truths(frames, kit)
    found = np.zeros((len(frames), CELLS, CELLS, 4 + len(data.CLASSES[kit])), np.float32)
    for one, cells in zip(frames, found, strict=True):
        for thing in one.things:
            top, left, bottom, right = measure.letterboxed(thing.box)
            x, y = (left + right) / 2 * CELLS, (top + bottom) / 2 * CELLS
            cell = cells[int(y), int(x)]
            cell[:4] = x % 1, y % 1, right - left, bottom - top
            cell[4:] = 0
            cell[4 + thing.label] = 1
    return found


def detection_loss(tf: Any) -> Any:
    """Cross-entropy of what is in each cell, and how far off the boxes are where something is."""

    def loss(truth: Any, answer: Any) -> Any:
        here = tf.reduce_max(truth[..., 4:], -1, keepdims=True)
        what = answer[..., 4:]
        p = tf.clip_by_value(truth[..., 4:] * what + (1 - truth[..., 4:]) * (1 - what), 1e-6, 1.0)
        missed = -tf.math.log(p) * (1 - p) ** 1.5  # focal: most cells are empty and soon easy
        off = tf.abs(truth[..., :4] - answer[..., :4]) * tf.constant([1.0, 1.0, 4.0, 4.0]) * here
        return tf.reduce_sum(missed, [1, 2, 3]) + 2 * tf.reduce_sum(off, [1, 2, 3])

    return loss


def train(tf: Any, kit: str, inputs: Inputs, truth: NDArray[Any]) -> Any:
    """The trained network, as it is kept."""
    tf.keras.utils.clear_session()  # layers are named the same whichever kits came before
    tf.keras.utils.set_random_seed(SEED)
    model, kept = build(tf.keras, kit)
    epochs = EPOCHS[kit]
    steps = epochs * -(-len(truth) // BATCH)
    rate = tf.keras.optimizers.schedules.CosineDecay(
        RATE / 10, steps, 0.0, warmup_target=RATE, warmup_steps=steps // 20
    )
    losses = {
        "boxes": detection_loss(tf),
        "dials": tf.keras.losses.Huber(0.1),
        "masks": tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    }
    loss = losses.get(kit) or tf.keras.losses.SparseCategoricalCrossentropy()
    model.compile(tf.keras.optimizers.AdamW(rate, weight_decay=1e-3), loss)
    fed = inputs[0] if len(inputs) == 1 else dict(zip(TEXT_INPUTS, inputs, strict=True))
    model.fit(fed, truth, BATCH, epochs, verbose=2)
    return kept


def convert(tf: Any, kit: str, model: Any, samples: Inputs) -> dict[str, bytes]:
    """File name to content: the model as .tflite with batch 1 and a signature, in float and quantized."""
    names = TEXT_INPUTS if kit == "remarks" else (model.inputs[0].name,)
    wrong = measure.miscalibrated(kit, samples)
    with tempfile.TemporaryDirectory() as saved:
        signature = [tf.TensorSpec((1, *s.shape[1:]), s.dtype, name=n) for n, s in zip(names, samples, strict=False)]
        whole = dict(zip(names, signature, strict=False)) if len(samples) > 1 else signature[0]
        model.export(saved, format="tf_saved_model", input_signature=[whole], verbose=False)

        def converted(calibration: Inputs | None, *, optimize: bool = True) -> bytes:
            converter = tf.lite.TFLiteConverter.from_saved_model(saved)
            if optimize:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if calibration is not None:
                converter.representative_dataset = lambda: (
                    {n: c[i : i + 1] for n, c in zip(names, calibration, strict=False)} for i in range(CALIBRATION)
                )
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_output_type = tf.int8
                if samples[0].dtype == np.float32:  # token ids stay what they are
                    converter.inference_input_type = tf.int8
            return bytes(converter.convert())

        files = {"model.tflite": converted(None, optimize=False)}
        if kit in {"reviews", "remarks"}:
            files["model_dynamic.tflite"] = converted(None)
        if kit != "remarks":
            files |= {"model_int8.tflite": converted(samples), "model_badcalib.tflite": converted(wrong)}
        return files


def with_nms(tf: Any, model: Any) -> bytes:
    """The detector with TensorFlow Lite's own post-processing inside: boxes, classes, scores, count."""
    words: dict[str, tuple[str, Any]] = {
        "max_detections": ("i", 20),
        "max_classes_per_detection": ("i", 1),
        "num_classes": ("i", 6),
    }
    words |= {"nms_iou_threshold": ("f", 0.45), "nms_score_threshold": ("f", 0.01), "use_regular_nms": ("b", "true")}
    words |= {"detections_per_class": ("i", 20), **{f"{side}_scale": ("f", 1.0) for side in "yxhw"}}
    attributes = " ".join(f'attr {{ key: "{k}" value {{ {kind}: {v} }} }}' for k, (kind, v) in words.items())

    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    source = tf.TensorSpec((1, *INPUTS["boxes"]), tf.float32, name="image")
    detector = convert_variables_to_constants_v2(
        tf.function(lambda image: [model(image)[k] for k in ("boxes", "scores")]).get_concrete_function(source)
    )

    @tf.function(experimental_implements=f'name: "TFLite_Detection_PostProcess" {attributes}')  # type: ignore[untyped-decorator]
    def post_processing(boxes: Any, scores: Any, anchors: Any) -> Any:  # noqa: ARG001  # the converter puts its own op here
        return tf.zeros((1, 20, 4)), tf.zeros((1, 20)), tf.zeros((1, 20)), tf.zeros((1,))

    @tf.function(input_signature=[source])  # type: ignore[untyped-decorator]
    def whole(image: Any) -> Any:
        decoded, scores = detector(image)
        x, y, wide, high = tf.unstack(decoded, axis=-1)
        boxes = tf.stack([y, x, tf.math.log(high), tf.math.log(wide)], -1)  # the op takes exponents of the sizes
        anchors = tf.tile(tf.constant([[0.0, 0.0, 1.0, 1.0]]), (CELLS**2, 1))
        return post_processing(boxes, scores, anchors)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([whole.get_concrete_function()], model)
    converter.allow_custom_ops = True
    return bytes(converter.convert())


def make(tf: Any, kit: str) -> None:
    """Train a kit's model and write it."""
    folder = MODELS / kit
    if kit in {"reviews", "remarks"}:
        words = reviews.vocabulary() if kit == "reviews" else reviews.piece_vocabulary()
        (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    recipe = measure.recipe(folder)
    frames = [data.frame(kit, n, data.TRAIN) for n in range(FRAMES.get(kit, 3000))]
    inputs = measure.inputs(kit, frames, recipe, folder)
    if kit == "words":
        check_features(tf, frames[0], recipe, inputs[0][0])
    model = train(tf, kit, inputs, targets(kit, frames))
    files = convert(tf, kit, model, tuple(i[:CALIBRATION] for i in inputs))
    if kit == "boxes":
        files["model_nms.tflite"] = with_nms(tf, model)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if kit in KEPT_UNCONVERTED:
        plain = tf.keras.Model.from_config(model.get_config())  # without what training left in it
        plain.set_weights(model.get_weights())
        plain.save(folder / "model.keras")


def check_features(tf: Any, frame: data.Frame, recipe: prepare.Recipe, ours: NDArray[Any]) -> None:
    """The MFCCs that are trained on are those of tf.signal."""
    assert isinstance(frame.raw, data.Clip)  # noqa: S101  # of a kit of sounds
    samples = np.round(frame.raw.samples[:, 0] * 32768)[: 48 * 320 + 480] / 32768
    spectrum = tf.abs(tf.signal.stft(samples.astype(np.float32), 480, 320, 512))
    mel = tf.matmul(spectrum, tf.signal.linear_to_mel_weight_matrix(40, 257, 16_000, 20.0, 4000.0))
    mfcc = tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(mel + 1e-6))[..., :10]
    theirs = (mfcc.numpy() - recipe["audio"]["mean"]) / recipe["audio"]["std"]
    worst = float(np.abs(theirs - ours[..., 0]).max())
    if worst > 0.01:
        raise SystemExit(f"our MFCCs are {worst:.3g} away from tf.signal's")
    print(f"MFCCs agree with tf.signal's within {worst:.1g}")


def main() -> None:
    """Trains, measures what is committed, or writes data."""
    parser = argparse.ArgumentParser(description="Make or measure tests/lab/models, or write their data.")
    parser.add_argument("kits", nargs="*", help=f"of {' '.join(data.KITS)}; none: all")
    parser.add_argument("--evaluate", action="store_true", help="print how well the committed models do")
    parser.add_argument("--write", nargs=2, metavar=("KIT", "FOLDER"), help="write inputs and labels")
    parser.add_argument("--frames", type=int, default=60, help="how many to write, or to evaluate on")
    parser.add_argument("--first", type=int, default=0, help="number of the first held-out frame to write")
    asked = parser.parse_args()
    if unknown := sorted({*asked.kits, *(asked.write or ())[:1]} - set(data.KITS)):
        parser.error(f"no such kit: {', '.join(unknown)}")
    kits = asked.kits or data.KITS
    if asked.write:
        written = data.write(asked.write[0], Path(asked.write[1]), asked.frames, first=asked.first)
        print(f"--inputs {written.inputs} --labels {written.labels}")
    elif asked.evaluate:
        print("\n\n".join(measure.table(kit, MODELS / kit, asked.frames) for kit in kits))
    else:
        try:
            import tensorflow as tf
        except ImportError:
            parser.exit(2, f"TensorFlow is missing here.\n\n{__doc__}")
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        for kit in kits:
            make(tf, kit)


if __name__ == "__main__":
    main()
