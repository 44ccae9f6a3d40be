"""Which variant to take: Pareto's front on each device, and the best within a budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from farm.trend.frontier import Choice, frontier, wanted
from farm.trend.series import Key, Point, Series

Variant = tuple[str, str, float, float, float | None]
"""Model, device, accuracy, latency, energy."""


def series(*variants: Variant, build: str = "b") -> list[Series]:
    found = list[Series]()
    for model, serial, accuracy, latency, energy in variants:
        for metric, value, configuration in (
            ("top1", accuracy, "threads=4"),
            ("latency.median", latency, "threads=4"),
            ("energy.median", energy, "threads=4, energy at battery"),
        ):
            if value is None:
                continue
            key = Key(schedule="", model=model, serial=serial, configuration=configuration, metric=metric)
            point = Point(at=1.0, run=1, value=value, circumstances={"model": build, "kind": "virtual"})
            found.append(Series(id=len(found), key=key, unit="", better="low", points=(point,)))
    return found


def named(choices: tuple[Choice, ...], word: str) -> set[tuple[str, str]]:
    return {(c.model, c.serial) for c in choices if getattr(c, word)}


def test_the_best_of_each_device_keeps_the_budget() -> None:
    told = series(
        ("big", "one", 0.9, 30.0, 5.0), ("small", "one", 0.7, 10.0, 2.0), ("bad", "one", 0.6, 12.0, 3.0),
        ("big", "two", 0.9, 9.0, None), ("small", "two", 0.7, 3.0, 1.0),
    )  # fmt: skip
    found = frontier(told, budget_ms=20)
    assert found.accuracy == "top1"
    assert named(found.choices, "best") == {("small", "one"), ("big", "two")}
    assert named(found.choices, "front") == {("big", "one"), ("small", "one"), ("big", "two"), ("small", "two")}
    assert [c.model for c in found.choices if c.serial == "one"] == ["small", "bad", "big"], "from fast to slow"
    assert all(c.virtual and c.configuration == "threads=4" for c in found.choices)
    assert named(frontier(told).choices, "best") == {("big", "one"), ("big", "two")}
    assert not named(frontier(told, budget_ms=1).choices, "best")


def test_less_energy_is_a_reason_only_where_it_is_known_of_all() -> None:
    hungry = series(("a", "one", 0.9, 10.0, 5.0), ("b", "one", 0.9, 11.0, 2.0))
    assert named(frontier(hungry).choices, "front") == {("a", "one"), ("b", "one")}
    blind = series(("a", "one", 0.9, 10.0, None), ("b", "one", 0.9, 11.0, 2.0))
    assert named(frontier(blind).choices, "front") == {("a", "one")}


def test_figures_of_two_builds_are_no_choice() -> None:
    old = series(("a", "one", 0.9, 10.0, None), build="old")
    new = series(("a", "one", 0.5, 5.0, None), build="new")
    assert not frontier([old[0], new[1]]).choices
    newer = new[0].model_copy(update={"points": (new[0].points[0].model_copy(update={"at": 2.0}),)})
    assert [c.accuracy for c in frontier([old[0], newer, new[1]]).choices] == [0.5]


def test_without_labels_the_agreement_stands_for_accuracy() -> None:
    told = [s.model_copy(update={"key": s.key.model_copy(update={"metric": "agreement"})}) if s.key.metric == "top1" else s
            for s in series(("a", "one", 0.9, 10.0, None))]  # fmt: skip
    assert frontier(told).accuracy == "agreement"
    assert not frontier(told, accuracy="top1").choices
    assert wanted("map") == ("map", "latency.median", "energy.median")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4).map(lambda n: n / 4), st.integers(1, 5).map(float), st.none() | st.integers(1, 3).map(float)
        ),
        min_size=1, max_size=8,
    ),
    st.none() | st.integers(1, 6).map(float),
)  # fmt: skip
def test_nothing_on_the_front_is_beaten_and_all_else_is(
    figures: list[tuple[float, float, float | None]], budget: float | None
) -> None:
    found = frontier(series(*((str(n), "one", *f) for n, f in enumerate(figures))), budget_ms=budget).choices
    assert len(found) == len(figures)
    with_energy = all(c.energy_mj is not None for c in found)

    def beats(a: Choice, b: Choice) -> bool:
        pairs = [(-a.accuracy, -b.accuracy), (a.latency_ms, b.latency_ms)]
        if with_energy and a.energy_mj is not None and b.energy_mj is not None:
            pairs.append((a.energy_mj, b.energy_mj))
        return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)

    for one in found:
        assert one.front == (not any(beats(other, one) for other in found))
    within = [c for c in found if budget is None or c.latency_ms <= budget]
    best = [c for c in found if c.best]
    assert len(best) == bool(within)
    for one in best:
        assert one.accuracy == max(c.accuracy for c in within)
        assert one.latency_ms == min(c.latency_ms for c in within if c.accuracy == one.accuracy)
