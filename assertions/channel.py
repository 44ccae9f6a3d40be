"""The color channels reach the model in the order it was trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Finding

if TYPE_CHECKING:
    from farm.assess.evidence import Evidence


def check(evidence: Evidence) -> Finding | None:
    """Applies to pictures."""
    if evidence.recipe is None or not evidence.pipeline_examined:
        return None
    wanted, seen, change = evidence.recipe.channels, evidence.transform, evidence.change("channel")
    if seen is not None and "channel" in seen.parts:
        fed = "".join(wanted[k] for k in seen.permutation)
        return Finding(
            assertion="channel",
            holds=False,
            summary=f"The device feeds {fed.upper()} where the model expects {wanted.upper()}",
            evidence={"residual": seen.residual, "without explanation": seen.unexplained},
            remedy=evidence.mend(f'channels = "{wanted}"'),
        )
    if change is not None:
        return Finding(
            assertion="channel",
            holds=False,
            summary=f"The device feeds {wanted.upper()} where the model expects {change.recipe.channels.upper()}",
            evidence={"right": change.before, "right after the change": change.after, "p_value": change.p_value},
            remedy=f'channels = "{change.recipe.channels}"',
        )
    return Finding(assertion="channel", holds=True, summary=f"Nothing speaks against {wanted.upper()}")
