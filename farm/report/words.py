"""How figures and layers are worded, the same on the terminal and on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from farm.report.document import LayerDiff, Run, Target

VIRTUAL_NOTE = "virtual: taken on this computer, stands for no phone"


def percent(share: float | None) -> str:
    """0.634 -> `63.4 %`."""
    return "-" if share is None else f"{100 * share:.1f} %"


def layer_label(layer: LayerDiff) -> str:
    """`12 CONV_2D`, or `input`."""
    return "input" if layer.node < 0 else f"{layer.node} {layer.op}"


def tensor_label(name: str) -> str:
    """The end of a tensor's name, which tells layers apart: `a/block3/Relu6;a/block3/...` -> `block3/Relu6`."""
    return "/".join(name.partition(";")[0].split("/")[-2:])


def target_label(target: Target | None) -> str:
    """`127.0.0.1:4711 (virtual x86_64)`."""
    if target is None:
        return "no device yet"
    kind = "" if target.kind == "phone" else f"{target.kind} "
    return f"{target.serial} ({kind}{target.abi or 'unknown ABI'})"


def verdict_line(run: Run) -> str:
    """A run's conclusion, or why it has none."""
    if run.verdict is not None:
        return f"{run.verdict.kind}: {run.verdict.summary}"
    if run.error is not None:
        return f"{run.status}: {run.error.message}"
    return run.status if not run.stage else f"{run.status}: {run.stage}"
