"""A run's runtimes on a virtual phone: what lies beside one is found by its own name, and goes with the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from farm.bundles import check, origin
from farm.bundles.store import Bundles
from farm.errors import BundleError, InfrastructureError
from farm.run import stage
from farm.run.runtimes import Runtimes
from farm.submission import InputFrame, Submission
from farm.virtual.profile import native_abi
from tests.bundles import make

if TYPE_CHECKING:
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.virtual import VirtualPhone

ACCELERATOR = "libLiteRtWebGpuAccelerator.so"


def asked(runtime: str, accelerator: str = "cpu") -> Submission:
    frame = InputFrame(name="f", kind="tensor", sha256=("0" * 64,))
    whole = {"model_name": "m", "model_sha256": "0" * 64, "frames": (frame,)}
    return Submission.model_validate(whole | {"runtime": runtime, "accelerator": accelerator})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a bundle of a runtime and an accelerator, which are only names."""
    names = make.NAMES
    libraries = {
        "libLiteRt.so": make.library(native_abi(), names, os="linux"),
        ACCELERATOR: make.library(native_abi(), ("LiteRtAcceleratorImpl",), os="linux", soname=ACCELERATOR),
    }
    brought = origin.parse(make.wheel(libraries, "2.3.0"), "x.whl")
    Bundles.of(tmp_path).add("lab", brought, check.check(brought))
    return tmp_path


def test_an_accelerator_lies_beside_its_runtime_under_its_own_name(
    adb: AdbServer, phone: VirtualPhone, data: Path
) -> None:
    device = adb.device(phone.serial)
    submissions = [asked(""), asked("lab"), asked("lab", "gpu")]
    runtimes = Runtimes.find(submissions, phone.abi, virtual=True, data=data)
    assert [name for name, _ in runtimes.by_name["lab"].beside] == [ACCELERATOR]
    assert not runtimes.by_name[""].beside
    folder = f"{stage.FOLDER}/run-1-1"
    stage.stage(device, runtimes.blobs(), room=0, progress=lambda _done, _of: None)
    device.shell(["mkdir", "-p", folder], stage.DEADLINE_S)
    runtimes.place(device, folder)
    at = runtimes.by_name["lab"].remote(folder)
    assert at.endswith("/libLiteRt.so")
    beside = f"{at.rpartition('/')[0]}/{ACCELERATOR}"
    told = device.shell(["sha256sum", at, beside], stage.DEADLINE_S).text.split()[::2]
    assert told == [runtimes.by_name["lab"].blob.sha256, runtimes.by_name["lab"].beside[0][1].sha256]
    device.shell(["rm", "-rf", folder], stage.DEADLINE_S)
    kept = device.shell(["ls", stage.CACHE], stage.DEADLINE_S).text.split()
    assert {blob.sha256 for blob in runtimes.blobs()} <= set(kept), "links go, not what they lead to"


def test_on_the_cpu_nothing_lies_beside(data: Path) -> None:
    runtimes = Runtimes.find([asked("lab")], native_abi(), virtual=True, data=data)
    assert len(runtimes.blobs()) == 2
    assert runtimes.by_name["lab"].remote("/x") == runtimes.by_name["lab"].blob.remote
    assert runtimes.notes() == {
        "runtime": runtimes.by_name["lab"].blob.sha256[:12],
        "runtime_version": "2.3.0 (lab)",
        "runtime_bundle": "lab",
    }


def test_what_is_not_there_is_said(data: Path) -> None:
    with pytest.raises(BundleError, match="there is no runtime bundle 'other'"):
        Runtimes.find([asked("other")], native_abi(), virtual=True, data=data)
    with pytest.raises((BundleError, InfrastructureError)):
        Runtimes.find([asked("lab")], native_abi(), virtual=False, data=data)
