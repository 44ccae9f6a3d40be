"""libexray by way of Python: what only C can do."""

from __future__ import annotations

import importlib.util
import signal
from typing import TYPE_CHECKING, Any

import pytest

from farm.store.artifacts import ArtifactStore
from tests.exray.python_kit import SOURCE, app, recorded

if TYPE_CHECKING:
    from pathlib import Path


def test_declarations_are_those_of_the_header() -> None:
    spec = importlib.util.spec_from_file_location("make_declared", SOURCE / "make_declared.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.module() == module.DECLARED.read_text(), "run agents/python/make_declared.py"


APP = """
import os, sys, time
import numpy as np
import exray
log = exray.open(sys.argv[1])
for i in range(501):
    with log.frame(str(i)) as frame:
        frame.output(0, np.full(100, i))
    time.sleep(0.0005)
{then}
"""


@pytest.mark.parametrize("then", ["os.abort()", "import ctypes; ctypes.string_at(8)", "os.kill(os.getpid(), 8)"])
def test_what_waits_is_written_when_the_app_crashes(then: str, tmp_path: Path) -> None:
    path = tmp_path / "app.mcap"
    with app(APP.format(then=then), path) as process:
        process.communicate(timeout=60)
    artifacts = ArtifactStore(tmp_path / "artifacts")
    assert process.returncode in {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGFPE}, "it still dies of what it died of"
    found = recorded(path, artifacts)
    assert not found.complete
    assert len(found.frame_times(artifacts)) == 501
    assert len(found.frames) == 501
