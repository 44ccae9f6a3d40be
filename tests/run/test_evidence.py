"""What is kept of an attempt that failed, from a virtual phone behind the real adb server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm import virtual
from farm.errors import ConditionsError, DeadlineError, DeviceGoneError, InfrastructureError, ModelError, StorageError
from farm.run import passes, perform
from farm.run.evidence import STDERR_BYTES, Trail, gather
from tests.run.test_perform import bench

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.fleet.adb import AdbServer
    from farm.report.document import Run
    from farm.submission import Submission
    from farm.virtual import VirtualPhone
    from tests.run.test_perform import Bench

OLD = "'01-01 00:00:00.000\\t1\\tI\\told\\tof last winter\\n'"


@pytest.fixture
def b(adb: AdbServer, make_phone: Callable[..., VirtualPhone], tmp_path: Path) -> Bench:
    return bench(adb, make_phone(512 << 20), tmp_path / "data")


@pytest.fixture(autouse=True)
def short_deadlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen phone is waited for as long as these say."""
    monkeypatch.setattr(passes, "PULL_SLACK_S", 1.5)
    monkeypatch.setattr(perform, "CLEAN_UP_S", 1.5)


def latency(b: Bench) -> Submission:
    whole = b.submission(passes=("latency",), layer_frames=0, repetitions=1000, pass_timeout_s=30.0)
    return whole.model_copy(update={"frames": whole.frames[:20]})


def once(at: str, strike: Callable[[], object]) -> Callable[[str, int, int], None]:
    hit: list[str] = []

    def on(stage: str, done: int, of: int) -> None:
        if stage == at and done and not hit:
            hit.append(stage)
            strike()

    return on


def files(b: Bench, run: Run) -> dict[str, str]:
    assert {link.attempt for link in run.evidence} == {1}
    kept = {link.name: b.artifacts.read(link.sha256) for link in run.evidence}
    assert {name: len(content) for name, content in kept.items()} == {link.name: link.bytes for link in run.evidence}
    return {name: content.decode("utf-8", "replace") for name, content in kept.items()}


def test_an_agent_that_was_killed_leaves_the_devices_log_of_its_pass(b: Bench) -> None:
    b.device.script(f"printf {OLD} >> /data/system/log", 10)

    def strike() -> None:
        b.device.script("log -p f -t DEBUG 'Fatal signal 9'; pkill -9 -f -- '--runtim[e]'", 10)

    broken = b.break_off(latency(b), once("latency", strike))
    assert isinstance(broken.cause, ModelError)
    kept = files(b, broken.partial)
    assert "Fatal signal 9" in kept["logcat-main.txt"]
    assert "of last winter" not in kept["logcat-main.txt"], "the log since the pass began, not of all the phone's life"
    assert "[ro.farm.virtual]: [1]" in kept["getprop.txt"]
    assert "level:" in kept["health.txt"]
    told = json.loads(kept["timings.json"])
    assert told["error"]["message"] == broken.cause.message
    assert [stage["stage"] for stage in told["stages"]][-1] == "latency"
    assert told["left out"] == {}


def test_what_the_agent_said_is_kept(b: Bench) -> None:
    broken = b.break_off(latency(b), once("latency", lambda: virtual.fault(b.phone, "storage-full")))
    assert isinstance(broken.cause, StorageError)
    assert "storage-full" in files(b, broken.partial)["agent-stderr.txt"]


@pytest.mark.parametrize(("fault", "error"), [("freeze", DeadlineError), ("kill", DeviceGoneError)])
def test_a_device_that_does_not_answer_hides_nothing(b: Bench, fault: str, error: type[Exception]) -> None:
    submission = latency(b).model_copy(update={"pass_timeout_s": 2.0})
    broken = b.break_off(submission, once("latency", lambda: virtual.fault(b.phone, fault)))
    assert isinstance(broken.cause, error)
    kept = files(b, broken.partial)
    assert set(kept) - {"agent-stderr.txt"} == {"timings.json"}
    told = json.loads(kept["timings.json"])
    assert told["error"]["message"] == str(broken.cause.message)
    assert "the rest" in told["left out"]
    if fault == "freeze":
        virtual.fault(b.phone, "clear")


def test_nothing_is_kept_of_what_was_not_to_go_on(b: Bench) -> None:
    trail = Trail()
    trail.on_device = True

    def lost() -> None:
        raise InfrastructureError("the lease is lost")

    failure = InfrastructureError("the cable")
    assert gather(b.device, trail, failure, 1, b.artifacts, lost) == ()
    assert gather(b.device, trail, ConditionsError("too hot"), 1, b.artifacts, lambda: None) == ()
    assert gather(b.device, Trail(), failure, 1, b.artifacts, lambda: None) == (), "the device was done with"
    assert gather(b.device, trail, failure, 1, b.artifacts, lambda: None) != ()


@given(st.lists(st.binary(max_size=200)), st.integers(1, 400))
def test_of_endless_words_the_last_are_kept(pieces: list[bytes], times: int) -> None:
    trail = Trail()
    for piece in pieces * times:
        trail.heard(piece)
    assert trail.stderr == (b"".join(pieces) * times)[-STDERR_BYTES:]
    trail.begin_pass()
    assert trail.stderr == b""


@given(st.lists(st.sampled_from("abc"), max_size=30))
def test_stages_follow_one_another(names: list[str]) -> None:
    trail = Trail()
    for name in names:
        trail.enter(name)
    stages = trail.stages()
    changes = [name for before, name in zip([None, *names], names, strict=False) if name != before]
    assert [stage.stage for stage in stages] == changes
    assert all(stage.seconds >= 0 for stage in stages)
