"""A phone that still runs the agent of an older lease: it is gone before the next one measures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from farm.capture import exray_pb2 as pb
from farm.fleet.adb import PushItem
from farm.run import bundle, stage
from farm.run.perform import LOCK, lease_number
from farm.store.artifacts import sha256_of
from farm.work.prepare import Options, RecipeFlags, prepare
from tests.agents import kit
from tests.conftest import DEMO
from tests.run.test_perform import Bench

if TYPE_CHECKING:
    from pathlib import Path

    from farm.submission import Submission

FOLDER = "/data/local/tmp/forgotten"


def _submission(b: Bench, inputs: Path) -> Submission:
    inputs.mkdir()
    picture = sorted((DEMO / "inputs").glob("*.png"))[0]
    (inputs / picture.name).write_bytes(picture.read_bytes())
    prepared = prepare(
        DEMO / "model.tflite", inputs, None, None, None, RecipeFlags(), Options(passes=("latency",), repetitions=50)
    )
    for path in prepared.files.values():
        b.artifacts.put_file(path)
    return prepared.submission


@pytest.mark.slow
def test_no_agent_of_an_old_lease_is_alive_when_a_new_one_measures(b: Bench, tmp_path: Path) -> None:
    submission = _submission(b, tmp_path / "inputs")
    b.perform(submission)  # everything is staged now
    files = bundle.for_abi(b.device.properties(10)["ro.product.cpu.abi"], virtual=True, data=b.settings.data)
    agent, runtime, model = (
        f"{stage.CACHE}/{sha256}"
        for sha256 in (sha256_of(files.agent), sha256_of(files.runtime), submission.model_sha256)
    )
    b.device.shell(["mkdir", "-p", FOLDER], 10)
    listing = f"0\t0\trgb\t{FOLDER}/0.ppm\tframe\n".encode()
    picture = b"P6\n64 64\n255\n" + bytes(64 * 64 * 3)
    b.device.push([PushItem(f"{FOLDER}/0.ppm", lambda: [picture]), PushItem(f"{FOLDER}/frames", lambda: [listing])], 10)
    # A lab that is gone left it: nothing ties it to a connection, and it has minutes of work.
    old = f"{agent} run --runtime {runtime} --model {model} --pass latency --frames {FOLDER}/frames --out {FOLDER}/old.mcap"
    old += f" --lease {lease_number(1) - (1 << 20)} --lock {LOCK} --repetitions 1000000 --deadline 300"
    b.device.script(f"setsid {old} </dev/null >/dev/null 2>{FOLDER}/told &", 10)

    def alive() -> bool:
        return b.device.script(f"pgrep -f {FOLDER}/old.mca[p]", 10).text.strip() != ""

    deadline = time.monotonic() + 30
    while b.device.script(f"[ $(stat -c %s {FOLDER}/old.mcap) -gt 100000 ] && echo yes", 10).text.strip() != "yes":
        assert alive(), b.device.script(f"cat {FOLDER}/told", 10).text
        assert time.monotonic() < deadline
    seen: list[bool] = []

    def measuring(name: str, done: int, of: int) -> None:
        if name == "latency" and done:
            seen.append(alive())

    run = b.perform(submission, measuring)
    assert run.status == "done"
    assert seen
    assert not any(seen)
    with (tmp_path / "old.mcap").open("wb") as out:
        b.device.pull(f"{FOLDER}/old.mcap", out, 30)
    last = max(m.start_ns + m.invoke_ns for m in kit.read(tmp_path / "old.mcap").of(pb.Frame))
    (link,) = run.captures
    assert last < min(m.start_ns for m in kit.read(b.artifacts.path(link.sha256)).of(pb.Frame))
    b.device.shell(["rm", "-rf", FOLDER], 10)
