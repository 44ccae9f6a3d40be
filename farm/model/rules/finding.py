"""How a rule says what it found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from farm.report.quantization import Issue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.model.graph import Node, Tensor
    from farm.report.quantization import Severity

AGAIN = "convert it again with representative inputs, as the converter's calibration reads them"


def found(
    rule: str,
    severity: Severity,
    what: str,
    why: str,
    remedy: str,
    *,
    node: Node | None = None,
    tensor: Tensor | None = None,
    **figures: float,
) -> Issue:
    """One issue."""
    return Issue(
        rule=rule,
        severity=severity,
        node=None if node is None else node.index,
        op="" if node is None else node.op,
        tensor="" if tensor is None else tensor.name,
        what=what,
        why=why,
        remedy=remedy,
        figures={name: value for name, value in figures.items() if math.isfinite(value)},
    )


def short(tensor: Tensor) -> str:
    """The end of a tensor's name, which tells layers apart."""
    return "/".join(tensor.name.partition(";")[0].split("/")[-2:])


def labels(nodes: Sequence[Node]) -> str:
    """`3 ADD, 4 MUL and 2 more`."""
    return some([f"{node.index} {node.op}" for node in nodes])


def some(names: list[str], limit: int = 4) -> str:
    """`a, b, c, d and 3 more`."""
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
