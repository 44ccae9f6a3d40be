"""How an input was explained, where sequences break and which frames fare worse, as people read it on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from farm.report.explained import SHOWN, details, fired_words, headline, slice_words

if TYPE_CHECKING:
    from rich.console import Console

    from farm.report.document import Run
    from farm.report.explanation import Explanation

COLORS = {"-": "red", "+": "green"}


def diagnosis(console: Console, run: Run) -> None:
    """What assertions rest on; nothing where nothing was examined."""
    if run.explanation is not None:
        explanation(console, run.explanation)
    for fired in run.fired:
        console.print(f"sequence: {escape(fired_words(fired))}", highlight=False, soft_wrap=True)
    for found in run.slices[:SHOWN]:
        console.print(f"worse: {escape(slice_words(found))}", highlight=False, soft_wrap=True)


def explanation(console: Console, found: Explanation) -> None:
    """The inferred bug, its rivals, and the recipe's lines before and after."""
    console.print(f"model input: {escape(headline(found))}", highlight=False, soft_wrap=True)
    for line in details(found):
        console.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    for line in found.diff:
        console.print(f"  {escape(line)}", style=COLORS.get(line[:1], ""), highlight=False, soft_wrap=True)
