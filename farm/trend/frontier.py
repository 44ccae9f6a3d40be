"""Which variant to take on which device: what is right, how soon, for how much energy."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from farm.report.base import Part
from farm.trend.figures import shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from farm.trend.series import Point, Series

ACCURACY = ("top1", "map", "mean_iou", "r2", "agreement")
"""What `accuracy` is of, the first that any model has."""
LATENCY, ENERGY = "latency.median", "energy.median"


class Choice(Part):
    """A model under one configuration on one device, by its newest figures."""

    model: str
    serial: str
    configuration: str
    accuracy: float
    latency_ms: float
    energy_mj: float | None = None
    """None where no power is read; at the boundary that was read last."""
    virtual: bool = False
    run: int
    """Of the latency."""
    at: float
    """Unix seconds, of that run."""
    front: bool = False
    """No other choice on this device is as good in all and better in one."""
    best: bool = False
    """The most accurate of its device within the budget, the fastest of equals."""


class Frontier(Part):
    """All choices, by device, then from fast to slow."""

    accuracy: str
    """The metric; empty where no model has one."""
    budget_ms: float | None
    choices: tuple[Choice, ...]


def wanted(accuracy: str = "") -> tuple[str, ...]:
    """The metrics that `frontier` looks at."""
    return (*((accuracy,) if accuracy else ACCURACY), LATENCY, ENERGY)


def frontier(series: Sequence[Series], *, accuracy: str = "", budget_ms: float | None = None) -> Frontier:
    """`series` hold their newest point each; `accuracy` is a metric of which more is better, else the first of ACCURACY.

    The front is Pareto's over accuracy, latency and, on devices where every choice has it, energy.
    """
    there = {s.key.metric for s in series}
    metric = accuracy or next((name for name in ACCURACY if name in there), "")
    newest: dict[tuple[str, str, str], dict[str, Point]] = defaultdict(dict)
    for one in series:
        if not one.points or one.key.metric not in (metric, LATENCY, ENERGY):
            continue
        found = newest[one.key.model, one.key.serial, shared(one.key.configuration)]
        point = one.points[-1]
        if one.key.metric not in found or found[one.key.metric].at < point.at:
            found[one.key.metric] = point
    by_device: dict[str, list[Choice]] = defaultdict(list)
    for (model, serial, configuration), points in newest.items():
        right, soon, power = (points.get(name) for name in (metric, LATENCY, ENERGY))
        if right is None or soon is None or _build(right) != _build(soon):
            continue
        by_device[serial].append(
            Choice(
                model=model, serial=serial, configuration=configuration, accuracy=right.value, latency_ms=soon.value,
                energy_mj=power.value if power is not None and _build(power) == _build(soon) else None,
                virtual=soon.circumstances.get("kind") == "virtual", run=soon.run, at=soon.at,
            )
        )  # fmt: skip
    return Frontier(
        accuracy=metric,
        budget_ms=budget_ms,
        choices=tuple(c for serial in sorted(by_device) for c in _of_device(by_device[serial], budget_ms)),
    )


def _build(point: Point) -> str:
    """Figures of two builds of a model say nothing of either."""
    return point.circumstances.get("model", "")


def _of_device(choices: Sequence[Choice], budget_ms: float | None) -> Iterator[Choice]:
    with_energy = all(c.energy_mj is not None for c in choices)

    def costs(choice: Choice) -> tuple[float, ...]:
        energy = (choice.energy_mj,) if with_energy and choice.energy_mj is not None else ()
        return -choice.accuracy, choice.latency_ms, *energy

    all_costs = [costs(c) for c in choices]
    best = min((c for c in choices if budget_ms is None or c.latency_ms <= budget_ms), key=costs, default=None)
    for choice in sorted(choices, key=lambda c: (c.latency_ms, -c.accuracy, c.model, c.configuration)):
        mine = costs(choice)
        beaten = any(theirs != mine and all(a <= b for a, b in zip(theirs, mine, strict=True)) for theirs in all_costs)
        yield choice.model_copy(update={"front": not beaten, "best": choice is best})
