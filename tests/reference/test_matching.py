"""Which tensor of a model of its own is which."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.reference.matching import Layout, Port, ambiguous, layout, pair, pair_layers


def port(key: str, *shape: int, names: tuple[str, ...] = (), signature: tuple[str, ...] = ()) -> Port:
    return Port(key, names or (key,), shape, signature)


@pytest.mark.parametrize(
    ("own", "other", "axes"),
    [
        ((1, 224, 224, 3), (1, 224, 224, 3), ()),
        ((1, 224, 224, 3), (-1, 224, 224, 3), ()),
        ((1, 224, 224, 3), (-1, 3, 224, 224), (0, 3, 1, 2)),
        ((1, 224, 224, 3), (-1, 3, -1, -1), (0, 3, 1, 2)),
        ((1, 100, 8), (1, 8, 100), (0, 2, 1)),
        ((1, 1, 1, 1001), (1, 1001), ()),
        ((1, 3, 3, 3), (1, 3, 3, 3), ()),
        ((1, 5), None, ()),
    ],
)
def test_layouts(own: tuple[int, ...], other: tuple[int, ...] | None, axes: tuple[int, ...]) -> None:
    assert layout(own, other) == Layout(axes)


@pytest.mark.parametrize("other", [(1, 224, 224, 1), (1, 224, 3, 224), (2, 3), (1, 224, 224), (1, 3, 224, 225)])
def test_no_layout_is_invented(other: tuple[int, ...]) -> None:
    assert layout((1, 224, 224, 3), other) is None


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.data())
def test_a_way_and_back_is_the_same(own: list[int], data: st.DataObject) -> None:
    axes = data.draw(st.sampled_from([(), *([(0, 3, 1, 2)] if len(own) == 4 else [])]))
    value = np.arange(np.prod(own)).reshape(own)
    way = Layout(axes)
    assert np.array_equal(way.back.apply(way.apply(value), own), value)


def test_cubes_are_ambiguous() -> None:
    assert ambiguous((1, 8, 8, 8), (1, 8, 8, 8))
    assert not ambiguous((1, 8, 8, 4), (1, 8, 8, 4))
    assert not ambiguous((1, 8), (1, 8))


def test_names_go_before_shapes_and_shapes_before_order() -> None:
    own = [port("0", 1, 10, names=("serving_default_left:0",)), port("1", 1, 10, names=("serving_default_right:0",))]
    found = pair(own, [port("right", 1, 10), port("left", 1, 10)])
    assert [(p.other, p.how) for p in found] == [("left", "name"), ("right", "name")]
    own = [port("0", 1, 4, names=("Identity",)), port("1", 1, 10, names=("Identity_1",))]
    found = pair(own, [port("Identity", 1, 10), port("Identity_1", 1, 4)])
    assert [(p.other, p.how) for p in found] == [("Identity_1", "shape"), ("Identity", "shape")]
    found = pair([port("0", 1, 4), port("1", 1, 4)], [port("a", 1, 4), port("b", 1, 4)])
    assert [(p.other, p.how) for p in found] == [("a", "order"), ("b", "order")]


def test_names_that_every_converter_gives_count_where_a_signature_gives_them() -> None:
    own = [port("7", 1, 5, signature=("output_1",)), port("8", 1, 5, signature=("output_0",))]
    others = [
        port("x", 1, 5, names=("output_0",), signature=("output_0",)),
        port("y", 1, 5, names=("output_1",), signature=("output_1",)),
    ]
    assert [(p.other, p.how) for p in pair(own, others)] == [("y", "name"), ("x", "name")]


def test_equal_names_of_other_sizes_are_no_pair() -> None:
    assert pair([port("scores", 1, 4)], [port("scores", 1, 5)]) == ()


@given(st.lists(st.sampled_from([(1, 4), (1, 5), (1, 2, 2, 3), (1, 3, 2, 2)]), max_size=5), st.randoms())
def test_nothing_is_paired_twice(shapes: list[tuple[int, ...]], random: object) -> None:
    own = [port(str(i), *s) for i, s in enumerate(shapes)]
    other = [port(f"o{i}", *s) for i, s in enumerate(reversed(shapes))]
    found = pair(own, other)
    for one, two in itertools.combinations(found, 2):
        assert one.own != two.own
        assert one.other != two.other


LAYERS = [
    port("call/net/conv/convolution:0"), port("call/net/conv/BiasAdd:0"), port("call/net/conv/Relu:0"),
    port("call/net/dense/MatMul:0"), port("call/net/dense/BiasAdd:0"), port("call/net/dense/Softmax:0"),
    port("call/other/conv/Relu:0"),
]  # fmt: skip


def test_a_fused_tensor_is_the_last_operator_of_its_own_layer() -> None:
    own = {
        3: "net/conv/Relu;net/conv/BiasAdd;net/dense/Softmax;net/conv/convolution",
        4: "net/dense/MatMul;net/dense/BiasAdd",
    }
    assert pair_layers(own, LAYERS) == {3: "call/net/conv/Relu:0", 4: "call/net/dense/BiasAdd:0"}


def test_what_is_ambiguous_is_left_out() -> None:
    assert pair_layers({1: "conv/Relu"}, LAYERS) == {}  # of two networks
    assert pair_layers({1: "Relu"}, LAYERS) == {}
    twice = {1: "net/dense/Softmax", 2: "model/net/dense/Softmax"}
    assert pair_layers(twice, LAYERS) == {}
