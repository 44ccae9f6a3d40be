"""The Python examples as they are typed: the right pipeline passes, the bug of the wrong one is named."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from farm.reference import environments
from farm.reference.registry import find
from tests.conftest import ROOT
from tests.exray.kit import MODEL, pictures, verdict
from tests.exray.python_kit import BACKENDS, SOURCE

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = ROOT / "agents" / "examples" / "python"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the demo's pictures, some."""
    found = tmp_path / "pictures"
    found.mkdir()
    for picture in pictures():
        (found / picture.name).symlink_to(picture)
    return found


def example(name: str, *arguments: str | Path, more: tuple[Path, ...] = (), pure: str = "0") -> list[str]:
    """Lines that it prints."""
    path = os.pathsep.join(map(str, (SOURCE, *more)))
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], check=False, capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": path, "EXRAY_PURE": pure},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bug", "said", "pure"),
    [
        ((), ("pass", "none"), BACKENDS["native"]),
        (("--bug", "rotation"), ("fail", "rotation"), BACKENDS["pure"]),
    ],
)
def test_the_classifiers_bug_is_named(
    bug: tuple[str, ...], said: tuple[str, str], pure: str, folder: Path, tmp_path: Path
) -> None:
    lines = example("classifier.py", MODEL, folder, tmp_path / "app.mcap", *bug, pure=pure)
    assert len(lines) == len(pictures())
    assert verdict(tmp_path / "app.mcap", tmp_path) == said


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Where onnx and onnxruntime are: here as the extra, or in an environment as `farm runtime add onnx` makes it."""
    if environments.is_ours(find("onnx")):
        return ()
    base = tmp_path_factory.getbasetemp()
    home = environments.home((base.parent if base.name.startswith("popen-") else base) / "runtimes-data")
    environments.add(home, find("onnx"), lambda _: None)
    return tuple(environments.folder(home, find("onnx")).glob("lib/python*/site-packages"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bug", "said"), [((), ("pass", "none")), (("--bug", "resize"), ("fail", "resize"))]
)  # fmt: skip
def test_the_onnx_classifiers_bug_is_named(
    bug: tuple[str, ...], said: tuple[str, str], folder: Path, runtime: tuple[Path, ...], tmp_path: Path
) -> None:
    made, capture = tmp_path / "model.onnx", tmp_path / "onnx.mcap"
    example("as_onnx.py", MODEL, made, more=runtime)
    lines = example("onnx_classifier.py", made, MODEL, folder, capture, *bug, more=runtime)
    if not bug:
        assert lines == example("classifier.py", MODEL, folder, tmp_path / "app.mcap"), "the same model"
    assert verdict(capture, tmp_path) == said
