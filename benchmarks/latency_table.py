"""ML-EXray's latency table: types of layers x targets, and LiteRT's reference kernels beside them.

Target columns come from job documents (`farm submit --json`, `farm show --json`). The last column is measured here: LiteRT
has no profiler in the interpreter that holds the reference kernels, so each operator is cut out, fed what it gets in the whole
model for a random input, and timed by itself; a figure includes the call through Python (printed), and is the median.

    python benchmarks/latency_table.py [JOB.json ...] [--model MODEL] [--invocations 20]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from farm.cli import render
from farm.compare.latency import type_name
from farm.model import graph as graphs
from farm.model.single import singles
from farm.reference.litert_ref import LiteRtRef
from farm.report.document import Job, LayerType
from farm.report.table import Column, latency_table, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.model.graph import Graph
    from farm.model.isolate import Isolated

    Array = np.ndarray[Any, Any]

SEED = 20220831


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("jobs", nargs="*", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--invocations", type=int, default=20)
    arguments = parser.parse_args()
    columns = []
    for path in arguments.jobs:
        found = latency_table(Job.model_validate_json(path.read_text(encoding="utf-8")))
        for i, column in enumerate(found.columns):
            total = found.totals_us[i] or 1.0
            rows = ((row, row.times_us[i]) for row in found.rows)
            types = [
                LayerType(type=r.type, count=r.count, time_us=t, share=t / total) for r, t in rows if t is not None
            ]
            columns.append((column, types))
    console = Console(width=160)
    if arguments.model is not None:
        types, call = reference_times(arguments.model.read_bytes(), arguments.invocations)
        columns.append((Column(title="litert-ref, this computer, 1 thread", source="alone"), types))
        console.print(f"a call through Python takes {call:.1f} us of every reference figure", highlight=False)
    render.latency_table(console, table(columns))


def reference_times(model: bytes, invocations: int) -> tuple[list[LayerType], float]:
    """Microseconds by type of layer on the reference kernels, each operator by itself; and those of a call that does nothing."""
    graph = graphs.read(model)
    whole = LiteRtRef(model, graph, layers=True, threads=1)
    tensors = whole.run(random_inputs(graph, whole.input_shapes))
    shapes = {t: v.shape for t, v in tensors.items()}
    sums: dict[str, list[float]] = defaultdict(list)
    for node, single in singles(model, shapes=shapes):
        sums[type_name(graph, node)].append(timed(single, tensors, invocations))
    total = sum(map(sum, sums.values())) or 1.0
    types = [
        LayerType(type=n, count=len(own), time_us=sum(own), share=sum(own) / total) for n, own in sorted(sums.items())
    ]
    return types, empty_call(invocations)


def random_inputs(graph: Graph, shapes: Mapping[int, tuple[int, ...]]) -> dict[int, Array]:
    """Seeded; floats in [-1, 1], small integers for what may be an index."""
    rng, found = np.random.default_rng(SEED), {}
    for index, shape in shapes.items():
        dtype = np.dtype(graph.tensors[index].dtype)
        if dtype.kind == "f":
            found[index] = rng.uniform(-1, 1, shape).astype(dtype)
        else:
            top = min(np.iinfo(dtype).max, 100) if dtype.itemsize > 1 else np.iinfo(dtype).max
            found[index] = rng.integers(0, top, shape, endpoint=True).astype(dtype)
    return found


def timed(single: Isolated, tensors: Mapping[int, Array], invocations: int) -> float:
    """Median microseconds of an operator's invocation."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter: Any = Interpreter(
        model_content=single.model, num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    inputs = interpreter.get_input_details()
    for detail, tensor in zip(inputs, single.feeds, strict=True):
        interpreter.resize_tensor_input(detail["index"], tensors[tensor].shape)
    interpreter.allocate_tensors()
    for detail, tensor in zip(inputs, single.feeds, strict=True):
        interpreter.set_tensor(detail["index"], tensors[tensor])
    interpreter.invoke()
    return _median_us(interpreter.invoke, invocations)


def empty_call(invocations: int) -> float:
    """Median microseconds of invoking a model of one operator on one number."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    path = Path(__file__).resolve().parents[1] / "farm" / "demo" / "model.tflite"
    model = path.read_bytes()
    graph = graphs.read(model)
    last = max(node.index for node in graph.nodes)  # a softmax over a few scores
    single = next(s for node, s in singles(model) if node == last)
    interpreter: Any = Interpreter(
        model_content=single.model, num_threads=1, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    interpreter.invoke()
    return _median_us(interpreter.invoke, 10 * invocations)


def _median_us(call: Any, times: int) -> float:
    found = []
    for _ in range(times):
        start = time.perf_counter_ns()
        call()
        found.append((time.perf_counter_ns() - start) / 1000)
    return statistics.median(found)


if __name__ == "__main__":
    main()
