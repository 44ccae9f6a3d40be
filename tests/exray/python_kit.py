"""Captures of the Python package, read by the farm and by somebody else's reader."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import exray
from mcap.reader import make_reader

from farm.capture.ingest import record
from farm.capture.recording import Recording, load

if TYPE_CHECKING:
    from farm.store.artifacts import ArtifactStore

SOURCE = Path(exray.__file__).resolve().parents[1]
BACKENDS = {"native": "0", "pure": "1"}
"""`EXRAY_PURE` of each."""


def recorded(path: Path, artifacts: ArtifactStore) -> Recording:
    made = record(path, "app", artifacts)
    assert made is not None
    return load(artifacts, made)


def frames(path: Path) -> int:
    """By somebody else's reader, which checks every CRC and the index."""
    with path.open("rb") as file:
        summary = make_reader(file, validate_crcs=True).get_summary()
        assert summary is not None
        assert summary.statistics is not None
        counts = {summary.channels[n].topic: c for n, c in summary.statistics.channel_message_counts.items()}
        file.seek(0)
        found = sum(1 for _ in make_reader(file, validate_crcs=True).iter_messages())
        assert found == sum(counts.values()) == summary.statistics.message_count
        return counts.get("/frame", 0)


def app(program: str, *arguments: Any) -> subprocess.Popen[str]:
    """A process of its own; who reads its output ends it."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCE)},
    )  # fmt: skip


def ran(program: str, *arguments: Any) -> str:
    """What a program prints that ends well."""
    with app(program, *arguments) as process:
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return out
