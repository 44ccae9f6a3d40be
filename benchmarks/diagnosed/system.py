"""Faults behind the input: of the model, of a kernel, of the answers and of their labels."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.diagnosed.row import Row
from benchmarks.diagnosed.subject import stored
from benchmarks.planted import kernel
from farm.model import graph as graphs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.diagnosed.bench import Bench, Diagnosis
    from benchmarks.diagnosed.subject import Subject
    from benchmarks.planted.bug import Array

KERNEL = frozenset({"kernel", "delegate", "device"})


def run(bench: Bench, seed: int, words: Sequence[str]) -> Iterator[tuple[Row, float]]:
    """A row and its seconds for each fault that this model can have."""
    s, random = bench.subject, np.random.default_rng([seed, 2])
    faults: list[tuple[str, Callable[[], Row]]] = []
    if kernel.nodes(s.model):
        faults.append(("kernel", lambda: _kernel(bench, random)))
    if all(f.label is not None for f in s.frames):
        faults.append(("labels off by one", lambda: _labels(bench, random)))
        faults.append(("answers off by one", lambda: _answers(bench, random)))
    softmax = _softmax(s)
    if softmax is not None:
        faults.append(("softmax missing", lambda: _logits(bench, softmax)))
    if s.recipe.detection is not None:
        faults.append(("box format", lambda: _boxes(bench)))
    if s.badly_calibrated is not None:
        faults.append(("calibration", lambda: _calibration(bench)))
    for name, fault in faults:
        if not words or any(w in f"{s.name} system {name}" for w in words):
            start = time.monotonic()
            try:
                row = fault()
            except Exception:  # one fault that fails is one result
                row = Row(name, name, "error", traceback.format_exc(limit=-2), "", "")
            yield row, time.monotonic() - start


def _kernel(bench: Bench, random: np.random.Generator) -> Row:
    model, node, how = kernel.spoil(bench.subject.model, random)
    return _row("kernel", f"node {node}, filter {how}", bench.diagnose((), model=model, whole=True), KERNEL, f"{node} ")


def _labels(bench: Bench, random: np.random.Generator) -> Row:
    by = int(random.choice([-1, 1]))
    graph = bench.subject.graph
    classes = graph.tensors[graph.outputs[0]].shape[-1]  # a label beyond them would be refused
    frames = tuple(f.model_copy(update={"label": ((f.label or 0) + by) % classes}) for f in bench.subject.frames)
    said = bench.diagnose((), submitted=replace(bench.subject, frames=frames))
    return _row("labels off by one", f"labels {by:+d}", said, {"post-processing"})


def _answers(bench: Bench, random: np.random.Generator) -> Row:
    by = int(random.choice([-1, 1]))

    def rolled(v: Array) -> Array:
        return np.roll(v, by, -1)

    return _row("answers off by one", f"outputs {by:+d}", bench.diagnose((), outputs=rolled), {"post-processing"})


def _logits(bench: Bench, tensor: int) -> Row:
    return _row("softmax missing", "softmax missing", bench.diagnose((), instead=tensor), {"post-processing"})


def _boxes(bench: Bench) -> Row:
    def swapped(v: Array) -> Array:
        return v[..., [1, 0, 3, 2]]

    return _row("box format", "x before y", bench.diagnose((), outputs=swapped), {"post-processing"})


def _calibration(bench: Bench) -> Row:
    s = bench.subject
    assert s.badly_calibrated is not None  # asked only then
    name = f"{s.name}_badcalib"
    graph = graphs.read(s.badly_calibrated, name)
    held = stored(graph)  # the app asks the model that it has
    own = "quantum" if "quantum" in s.pipeline else "scale"
    pipeline = s.pipeline | {own: held["scale"], "zero_point": held["zero_point"]}
    bad = replace(s, model=s.badly_calibrated, name=name, graph=graph, pipeline=pipeline)
    said = replace(bench, subject=bad).diagnose((), float_twin=s.float_twin, whole=True)
    return _row("calibration", "calibrated with wrong inputs", said, {"calibration"})


def _softmax(s: Subject) -> int | None:
    """What goes into the softmax at the end of a float model."""
    last = s.graph.nodes[-1]
    known = last.op == "SOFTMAX" and last.outputs[0] == s.graph.outputs[0]
    return last.inputs[0] if known and s.graph.tensors[last.outputs[0]].dtype == "float32" else None


def _row(bug: str, told: str, said: Diagnosis, words: frozenset[str] | set[str], layer: str = "") -> Row:
    verdict = said.assessment.verdict
    blames = [f"{b.word} {b.layer}".strip() for b in verdict.blames]
    first = verdict.blames[0] if verdict.blames else None
    right = first is not None and first.word in words and first.layer.startswith(layer)
    none = first is None or first.word in {"none", "unexplained", "not identifiable"}
    return Row(
        bug=bug,
        planted=told,
        outcome="right" if right else "missed" if none else "wrong",
        said="; ".join(blames),
        verdict=verdict.kind,
        cause=verdict.cause,
    )
