"""[[schedule]] of farm.toml: read, followed, its files read anew every night."""

from __future__ import annotations

import contextlib
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm import settings as farm_toml
from farm.api.messages import ConflictError
from farm.errors import SettingsError
from farm.store import nights, schedules
from farm.store.artifacts import sha256_of
from tests.conftest import DEMO
from tests.daemon.lab import daemon, submission, until
from tests.schedule.lab import schedule
from tests.work.test_commit import checkout, commit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.daemon import Daemon

TOML = """
data = "data"
[nightlies]
settle_s = 0
[[schedule]]
name = "nightly"
cron = "0 0 1 1 *"
model = ["latest.tflite", "other.tflite"]
inputs = "inputs"
on = "serial=one"
threads = [1, 2]
reference = "litert"
passes = "latency"
blackout = [{ since = "01:00", until = "02:00", days = ["sat"] }]
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with farm.toml and what it names."""
    (tmp_path / "inputs").mkdir()
    for name in ("frame_000.png", "frame_001.png"):
        shutil.copy(DEMO / "inputs" / name, tmp_path / "inputs")
    shutil.copy(DEMO / "model_int8.tflite", tmp_path / "build-1.tflite")
    shutil.copy(DEMO / "model.tflite", tmp_path / "build-2.tflite")
    shutil.copy(DEMO / "model.tflite", tmp_path / "other.tflite")
    shutil.copy(DEMO / "model.recipe.toml", tmp_path / "latest.recipe.toml")
    shutil.copy(DEMO / "model.recipe.toml", tmp_path / "other.recipe.toml")
    (tmp_path / "latest.tflite").symlink_to("build-1.tflite")
    (tmp_path / "farm.toml").write_text(TOML)
    return tmp_path


@contextlib.contextmanager
def up(folder: Path) -> Iterator[Daemon]:
    """`farm up` with the folder's farm.toml, once it has read the files."""
    made = daemon(farm_toml.load(folder / "farm.toml"))
    made.start(port=0)
    try:
        until(lambda: made.schedules.clock._looked)
        yield made
    finally:
        made.stop()


def test_tonights_model_is_tonights(lab: Path) -> None:
    with up(lab) as at:
        view = at.schedules.one("nightly")
        assert (view.source, view.model, view.selector) == ("file", "latest.tflite, other.tflite", "serial=one")
        first = at.jobs.submission(at.schedules.run_now("nightly", None).jobs[0])
        assert [name for name, _ in first.configurations()] == [
            f"{model}.tflite, threads={threads}" for model in ("latest", "other") for threads in (1, 2)
        ]
        assert first.model_sha256 == sha256_of(lab / "build-1.tflite")
        (lab / "latest.tflite").unlink()
        (lab / "latest.tflite").symlink_to("build-2.tflite")
        second = at.jobs.submission(at.schedules.run_now("nightly", None).jobs[0])
        assert (second.model_name, second.model_sha256) == ("latest.tflite", sha256_of(lab / "build-2.tflite"))
        assert at.artifacts.has(second.model_sha256)


def test_a_file_that_cannot_be_read_fails_that_night_alone(lab: Path) -> None:
    (lab / "latest.tflite").unlink()
    with up(lab) as at:
        assert "latest.tflite: no such file" in at.schedules.one("nightly").problem
        (row,) = schedules.rows(at.state)
        schedules.change(at.state, row.id, row.schedule, "file", time.time() - 1)
        at.schedules.clock.look(time.time())
        (failed,) = nights.nights(at.state)
        assert failed.status == "failed"
        assert "latest.tflite: no such file" in failed.note
        (lab / "latest.tflite").symlink_to("build-1.tflite")
        assert at.schedules.run_now("nightly", None).jobs
        assert at.schedules.one("nightly").problem == ""


def test_each_night_knows_the_commit_of_its_repository(lab: Path) -> None:
    (lab / "farm.toml").write_text(TOML + 'repository = "."\n')
    first = checkout(lab)
    with up(lab) as at:
        told = [at.jobs.submission(at.schedules.run_now("nightly", None).jobs[0]).terms.commit]
        (lab / "train.py").write_text("lr = 0.2\n")
        second = commit(lab)
        told.append(at.jobs.submission(at.schedules.run_now("nightly", None).jobs[0]).terms.commit)
        view = at.schedules.one("nightly")
    assert told == [first, second]
    assert (view.commit, view.problem) == (second, "")


def test_a_repository_that_cannot_be_read_is_a_note_on_the_night(lab: Path) -> None:
    (lab / "farm.toml").write_text(TOML + 'repository = "gone"\n')
    with up(lab) as at:
        assert "the commit is not known" in at.schedules.one("nightly").problem
        night = at.schedules.run_now("nightly", None)
        assert f"{lab / 'gone'}: the commit is not known" in night.note
        assert at.jobs.submission(night.jobs[0]).terms.commit == ""
        until(lambda: (now := nights.night(at.state, night.id)) is not None and now.status == "over")
        assert at.schedules.night(night.id).note == night.note


def test_the_file_has_the_last_word(lab: Path) -> None:
    gone = '[[schedule]]\nname = "gone"\ncron = "@yearly"\nmodel = "other.tflite"\ninputs = "inputs"\n'
    (lab / "farm.toml").write_text(TOML + gone)
    with up(lab) as at:
        _, row = schedules.rows(at.state)
        at.schedules.pause("nightly", "holidays")
        with pytest.raises(ConflictError, match=r"farm\.toml names it"):
            at.schedules.remove("nightly")
        at.schedules.add(schedule("mine"), submission())
    (lab / "farm.toml").write_text(TOML.replace("0 0 1 1 *", "0 0 1 6 *") + gone.replace("gone", "mine"))
    with up(lab) as at:
        mine, same = schedules.rows(at.state)
        assert (same.id, same.schedule.cron, same.paused is not None) == (row.id, "0 0 1 6 *", True)
        assert same.next_at != row.next_at
        assert (mine.schedule.name, mine.source, mine.models) == ("mine", "file", ("other.tflite",))


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (('cron = "0 0 1 1 *"', 'cron = "0 25 * * *"'), 7, "schedule.0.cron: cron '0 25 * * *', column 3: hour"),
        (('on = "serial=one"', 'zone = "Mars/Base"'), 10, "schedule.0.zone: there is no time zone 'Mars/Base'"),
        (('on = "serial=one"', "waiting = 1"), 10, "schedule.0.waiting: unknown key"),
        (('inputs = "inputs"', "repetitions = 2"), 5, "schedule.0.inputs: is missing"),
    ],
)
def test_a_mistake_is_told_with_its_line(lab: Path, change: tuple[str, str], line: int, message: str) -> None:
    (lab / "farm.toml").write_text(TOML.replace(*change))
    with pytest.raises(SettingsError) as e:
        farm_toml.load(lab / "farm.toml")
    assert e.value.message.startswith(message)
    assert e.value.where == f"{lab / 'farm.toml'}:{line}"


def test_paths_are_beside_the_file(lab: Path) -> None:
    more = 'reference = ["onnx=ref.onnx", "server=http://x/m", "capture=job:3"]\nbaseline = "old.mcap"\n'
    (lab / "farm.toml").write_text(TOML.replace('reference = "litert"\n', more))
    (note,) = farm_toml.load(lab / "farm.toml").schedule
    assert note.references == (f"onnx={lab / 'ref.onnx'}", "server=http://x/m", "capture=job:3")
    assert (note.models[0], note.inputs, note.baseline) == (
        lab / "latest.tflite",
        lab / "inputs",
        str(lab / "old.mcap"),
    )
    (lab / "farm.toml").write_text(TOML + 'baseline = "12/3"\n')
    assert farm_toml.load(lab / "farm.toml").schedule[0].baseline == "12/3"
