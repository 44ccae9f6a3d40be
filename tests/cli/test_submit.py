"""`farm submit` as a user and a script meet it: real phone, real daemon, real exit codes."""

from __future__ import annotations

import re
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from farm import virtual
from farm.report.document import Job
from tests.conftest import DEMO
from tests.run.test_perform import foreign_op

if TYPE_CHECKING:
    from tests.cli.conftest import Lab

LABELS = ("--labels", str(DEMO / "labels.tsv"))


@pytest.mark.parametrize(
    ("arguments", "status", "kind", "cause"),
    [
        ((), 0, "pass", "none"),
        (("--recipe", str(DEMO / "bgr.recipe.toml")), 1, "fail", "channel"),
        pytest.param(("--normalize", "0,255"), 1, "fail", "normalization", marks=pytest.mark.slow),
        pytest.param(("--rotate", "90"), 1, "fail", "rotation", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("model", ["model.tflite", pytest.param("model_int8.tflite", marks=pytest.mark.slow)])
def test_the_verdict_names_the_planted_bug(
    lab: Lab, model: str, arguments: tuple[str, ...], status: int, kind: str, cause: str
) -> None:
    result = lab.submit(*LABELS, *arguments, "--json", model=str(DEMO / model))
    assert result.status == status, result.err
    job = Job.model_validate_json(result.out)
    (run,) = job.runs
    assert run.verdict is not None
    assert (run.verdict.kind, run.verdict.cause) == (kind, cause)
    assert run.verdict.confidence >= 0.9
    assert run.verdict.n >= 100
    assert run.target is not None
    assert run.target.kind == "virtual"


@pytest.mark.slow
def test_the_document_for_scripts_has_what_the_contract_says(lab: Lab) -> None:
    document = lab.submit(*LABELS, "--json", "--reference", "litert", "--reference", "litert-ref").document
    (run,) = document["runs"]
    assert set(run["target"]) >= {"serial", "abi", "kind"}
    assert run["status"] == "done"
    assert set(run["verdict"]) >= {"kind", "cause", "summary", "confidence"}
    assert set(run["accuracy"]) >= {"top1", "top5", "n", "reference_top1"}
    assert set(run["latency_ms"]) >= {"median", "p90", "n"}
    assert run["memory_mb"] > 1
    assert [c["reference"] for c in run["comparisons"]] == ["litert", "litert-ref"]
    for comparison in run["comparisons"]:
        assert comparison["first_divergence"] is None
        layer = comparison["layers"][-1]
        assert set(layer) >= {"node", "tensor", "op", "running_nrmse", "time_us"}
    assert {c["name"] for c in run["captures"]} == {"latency", "profile", "layers", "isolated"}
    assert all(Path(c["path"]).stat().st_size == c["bytes"] for c in run["captures"])


def test_people_read_tables_a_verdict_and_where_the_report_is(lab: Lab) -> None:
    result = lab.submit(*LABELS, "--recipe", str(DEMO / "bgr.recipe.toml"))
    assert result.status == 1
    for text in (
        "D-Conv",
        "first divergence: the model's input",
        "top-1",
        "FAIL",
        "channel",
        'channels = "rgb"',
        "virtual",
    ):
        assert text in result.out
    assert "layers" in result.err, "progress is told on the way"
    page = Path(re.search(r"report: (\S+)", result.out)[1]).read_text(encoding="utf-8")  # type: ignore[index]
    assert not re.search(r"(src|href)\s*=|@import|url\(", page), "the page loads nothing"
    assert "BGR" in page
    assert "virtual" in page


@pytest.mark.slow
def test_jobs_show_report_and_devices_tell_the_same(lab: Lab, tmp_path: Path) -> None:
    job = lab.submit(*LABELS, "--json").document["job"]
    assert lab.farm("jobs", "--json").document[0]["job"] == job
    assert lab.farm("show", str(job), "--json").document["runs"][0]["verdict"]["kind"] == "pass"
    copy = tmp_path / "page.html"
    assert lab.farm("report", str(job), "--out", str(copy)).status == 0
    assert copy.read_text(encoding="utf-8").startswith("<!doctype html>")
    (device,) = [d for d in lab.farm("devices", "--json").document if d["state"] == "device"]
    assert device["kind"] == "virtual"
    for words in (("jobs",), ("show", str(job)), ("devices",), ("virtual", "list")):
        assert lab.farm(*words).status == 0


@pytest.mark.slow
def test_raw_tensors_need_no_recipe_and_without_labels_agreement_decides(lab: Lab, tmp_path: Path) -> None:
    inputs = tmp_path / "tensors"
    inputs.mkdir()
    rng = np.random.default_rng(3)
    for i in range(6):
        np.save(inputs / f"{i}.npy", rng.uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32))
    shutil.copy(DEMO / "model.tflite", tmp_path / "alone.tflite")
    result = lab.farm("submit", str(tmp_path / "alone.tflite"), "--inputs", str(inputs), "--wait", "--json")
    assert result.status == 0, result.err
    (run,) = result.document["runs"]
    assert run["verdict"]["cause"] == "none"
    assert run["accuracy"] is None


@pytest.mark.slow
def test_a_daemon_takes_jobs_and_ends_on_sigterm(lab: Lab) -> None:
    daemon = lab.start("up", "--json")
    try:
        assert daemon.stdout is not None
        assert "http://127.0.0.1:" in daemon.stdout.readline()
        queued = lab.farm("submit", str(DEMO / "model.tflite"), "--inputs", str(DEMO / "inputs"), *LABELS, "--json")
        assert queued.status == 0
        assert queued.document["status"] in {"queued", "running"}
        job = str(queued.document["job"])
        deadline = time.monotonic() + 120
        while lab.farm("show", job, "--json").document["status"] in {"queued", "running"}:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert lab.farm("show", job, "--json").document["runs"][0]["verdict"]["kind"] == "pass"
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.communicate(timeout=30)
    assert daemon.returncode == 0


def bad(tmp_path: Path, name: str) -> tuple[str, ...]:
    """Arguments of a submission that cannot work."""
    model = tmp_path / "bad.tflite"
    good = (DEMO / "model.tflite").read_bytes()
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for path in sorted((DEMO / "inputs").iterdir())[:3]:
        shutil.copy(path, inputs)
    shutil.copy(DEMO / "model.recipe.toml", tmp_path)
    contents = {"empty": b"", "truncated": good[: len(good) // 2], "foreign": b"PK\x03\x04" + bytes(100)}
    model.write_bytes(contents.get(name, good))
    arguments = ["submit", str(model), "--inputs", str(inputs), "--wait"]
    if name == "op":
        arguments[1] = str(foreign_op(tmp_path))
    elif name == "missing":
        arguments[1] = str(tmp_path / "none.tflite")
    elif name == "shape":
        shutil.rmtree(inputs)
        inputs.mkdir()
        np.save(inputs / "a.npy", np.zeros((1, 32, 32, 3), np.float32))
    elif name == "picture":
        (inputs / "zz.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    elif name == "labels":
        arguments += LABELS
    elif name == "classes":
        table = "".join(f"{p.name}\t99\n" for p in inputs.iterdir())
        (tmp_path / "labels.tsv").write_text(table)
        arguments += ["--labels", str(tmp_path / "labels.tsv")]
    elif name == "selector":
        arguments += ["--on", "abi=x86_64 colour=red"]
    elif name == "nobody":
        arguments += ["--on", "abi=riscv64"]
    elif name == "recipe":
        (tmp_path / "model.recipe.toml").write_text('crop = 0.875\nchanels = "bgr"\n')
    elif name == "no recipe":
        (tmp_path / "model.recipe.toml").unlink()
    elif name == "reference":
        arguments += ["--reference", "litert-reff"]
    return tuple(arguments)


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("empty", "model", r"bad\.tflite: is empty"),
        ("truncated", "model", r"bad\.tflite: is truncated"),
        ("foreign", "model", r"bad\.tflite: is not a TFLite model"),
        ("missing", "model", r"none\.tflite: no such file"),
        ("op", "model", "FancySoftmax"),
        ("shape", "inputs", r"a\.npy: is float32 ?\[1, 32, 32, 3\].*\[1, 64, 64, 3\]"),
        ("picture", "inputs", r"zz\.jpg: is not a picture"),
        ("labels", "inputs", r"labels\.tsv: \d+ labels name no input"),
        ("classes", "inputs", "label 99 of .* is beyond the model's 12 classes"),
        ("selector", "selector", "column 12: unknown key 'colour'"),
        ("nobody", "selector", "excludes every device"),
        ("recipe", "recipe", r"model\.recipe\.toml:2: chanels: unknown key"),
        ("no recipe", "recipe", "nothing tells how pictures become"),
        ("reference", "job", "litert-reff"),
    ],
)
def test_bad_input_is_named_with_a_remedy_and_exit_2(lab: Lab, tmp_path: Path, name: str, code: str, says: str) -> None:
    arguments = bad(tmp_path, name)
    people, scripts = lab.farm(*arguments), lab.farm(*arguments, "--json")
    assert people.status == scripts.status == 2, people.err
    document = scripts.document
    error = document.get("error") or document["runs"][0]["error"]
    assert (error["kind"], error["code"]) == ("job", code)
    told = f"{error['where']}: {error['message']}"
    assert re.search(says, told), told
    assert error["remedy"]
    everything = re.sub(r"[\s│]+", " ", people.out + people.err)
    assert re.search(says.replace(r"\s", " "), everything), everything


def test_no_device_is_infrastructure(empty_lab: Lab) -> None:
    port = (empty_lab.folder / "farm.toml").read_text()
    from farm.fleet.private import private_adb_server

    with private_adb_server() as alone:
        (empty_lab.folder / "farm.toml").write_text(re.sub(r"port = \d+", f"port = {alone.port}", port))
        result = empty_lab.submit("--json")
    assert result.status == 3
    assert result.document["error"]["code"] == "no-device"
    assert "farm virtual up" in result.document["error"]["remedy"]


@pytest.mark.slow
def test_a_phone_killed_in_the_middle_is_infrastructure_and_the_lab_goes_on(empty_lab: Lab) -> None:
    assert empty_lab.farm("virtual", "up").status == 0
    (phone,) = virtual.listed(empty_lab.data / "virtual")
    arguments = ("submit", str(DEMO / "model.tflite"), "--inputs", str(DEMO / "inputs"), "--wait", "--json",
                 "--on", f"serial={phone.serial}", "--repetitions", "1000")  # fmt: skip
    running = empty_lab.start(*arguments)
    assert running.stderr is not None
    for line in running.stderr:
        if "latency" in line:
            virtual.kill(phone)
            break
    out, _ = running.communicate(timeout=120)
    assert running.returncode == 3
    (run,) = Job.model_validate_json(out).runs
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.kind == "infrastructure"
    assert empty_lab.farm("jobs", "--json").document[0]["status"] == "failed"


@pytest.mark.slow
def test_ctrl_c_leaves_a_queued_job_and_a_clean_phone(lab: Lab) -> None:
    running = lab.start("submit", str(DEMO / "model.tflite"), "--inputs", str(DEMO / "inputs"), "--repetitions", "1000")
    assert running.stderr is not None
    for line in running.stderr:
        if "latency" in line:
            running.send_signal(signal.SIGINT)
            break
    running.communicate(timeout=60)
    assert running.returncode == 130
    job = lab.farm("jobs", "--json", "-n", "1").document[0]
    assert job["status"] in {"queued", "running"}, "handed over to the next daemon"
    lab.farm("cancel", str(job["job"]))
    deadline = time.monotonic() + 60
    while lab.farm("show", str(job["job"]), "--json").document["status"] != "canceled":
        assert time.monotonic() < deadline
    assert lab.submit(*LABELS, "--json").status == 0
