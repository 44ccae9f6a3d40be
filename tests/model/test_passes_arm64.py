"""The same models through the same passes on an arm64 phone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.bundles import origin
from farm.fleet.adb import PushItem
from farm.run import bundle
from farm.store.artifacts import ArtifactStore
from farm.virtual import profiles
from tests import arm64
from tests.conftest import DEMO
from tests.model.test_isolate import AWKWARD
from tests.model.test_passes import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from farm.fleet.adb import AdbDevice, AdbServer

FOLDER = "/data/local/tmp/passes"
DEADLINE_S = 300.0
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class PhoneBench(Bench):
    """The agent on a phone; files go there and back over adb."""

    device: AdbDevice

    def at(self, path: Path) -> str:
        return f"{FOLDER}/{path.name}"

    def run(self, files: Sequence[Path], arguments: Sequence[str], out: Path) -> None:
        self.device.push([PushItem(self.at(p), lambda p=p: [p.read_bytes()]) for p in files], DEADLINE_S)  # type: ignore[misc]
        agent, runtime = f"{FOLDER}/agent", f"{FOLDER}/{origin.LIBRARY}"
        done = self.device.shell([agent, *arguments, "--runtime", runtime], DEADLINE_S)
        assert done.exit_code == 0, done.stderr
        with out.open("wb") as file:
            self.device.pull(self.at(out), file, DEADLINE_S)


@pytest.fixture(scope="module")
def bench(adb: AdbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhoneBench]:
    data = tmp_path_factory.mktemp("arm64")
    arm64.require_runs(data)
    files = bundle.for_abi("arm64-v8a", virtual=True, data=data)
    (phone,) = virtual.up(data / "virtual", 1, owner_pid=os.getpid(), kind=profiles.load("arm64"))
    try:
        adb.connect(phone.serial)
        device = adb.device(phone.serial)
        device.shell(["mkdir", "-p", FOLDER], DEADLINE_S)
        device.push(
            [
                PushItem(f"{FOLDER}/agent", lambda: [files.agent.read_bytes()], 0o755),
                PushItem(f"{FOLDER}/{origin.LIBRARY}", lambda: [files.runtime.read_bytes()]),
            ],
            DEADLINE_S,
        )
        yield PhoneBench(files.agent, data, ArtifactStore(data / "artifacts"), device)
    finally:
        virtual.down(data / "virtual")
        adb.disconnect(phone.serial)


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_models(name: str, bench: PhoneBench) -> None:
    bench.check(AWKWARD[name], alone=1e-6, together=1e-6)


@pytest.mark.parametrize(
    ("name", "alone", "together"), [("model.tflite", 1e-6, 1e-5), ("model_int8.tflite", 0.003, 0.05)]
)
def test_the_bundled_classifiers(name: str, alone: float, together: float, bench: PhoneBench) -> None:
    bench.check((DEMO / name).read_bytes(), alone=alone, together=together)


def test_every_model_of_the_test_data(testdata: Path, bench: PhoneBench) -> None:
    for path in sorted((testdata / "models").glob("*.tflite")):
        # A detector's post-processing sorts boxes by score: a step of a score is another order, and another box.
        together = 1.0 if "ssd" in path.name else 0.05
        bench.check(path.read_bytes(), alone=0.003, together=together)
