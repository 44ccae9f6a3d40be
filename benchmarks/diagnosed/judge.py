"""What counts as right: the changes that an explanation names against the bugs that were planted, up to equivalence.

Both become a set of facets. What composes is composed: turns and mirrors to one of eight, orders of channels to one order, maps
to one map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from farm.assess.explain.kernels import KERNELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.diagnosed.subject import Subject
    from benchmarks.planted.bug import Bug, Pipeline
    from farm.report.explanation import Change, Explanation

Outcome = Literal["right", "wrong", "missed", "hidden"]

TURNS = ("", "rotate-90", "rotate-180", "rotate-270", "mirror", "anti-transpose", "flip", "transpose")
"""As explanations call them: quarter turns counter-clockwise; from the fifth on left and right are swapped after turning."""
BESIDE = {*KERNELS, "another-kernel", "chroma-subsampled", "pad", "resampler", "resize"}
"""Differences that may be told beside a bug, or not."""
NEAR = 0.03
"""Error of a number that counts as found: of a part, in sides of the picture; else of the number itself."""
SAME = {
    "abgr-as-rgba": "alpha-order",
    "argb-as-rgba": "alpha-order",
    "rgba-as-argb": "alpha-order",
    "stride": "row-stride",
}


def planted(bugs: Sequence[Bug], *, waveform: bool = False) -> frozenset[str]:
    """Facets of what was planted; those of no bug are empty. Of a waveform, a scale is a map, too."""
    probe, order, facets = np.arange(6).reshape(2, 3), "rgb", set()
    for bug in bugs:
        if bug.name == "rotate":
            probe = np.rot90(probe, bug.parameters["degrees"] // 90)
        elif bug.name == "flip":
            probe = np.flip(probe, "yx".index(bug.parameters["axis"]))
        elif bug.name in SAME and SAME[bug.name] == "alpha-order":
            letters = {"argb-as-rgba": "arg", "abgr-as-rgba": "abg", "rgba-as-argb": "gba"}[bug.name]
            order = "".join("a" if c == "a" else order["rgb".index(c)] for c in letters)
        elif bug.name in {"crop", "corner"}:
            facets.add("crop")
        elif bug.kind == "bug" and bug.name != "permutation":
            facets.add(SAME.get(bug.name, bug.name))
    # The order of channels is applied after the camera's, whichever was drawn first.
    for bug in bugs:
        if bug.name == "permutation":
            order = "".join(order[k] for k in bug.parameters["order"])
    turn = next(t for t in range(8) if np.array_equal(_turned(np.arange(6).reshape(2, 3), t), probe))
    if turn:
        facets.add(TURNS[turn])
    if order != "rgb":
        facets.add(f"order {order}")
    if "affine" in facets:  # two maps are one; another base of the logarithm is one
        facets -= {"log", "scale"} if waveform else {"log"}
    return frozenset(facets)


def named(changes: Sequence[Change]) -> frozenset[str]:
    """Facets of what an explanation names."""
    facets = set()
    for change in changes:
        if change.part == "channel" and "order" in change.parameters:
            facets.add(f"order {change.parameters['order']}")
        elif change.name not in BESIDE:
            facets.add("affine" if change.name == "saturated" else change.name)
    return frozenset(facets)


def _turned(probe: Any, turn: int) -> Any:
    made = np.rot90(probe, turn % 4)
    return made[:, ::-1] if turn >= 4 else made


@dataclass(frozen=True)
class Proof:
    """What the frames show of planted bugs."""

    shown: tuple[Bug, ...]
    """The fewest of the bugs that give the same input, within its own step."""
    hidden: tuple[Bug, ...]


def proof(subject: Subject, bugs: Sequence[Bug], frames: Sequence[int]) -> Proof:
    """Which bugs these frames cannot show: without them the model is fed the same, within a unit or a step."""
    if not bugs:
        return Proof((), ())
    whole = subject.fed(bugs, frames)
    rest = [(), *((b,) for b in bugs)] if len(bugs) > 1 else [()]
    for fewer in rest:
        if all(_same(subject, a, b) for a, b in zip(whole, subject.fed(fewer, frames), strict=True)):
            return Proof(tuple(fewer), tuple(b for b in bugs if b not in fewer))
    return Proof(tuple(bugs), ())


def _same(subject: Subject, a: Any, b: Any) -> bool:
    a, b = a.astype(np.float64), b.astype(np.float64)
    if subject.frames[0].kind == "text":
        return bool(np.array_equal(a, b))
    if subject.pipeline["dtype"] != "float32":
        return bool(np.abs(a - b).max() <= 1)
    unit = (
        1.01 / min(np.abs(subject.pipeline["std"]).min(), 255.0)
        if subject.frames[0].kind == "image"
        else 1e-3 * np.ptp(b)
    )
    return bool(np.abs(a - b).max() <= unit)


def judge(shown: Sequence[Bug], said: Explanation | None, *, waveform: bool = False) -> Outcome:
    """Whether the explanation is what was planted, of which `shown` can be seen."""
    if said is None:
        return "missed"
    wanted, found = (
        planted(shown, waveform=waveform),
        named(said.changes) if said.kind in {"named", "agrees"} else frozenset(),
    )
    if any(b.kind == "unknown" for b in shown):
        return "wrong" if found else "right"
    if not wanted:
        return "wrong" if found else "right"
    if said.kind in {"unexplained", "not identifiable", "agrees"}:
        return "missed"
    if found == wanted or (waveform and found - {"scale"} == wanted - {"scale"} and "affine" in found & wanted):
        return "right"
    others = (frozenset(n for n in names if n not in BESIDE) for names in said.equivalent)
    return "right" if any(o == wanted for o in others) else "wrong"


def astray(bug: Bug, said: Explanation, pipeline: Pipeline) -> str:
    """Numbers of a bug that was rightly named which are not those planted, in words; empty where all are near."""
    found = {name: value for change in said.changes for name, value in change.parameters.items()}
    wanted = _numbers(bug, pipeline, found)
    off = []
    for name, (value, reach) in wanted.items():
        near = isinstance(found.get(name), int | float) and abs(float(found[name]) - value) <= NEAR * reach
        if not near:
            off.append(f"{name} {found.get(name)} for {value:.5g}")
    return ", ".join(off)


def _numbers(bug: Bug, pipeline: Pipeline, found: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """What an explanation would call them: the value, and what its error counts in. What it does not tell is not asked for."""
    p = bug.parameters
    image = "height" in pipeline
    if bug.name == "affine" and image:
        three = list(zip(np.broadcast_to(p["slope"], 3), np.broadcast_to(p["offset"], 3), strict=True))
        mean, std = (np.broadcast_to(pipeline[k], 3) for k in ("mean", "std"))
        slopes = {f"slope {c}": (float(s), abs(float(s))) for c, (s, _) in enumerate(three)}
        return slopes | {f"offset {c}": (mean[c] * (1 - s) + o * std[c], 255.0) for c, (s, o) in enumerate(three)}
    if bug.name == "affine" and "slope" in found:
        return {"slope": (p["slope"], p["slope"]), "offset": (p["offset"], max(1.0, abs(p["offset"])))}
    if bug.name == "crop":
        kept = p["kept"]
        return {"crop": (kept, 1.0)} if "crop" in found else {"height": (kept, 1.0), "width": (kept, 1.0)}
    if bug.name == "corner":
        sides = {"height": p["kept"], "width": p["kept"], "top": p["top"], "left": p["left"]}
        return {name: (value, 1.0) for name, value in sides.items()}
    if bug.name == "stride":
        return {"padding": (p["bytes"], 1.0)}
    if bug.name == "sample-rate":
        return {"assumed_hz": (p["assumed"], 0.1 * p["assumed"])}
    if bug.name == "scale" and "factor" in found:
        return {"factor": (p["factor"], p["factor"])}
    if bug.name == "mel-range":
        return {"low_hz": (p["low"], 500.0), "high_hz": (p["high"], p["high"])}
    return {}
