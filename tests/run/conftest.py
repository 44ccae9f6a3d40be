from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.run.test_perform import Bench, bench

if TYPE_CHECKING:
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.virtual import VirtualPhone


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data folder for all of a file: references are cached there by content."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def b(adb: AdbServer, phone: VirtualPhone, data: Path) -> Bench:
    return bench(adb, phone, data)
