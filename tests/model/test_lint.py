"""Faults planted into a real flatbuffer are found by name; sound models are left in peace; garbage is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import given, settings
from hypothesis import strategies as st

from farm.errors import ModelError
from farm.model import recipe as recipes
from farm.model.lint import lint
from farm.model.recipe import Normalize, Recipe
from tests.conftest import DEMO, ROOT
from tests.model import build
from tests.model.planted import CHANNELS, CLASSES, Tree, healthy, planted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Edit = Callable[[Tree], None]

UNIT = Recipe(normalize=Normalize(mean=(0,) * 3, std=(255,) * 3))
MINUS_ONE_TO_ONE = Recipe(normalize=Normalize(mean=(127.5,) * 3, std=(127.5,) * 3))
FULL = Recipe(normalize=Normalize(mean=(0,) * 3, std=(1,) * 3))


def bias(tree: Tree, factor: float) -> None:
    """The scale that belongs to the weights as they are now."""
    weights = np.asarray(tree.tensor("conv/w").quantization.scale)
    tree.scale("conv/b", *(weights * tree.tensor("x").quantization.scale[0] * factor).tolist())


def all_weights(tree: Tree, value: int) -> None:
    tree.put("dense/w", np.full((CLASSES, 16 * CHANNELS), value, np.int8))


def cut_weights(tree: Tree) -> None:
    tree.put("dense/w", np.clip(tree.values("dense/w", "i1").astype(int) * 8, -127, 127).astype(np.int8))


def coarse_weights(tree: Tree) -> None:
    tree.put("conv/w", (tree.values("conv/w", "i1") // 16).astype(np.int8))


def one_scale_for_all(tree: Tree) -> None:
    """As `quantize per tensor` does to channels of very different size."""
    values = tree.values("conv/w", "i1")
    values[1:] //= 32
    tree.put("conv/w", values)
    tree.scale("conv/w", 0.01, zero=[0])
    tree.scale("conv/b", 0.01 * tree.tensor("x").quantization.scale[0], zero=[0])


def saturated(tree: Tree) -> None:
    values = tree.values("conv/b", "<i4")
    values[2] = 2**31 - 1
    tree.put("conv/b", values)


def dead_channel(tree: Tree) -> None:
    values = tree.values("conv/w", "i1")
    values[1] = 0
    tree.put("conv/w", values)


def tiny_channel(scale: float) -> Edit:
    def edit(tree: Tree) -> None:
        scales = list(tree.tensor("conv/w").quantization.scale)
        scales[0] = scale
        tree.scale("conv/w", *scales)
        bias(tree, 1.0)

    return edit


def float_island(tree: Tree) -> None:
    """DEQUANTIZE, EXP, QUANTIZE before the softmax."""
    g = tree.builder.main
    a, b = g.tensor("float/in", [1, CLASSES]), g.tensor("float/out", [1, CLASSES])
    c = g.tensor("again", [1, CLASSES], "int8", scale=(0.08,), zero_point=(3,))
    last = tree.main.operators.pop()
    g.op("DEQUANTIZE", [tree.index("logits")], [a])
    g.op("TANH", [a], [b])
    g.op("QUANTIZE", [b], [c])
    last.inputs = [c]
    tree.main.operators.append(last)


def quantize_pair(tree: Tree) -> None:
    float_island(tree)
    (island,) = [o for o in tree.main.operators if tree.index("float/out") in o.outputs]
    tree.main.operators.remove(island)
    tree.op(5).inputs = [tree.index("float/in")]


def through(op: str, scale: float, zero: int, source: str = "logits") -> Edit:
    """One more operator behind `source`, whose output replaces the model's."""

    def edit(tree: Tree) -> None:
        shape = tree.tensor(source).shape
        out = tree.builder.main.tensor("last", shape, "int8", scale=(scale,), zero_point=(zero,))
        tree.builder.main.op(op, [tree.index(source)], [out])
        tree.main.outputs = [out]
        tree.tree.signatureDefs = None

    return edit


def added(scale: float) -> Edit:
    def edit(tree: Tree) -> None:
        g = tree.builder.main
        small = g.tensor("small", [1, CLASSES], "int8", data=np.ones((1, CLASSES), np.int8), scale=(scale,))
        out = g.tensor("sum", [1, CLASSES], "int8", scale=(0.08,), zero_point=(3,))
        g.op("ADD", [tree.index("logits"), small], [out], "Add")
        tree.main.outputs = [out, *tree.main.outputs]
        tree.tree.signatureDefs = None

    return edit


def constant_output(tree: Tree) -> None:
    g = tree.builder.main
    one = g.tensor("one", [1, 4], data=np.ones((1, 4), np.float32))
    out = g.tensor("always", [1, 4])
    g.op("TANH", [one], [out])
    tree.main.outputs = [*tree.main.outputs, out]


def second_input(tree: Tree) -> None:
    tree.main.inputs = [*tree.main.inputs, tree.builder.main.tensor("idle", [1, 2])]


def dead_end(tree: Tree) -> None:
    g = tree.builder.main
    g.op(
        "RESHAPE",
        [tree.index("flat"), tree.index("shape")],
        [g.tensor("nowhere", [1, 64], "int8", scale=(6.0 / 255,), zero_point=(-128,))],
    )


def nan_constant(tree: Tree) -> None:
    g = tree.builder.main
    values = np.array([[1, np.nan, 3, np.inf]], np.float32)
    left, out = g.tensor("bad", [1, 4], data=values), g.tensor("tail", [1, 4])
    other = g.tensor("more", [1, 4])
    tree.main.inputs = [*tree.main.inputs, other]
    g.op("SUB", [other, left], [out], "Sub")
    tree.main.outputs = [*tree.main.outputs, out]


def custom(name: str) -> Edit:
    def edit(tree: Tree) -> None:
        g = tree.builder.main
        out = g.tensor("custom/out", [1, CLASSES], "int8", scale=(1 / 256,), zero_point=(-128,))
        g.op("CUSTOM", [tree.index("scores")], [out])
        tree.tree.operatorCodes[-1].customCode = name.encode()
        tree.main.outputs = [out]
        tree.tree.signatureDefs = None

    return edit


def rename(tree: Tree) -> None:
    tree.tensor("pool").name = tree.tensor("flat").name


def concatenated(dtype: str, second: float) -> bytes:
    b = build.Builder()
    g = b.main
    zero = 0 if dtype == "int8" else 128
    a, c = (
        g.tensor("a", [1, 4], dtype, scale=(0.1,), zero_point=(zero,)),
        g.tensor("c", [1, 4], dtype, scale=(second,), zero_point=(zero,)),
    )
    out = g.tensor("out", [1, 8], dtype, scale=(0.1,), zero_point=(zero,))
    g.op("CONCATENATION", [a, c], [out], "Concatenation", axis=1)
    g.ends([a, c], [out])
    return b.pack()


def int16_activation(tree: Tree) -> None:
    x = tree.tensor("logits")
    x.type = build.TYPES["int16"]
    tree.scale("logits", 0.001, zero=[5])


def per_channel(name: str, channels: int) -> Edit:
    """A scale for each of the last axis."""

    def edit(tree: Tree) -> None:
        tree.scale(name, *[0.1] * channels, zero=[0] * channels)
        tree.tensor(name).quantization.quantizedDimension = 3

    return edit


def left_over(tree: Tree) -> None:
    tree.builder.main.tensor("left over", [4], data=np.zeros(4, np.float32))


def scaled(name: str, scale: float) -> bytes:
    return planted(lambda t: t.scale(name, scale))


PLANTED: list[tuple[str, str, Edit]] = [
    ("scale-not-finite", "error", lambda t: t.scale("pool", float("inf"))),
    ("scale-not-finite", "error", lambda t: t.scale("conv/w", float("nan"), 0.1, 0.1, 0.1)),
    ("scale-zero", "error", lambda t: t.scale("conv/Relu6", 0.0)),
    ("scale-zero", "error", lambda t: t.scale("logits", -0.5)),
    ("scale-denormal", "error", lambda t: t.scale("logits", 1e-40)),
    ("scale-denormal", "note", tiny_channel(1e-39)),
    ("multiplier-vanishes", "error", lambda t: t.scale("logits", 1e9)),
    ("multiplier-vanishes", "note", tiny_channel(1e-12)),
    ("multiplier-large", "warning", lambda t: t.scale("logits", 1e-7)),
    ("range-unreached", "error", lambda t: t.scale("logits", 1000.0)),
    ("range-unreached", "warning", lambda t: t.scale("logits", 20.0)),
    ("operand-vanishes", "warning", added(1e-5)),
    ("zero-point-count", "error", lambda t: t.scale("conv/w", 0.1, 0.1, 0.1, 0.1, zero=[0, 0])),
    ("zero-point-range", "error", lambda t: t.scale("logits", 0.08, zero=[300])),
    ("zero-point-int16", "error", int16_activation),
    ("zero-point-weights", "error", lambda t: t.scale("dense/w", 0.01, zero=[7])),
    ("channel-count", "error", lambda t: t.scale("conv/w", 0.1, 0.1, 0.1, zero=[0, 0, 0])),
    ("channel-axis", "error", per_channel("conv/w", 3)),
    ("channel-activation", "error", per_channel("conv/Relu6", 4)),
    ("bias-saturated", "error", saturated),
    ("bias-scale", "error", lambda t: bias(t, 1.5)),
    ("bias-scale", "error", lambda t: t.scale("conv/b", 0.1, 0.1, zero=[0, 0])),
    ("bias-zero-point", "error", lambda t: t.scale("dense/b", *t.tensor("dense/b").quantization.scale, zero=[1] * CLASSES)),
    ("scale-shared", "error", lambda t: t.scale("pool", 0.05)),
    ("scale-shared", "error", lambda t: t.scale("flat", 6.0 / 255, zero=[-120])),
    ("range-fixed", "error", lambda t: t.scale("scores", 1 / 128)),
    ("range-fixed", "error", through("TANH", 1 / 127, 0)),
    ("range-cut", "warning", through("RELU", 0.01, -128)),
    ("range-cut", "warning", through("QUANTIZE", 0.01, 0)),
    ("range-unused", "warning", lambda t: t.scale("conv/Relu6", 12.0 / 255, zero=[0])),
    ("weights-zero", "warning", lambda t: all_weights(t, 0)),
    ("weights-coarse", "warning", coarse_weights),
    ("weights-coarse", "note", one_scale_for_all),
    ("weights-cut", "warning", cut_weights),
    ("weights-not-finite", "error", nan_constant),
    ("channels-dead", "note", dead_channel),
    ("constant-size", "error", lambda t: t.put("dense/b", np.zeros(2, np.int32))),
    ("float-island", "note", float_island),
    ("quantize-pair", "warning", quantize_pair),
    ("output-constant", "error", constant_output),
    ("input-unread", "warning", second_input),
    ("operator-unread", "warning", dead_end),
    ("tensor-unused", "note", left_over),
    ("shape-open", "note", lambda t: setattr(t.tensor("x"), "shapeSignature", [-1, 8, 8, 3])),
    ("shape-open", "note", lambda t: setattr(t.tensor("x"), "shapeSignature", [1, -1, -1, 3])),
    ("operator-custom", "warning", custom("FlexAngle")),
    ("signature-missing", "note", lambda t: setattr(t.tree, "signatureDefs", None)),
    ("name-repeated", "note", rename),
    ("not-delegated", "note", lambda _: None),
    ("input-range", "note", lambda _: None),
]  # fmt: skip
WHOLE: list[tuple[str, str, bytes, Recipe | None]] = [
    ("input-cut", "error", planted(lambda t: t.scale("x", 1 / 255, zero=[-128])), MINUS_ONE_TO_ONE),
    ("input-cut", "error", planted(), FULL),
    ("input-unused", "error", planted(lambda t: t.scale("x", 1.0, zero=[-128])), UNIT),
    ("hybrid", "note", build.hybrid(), None),
    ("weights-half", "note", build.dense(half=True), None),
    ("shape-from-values", "note", build.data_sized(), None),
]  # fmt: skip


def names(model: bytes, recipe: Recipe | None = None) -> set[tuple[str, str]]:
    return {(issue.rule, issue.severity) for issue in lint(model, recipe=recipe).issues}


def test_a_sound_model_is_left_in_peace() -> None:
    assert not [i for i in lint(planted(), recipe=MINUS_ONE_TO_ONE).issues if i.severity != "note"]


@pytest.mark.parametrize(("rule", "severity", "edit"), PLANTED, ids=lambda v: v if isinstance(v, str) else "")
def test_a_planted_fault_is_found(rule: str, severity: str, edit: Edit) -> None:
    before, found = names(planted()), names(planted(edit))
    assert (rule, severity) in found
    if rule not in {"not-delegated", "input-range"}:  # those a sound model has, too
        assert (rule, severity) not in before


@pytest.mark.parametrize(("rule", "severity", "model", "recipe"), WHOLE, ids=lambda v: v if isinstance(v, str) else "")
def test_a_model_or_its_recipe_at_fault(rule: str, severity: str, model: bytes, recipe: Recipe | None) -> None:
    assert (rule, severity) in names(model, recipe)


def test_every_issue_says_what_why_and_how_to_mend_it() -> None:
    models = [planted(edit) for _, _, edit in PLANTED] + [model for _, _, model, _ in WHOLE]
    for model in models:
        told = lint(model, "m.tflite")
        assert type(told).model_validate_json(told.model_dump_json()).model == "m.tflite"
        for issue in told.issues:
            assert issue.what
            assert issue.why
            assert issue.remedy
        assert [i.severity for i in told.issues] == sorted(
            (i.severity for i in told.issues), key=("error", "warning", "note").index
        )


def test_every_rule_is_planted_and_documented() -> None:
    sources = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "farm" / "model" / "rules").glob("*.py"))
    rules = set(re.findall(r'found\(\s*"([a-z0-9-]+)"', sources))
    assert len(rules) > 30
    assert rules == {rule for rule, *_ in (*PLANTED, *WHOLE)}
    page = (ROOT / "docs" / "quantization.md").read_text(encoding="utf-8")
    assert not [rule for rule in rules if f"`{rule}`" not in page]


def test_signed_parts_must_share_a_scale_and_unsigned_ones_need_not() -> None:
    assert ("scale-shared", "error") in names(concatenated("int8", 0.05))
    assert ("scale-shared", "error") not in names(concatenated("int8", 0.1))
    assert ("scale-shared", "error") not in names(concatenated("uint8", 0.05))  # its kernel rescales


def outputs(model: bytes, n: int = 8) -> np.ndarray[Any, Any]:
    """int8 [n, classes]: the logits of random pictures, on reference kernels."""
    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    (logits,) = [d["index"] for d in interpreter.get_tensor_details() if d["name"] == "logits"]
    found = []
    for seed in range(n):
        picture = np.random.default_rng(seed).integers(-128, 128, (1, 8, 8, 3)).astype(np.int8)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture)
        interpreter.invoke()
        found.append(interpreter.get_tensor(logits)[0])
    return np.array(found)


def test_the_runtime_bears_out_what_the_file_alone_says() -> None:
    assert len(np.unique(outputs(planted()), axis=0)) == 8
    for scale in (1e9, 1000.0):  # `multiplier-vanishes`, `range-unreached`: whatever is fed, one answer
        assert len(np.unique(outputs(scaled("logits", scale)), axis=0)) == 1
    few = outputs(scaled("logits", 20.0))
    steps = next(i for i in lint(scaled("logits", 20.0)).issues if i.rule == "range-unreached")
    assert (np.ptp(few, axis=0) <= np.ceil(steps.figures["steps"])).all()
    # `scale-shared`: the integers go on as they were, whatever scale they are said to have now.
    np.testing.assert_array_equal(outputs(scaled("pool", 0.05)), outputs(planted()))


def test_the_bundled_models_are_sound() -> None:
    recipe = recipes.load(DEMO / "model.recipe.toml")
    for name in ("model.tflite", "model_int8.tflite"):
        assert not [i for i in lint((DEMO / name).read_bytes(), recipe=recipe).issues if i.severity != "note"]


def test_published_models_are_not_accused(testdata: Path) -> None:
    for path in sorted((testdata / "models").glob("*.tflite")):
        told = lint(path.read_bytes(), path.name)
        assert not told.of("error")
        # Half of the ranges of the detector's last layers lie below 0, where its RELU6 has no values.
        assert {i.rule for i in told.of("warning")} <= {"range-unused"}
        assert not told.of("warning") or path.name.startswith("ssd")


def test_a_wrong_calibration_is_seen_in_the_file(testdata: Path) -> None:
    sound, bad = (
        (testdata / "models" / f"mobilenet_v1_0.25_224_ptq_int8{end}.tflite").read_bytes()
        for end in ("", "_badcalib01")
    )
    assert not lint(sound, recipe=MINUS_ONE_TO_ONE).of("error")
    (issue,) = lint(bad, recipe=MINUS_ONE_TO_ONE).of("error")
    assert issue.rule == "input-cut"
    assert issue.figures["cut"] == pytest.approx(0.5, abs=0.01)
    assert "calibrated for [0, 1], the recipe feeds [-1, 1]" in issue.what
    assert not lint(bad, recipe=UNIT).of("error")  # with this recipe it is the right calibration
    (guess,) = [i for i in lint(bad).issues if i.rule == "input-range"]
    assert "[0, 1]" in guess.what


SMALL = [planted(), build.channels(), build.open_batch(), build.dense(sparse=True)]


@settings(max_examples=60)
@given(st.data())
def test_damaged_models_are_told_of_or_refused_never_a_traceback(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(SMALL))
    damaged = bytearray(whole[: data.draw(st.integers(8, len(whole)) | st.just(len(whole)))])
    for _ in range(data.draw(st.integers(0, 20))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        lint(bytes(damaged))
    except ModelError as e:
        assert e.remedy


ODD = st.floats(width=32) | st.sampled_from([0.0, -1.0, 1e-45, 3e38, float("inf"), float("nan")])


@settings(max_examples=40)
@given(st.data())
def test_any_quantization_at_all_is_looked_at(data: st.DataObject) -> None:
    tree = Tree(healthy())
    for tensor in tree.main.tensors:
        if tensor.quantization is not None and data.draw(st.booleans()):
            tensor.quantization.scale = data.draw(st.lists(ODD, max_size=6))
            tensor.quantization.zeroPoint = data.draw(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=6))
            tensor.quantization.quantizedDimension = data.draw(st.integers(-5, 9))
    told = lint(tree.pack())
    assert type(told).model_validate_json(told.model_dump_json()) is not None
