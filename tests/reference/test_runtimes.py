"""Runtimes by name, environments of their own, models of their own, servers: what can be tried without a download."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import tarfile
import threading
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from farm.cli import app
from farm.compare.difference import BROKEN, difference
from farm.errors import CaptureError, InfrastructureError, InputsError, JobError, ModelError
from farm.model import graph as graphs
from farm.reference import check, environments
from farm.reference.registry import KNOWN, ready
from farm.reference.tflite_runtime import TfliteRuntime
from farm.reference.unpack import pack, unpack
from farm.work.references import parse
from tests.conftest import ROOT

if TYPE_CHECKING:
    pass

GOLDEN = check.GOLDEN / "golden.tflite"


def farm(folder: Path, *arguments: str) -> Any:
    (folder / "farm.toml").write_text('data = "data"\n')
    return CliRunner().invoke(app, ["--config", str(folder / "farm.toml"), *arguments])


# by name


def test_every_runtime_is_listed_and_documented(tmp_path: Path) -> None:
    rows = json.loads(farm(tmp_path, "runtime", "list", "--json").stdout)
    assert [row["name"] for row in rows] == list(KNOWN)
    page = (ROOT / "docs" / "references.md").read_text(encoding="utf-8")
    assert not [name for name in KNOWN if not re.search(rf"`{re.escape(name)}[`=]", page)]
    for row in rows:
        assert bool(row["installed"]) == (not row["add"])
        assert all("==" in pin for pin in row["pins"])


def test_extras_are_what_is_pinned() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for name, listed in extras.items():
        pins = {pin for pin in KNOWN[name].pins if not pin.startswith("numpy==")}
        assert pins <= {pin.partition(";")[0].strip() for pin in listed}


def test_a_missing_runtime_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        ready("tflite-runtime", (), tmp_path)
    assert caught.value.remedy == "farm runtime add tflite-runtime"
    done = farm(tmp_path, "runtime", "check", "tflite-runtime", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["remedy"] == "farm runtime add tflite-runtime"


def test_what_needs_a_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"needs an \.onnx file"):
        ready("onnx", (), tmp_path)


def test_what_comes_with_the_farm_is_checked(tmp_path: Path) -> None:
    done = farm(tmp_path, "runtime", "check", "litert", "--json")
    assert done.exit_code == 0
    (row,) = json.loads(done.stdout)
    assert row["right"]
    assert row["tensors"] == 4
    assert not [path for path in (tmp_path / "data").iterdir() if path.name.startswith("check-")]
    for words in (("add", "litert"), ("remove", "litert"), ("check", "server"), ("add", "nothing")):
        assert farm(tmp_path, "runtime", *words).exit_code == 2


# on the command line


def test_references_with_files_of_their_own(tmp_path: Path) -> None:
    onnx, model = tmp_path / "net.onnx", tmp_path / "saved"
    onnx.write_bytes(b"a model")
    model.mkdir()
    (model / "saved_model.pb").write_bytes(b"a graph")
    (model / "variables").mkdir()
    (model / "variables" / "data").write_bytes(b"weights")
    found = parse(["litert", f"onnx={onnx}", f"savedmodel={model}", "server=http://host:8501/v1/models/m:predict"])
    assert found.names == ("litert", "onnx=net.onnx", "savedmodel=saved", "server=http://host:8501/v1/models/m:predict")
    assert [source.runtime for source in found.sources] == ["onnx", "savedmodel", "server"]
    assert {source.model_sha256 for source in found.sources[:2]} == found.files.keys()
    again = parse([f"savedmodel={model}"])
    assert again.sources[0].model_sha256 == found.sources[1].model_sha256, "the same folder is the same file"
    unpacked = unpack(again.files[again.sources[0].model_sha256], tmp_path / "out")
    assert (unpacked / "variables" / "data").read_bytes() == b"weights"
    assert parse(["capture=job:12/34"]).earlier == {"capture=job:12/34": (12, 34)}


@pytest.mark.parametrize(
    ("word", "kind", "words"),
    [
        ("nothing", JobError, "no reference is called"),
        ("onnx", JobError, "needs an .onnx file"),
        ("onnx=", JobError, "needs an .onnx file"),
        ("litert=x", JobError, "takes nothing"),
        ("onnx=/no/such.onnx", InputsError, "no such file"),
        ("savedmodel=/no/such", ModelError, "no saved_model.pb"),
        ("capture=/no/such.mcap", InputsError, "no such file"),
        ("capture=pyproject.toml", CaptureError, "is no capture"),
        ("server=host:80", JobError, "names no model"),
        ("server=http://host/v1/models/", JobError, "names no model"),
        ("server=http://u:p@host/v1/models/m", JobError, "names no model"),
        ("server=file:///v1/models/m", JobError, "names no model"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    word: str, kind: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(kind, match=re.escape(words)):
        parse([word])
    with pytest.raises(InputsError, match="one name"):
        parse(["litert", "litert"])


# archives


@pytest.mark.parametrize("evil", ["../out", "/etc/out", "link", "device"])
def test_nothing_gets_out_of_an_archive(evil: str, tmp_path: Path) -> None:
    file = tmp_path / "evil.tar"
    with tarfile.open(file, "w") as tar:
        member = tarfile.TarInfo(evil)
        if evil == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc"
        if evil == "device":
            member.type = tarfile.CHRTYPE
        tar.addfile(member, io.BytesIO())
    with pytest.raises(ModelError):
        unpack(file, tmp_path / "in")
    assert not (tmp_path / "out").exists()


def test_an_archive_that_is_none_and_one_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.tar").write_bytes(b"no tar at all")
    with pytest.raises(ModelError, match="unpacked"):
        unpack(tmp_path / "x.tar", tmp_path / "a")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(bytes(100))
    pack(folder, tmp_path / "y.tar")
    monkeypatch.setattr("farm.reference.unpack.LIMIT_BYTES", 99)
    with pytest.raises(ModelError, match="more than"):
        unpack(tmp_path / "y.tar", tmp_path / "b")


# environments


def wheel(folder: Path) -> str:
    """A package of one line, as pip takes it."""
    path = folder / "tinything-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as zip_:
        zip_.writestr("tinything.py", "VALUE = 7\n")
        zip_.writestr("tinything-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n")
        zip_.writestr("tinything-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        zip_.writestr("tinything-1.0.dist-info/RECORD", "")
    return str(path)


def tiny(folder: Path, probe: str = "import tinything") -> type[TfliteRuntime]:
    class Tiny(TfliteRuntime):
        name = "tiny"
        pins = (wheel(folder),)

    Tiny.probe = probe
    return Tiny


@pytest.mark.slow
def test_an_environment_is_made_whole_once_and_removed(tmp_path: Path) -> None:
    runtime, home = tiny(tmp_path), tmp_path / "runtimes"
    told: list[str] = []
    made: list[Path] = []
    both = [
        threading.Thread(target=lambda: made.append(environments.add(home, runtime, told.append))) for _ in range(2)
    ]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert made[0] == made[1] == environments.folder(home, runtime)
    assert len([line for line in told if "Successfully installed" in line]) == 1
    assert any("waiting for it" in line for line in told)
    value = subprocess.run(
        [environments.python(home, runtime), "-c", "import tinything; print(tinything.VALUE)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert value.stdout == "7\n"
    assert environments.remove(home, runtime, told.append) == (made[0],)
    with pytest.raises(JobError):
        environments.python(home, runtime)


@pytest.mark.slow
def test_what_fails_or_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "runtimes"

    def interrupt(line: str) -> None:
        if "Processing" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        environments.add(home, tiny(tmp_path), interrupt)
    assert [path.name for path in home.iterdir()] == ["tiny.lock"]
    with pytest.raises(InfrastructureError, match="No module named 'nothing'"):
        environments.add(home, tiny(tmp_path, "import nothing"), lambda _: None)
    assert [path.name for path in home.iterdir()] == ["tiny.lock"]


def test_ctrl_c_ends_the_command_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "farm.toml").write_text('data = "data"\n')
    process = subprocess.Popen(
        [sys.executable, "-m", "farm", "--config", str(tmp_path / "farm.toml"), "runtime", "add", "tflite-runtime"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stderr is not None
    assert "making" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert [path.name for path in (tmp_path / "data" / "runtimes").iterdir()] == ["tflite-runtime.lock"]


# real numbers against integers


def test_real_numbers_are_compared_with_what_integers_stand_for() -> None:
    tensor = graphs.Tensor(0, "t", "int8", (1, 4), (0.5,), (3,), 0, constant=False)
    stored = np.array([[3, 5, 7, 127]], np.int8)
    real = np.array([[0, 1, 2, 62]], np.float32)
    same = difference(stored, real, tensor)
    assert (same.nrmse, same.lsb, same.max_abs) == (0.0, 0.0, 0.0)
    beyond = difference(stored, real + np.array([[0, 0, 0, 10]], np.float32), tensor)
    assert beyond.max_abs == 10
    assert beyond.lsb == 20
    other_way = difference(real, stored, tensor)
    assert other_way.nrmse == 0
    assert difference(stored, np.array([[np.nan, 1, 2, 3]], np.float32), tensor).nrmse == BROKEN
    plain = graphs.Tensor(0, "t", "int32", (4,), (), (), 0, constant=False)
    assert difference(np.arange(4, dtype=np.int32), np.arange(4, dtype=np.float32), plain).nrmse == BROKEN
