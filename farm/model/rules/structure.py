"""The graph itself: what nobody reads, what no frame changes, what runtimes cannot plan ahead or must leave to slow kernels."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from farm.model import sizes
from farm.model.opened import ACTIVATIONS
from farm.model.rules.finding import found, labels, short, some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.model.graph import Node
    from farm.model.opened import Opened
    from farm.report.quantization import Issue

NOT_DELEGATED = frozenset(
    {
        "ABS",
        "AVERAGE_POOL_2D",
        "BROADCAST_TO",
        "CUMSUM",
        "DIV",
        "EXP",
        "GATHER",
        "GATHER_ND",
        "GELU",
        "HARD_SWISH",
        "L2_NORMALIZATION",
        "LOG",
        "LOG_SOFTMAX",
        "MAXIMUM",
        "MINIMUM",
        "MIRROR_PAD",
        "NEG",
        "PACK",
        "PRELU",
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RESIZE_NEAREST_NEIGHBOR",
        "RSQRT",
        "SOFTMAX",
        "SPACE_TO_BATCH_ND",
        "SQRT",
        "SQUARED_DIFFERENCE",
        "TILE",
    }
)
"""That XNNPACK does not take over in 8 bits, tried one by one with LiteRT 2.3.0 on x86_64."""
STATEFUL = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "PRINT", "HASHTABLE_IMPORT", "WHILE", "IF", "CALL"})
KNOWN_CUSTOM = frozenset({"TFLite_Detection_PostProcess", "Mfcc", "AudioSpectrogram"})
"""Custom operators that come with TFLite."""


def check(opened: Opened) -> Iterator[Issue]:
    """Rules `output-constant`, `input-unread`, `operator-unread`, `tensor-unused`, `shape-open`, `shape-from-values`,
    `not-delegated`, `operator-custom`, `signature-missing`, `name-repeated`."""
    yield from _reach(opened)
    yield from _shapes(opened)
    yield from _operators(opened)
    graph = opened.graph
    if graph.signature is None:
        yield found(
            "signature-missing",
            "note",
            "the model has no signature",
            "callers must count its inputs and outputs instead of naming them",
            "export it with a signature, if its callers should not depend on the order",
        )
    names = Counter(graph.tensors[t].name for node in graph.nodes for t in node.outputs if t >= 0)
    repeated = [f"{name!r} {n} times" for name, n in names.items() if n > 1]
    if repeated:
        yield found(
            "name-repeated",
            "note",
            f"{len(repeated)} names are those of several layers: {some(repeated)}",
            "layers of two models are aligned by their names",
            "name the layers",
            names=len(repeated),
        )


def _reach(opened: Opened) -> Iterator[Issue]:
    graph = opened.graph
    reached = {t for t in graph.inputs if t >= 0}
    for node in graph.nodes:
        if any(t in reached for t in node.inputs):
            reached.update(node.outputs)
    states = any(node.op in STATEFUL or node.op.endswith("_VARIABLE") for node in graph.nodes)
    for t in graph.outputs:
        if t >= 0 and t not in reached and not states:
            yield found(
                "output-constant",
                "error",
                f"output {graph.tensors[t].name!r} depends on no input",
                "it is the same for every frame",
                "look at the export: a branch was frozen, or the input was cut off",
                tensor=graph.tensors[t],
            )
    for t in graph.inputs:
        if t >= 0 and t not in opened.readers and t not in graph.outputs:
            yield found(
                "input-unread",
                "warning",
                f"nothing reads input {graph.tensors[t].name!r}",
                "whatever is fed there changes nothing",
                "leave it out of the export",
                tensor=graph.tensors[t],
            )
    wanted = set(graph.outputs)
    idle: list[Node] = []
    for node in reversed(graph.nodes):
        if wanted & set(node.outputs) or not node.outputs or node.op in STATEFUL:
            wanted.update(node.inputs)
        else:
            idle.append(node)
    if idle:
        yield found(
            "operator-unread",
            "warning",
            f"{len(idle)} operators lead to no output: {labels(idle[::-1])}",
            "they cost time for nothing",
            "export only what the outputs need",
            operators=len(idle),
        )
    used = {*graph.inputs, *graph.outputs, *(t for node in graph.nodes for t in (*node.inputs, *node.outputs))}
    unused = [t for t in graph.tensors if t.index not in used]
    if unused:
        stored = sum(len(data) for t in unused if t.constant and (data := opened.raw(t.index)) is not None)
        yield found(
            "tensor-unused",
            "note",
            f"{len(unused)} tensors belong to no operator ({stored} bytes): {some([short(t) for t in unused])}",
            "they make the file larger",
            "nothing to do, unless it is large",
            tensors=len(unused),
            bytes=stored,
        )


def _shapes(opened: Opened) -> Iterator[Issue]:
    graph = opened.graph
    for t in graph.inputs:
        shape = graph.tensors[t].shape if t >= 0 else ()
        if any(d < 0 for d in shape):
            others = any(d < 0 for d in shape[1:])
            open_ = "sizes" if others else "its batch"
            yield found(
                "shape-open",
                "note",
                f"input {graph.tensors[t].name!r} leaves {open_} open: {list(shape)}",
                "runtimes take 1 until they are told, and plan memory anew when they are"
                + ("; accelerators want all sizes fixed" if others else ""),
                "fix the sizes in the export, if one size is all that is deployed",
                tensor=graph.tensors[t],
            )
    late = sizes.data_sized(graph)
    makers = [n for n in graph.nodes if any(t in late for t in n.outputs)]
    if makers:
        yield found(
            "shape-from-values",
            "note",
            f"{len(makers)} operators make tensors whose size the values decide: {labels(makers)}",
            "delegates cannot plan for them, and the `layers` pass leaves them out",
            "move them behind the end of the model",
            node=makers[0],
            operators=len(makers),
        )


def _operators(opened: Opened) -> Iterator[Issue]:
    graph = opened.graph
    left = [n for n in graph.nodes if n.op in NOT_DELEGATED and _is_8_bit(n, opened)]
    if left:
        told = some([f"{n} {op}" for op, n in Counter(n.op for n in left).items()], 8)
        yield found(
            "not-delegated",
            "note",
            f"XNNPACK leaves {len(left)} 8-bit operators to TFLite's own kernels: {told}",
            "they run on another kernel than their neighbors, and each stop costs a change between the two",
            "nothing to do, unless `farm table` shows that they cost much",
            node=left[0],
            operators=len(left),
        )
    foreign = [n for n in graph.nodes if n.custom and n.op not in KNOWN_CUSTOM]
    if foreign:
        names = sorted({n.op for n in foreign})
        flex = any(name.startswith("Flex") for name in names)
        yield found(
            "operator-custom",
            "warning",
            f"{len(foreign)} operators are custom: {some(names)}",
            f"a runtime without {'TensorFlow select operators' if flex else 'their code'} refuses the model",
            "express them in TFLite's own operators",
            node=foreign[0],
            operators=len(foreign),
        )


def _is_8_bit(node: Node, opened: Opened) -> bool:
    first = next((t for t in node.outputs if t >= 0), -1)
    tensor = opened.graph.tensors[first] if first >= 0 else None
    return tensor is not None and bool(tensor.scale) and tensor.dtype in ACTIVATIONS - {"int16"}
