"""How an input was explained, which frames fare worse, and where sequences break: worded once for terminal and page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.words import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.report.explanation import Change, Explanation
    from farm.report.sequence import Fired
    from farm.report.slice import Slice

SHOWN = 5
SEVERITIES = 3


def headline(found: Explanation) -> str:
    """`named: the device feeds BGR where the model expects RGB`."""
    if found.kind == "agrees":
        return f"as expected, in {found.frames} frames"
    if found.changes:
        harmless = " (a difference that does no harm)" if found.harmless else ""
        return f"{found.kind}: the device {_and(found.changes)}{harmless}"
    return f"{found.kind}: {found.reason}"


def details(found: Explanation) -> tuple[str, ...]:
    """What speaks for it: residuals, the second best, what looks the same, what these frames cannot show."""
    lines = []
    if found.kind != "agrees" and found.unexplained:
        told = f"of the input's range {found.unexplained:.2%} differ (RMSE)"
        if found.kind == "named":
            told += f", {found.residual:.2%} with this explanation"
        if found.second:
            told += f"; second best: that it {_and(found.second)}, {found.second_residual or 0.0:.2%}"
        lines.append(f"{told}; {found.frames} frames")
    if found.equivalent:
        same = ", ".join(" + ".join(names) for names in found.equivalent[:SHOWN])
        lines.append(f"the same on these frames: {same}")
    if found.reason and found.changes:
        lines.append(found.reason)
    return tuple(lines)


def fired_words(found: Fired) -> str:
    """`flicker: 3 of 58 windows, worst at frame 12 b.png (0.9), ...`."""
    if not found.count:
        return f"{found.name}: silent in {found.windows} windows"
    worst = ", ".join(f"frame {f.frame} {f.name} ({f.severity:.2g})" for f in found.frames[:SEVERITIES])
    return f"{found.name}: {found.count} of {found.windows} windows, worst at {worst}"


def slice_words(found: Slice) -> str:
    """`label = dog: 40.0 % of the answers of 25 frames lost, 10.0 % over all (p = 0.003)`."""
    return (
        f"{found.words}: {percent(found.error)} of the answers of {found.support} frames lost, "
        f"{percent(found.overall)} over all (p = {found.p_value:.2g})"
    )


def _and(changes: Sequence[Change]) -> str:
    return " and ".join(change.words for change in changes)
