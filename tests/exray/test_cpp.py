"""The C++ classifier of the examples, and the header it is built with."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

from . import kit

EXAMPLE = ROOT / "agents" / "examples" / "cpp"


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cpp")
    command = ["make", "--silent", "-C", str(EXAMPLE), f"LITERT={kit.LITERT}", f"OUT={out}"]
    subprocess.run(command, check=True, timeout=300)
    return out / "classifier"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "verdict"), [((), ("pass", "none")), (("--bug", "normalization"), ("fail", "normalization"))]
)
def test_its_bug_is_named(flags: tuple[str, ...], verdict: tuple[str, str], classifier: Path, tmp_path: Path) -> None:
    capture = tmp_path / "app.mcap"
    files = kit.as_ppm(tmp_path / "pictures")
    subprocess.run([classifier, kit.MODEL, capture, *files, *flags], check=True, timeout=300, capture_output=True)
    assert kit.verdict(capture, tmp_path) == verdict


@pytest.mark.parametrize(
    ("model", "capture", "picture", "why"),
    [
        ("no.tflite", "app.mcap", "a.ppm", "LiteRtCreateModelFromFile: status 500"),
        (str(kit.MODEL), "no/such/app.mcap", "a.ppm", "no/such/app.mcap cannot be written: No such file"),
        (str(kit.MODEL), "app.mcap", "no.ppm", "no.ppm: not a PPM picture"),
    ],
)
def test_it_says_why_it_cannot(
    model: str, capture: str, picture: str, why: str, classifier: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [classifier, model, capture, picture], check=False, timeout=60, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert why in done.stderr
