"""Figures of quantization against values worked out by hand, and on a real model whose faults were planted into its file."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.compare import twin
from farm.compare.isolated import OwnError
from farm.compare.quantization import cut_off, measure, origins, requantized
from farm.compare.rung import quantized
from farm.model import graph as graphs
from farm.model import recipe as recipes
from farm.model.graph import Graph, Node, Tensor
from farm.model.isolate import isolate
from farm.reference.preprocess import decode, geometry, quantize, values
from tests.conftest import DEMO
from tests.model.planted import recalibrated, reweighted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from farm.report.quantization import LayerQuantization

Array = np.ndarray[Any, Any]
FLOAT, INT8 = ((DEMO / f"model{end}.tflite").read_bytes() for end in ("", "_int8"))
LIMIT = 0.05
FRAMES = range(6)


def one_layer(
    scale: tuple[float, ...], zero: tuple[int, ...], shape: tuple[int, ...], axis: int = 0, dtype: str = "int8"
) -> Graph:
    """x -> CONV_2D -> y, of which y is quantized as said."""
    x = Tensor(0, "x", "float32", shape, (), (), 0, constant=False)
    y = Tensor(1, "y", dtype, shape, scale, zero, axis, constant=False)
    return Graph((Node(0, "CONV_2D", custom=False, inputs=(0,), outputs=(1,)),), (x, y), (0,), (1,), 1, ())


def layer(mine: list[Array], other: list[Array], graph: Graph) -> LayerQuantization:
    (found,) = measure(range(len(mine)), lambda i: {1: mine[i]}, lambda i: {1: other[i]}, graph)
    return found


def test_figures_by_hand() -> None:
    graph = one_layer((0.5,), (-10,), (1, 4, 2))
    stored = np.array([[[-10, 127], [-8, 127], [-10, 0], [-12, 10]]], np.int8)  # 0 68.5 1 68.5 0 5 -1 10
    real = np.array([[[0.25, 68.5], [1.0, 80.0], [0.0, 5.0], [-1.0, 10.0]]], np.float32)
    found = layer([stored], [real], graph)
    error = np.array([-0.25, 0, 0, -11.5, 0, 0, 0, 0])
    assert found.rmse == pytest.approx(np.sqrt(np.mean(error**2)))
    assert found.bias == pytest.approx(error.mean())
    assert found.max_abs == 11.5
    assert found.nrmse == pytest.approx(found.rmse / 81)
    assert found.sqnr_db == pytest.approx(10 * np.log10(np.square(real, dtype=float).sum() / np.square(error).sum()))
    assert (found.at_high, found.at_low, found.saturated, found.clipped) == (2 / 8, 0.0, 0.0, 1 / 8)
    assert found.pinned == 2 / 8  # 68.5 is no bound of an activation
    assert found.cut_nrmse == pytest.approx(11.5 / np.sqrt(8) / 81)
    assert found.range_nrmse == pytest.approx(np.sqrt((11.5**2 + 0.25**2) / 8) / 81)
    assert found.dead_range == pytest.approx(1 - (127 + 12 + 1) / 256)
    assert found.used_bits == pytest.approx(np.log2(140))
    assert (found.channels, found.dead_channels, found.bits) == (2, 0, 8)
    first, second = found.worst_channels
    assert (first.channel, first.max_abs, first.clipped) == (1, 11.5, 1 / 4)
    assert (second.channel, second.bias) == (0, -0.25 / 4)


def test_saturation_is_what_the_reference_does_not_have() -> None:
    graph = one_layer((0.1,), (0,), (1, 8, 1))
    right = np.array([127, 127, 5, 6, 7, 8, 9, 10], np.int8).reshape(1, 8, 1)
    wrong = right.copy()
    wrong[0, 2:5] = 127
    found = layer([wrong], [right], graph)
    assert found.saturated == 3 / 8
    assert found.clipped is None
    assert found.range_nrmse is None
    assert layer([right], [right], graph).sqnr_db is None


def test_natural_bounds_pin_nothing() -> None:
    relu6 = one_layer((6 / 255,), (-128,), (1, 8, 1))
    ends = np.array([127, -128] * 4, np.int8).reshape(1, 8, 1)
    assert layer([ends], [ends], relu6).pinned == 0
    cut = one_layer((3 / 255,), (-128,), (1, 8, 1))
    assert layer([ends], [ends], cut).pinned == 0.5


def test_channels_have_scales_of_their_own() -> None:
    graph = one_layer((0.5, 0.01), (0, 0), (2, 3), axis=0)
    stored = np.array([[1, 2, 3], [1, 2, 127]], np.int8)
    real = np.array([[0.5, 1.0, 1.5], [0.01, 0.02, 2.27]], np.float32)
    found = layer([stored], [real], graph)
    assert found.channels == 2
    (only,) = found.worst_channels
    assert only.channel == 1
    assert only.max_abs == pytest.approx(1.0, abs=1e-6)
    assert only.clipped == pytest.approx(1 / 3)


@settings(max_examples=50)
@given(st.data())
def test_frames_add_up_and_requantizing_is_the_ranges_own_error(data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(["int8", "uint8", "int16"]))
    scale, zero = data.draw(st.floats(1e-4, 10)), data.draw(st.integers(-5, 5)) if dtype == "int8" else 0
    n, size = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 30))
    random = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    graph = one_layer((scale,), (zero,), (1, size), dtype=dtype)
    real = [(random.normal(0, 60 * scale, (1, size))).astype(np.float32) for _ in range(n)]
    stored = [requantized(r.astype(np.float64), graph.tensors[1]) for r in real]
    found = layer(stored, real, graph)
    whole = np.concatenate([(s.astype(float) - zero) * scale - r for s, r in zip(stored, real, strict=True)])
    assert found.rmse == pytest.approx(np.sqrt(np.mean(whole**2)), rel=1e-6, abs=1e-12)
    assert found.bias == pytest.approx(whole.mean(), rel=1e-6, abs=1e-9 * scale)
    assert found.range_nrmse == pytest.approx(found.nrmse, rel=1e-6, abs=1e-12)
    assert found.saturated == 0
    (told,) = origins([found], graph, limit=1e-9)
    assert told.origin in ("range", "none")
    assert type(told).model_validate_json(told.model_dump_json()) == told


def test_broken_scales_and_values_are_left_out_or_told() -> None:
    ones = np.ones((1, 4), np.int8)
    for scale in ((0.0,), (float("nan"),), (float("inf"),), (0.1, 0.1, 0.1)):
        graph = one_layer(scale, (0,) * len(scale), (1, 4))
        assert not measure([0], lambda _: {1: ones}, lambda _: {1: ones.astype(np.float32)}, graph)
    graph = one_layer((0.1,), (0,), (1, 4))
    found = layer([ones], [np.array([[np.nan, np.inf, 0.1, 0.1]], np.float32)], graph)
    assert found.rmse > 0
    assert type(found).model_validate_json(found.model_dump_json())


def test_memory_does_not_grow_with_the_frames() -> None:
    graph = one_layer((0.1,), (0,), (1, 64, 64, 8))
    random = np.random.default_rng(0)
    real = random.normal(size=(1, 64, 64, 8)).astype(np.float32)

    def peak(frames: int) -> int:
        tracemalloc.start()
        measure(range(frames), lambda _: {1: requantized(real, graph.tensors[1])}, lambda _: {1: real.copy()}, graph)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(100) < 1.1 * peak(4)


# On the bundled classifier and its float twin.


def pictures(graph: Graph) -> list[Array]:
    recipe = recipes.load(DEMO / "model.recipe.toml")
    files = sorted((DEMO / "inputs").glob("*.png"))
    _, height, width, _ = graph.tensors[graph.inputs[0]].shape
    pixels = [
        geometry(decode(f.read_bytes(), f.name), recipe, height, width) for f in files[:: len(files) // len(FRAMES)]
    ]
    return [quantize(values(p, recipe), graph.tensors[graph.inputs[0]])[None] for p in pixels[: len(FRAMES)]]


def run(model: bytes, feeds: list[dict[int, Array]], outputs: tuple[int, ...] | None = None) -> list[dict[int, Array]]:
    """Every tensor that depends on the input, on reference kernels."""
    graph = graphs.read(model)
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    wanted = outputs or tuple(t for n in graph.nodes for t in n.outputs if t not in graph.from_constants)
    found = []
    for feed in feeds:
        for index, value in feed.items():
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        found.append(
            {
                t: interpreter.get_tensor(t)
                for t in dict.fromkeys((*graph.inputs, *wanted))
                if t in graph.inputs or t in wanted
            }
        )
    return found


@pytest.fixture(scope="module")
def floats() -> list[dict[int, Array]]:
    graph = graphs.read(FLOAT)
    return run(FLOAT, [{graph.inputs[0]: p} for p in pictures(graph)])


def examined(
    model: bytes,
    floats: list[dict[int, Array]],
    *,
    own: Mapping[int, OwnError] | None = None,
    with_alone: bool = False,
    edit: Callable[[dict[int, Array]], None] = lambda _: None,
) -> dict[int, LayerQuantization]:
    """By node."""
    graph = graphs.read(model)
    pairs = twin.align(INT8, FLOAT).pairs
    mine = run(model, [{graph.inputs[0]: p} for p in pictures(graph)])
    theirs = [twin.values(pairs, f) for f in floats]
    for frame in mine:
        edit(frame)
    alone = by_themselves(model, graph, mine, theirs) if with_alone else None
    layers = measure(FRAMES, mine.__getitem__, theirs.__getitem__, graph)
    return {told.node: told for told in origins(layers, graph, limit=LIMIT, own=own, alone=alone)}


def by_themselves(
    model: bytes, graph: Graph, mine: list[dict[int, Array]], theirs: list[dict[int, Array]]
) -> dict[int, float]:
    """nRMSE of each operator fed the float model's values, against these."""
    isolated = isolate(model)
    feeds = []
    for own, other in zip(mine, theirs, strict=True):
        known = own | {t: quantized(v.reshape(own[t].shape), graph.tensors[t]) for t, v in other.items() if t in own}
        feeds.append(dict(zip(graphs.read(isolated.model).inputs, (known[t] for t in isolated.feeds), strict=True)))
    made = run(isolated.model, feeds, isolated.outputs)
    found = measure(FRAMES, made.__getitem__, theirs.__getitem__, graph)
    return {told.index: told.nrmse for told in found}


def convolutions() -> list[int]:
    graph = graphs.read(INT8)
    return [n.index for n in graph.nodes if n.op in ("CONV_2D", "DEPTHWISE_CONV_2D")]


def test_a_right_calibration_is_not_accused(floats: list[dict[int, Array]]) -> None:
    found = examined(INT8, floats, with_alone=True)
    assert found[-1].op == "INPUT"
    assert len(found) == len(graphs.read(INT8).nodes) + 1
    assert not [told for told in found.values() if told.origin in ("range", "arithmetic", "constants")]
    assert all((told.clipped or 0) < 0.02 for told in found.values())
    assert not cut_off(list(found.values()))


@pytest.mark.parametrize(("factor", "word"), [(0.1, "outside its range"), (60.0, "too coarse")])
def test_a_range_that_does_not_fit_is_named_where_it_is(
    factor: float, word: str, floats: list[dict[int, Array]]
) -> None:
    node = convolutions()[4]
    found = examined(recalibrated(INT8, node, factor), floats)
    guilty = [n for n, told in found.items() if told.origin == "range"]
    assert guilty[0] == node
    assert word in found[node].reason
    before = [told for n, told in found.items() if n < node]
    assert all(told.origin == "none" for told in before)
    later = {told.origin for n, told in found.items() if n > node}
    assert later <= {"inherited", "none", "range"}
    assert "inherited" in later
    figures = found[node]
    if factor < 1:
        assert figures.clipped is not None
        assert figures.clipped > 0.05
        assert [told.node for told in cut_off(list(found.values()))] == [node]  # seen without the float model, too
    else:
        assert figures.dead_range > 0.9


def test_a_wrong_kernel_is_not_called_calibration(floats: list[dict[int, Array]]) -> None:
    graph, node = graphs.read(INT8), convolutions()[4]
    tensor = graph.nodes[node].outputs[0]

    def swap(frame: dict[int, Array]) -> None:
        frame[tensor] = np.ascontiguousarray(np.roll(frame[tensor], 1, axis=-1))

    own = {n.outputs[0]: OwnError(0.3 if n.index == node else 1e-4, 1.0) for n in graph.nodes}
    found = examined(INT8, floats, own=own, edit=swap)
    assert found[node].origin == "arithmetic"
    assert {told.origin for n, told in found.items() if n != node} == {"none"}
    blind = examined(INT8, floats, edit=swap)  # without the isolated pass it cannot be told from constants
    assert blind[node].origin == "unclear"


@pytest.mark.parametrize(
    ("operand", "change"),
    [(1, lambda w: w // 32 * 32), (2, lambda b: np.full_like(b, 2**31 - 1))],
    ids=["coarse weights", "saturated bias"],
)
def test_constants_are_told_from_ranges_and_kernels(
    operand: int, change: Callable[[Array], Array], floats: list[dict[int, Array]]
) -> None:
    node = convolutions()[4]
    found = examined(reweighted(INT8, node, change, operand), floats, with_alone=True)
    assert found[node].origin == "constants"
    assert not [told for n, told in found.items() if n != node and told.origin in ("constants", "range", "arithmetic")]


@pytest.mark.slow
def test_a_published_models_wrong_calibration_is_in_its_input(testdata: Path) -> None:
    folder = testdata / "models"
    bad = (folder / "mobilenet_v1_0.25_224_ptq_int8_badcalib01.tflite").read_bytes()
    whole = (folder / "mobilenet_v1_0.25_224.tflite").read_bytes()
    files = sorted((testdata / "images" / "imagenet_sample100").glob("*.JPEG"))[:4]
    recipe = recipes.Recipe(crop=0.875, normalize=recipes.Normalize(mean=(127.5,) * 3, std=(127.5,) * 3))
    pixels = [values(geometry(decode(f.read_bytes(), f.name), recipe, 224, 224), recipe) for f in files]
    graph, other = graphs.read(bad), graphs.read(whole)
    mine = run(bad, [{graph.inputs[0]: quantize(p, graph.tensors[graph.inputs[0]])[None]} for p in pixels])
    theirs = [
        twin.values(twin.align(bad, whole).pairs, f) for f in run(whole, [{other.inputs[0]: p[None]} for p in pixels])
    ]
    told = origins(measure(range(4), mine.__getitem__, theirs.__getitem__, graph), graph, limit=LIMIT)
    assert [t.node for t in told if t.origin == "range"] == [-1]
    assert told[0].clipped is not None
    assert told[0].clipped > 0.4
    assert {t.origin for t in told[1:]} <= {"inherited", "none"}
