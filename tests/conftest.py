from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from farm import host_cpu, virtual
from farm.fleet.private import private_adb_server
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from farm.fleet.adb import AdbServer
    from farm.virtual import VirtualPhone
    from farm.virtual.profile import Profile

# No test asserts a time: a loaded machine is no bug. CI looks at four times as many examples as the default command.
settings.register_profile("farm", deadline=None, max_examples=100 if os.environ.get("CI") == "true" else 25)
settings.load_profile("farm")

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "farm" / "demo"


def killed_after(seconds: float, program: str, data: Path) -> bool:
    """Run Python text on a data folder, and end it by SIGKILL so long after it said its first line; whether it still ran."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(data)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        time.sleep(seconds)
        running = process.poll() is None
        process.kill()
        process.wait()
    return running


@pytest.fixture(scope="session", autouse=True)
def _own_cpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test waits for another worker's measurement: none of them asserts a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(host_cpu.VARIABLE, str(tmp_path_factory.mktemp("host") / "cpu.lock"))
        yield


@pytest.fixture(scope="session")
def testdata() -> Path:
    """Real models and labelled data; they are not part of the project."""
    folder = Path(os.environ.get("FARM_TESTDATA", ROOT.parent / "shared" / "testdata"))
    if not folder.is_dir():
        pytest.skip(f"no test data in {folder}: set FARM_TESTDATA")
    return folder


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture(scope="session")
def adb() -> Iterator[AdbServer]:
    with private_adb_server() as server:
        yield server


@pytest.fixture
def make_phone(adb: AdbServer, tmp_path: Path) -> Iterator[Callable[..., VirtualPhone]]:
    """Virtual phones attached to the adb server, ended with the test."""
    folder = tmp_path / "data" / "virtual"

    def make(storage_bytes: int | None = None, kind: Profile | None = None) -> VirtualPhone:
        (phone,) = virtual.up(folder, 1, owner_pid=os.getpid(), storage_bytes=storage_bytes, kind=kind)
        adb.connect(phone.serial)
        return phone

    yield make
    for phone in virtual.down(folder):
        adb.disconnect(phone.serial)


@pytest.fixture
def phone(make_phone: Callable[..., VirtualPhone]) -> VirtualPhone:
    return make_phone()
