"""The networks of the kits, in Keras. Each gives the network that is trained and the one that is kept, on the same weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lab import reviews
from lab.data import CLASSES

if TYPE_CHECKING:
    from collections.abc import Callable

INPUTS: dict[str, tuple[int, ...]] = {
    "things": (56, 56, 3),
    "boxes": (80, 80, 3),
    "masks": (64, 64, 3),
    "dials": (64, 64, 3),
    "words": (49, 10, 1),
    "whistles": (4000,),
    "reviews": (32,),
    "remarks": (32,),
}
"""Shapes of the models' inputs, without the batch."""
TEXT_INPUTS = ("segments", "ids", "mask")
"""Of `remarks`, in the order the converter puts them."""
CELLS = 10
"""The detector looks at 10 x 10 cells; the one a thing's middle lies in answers for it."""


def build(keras: Any, kit: str) -> tuple[Any, Any]:
    """The network to train and the network to keep."""
    makers: dict[str, Callable[[Any], tuple[Any, Any]]] = {
        "things": _things, "boxes": _boxes, "masks": _masks, "dials": _dials,
        "words": _words, "whistles": _whistles, "reviews": _reviews, "remarks": _remarks,
    }  # fmt: skip
    return makers[kit](keras)


def _conv(keras: Any, x: Any, width: int, stride: Any = 1, size: Any = 3, *, one: bool = False) -> Any:
    kind = keras.layers.Conv1D if one else keras.layers.Conv2D
    x = kind(width, size, stride, "same", use_bias=False)(x)
    return keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))


def _classes(keras: Any, source: Any, x: Any, kit: str) -> tuple[Any, Any]:
    answer = keras.layers.Dense(len(CLASSES[kit]), activation="softmax", name="classes")(x)
    model = keras.Model(source, answer)
    return model, model


def _things(keras: Any) -> tuple[Any, Any]:
    source = keras.Input(INPUTS["things"], name="image")
    x = source
    for width, stride in ((12, 2), (20, 2), (28, 1), (36, 2), (36, 1)):
        x = _conv(keras, x, width, stride)
    return _classes(keras, source, keras.layers.GlobalAveragePooling2D()(x), "things")


def _boxes(keras: Any) -> tuple[Any, Any]:
    layers, names = keras.layers, CLASSES["boxes"]
    source = keras.Input(INPUTS["boxes"], name="image")
    x = source
    for width, stride in ((12, 2), (20, 2), (28, 1), (40, 2), (40, 1)):
        x = _conv(keras, x, width, stride)
    place = layers.Conv2D(4, 1, activation="sigmoid", name="place")(x)
    what = layers.Conv2D(len(names), 1, activation="sigmoid", name="what")(x)
    trained = layers.Concatenate(name="cells")([place, what])
    row, column = np.mgrid[0:CELLS, 0:CELLS]
    corner = np.stack([column, row, column * 0, row * 0], -1).astype(np.float32)[None] / CELLS
    size = np.array([1 / CELLS, 1 / CELLS, 1, 1], np.float32)
    boxes = layers.Reshape((CELLS**2, 4), name="boxes")(place * size + corner)
    scores = layers.Reshape((CELLS**2, len(names)), name="scores")(what)
    return keras.Model(source, trained), keras.Model(source, {"boxes": boxes, "scores": scores})


def _masks(keras: Any) -> tuple[Any, Any]:
    layers = keras.layers
    source = keras.Input(INPUTS["masks"], name="image")
    half = _conv(keras, source, 12, 2)
    quarter = _conv(keras, _conv(keras, half, 20, 2), 20)
    eighth = _conv(keras, _conv(keras, quarter, 32, 2), 32)
    x = _conv(keras, layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(eighth), quarter]), 20)
    x = _conv(keras, layers.Concatenate()([layers.UpSampling2D(interpolation="bilinear")(x), half]), 16)
    x = layers.Conv2D(len(CLASSES["masks"]), 1, name="logits")(x)
    model = keras.Model(source, layers.UpSampling2D(interpolation="bilinear", name="classes")(x))
    return model, model


def _dials(keras: Any) -> tuple[Any, Any]:
    layers = keras.layers
    source = keras.Input(INPUTS["dials"], name="image")
    x = source
    for width, stride in ((12, 2), (20, 2), (28, 1), (28, 2)):
        x = _conv(keras, x, width, stride)
    x = layers.Flatten()(_conv(keras, x, 12, size=1))
    x = layers.Dense(40, activation="relu")(x)
    model = keras.Model(source, layers.Dense(len(CLASSES["dials"]), name="values")(x))
    return model, model


def _words(keras: Any) -> tuple[Any, Any]:
    layers = keras.layers
    source = keras.Input(INPUTS["words"], name="mfcc")
    x = _conv(keras, source, 16, (2, 1), (5, 5))
    x = _conv(keras, x, 24, 2)
    x = _conv(keras, x, 32, (2, 1))
    x = layers.Dropout(0.2)(layers.Flatten()(_conv(keras, x, 12, size=1)))
    return _classes(keras, source, x, "words")


def _whistles(keras: Any) -> tuple[Any, Any]:
    layers = keras.layers
    source = keras.Input(INPUTS["whistles"], name="waveform")
    x = layers.Reshape((*INPUTS["whistles"], 1))(source)
    for width, stride, size in ((16, 8, 48), (24, 4, 9), (24, 4, 9), (24, 4, 5)):
        x = _conv(keras, x, width, stride, size, one=True)
    return _classes(keras, source, layers.Flatten()(x), "whistles")


def _reviews(keras: Any) -> tuple[Any, Any]:
    layers = keras.layers
    source = keras.Input(INPUTS["reviews"], dtype="int32", name="ids")
    x = layers.Embedding(len(reviews.vocabulary()), 12)(source)
    x = layers.Conv1D(16, 3, padding="same", activation="relu")(x)
    x = layers.Dropout(0.3)(layers.Flatten()(x))
    return _classes(keras, source, layers.Dense(16, activation="relu")(x), "reviews")


def _remarks(keras: Any) -> tuple[Any, Any]:
    layers = keras.layers
    ids, mask, segments = (keras.Input(INPUTS["remarks"], dtype="int32", name=n) for n in ("ids", "mask", "segments"))
    x = layers.Embedding(len(reviews.piece_vocabulary()), 12)(ids) + layers.Embedding(2, 12)(segments)
    x = layers.Conv1D(16, 3, padding="same", activation="relu")(x)
    tokens = keras.ops.cast(mask, "float32")
    x = keras.ops.sum(x * keras.ops.expand_dims(tokens, -1), 1) / keras.ops.sum(tokens, 1, keepdims=True)
    return _classes(keras, {"ids": ids, "mask": mask, "segments": segments}, x, "remarks")
