"""The confusion matrix as a picture: SVG that stands in the page, drawn from the job document alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from farm.report.metrics import TaskMetrics

SHOWN = 40
"""Classes; of more, those that are confused most."""
SIDE, LEFT, TOP = 12, 130, 8


@dataclass(frozen=True)
class Chosen:
    """The classes that a confusion matrix shows."""

    place: dict[int, int]
    """Label -> its place from the first; by label."""
    names: tuple[str, ...]
    """By place: `3 cat`."""
    totals: dict[int, int]
    """Label -> how often it is the truth."""
    left_out: int
    """Classes that are confused less often than these."""


def choose(found: TaskMetrics) -> Chosen:
    """The classes that are confused most; none where nothing is."""
    confused: Counter[int] = Counter()
    totals: Counter[int] = Counter()
    for truth, answer, count in found.matrix:
        totals[truth] += count
        if truth != answer:
            confused.update({truth: count, answer: count})
    labels = sorted(label for label, _ in confused.most_common(SHOWN))
    names = {c.label: c.name for c in found.classes}
    names |= {c.truth: c.truth_name for c in found.confusions} | {c.answer: c.answer_name for c in found.confusions}
    return Chosen(
        place={label: i for i, label in enumerate(labels)},
        names=tuple(f"{label} {names.get(label, '')}".strip() for label in labels),
        totals=totals,
        left_out=len(confused) - len(labels),
    )


def confusion(found: TaskMetrics) -> Markup:
    """Truth downwards, answers to the right; a square's strength is its share of the class's truth. Empty without confusions."""
    chosen = choose(found)
    if not chosen.names:
        return Markup("")
    place, told, totals = chosen.place, chosen.names, chosen.totals
    squares = [
        Markup(
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}" fill-opacity="{:.2f}">'
            "<title>{} taken for {}: {}</title></rect>"
        ).format(
            "running" if truth == answer else "over", LEFT + place[answer] * SIDE, TOP + place[truth] * SIDE, SIDE - 1, SIDE - 1,
            max(0.08, count / totals[truth]), told[place[truth]], told[place[answer]], count,
        )
        for truth, answer, count in found.matrix
        if truth in place and answer in place
    ]  # fmt: skip
    names_left = [
        Markup('<text class="left" x="{}" y="{}">{}</text>').format(LEFT - 4, TOP + i * SIDE + 10, told[i][:22])
        for i in place.values()
    ]
    size = SIDE * len(told)
    left_out = f"; {chosen.left_out} classes with fewer confusions are left out" if chosen.left_out else ""
    return Markup(
        '<figure><svg viewBox="0 0 {} {}" style="max-width: {}rem; min-width: 0" role="img" aria-label="confusion matrix">'
        "{}</svg><figcaption><span>confusion matrix: truth downwards, answers in the same order to the right{}</span>"
        "</figcaption></figure>"
    ).format(
        LEFT + size + 8, TOP + size + 8, max(14, (LEFT + size) // 12), Markup("").join(names_left + squares), left_out
    )
