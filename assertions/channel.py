"""The color channels reach the model in the order it was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess.explain.finding import finding
from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies to pictures."""
    found = finding(evidence, "channel")
    recipe = evidence.examined
    if found is not None or recipe is None or recipe.kind != "image":
        return found
    wanted, change = recipe.channels, evidence.change("channel")
    if change is not None:
        return Finding(
            assertion="channel",
            holds=False,
            summary=f"The device feeds {wanted.upper()} where the model expects {change.recipe.channels.upper()}",
            evidence={"right": change.before, "right after the change": change.after, "p_value": change.p_value},
            remedy=f'channels = "{change.recipe.channels}"',
        )
    return Finding(assertion="channel", holds=True, summary=f"Nothing speaks against {wanted.upper()}")
