"""A quantized model and its float twin: which tensor is which, when names, order and conversions are not the same."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from farm.compare.twin import align
from farm.model import graph as graphs
from farm.model import rewrite
from tests.conftest import DEMO

if TYPE_CHECKING:
    from pathlib import Path

FLOAT, INT8 = DEMO / "model.tflite", DEMO / "model_int8.tflite"
PAIRS = [
    ("mobilenet_v1_0.25_224_quant", "mobilenet_v1_0.25_224"),
    ("mobilenet_v1_0.25_224_ptq_int8", "mobilenet_v1_0.25_224"),
    ("kws_int8", "kws_float32"),
    *((name, name) for name in ("deeplabv3", "ssd_mobilenet_v1_coco_quant", "yamnet_quant", "movie_review")),
]


def scrambled(model: bytes, seed: int, suffix: str = "") -> bytes:
    """Without its names, or with a suffix to each."""
    graph, tree = rewrite.open_model(model, "model", "renamed")
    main, draw = tree.subgraphs[0], random.Random(seed)  # noqa: S311  # no secret
    for i, tensor in enumerate(main.tensors):
        tensor.name = f"{graph.tensors[i].name}{suffix}" if suffix else f"t{draw.random()}"
    return rewrite.pack(tree, "model", outputs=list(main.outputs), more_outputs={})


def test_names_align_all_layers() -> None:
    found = align(INT8.read_bytes(), FLOAT.read_bytes())
    assert (found.found, found.layers) == (21, 21)
    assert found.words() == "21 of 21 layers aligned: 21 by name"
    assert found.similarity is not None
    assert found.similarity > 0.999


def test_suffixes_of_converters_are_seen_through() -> None:
    found = align(scrambled(INT8.read_bytes(), 0, ";other/BiasAdd_quantized:0"), FLOAT.read_bytes())
    assert found.twins() == align(INT8.read_bytes(), FLOAT.read_bytes()).twins()


@pytest.mark.parametrize("seed", range(3))
def test_without_names_weights_and_structure_give_the_same(seed: int) -> None:
    found = align(scrambled(INT8.read_bytes(), seed), FLOAT.read_bytes())
    assert found.twins() == align(INT8.read_bytes(), FLOAT.read_bytes()).twins()
    assert {how for how, _ in found.aligned} == {"weights", "structure"}


@pytest.mark.parametrize(("mine", "other"), PAIRS, ids=[mine for mine, _ in PAIRS])
def test_published_models_align_without_names(mine: str, other: str, testdata: Path) -> None:
    first, second = ((testdata / "models" / f"{name}.tflite").read_bytes() for name in (mine, other))
    named = align(first, second)
    assert named.found == named.layers
    blind = align(scrambled(first, 1), second)
    assert blind.found >= named.layers - 1
    assert all(named.twins()[t] == twin for t, twin in blind.twins().items())


def test_other_models_have_no_layers_in_common(testdata: Path) -> None:
    found = align((testdata / "models" / "kws_int8.tflite").read_bytes(), FLOAT.read_bytes())
    assert found.found == 0
    outputs = graphs.read_file(testdata / "models" / "kws_int8.tflite").outputs
    assert not found.twins().keys() & set(outputs)
