"""Shared libraries: real ones are read right, and no bytes make the reader do more than refuse."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm.bundles import elf, symbols
from farm.errors import BundleError
from tests.bundles import make
from tests.conftest import ROOT

HEADER = ROOT / "agents" / "native" / "src" / "litert_abi.h"


def test_the_symbols_are_those_of_the_agents_header() -> None:
    text = HEADER.read_text()
    body = text.partition("#define LITERT_FUNCTIONS(X)")[2]
    assert [f"LiteRt{name}" for name in re.findall(r"X\([^,()]+, (\w+),\s", body)] == list(symbols.NEEDED)
    assert f'LITERT_MARKER_2_1_6 "{symbols.MARKER}"' in text
    assert f"// The part of LiteRT's C ABI ({symbols.LEAST} to {symbols.PROVED[-1]}) the agent uses." in text


def test_the_installed_runtime_is_read_as_readelf_does() -> None:
    found = elf.read(make.RUNTIME.read_bytes(), "libLiteRt.so")
    told = subprocess.run(
        ["readelf", "-W", "-d", "--dyn-syms", make.RUNTIME], capture_output=True, check=True, text=True
    ).stdout
    assert (found.os, found.soname) == ("linux", "libLiteRt.so")
    assert list(found.needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", told)
    rows = [line.split() for line in told.splitlines() if re.match(r"\s+\d+: [0-9a-f]{16}", line)]
    wanted = {
        row[7].partition("@")[0]
        for row in rows
        if row[6] != "UND" and row[4] in {"GLOBAL", "WEAK"} and row[5] in {"DEFAULT", "PROTECTED"}
    }
    assert found.exports == wanted
    assert set(symbols.NEEDED) < found.exports


@pytest.mark.parametrize("abi", make.TARGETS)
@pytest.mark.parametrize("style", ["gnu", "sysv"])
def test_androids_is_told_from_linuxs(abi: str, style: str) -> None:
    android = elf.read(make.library(abi, hash_style=style), "a")
    assert (android.os, android.abi, android.needed, android.alignment) == ("android", abi, ("libc.so",), 16384)
    assert android.exports == set(make.NAMES)
    linux = elf.read(make.library(abi, os="linux", page=4096), "l")
    assert (linux.os, linux.abi, linux.alignment) == ("linux", abi, 4096)


@given(st.data())
def test_a_cut_off_library_is_refused(data: st.DataObject) -> None:
    whole = make.library()
    kept = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        assert elf.read(kept, "cut").exports == set(make.NAMES), "what is missing was not asked for"
    except BundleError as e:
        assert e.remedy


@given(st.data())
def test_a_damaged_library_is_read_or_refused(data: st.DataObject) -> None:
    spoiled = bytearray(make.library())
    near = st.one_of(st.integers(0, 1023), st.integers(0, len(spoiled) - 1))
    for at in data.draw(st.lists(near, min_size=1, max_size=8)):
        word = data.draw(st.binary(min_size=1, max_size=8))
        spoiled[at : at + len(word)] = word
    try:
        elf.read(bytes(spoiled), "damaged")
    except BundleError as e:
        assert e.remedy


@given(st.binary(max_size=4096), st.booleans())
def test_garbage_is_refused(content: bytes, begins_well: bool) -> None:
    with pytest.raises(BundleError):
        elf.read((make.library()[:64] if begins_well else b"") + content, "garbage")
