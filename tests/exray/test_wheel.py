"""The wheel of the Python package, built offline and used from where it is unpacked: with the library, and without."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from farm.store.artifacts import ArtifactStore
from tests.conftest import ROOT
from tests.exray.python_kit import SOURCE, frames, recorded

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
import exray
assert Path(exray.__file__).is_relative_to(sys.argv[2]), exray.__file__
with exray.open(sys.argv[1], app="wheel") as log, log.frame("only") as frame:
    frame.output(0, np.arange(5))
print(type(log._backend).__name__, exray.__version__)
"""


def built(out: Path, pure: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, check=True, capture_output=True, cwd=SOURCE, env=os.environ | {"EXRAY_PURE": pure})
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.mark.parametrize(
    ("pure", "tag", "backend"),
    [("0", f"py3-none-linux_{platform.machine()}", "NativeBackend"), ("1", "py3-none-any", "PureBackend")],
)
def test_a_wheel_logs_where_it_is_installed(pure: str, tag: str, backend: str, tmp_path: Path) -> None:
    wheel = built(tmp_path / "dist", pure)
    assert wheel.stem.endswith(tag)
    with zipfile.ZipFile(wheel) as file:
        held = set(file.namelist())
    assert ({"exray/libexray.so", "exray/exray.h"} <= held) == (pure == "0")
    assert {"exray/exray.desc", "exray/py.typed"} <= held
    target = tmp_path / "site"
    options = ["--quiet", "--no-deps", "--no-index", "--no-input"]
    pip = [sys.executable, "-m", "pip", "install", *options, "--target", str(target)]
    subprocess.run([*pip, wheel], check=True, capture_output=True)
    path = tmp_path / "app.mcap"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, path, target], check=False, capture_output=True, text=True, cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("EXRAY_")} | {"PYTHONPATH": str(target)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    version = (ROOT / "agents" / "native" / "src" / "version.h").read_text().split('EXRAY_AGENT_VERSION "')[1]
    assert done.stdout.split() == [backend, version.split('"')[0]]
    assert frames(path) == 1
    found = recorded(path, ArtifactStore(tmp_path / "artifacts"))
    assert (found.header.app, found.header.source_version, found.complete) == ("wheel", done.stdout.split()[1], True)


def test_building_leaves_nothing_in_the_tree(tmp_path: Path) -> None:
    before = {p for p in SOURCE.rglob("*") if "__pycache__" not in p.parts}
    built(tmp_path / "dist", "0")
    assert {p for p in SOURCE.rglob("*") if "__pycache__" not in p.parts} == before
