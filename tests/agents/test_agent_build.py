from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .kit import NATIVE, PLATFORM


@pytest.mark.slow
def test_two_builds_in_different_folders_are_the_same_bytes(agent: Path, tmp_path: Path) -> None:
    digests = {hashlib.sha256(agent.read_bytes()).hexdigest()}
    copy = tmp_path / "another folder"
    shutil.copytree(NATIVE, copy, ignore=shutil.ignore_patterns("build"))
    subprocess.run(["make", "-C", copy], check=True, capture_output=True)
    built = (copy / "build" / PLATFORM / "exray-agent").read_bytes()
    assert str(copy).encode() not in built
    digests.add(hashlib.sha256(built).hexdigest())
    assert len(digests) == 1


def test_needs_libc_and_its_companions_alone(agent: Path) -> None:
    dynamic = subprocess.run(["readelf", "-d", agent], capture_output=True, check=True, text=True).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    assert needed <= {"libc.so.6", "libdl.so.2", "libm.so.6"}


def test_descriptor_is_that_of_the_schema() -> None:
    spec = importlib.util.spec_from_file_location("make_descriptor", NATIVE / "make_descriptor.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.HEADER.read_text() == module.header_text(module.descriptor_set())


def test_files_stay_small() -> None:
    for path in (p for folder in ("src", "lib", "include") for p in (NATIVE / folder).glob("*.[ch]*")):
        lines = path.read_text().splitlines()
        assert len(lines) <= 400, path
        assert max(map(len, lines)) <= 120, path
