"""Runs in the context of an app, on a virtual phone: the farm's own app is instrumented in place of the shell's agent."""

from __future__ import annotations

import os
import shlex
import time
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.android.commands import packages
from farm.builds import BENCH
from farm.errors import AppError, ModelError
from farm.fleet.adb import PushItem
from farm.run import bundle, stage
from farm.run.app.bench import RUNNER, extras
from farm.run.perform import lease_number
from farm.run.seat import ShellSeat
from farm.sections.devices import App
from farm.store.artifacts import sha256_of
from farm.work.matrix import axes, expand
from farm.work.prepare import Prepared, RecipeFlags
from tests.conftest import DEMO
from tests.run import bench_app
from tests.run.test_perform import Bench, bench, foreign_op

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.fleet.adb import AdbServer


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["debuggable", "release"])
def b(request: pytest.FixtureRequest, adb: AdbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A phone with the app: one whose files run-as reaches, and one whose files lie on external storage."""
    folder = tmp_path_factory.mktemp("phones")
    (phone,) = virtual.up(folder, owner_pid=os.getpid())
    adb.connect(phone.serial)
    apk = bench_app.make(tmp_path_factory.mktemp("app"), debuggable=request.param == "debuggable")
    made = bench(adb, phone, tmp_path_factory.mktemp("data"))
    made.settings = made.settings.model_copy(update={"app": App(apk=str(apk))})
    yield made
    virtual.down(folder)
    adb.disconnect(phone.serial)


def leftovers(b: Bench) -> str:
    """What is left of runs in the app's folders, and of its processes."""
    places = f"/data/data/{BENCH}/files /sdcard/Android/data/{BENCH}/files"
    return b.device.script(
        f"find {places} -type f; pgrep -f -- '--runtim[e]'; ls /data/local/tmp/farm | grep run-", 10
    ).text


def test_a_run_in_the_app_answers_as_one_in_the_shell(b: Bench) -> None:
    seen: list[str] = []
    of_app = b.perform(b.submission(context="app"), lambda stage, done, of: seen.append(stage))
    of_shell = b.perform(b.submission())
    assert (of_app.status, of_shell.status) == ("done", "done")
    assert (of_app.conditions["context"], of_shell.conditions["context"]) == ("app", "shell")
    assert of_app.conditions["app"].startswith(BENCH)
    assert "files by" in of_app.conditions
    assert of_app.verdict is not None
    assert of_shell.verdict is not None
    assert (of_app.verdict.kind, of_app.verdict.cause) == (of_shell.verdict.kind, of_shell.verdict.cause)
    assert [c.name for c in of_app.captures] == [c.name for c in of_shell.captures]
    assert of_app.accuracy == of_shell.accuracy
    assert of_app.memory_mb
    assert {"install the app", "copy files", "latency", "pull latency"} <= set(seen)
    assert not leftovers(b)


def test_a_pair_of_contexts_is_interleaved(b: Bench) -> None:
    base = b.submission()
    asked = axes([DEMO / "model.tflite"], "delegate", "1", "cpu", "", context="both")
    made = expand(Prepared(base, {}), asked, None, None, RecipeFlags(), {"pair": True}).submission
    run = b.perform(made.model_copy(update={"pair_rounds": 2, "frames": base.frames[::10]}))
    assert run.pair is not None
    assert (run.pair.a.name, run.pair.b.name) == ("context=shell", "context=app")
    assert run.pair.agreement == 1.0
    assert not leftovers(b)


def test_the_agents_error_in_the_app_is_the_same(b: Bench, tmp_path: Path) -> None:
    broken = b.break_off(b.submission(foreign_op(tmp_path), context="app"))
    assert isinstance(broken.cause, ModelError)
    assert not leftovers(b)


def test_whoever_wants_it_no_more_ends_it(b: Bench) -> None:
    class GoneError(Exception):
        pass

    def stop(stage: str, done: int, of: int) -> None:
        if stage == "latency" and done:
            raise GoneError

    with pytest.raises(GoneError):
        b.perform(b.submission(context="app"), stop)
    assert not leftovers(b)


def test_without_the_apps_file_it_is_said_what_makes_it(b: Bench, tmp_path: Path) -> None:
    missing = App(apk=str(tmp_path / "none.apk"))
    whole, b.settings = b.settings, b.settings.model_copy(update={"app": missing})
    try:
        broken = b.break_off(b.submission(context="app"))
    finally:
        b.settings = whole
    assert isinstance(broken.cause, AppError)
    assert "[app] apk" in broken.cause.remedy


def test_what_an_older_lease_left_is_ended_first(b: Bench) -> None:
    b.perform(b.submission(context="app", passes=("latency",)))  # everything is staged now
    short = b.submission(passes=("latency",))
    files = bundle.for_abi("x86_64", virtual=True, data=b.settings.data)
    agent, runtime, model = (
        f"{stage.CACHE}/{name}" for name in (sha256_of(files.agent), sha256_of(files.runtime), short.model_sha256)
    )
    folder = "/data/local/tmp/forgotten"
    b.device.shell(["mkdir", "-p", folder], 10)
    picture, listing = b"P6\n64 64\n255\n" + bytes(64 * 64 * 3), f"0\t0\trgb\t{folder}/0.ppm\tframe\n".encode()
    b.device.push([PushItem(f"{folder}/0.ppm", lambda: [picture]), PushItem(f"{folder}/frames", lambda: [listing])], 10)
    options = ["--runtime", runtime, "--model", model, "--pass", "latency", "--frames", f"{folder}/frames"]
    options += ["--lease", str(lease_number(1) - (1 << 20)), "--repetitions", "1000000", "--deadline", "300"]
    options += ["--out", f"{folder}/old.mcap", "--lock"]
    old = [agent, "run", *options, ShellSeat.lock]
    of_app = packages.instrument(RUNNER, extras("run", [*options, f"{folder}/lock"])).text
    for line, context in ((shlex.join(old), "app"), (of_app, "shell")):
        b.device.script(f"setsid {line} </dev/null >/dev/null 2>&1 &", 10)

        def alive() -> bool:
            return b.device.script(f"pgrep -f {folder}/old.mca[p]", 10).text.strip() != ""

        over = time.monotonic() + 30
        while b.device.script(f"[ $(stat -c %s {folder}/old.mcap) -gt 100000 ] && echo yes", 10).text.strip() != "yes":
            assert time.monotonic() < over
        seen: list[bool] = []

        def measuring(name: str, done: int, of: int, seen: list[bool] = seen) -> None:
            if name == "latency" and done:
                seen.append(alive())

        assert b.perform(short.model_copy(update={"context": context}), measuring).status == "done"
        assert seen
        assert not any(seen), context
        b.device.shell(["rm", "-f", f"{folder}/old.mcap"], 10)
    b.device.shell(["rm", "-rf", folder], 10)
