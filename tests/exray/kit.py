"""What `farm diagnose` says of a capture that an app left, and the demo's pictures for apps that read no PNG."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import ai_edge_litert
from PIL import Image

from tests.conftest import DEMO

FRAMES = 40
MODEL = DEMO / "model.tflite"
LITERT = Path(next(iter(ai_edge_litert.__path__)))
"""Folder of libLiteRt.so."""


def pictures() -> list[Path]:
    return sorted((DEMO / "inputs").glob("*.png"))[:FRAMES]


def as_ppm(folder: Path) -> list[Path]:
    folder.mkdir()
    files = []
    for picture in pictures():
        files.append(folder / f"{picture.stem}.ppm")
        Image.open(picture).convert("RGB").save(files[-1])
    return files


def farm(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    (home / "farm.toml").write_text(f'data = "{home / "data"}"\n')
    command = [sys.executable, "-m", "farm", "--config", str(home / "farm.toml"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=400, cwd=home)


def diagnosed(capture: Path, home: Path, *more: str) -> dict[str, Any]:
    done = farm(home, "diagnose", str(capture), "--model", str(MODEL), "--json", *more)
    assert done.returncode in {0, 1, 4}, done.stderr
    run: dict[str, Any] = json.loads(done.stdout)["runs"][0]
    return run


def verdict(capture: Path, home: Path) -> tuple[str, str]:
    """Its kind and cause, of a capture over the demo's pictures."""
    found = diagnosed(capture, home, "--labels", str(DEMO / "labels.tsv"))["verdict"]
    return found["kind"], found["cause"]
