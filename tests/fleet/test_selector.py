from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.errors import SelectorError
from farm.fleet.device import Device
from farm.fleet.selector import KEYS, parse, select


def device(serial: str, **properties: str) -> Device:
    names = {
        "abi": "ro.product.cpu.abi",
        "sdk": "ro.build.version.sdk",
        "soc": "ro.soc.model",
        "model": "ro.product.model",
    }
    return Device(serial, "device", {names[k]: v for k, v in properties.items()})


PIXEL = device("A1", abi="arm64-v8a", sdk="34", soc="Tensor G3", model="Pixel 8")
GALAXY = device("B2", abi="arm64-v8a", sdk="33", soc="SM8550", model="SM-S911B")
OLD = device("C3", abi="armeabi-v7a")
ALL = [PIXEL, GALAXY, OLD]


@pytest.mark.parametrize(
    ("selector", "serials"),
    [
        ("", "A1 B2 C3"),
        ("abi=arm64-v8a", "A1 B2"),
        ("abi=arm64-v8a sdk>=34", "A1"),
        ("sdk<34", "B2"),
        ('soc~"sm8*"', "B2"),
        ('model="Pixel 8"', "A1"),
        ("serial!=A1 abi!=armeabi-v7a", "B2"),
        ("  serial=C3  ", "C3"),
    ],
)
def test_clauses(selector: str, serials: str) -> None:
    assert [d.serial for d in select(selector, ALL)] == serials.split()


@pytest.mark.parametrize(
    ("selector", "column", "says"),
    [
        ("abbi=x86_64", 1, "did you mean 'abi'"),
        ("abi=x86_64 A1", 12, "serial=A1"),
        ("abi>=3", 1, "numeric keys: sdk"),
        ("sdk>=new", 1, "numeric keys: sdk"),
        ('model="Pixel', 1, "KEY OP VALUE"),
    ],
)
def test_errors_name_the_column(selector: str, column: int, says: str) -> None:
    with pytest.raises(SelectorError) as e:
        parse(selector)
    assert f"column {column}" in e.value.where
    assert says in f"{e.value} {e.value.remedy}"


def test_matching_nothing_says_which_clause_excluded_whom() -> None:
    with pytest.raises(SelectorError) as e:
        select("abi=arm64-v8a sdk>=35", ALL)
    assert "A1 by sdk>=35 (it has 34)" in str(e.value)
    assert "C3 by abi=arm64-v8a (it has armeabi-v7a)" in str(e.value)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        clauses = parse(text)
    except SelectorError as e:
        assert "column" in e.where
    else:
        assert all(c.key in KEYS for c in clauses)


def test_not_turns_the_next_clause_round_and_labels_are_any_of_several() -> None:
    one = Device("a", "device", pool="nightly", labels=frozenset({"fast", "rooted"}))
    two = Device("b", "device", name="desk", host="lab2")
    assert select("not pool=nightly", [one, two]) == [two]
    assert select("label=fast label~root* not label=slow", [one, two]) == [one]
    assert select("host=lab2 name=desk", [one, two]) == [two]
    with pytest.raises(SelectorError, match="by not pool=nightly"):
        select("not pool=nightly", [one])
    with pytest.raises(SelectorError, match="column 12: nothing follows 'not'"):
        select("pool=a     not", [one])
