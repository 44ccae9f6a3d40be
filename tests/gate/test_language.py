"""The language of conditions: what is meant, and errors at the column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import GateError
from farm.gate.condition import Condition, Quantity, Term
from farm.gate.language import CONDITIONS, LENGTH, TERMS, parse
from farm.gate.metric import METRICS, OF_BOTH

WORDS = [
    "n",
    "o",
    "d",
    "top1",
    "accuracy",
    "latency.p90",
    "energy.median",
    "baseline",
    "old",
    "new",
    "and",
    "(",
    ")",
    "+",
    "-",
]
WORDS += ["*", ">", "<=", "+/-", "@", "%", "ms", "mJ", "1", "0.5", "1e9", "1e999", ".", "=", " ", "\n", "\u00e9", "\0"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "accuracy(new) - accuracy(old) > -0.01 +/- 0.005 @ 0.999",
            "top1(new) - top1(old) > -0.01 +/- 0.005 @ 0.999",
        ),
        ("n - o > -1% +/- .5 % @ 99.9 %", "top1(new) - top1(old) > -0.01 +/- 0.005 @ 0.999"),
        ("latency.p90 < 1.05 * baseline", "latency.p90(new) - 1.05 * latency.p90(old) < 0.0 ms"),
        ("1.05 * latency.p90(baseline) > latency.p90", "1.05 * latency.p90(old) - latency.p90(new) > 0.0 ms"),
        ("latency.p90 < 1500 us + 0.01 s", "latency.p90(new) < 11.5 ms"),
        ("energy.median <= 12 mJ", "energy.median(new) <= 12.0 mJ"),
        ("memory.peak <= 1 GiB", "memory.peak(new) <= 1024.0 MiB"),
        ("top1 >= 0.70 @ 0.99", "top1(new) >= 0.7 @ 0.99"),
        ("d < 0.1", "d < 0.1"),
        ("n + n - 0.5 > o", "2.0 * top1(new) - top1(old) > 0.5"),
    ],
)
def test_a_condition_is_a_sum_against_a_limit(text: str, shown: str) -> None:
    (condition,) = parse(text)
    assert str(condition) == shown
    assert condition.text == text


def test_conditions_are_joined_by_and_and_keep_their_own_words() -> None:
    first, second = parse(" n > 0.7 @ 0.99 and\nlatency.p90 < 5 ms ")
    assert (first.text, second.text) == ("n > 0.7 @ 0.99", "latency.p90 < 5 ms")
    assert (first.confidence, second.confidence) == (0.99, None)


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("accuracy(new) >> 3", 16, "a number or a metric"),
        ("latency.p90 < 20", 15, "one of ns, us, ms, s"),
        ("latency.p90 < 12 mJ", 15, "one in ns, us, ms, s"),
        ("latency.p90 < 12 furlongs", 18, "* or a unit"),
        ("accuarcy > 0.5", 1, "'accuracy'?"),
        ("top1(next) > 0.5", 6, "new, old or baseline"),
        ("top1(new > 0.5", 10, "')'"),
        ("n - n > 0", 1, "figures that do not cancel"),
        ("1 < 2", 1, "a metric"),
        ("latency.p90 - latency.median < baseline", 32, "METRIC(old)"),
        ("n - latency.p90 > 0", 5, "figures in no unit"),
        ("n > 0.5 @ 1", 11, "a confidence from 0"),
        ("n > 0.5 +/- 0", 13, "a tolerance above 0"),
        ("n > 0.5 n", 9, "* or a unit"),
        ("n > 0.5 and", 12, "a number or a metric"),
        ("", 1, "a number or a metric"),
        ("n > 1e999", 5, "a smaller number"),
        ("n ~ 3", 3, "a number, a metric"),
        ("d(new) > 0.1", 2, "> >= < or <="),
        ("+".join(["n"] * (TERMS + 2)) + "> 0", 2 * TERMS, f"at most {TERMS}"),
        (" and ".join(["n > 0"] * (CONDITIONS + 1)), 10 * CONDITIONS + 1, f"at most {CONDITIONS}"),
        ("n > 0" + " " * LENGTH, LENGTH + 1, f"at most {LENGTH}"),
    ],
)
def test_an_error_names_the_column_and_shows_it(text: str, column: int, expected: str) -> None:
    with pytest.raises(GateError) as e:
        parse(text)
    head, shown, caret = e.value.message.split("\n")
    assert head.startswith(f"column {column}: ")
    assert expected in head
    assert (
        caret.index("^") == shown.index(shown.strip() or "\n") + column - 1 if shown.strip() else caret.strip() == "^"
    )


numbers = st.floats(-1e12, 1e12).filter(bool)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    unit = draw(st.sampled_from(["", "ms", "mJ", "MiB"]))
    names = st.sampled_from([m.name for m in METRICS.values() if m.unit == unit])
    quantities = st.builds(
        lambda n, s: Quantity(n, "new" if n in OF_BOTH else s), names, st.sampled_from(["new", "old"])
    )
    found = draw(st.lists(quantities, min_size=1, max_size=TERMS, unique=True))
    return Condition(
        tuple(Term(draw(numbers), quantity) for quantity in found),
        draw(st.sampled_from([">", ">=", "<", "<="])),
        draw(numbers | st.just(0.0)),
        draw(st.none() | st.floats(1e-9, 1e9)),
        draw(st.none() | st.floats(0, 1, exclude_max=True)),
    )


@given(conditions())
def test_what_is_printed_is_read_as_the_same(condition: Condition) -> None:
    if len(str(condition)) <= LENGTH:
        assert parse(str(condition)) == (condition,)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)
    | st.lists(st.sampled_from(WORDS)).map("".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except GateError as e:
        assert "column" in e.message
    else:
        assert parse(" and ".join(map(str, found))) == found
