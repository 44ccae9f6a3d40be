"""The short storm: `./run chaos` in small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.__main__ import chaos

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_wrong_while_everything_breaks(tmp_path: Path) -> None:
    found = chaos(tmp_path, phones=5, runs=30, kills=2, gone=1, pause_s=8, limit_s=900, seed=1)
    assert found.sound, found.why
    assert found.done > 0
