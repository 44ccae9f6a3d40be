"""The jar and the library as they are built."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

from tests.agents.kit import NATIVE, ROOT

from .kit import JAR, JAVA, LIBRARY, SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_two_builds_are_the_same_bytes(classes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "another folder"
    shutil.copytree(JAVA, copy, ignore=shutil.ignore_patterns("build"))
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    subprocess.run(["make", "-C", copy], check=True, capture_output=True)
    assert (copy / "build" / "exray.jar").read_bytes() == JAR.read_bytes()


def test_classes_are_those_of_java_8(classes: Path) -> None:
    """No lambda, and no class of Android's or of the desktop's."""
    with zipfile.ZipFile(JAR) as jar:
        assert {int.from_bytes(jar.read(name)[6:8], "big") for name in jar.namelist()} == {52}
        names = [name.removesuffix(".class").replace("/", ".") for name in jar.namelist()]
    told = subprocess.run(["javap", "-v", "-cp", JAR, *names], check=True, capture_output=True, text=True).stdout
    assert "InvokeDynamic" not in told
    packages = set(re.findall(r"= Class +\"?\[*L?([a-z]+/[a-z]+)/", told))
    assert packages <= {"dev/exray", "java/io", "java/lang", "java/net", "java/nio", "java/security", "java/util"}


def test_the_library_needs_libc_alone_and_stays_loaded(classes: Path) -> None:
    dynamic = subprocess.run(["readelf", "-d", LIBRARY], capture_output=True, check=True, text=True).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    assert {name for name in needed if not name.startswith("ld-linux")} <= {"libc.so.6", "libdl.so.2"}
    assert "NODELETE" in dynamic


def test_files_stay_small() -> None:
    examples = ROOT / "agents" / "examples" / "java"
    folders = (JAVA / "src", NATIVE / "jni", SOURCES, examples)
    for path in (p for folder in folders for p in folder.rglob("*.*") if p.suffix in {".java", ".c", ".h"}):
        lines = path.read_text().splitlines()
        assert len(lines) <= 400, path
        assert max(map(len, lines)) <= 120, path
