"""Pages of real runs: a real virtual phone ran the demo's model twice, once with the bug planted, and its captures are read."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.daemon import Daemon
from farm.report.document import Job
from farm.settings import Settings
from tests.api.conftest import http
from tests.cli.conftest import make_lab
from tests.conftest import DEMO
from tests.daemon.lab import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2

    from farm.fleet.adb import AdbServer

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Runs:
    """A client of the daemon that holds both runs."""

    client: httpx2.Client
    daemon: Daemon
    right: Job
    wrong: Job

    def word(self, job: Job) -> str:
        return f"{job.job}/{job.runs[0].id}"

    def path(self, job: Job) -> str:
        return f"/jobs/{job.job}/runs/{job.runs[0].id}"


@pytest.fixture(scope="module")
def runs(adb: AdbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    lab = make_lab(tmp_path_factory.mktemp("lab"), adb)
    (phone,) = virtual.up(lab.data / "virtual", 1, owner_pid=os.getpid())
    adb.connect(phone.serial)
    labels = ("--labels", str(DEMO / "labels.tsv"), "--reference", "litert-ref", "--reference", "litert", "--json")
    wrong = ("--recipe", str(DEMO / "bgr.recipe.toml"), "--expected", str(DEMO / "model.recipe.toml"))
    done = [Job.model_validate_json(lab.submit(*labels, *more).out) for more in ((), wrong)]
    virtual.down(lab.data / "virtual")
    adb.disconnect(phone.serial)
    daemon = Daemon(Settings(data=lab.data), fleet=Bench())
    daemon.start(port=0, eager=False)
    with http(daemon) as client:
        yield Runs(client, daemon, *done)
    daemon.stop()


def test_the_input_is_shown_before_and_after(runs: Runs) -> None:
    view = runs.client.get(f"{runs.path(runs.wrong)}/inputs.json").json()
    assert not view["missing"]
    for frame in view["frames"]:
        assert [p["title"] for p in frame["pictures"]][:3] == [
            "what the reference is fed", "what the device feeds", "the device's, with the bug undone",
        ]  # fmt: skip
        assert frame["before"] > 0.05
        assert frame["after"] < 0.01
    page = runs.client.get(f"{runs.path(runs.wrong)}/inputs").text
    assert page.count('src="data:image/png;base64,') == sum(len(f["pictures"]) for f in view["frames"])


def test_the_embedding_parts_where_the_bug_is_and_nowhere_else(runs: Runs) -> None:
    wrong = runs.client.get(f"{runs.path(runs.wrong)}/embedding.json").json()
    right = runs.client.get(f"{runs.path(runs.right)}/embedding.json?tensor={wrong['tensor']}").json()
    assert wrong["embedding"]["op"] == "INPUT"  # where it diverges first
    assert len(wrong["embedding"]["frames"]) == 8
    assert min(f["apart"] for f in wrong["embedding"]["frames"]) > max(f["apart"] for f in right["embedding"]["frames"])
    assert len(wrong["choices"]) == 1 + 21
    other = wrong["choices"][-1]["tensor"]
    last = runs.client.get(f"{runs.path(runs.wrong)}/embedding.json?tensor={other}&reference=litert").json()
    assert (last["reference"], last["embedding"]["op"]) == ("litert", "SOFTMAX")


def test_two_runs_are_compared_as_the_command_does_it(runs: Runs) -> None:
    view = runs.client.get(f"/compare.json?a={runs.word(runs.right)}&b={runs.word(runs.wrong)}").json()
    found = view["pairing"]
    assert found["differs"]
    assert found["layers"]["first_divergence"]["node"] == -1
    assert found["answers"] == 120
    assert {chart["id"] for chart in view["charts"]} >= {"errors", "latencies", "types", "confusion"}
    same = runs.client.get(f"/compare.json?a={runs.word(runs.right)}&b={runs.word(runs.right)}").json()
    assert not same["pairing"]["differs"]


def test_a_capture_is_compared_with_a_run_of_its_model(runs: Runs) -> None:
    capture = next(c.sha256 for c in runs.wrong.runs[0].captures if c.name == "layers")
    view = runs.client.get(f"/compare.json?a={capture}&b={runs.word(runs.right)}").json()
    assert view["state"] == "ready", view["missing"]
    assert view["pairing"]["layers"]["first_divergence"]["node"] == -1
    refused = runs.client.get(f"/compare.json?a={runs.right.model_sha256}&b={runs.word(runs.right)}").json()
    assert refused["state"] == "refused"  # a stored file, but no capture


def test_when_files_are_gone_the_page_says_what_brings_them_back(runs: Runs) -> None:
    """Last: it removes what the references computed."""
    shutil.rmtree(runs.daemon.data / "references")
    view = runs.client.get(f"{runs.path(runs.right)}/embedding.json").json()
    assert f"farm diagnose {runs.word(runs.right)}" in view["missing"]
    assert runs.client.get(f"{runs.path(runs.right)}/inputs").status_code == 200
