"""The wheel of the farm: built offline, and a phone brought up by it, from where it is unpacked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
import wheel_hook

from tests.agents.kit import NATIVE, locked
from tests.conftest import DEMO, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from farm.fleet.adb import AdbServer


@pytest.mark.slow
def test_a_wheel_brings_its_programs_and_runs_them(adb: AdbServer, tmp_path: Path) -> None:
    make = ["make", "-C", str(NATIVE), f"PYTHON={sys.executable}", "all-abis", "android"]
    with locked(NATIVE / "build" / ".lock"):
        subprocess.run(make, check=True, capture_output=True)
    subprocess.run([sys.executable, str(ROOT / "tools" / "pack_apk.py")], check=True, capture_output=True)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    assert "is not built" not in done.stderr
    (wheel,) = (tmp_path / "dist").glob("farm-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as file:
        held = set(file.namelist())
        file.extractall(tmp_path / "site")
    programs = {f"farm/bundled/agents/{p}/{name}" for p, names in wheel_hook.PLATFORMS.items() for name in names}
    assert programs <= held
    assert wheel_hook.APK in held
    assert "farm/bundled/assertions/channel.py" in held
    (tmp_path / "farm.toml").write_text(f'data = "data"\n[adb]\nport = {adb.port}\n[run]\ndevice_wait_s = 10.0\n')
    model, labels = DEMO / "model.tflite", DEMO / "labels.tsv"

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], check=False, capture_output=True, text=True, cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert python("-c", "import farm; print(farm.__file__)").startswith(str(tmp_path / "site"))
    python("-m", "farm", "virtual", "up")
    try:
        told = python(
            "-m", "farm", "submit", str(model), "--inputs", str(DEMO / "inputs"), "--labels", str(labels), "--json"
        )
        (run,) = json.loads(told)["runs"]
        assert (run["status"], run["verdict"]["kind"]) == ("done", "pass")
    finally:
        python("-m", "farm", "virtual", "down")
