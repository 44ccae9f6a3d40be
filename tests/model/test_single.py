"""Operators cut out of a model, each a model of its own, give what they gave in the whole."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from farm.model.single import singles
from tests.conftest import DEMO
from tests.model import build
from tests.model.test_isolate import AWKWARD, reference


@pytest.mark.parametrize("name", ["model_int8.tflite", *AWKWARD])
def test_each_gives_the_same_bits_as_in_the_whole_model(name: str) -> None:
    model = AWKWARD[name] if name in AWKWARD else (DEMO / name).read_bytes()
    graph, right = reference(model)
    found = list(singles(model, name, {t: v.shape for t, v in right.items()}))
    for node, single in found:
        interpreter = Interpreter(
            model_content=single.model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
        )
        for detail, tensor in zip(interpreter.get_input_details(), single.feeds, strict=True):
            interpreter.resize_tensor_input(detail["index"], right[tensor].shape)
        interpreter.allocate_tensors()
        for detail, tensor in zip(interpreter.get_input_details(), single.feeds, strict=True):
            interpreter.set_tensor(detail["index"], right[tensor])
        interpreter.invoke()
        for detail, tensor in zip(interpreter.get_output_details(), single.outputs, strict=True):
            assert tensor in graph.nodes[node].outputs
            np.testing.assert_array_equal(interpreter.get_tensor(detail["index"]), right[tensor])
    if name == "model_int8.tflite":
        assert [node for node, _ in found] == [node.index for node in graph.nodes]
        assert max(len(single.model) for _, single in found) < len(model)  # each carries its own weights only


def test_what_cannot_stand_alone_is_left_out() -> None:
    nodes = {node for node, _ in singles(build.spectrum())}
    assert nodes == {0}  # a complex tensor ties the other two together
