from __future__ import annotations

import pytest

from farm.store.artifacts import ArtifactStore
from tests.lab.bench import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("lab")
    return Bench(folder, ArtifactStore(folder / "artifacts"))
