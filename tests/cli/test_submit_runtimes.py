"""`farm runtime add` and `farm submit --runtime`, as a user types them: two runtimes side by side on one virtual phone."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

import ai_edge_litert
import pytest

from farm.bundles import fetch
from farm.bundles.store import Bundles
from farm.store.artifacts import sha256_of
from tests.bundles import make

if TYPE_CHECKING:
    from tests.cli.conftest import Lab

RUNTIME = Path(ai_edge_litert.__file__).parent / "libLiteRt.so"
VERSION = importlib.metadata.version("ai-edge-litert")
OLDER = "2.2.0"
QUICK = ("--passes", "latency", "--json")


@pytest.fixture(scope="module")
def twin(lab: Lab) -> str:
    """The installed runtime under a name of its own."""
    done = lab.farm("runtime", "add", str(RUNTIME), "--version", VERSION, "--name", "twin", "--json")
    assert done.status == 0, done.err
    assert done.document["version"] == VERSION
    return "twin"


def test_an_unknown_bundle_is_said_before_a_device_is_touched(lab: Lab, twin: str) -> None:
    done = lab.submit("--runtime", "litert-9.9.9", *QUICK)
    assert done.status == 2
    assert done.document["error"]["code"] == "bundle"
    assert twin in done.document["error"]["remedy"]
    assert lab.submit("--runtime", f"{twin},{twin}", *QUICK).status == 2
    assert lab.submit("--runtime", "../up", *QUICK).status == 2


@pytest.mark.slow
def test_two_runtimes_are_one_submit(lab: Lab, twin: str) -> None:
    done = lab.submit("--runtime", f"default,{twin}", *QUICK)
    assert done.status in {0, 4}, done.err
    default, named = done.document["runs"]
    assert (default["variant"], named["variant"]) == ("runtime=default", "runtime=twin")
    assert "runtime_bundle" not in default["conditions"]
    assert named["conditions"]["runtime_bundle"] == twin
    assert named["conditions"]["runtime_version"] == f"{VERSION} (twin)"
    assert default["conditions"]["runtime"] == named["conditions"]["runtime"] == sha256_of(RUNTIME)[:12]


@pytest.mark.slow
def test_a_changed_file_never_runs(lab: Lab, twin: str) -> None:
    bundles = Bundles.of(lab.data)
    (file,) = bundles.files(bundles.get(twin), "linux", bundles.get(twin).parts[0].abi)
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[:-1] + b"x")
        done = lab.submit("--runtime", twin, *QUICK)
        assert done.status == 2
        assert "is not the file that was added" in done.out
    finally:
        file.write_bytes(whole)


@pytest.mark.slow
def test_two_versions_of_pypi_are_compared_in_a_pair(lab: Lab) -> None:
    for version in (OLDER, VERSION):
        added = lab.farm("runtime", "add", f"litert=={version}", "--json")
        assert added.status == 0, added.err
        assert {part["abi"] for part in added.document["parts"]} == set(fetch.TAGS)
    check = lab.farm("runtime", "check", f"litert-{OLDER}", "--json")
    assert [row["right"] for row in check.document] == [True]
    names = ",".join(f"litert-{version}" for version in (OLDER, VERSION))
    done = lab.submit("--runtime", names, "--pair", *QUICK)
    assert done.status in {0, 1, 4}, done.err
    (run,) = done.document["runs"]
    assert run["conditions"]["runtime_version"] == f"{OLDER} (litert-{OLDER}) and {VERSION} (litert-{VERSION})"
    assert run["pair"]["a"]["name"] == f"runtime=litert-{OLDER}"
    assert len(set(run["conditions"]["runtime"].split(" and "))) == 2
    assert lab.farm("runtime", "remove", f"litert-{OLDER}").status == 0
    assert lab.submit("--runtime", names, *QUICK).status == 2


@pytest.mark.slow
def test_an_accelerator_is_found_beside_its_runtime(lab: Lab, tmp_path: Path) -> None:
    beside = RUNTIME.with_name("libLiteRtWebGpuAccelerator.so")
    if not beside.is_file():
        pytest.skip("the installed runtime has none")
    wheel = tmp_path / "x.whl"
    wheel.write_bytes(make.wheel({path.name: path.read_bytes() for path in (RUNTIME, beside)}))
    assert lab.farm("runtime", "add", str(wheel), "--name", "whole").status == 0
    done = lab.submit("--runtime", "whole", "--accelerator", "gpu", *QUICK)
    assert done.status in {0, 4} or "delegate_webgpu" in done.out, "it was loaded, GPU or no GPU"
