"""`farm submit --context both`, as a user meets it: two configurations, the same answers, each told with its context."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm import virtual
from farm.builds import BENCH
from farm.report.document import Job
from tests.cli.conftest import make_lab
from tests.conftest import DEMO
from tests.run import bench_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.fleet.adb import AdbServer
    from tests.cli.conftest import Lab

SHORT = ("--passes", "latency,layers", "--labels", str(DEMO / "labels.tsv"))


@pytest.fixture(scope="module")
def app_lab(adb: AdbServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with one virtual phone, which gets the farm's app."""
    lab = make_lab(tmp_path_factory.mktemp("lab"), adb)
    (phone,) = virtual.up(lab.data / "virtual", owner_pid=os.getpid())
    adb.connect(phone.serial)
    apk = bench_app.make(tmp_path_factory.mktemp("app"), debuggable=True)
    with (lab.folder / "farm.toml").open("a") as file:
        file.write(f'[app]\napk = "{apk}"\n[conditions]\nload_max = 1.0\n')
    yield lab
    virtual.down(lab.data / "virtual")
    adb.disconnect(phone.serial)


@pytest.mark.slow
def test_both_contexts_stand_side_by_side(app_lab: Lab) -> None:
    result = app_lab.submit(*SHORT, "--context", "both", "--json")
    assert result.status == 0, result.err
    job = Job.model_validate_json(result.out)
    shell, app = job.runs
    assert (shell.variant, app.variant) == ("context=shell", "context=app")
    assert (shell.conditions["context"], app.conditions["context"]) == ("shell", "app")
    assert app.conditions["app"].startswith(BENCH)
    assert app.conditions["files by"] == "run-as"
    assert [c.name for c in shell.captures] == [c.name for c in app.captures] == ["latency", "layers"]
    assert shell.accuracy == app.accuracy
    assert shell.verdict is not None
    assert app.verdict is not None
    assert shell.verdict.kind == app.verdict.kind == "pass"
    header = app_lab.farm("capture", "info", app.captures[0].path, "--json").document["header"]
    assert header["labels"]["context"] == "app"
    told = app_lab.farm("show", str(job.job)).out
    assert "context=shell" in told
    assert "context=app" in told
    assert f"context: app, {BENCH}" in told
    assert "memory is RSS of the app's process" in told
    page = Path(job.report).read_text()
    assert "context=app" in page
    assert BENCH in page


@pytest.mark.slow
def test_a_pair_of_contexts_has_a_ratio_with_an_interval(app_lab: Lab) -> None:
    result = app_lab.submit(*SHORT[:1], "latency", "--context", "both", "--pair", "--json")
    assert result.status == 0, result.err
    (run,) = Job.model_validate_json(result.out).runs
    assert run.pair is not None
    assert (run.pair.a.name, run.pair.b.name) == ("context=shell", "context=app")
    assert run.pair.latency_interval[0] <= run.pair.latency_ratio <= run.pair.latency_interval[1]
    assert run.pair.agreement == 1.0


def test_a_missing_app_is_told_before_anything_runs(app_lab: Lab) -> None:
    settings = app_lab.folder / "farm.toml"
    whole = settings.read_text()
    settings.write_text(whole.replace("exray-bench.apk", "none.apk"))
    try:
        result = app_lab.submit(*SHORT, "--context", "app")
    finally:
        settings.write_text(whole)
    assert result.status == 2
    assert "none.apk" in result.err
    assert "[app] apk" in result.err


@pytest.mark.slow
def test_pictures_through_androids_decoder_want_an_android(app_lab: Lab, tmp_path: Path) -> None:
    recipe = tmp_path / "plain.recipe.toml"
    recipe.write_text('resize = "bilinear"\nnormalize = { mean = 127.5, std = 127.5 }\n')
    words = ("--frames", str(DEMO / "inputs"), "--model", str(DEMO / "model.tflite"), "--recipe", str(recipe))
    result = app_lab.farm("attach", BENCH, *words, "--json")
    assert result.status == 3, result.err
    (run,) = Job.model_validate_json(result.out).runs
    assert run.error is not None
    assert "context-refused" in run.error.message
    assert run.conditions["decoder"] == "Android's BitmapFactory"
    assert run.conditions["app"].startswith(BENCH)
