from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.history.kit import filled

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "data"
    filled(folder)
    return folder


@pytest.fixture
def data(template: Path, tmp_path: Path) -> Path:
    """A folder of its own with three days to write."""
    shutil.copytree(template, tmp_path / "data")
    return tmp_path / "data"
