"""The daemon with its real rooms, behind a real adb server without devices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm.client import connect
from farm.errors import ModelError, NoDeviceError
from farm.fleet.private import private_adb_server
from farm.settings import Adb, Settings
from farm.store.artifacts import sha256_of
from farm.submission import InputFrame, RecipeUse, Submission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.client import Client

DEMO = Path(__file__).parents[2] / "farm" / "demo"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with private_adb_server() as adb:
        lab = Settings(data=tmp_path, adb=Adb(host=adb.host, port=adb.port))
        with connect(lab) as made:
            yield made


def upload(client: Client, model: Path) -> Submission:
    from farm.model import recipe

    picture = sorted((DEMO / "inputs").glob("*.png"))[0]
    files = {sha256_of(file): file for file in (model, picture)}
    client.upload(files)
    use = RecipeUse(recipe=recipe.load(DEMO / "model.recipe.toml"), origin="demo")
    frame = InputFrame(name=picture.name, kind="image", sha256=(sha256_of(picture),))
    return Submission(model_name=model.name, model_sha256=sha256_of(model), frames=(frame,), recipe=use)


def test_without_devices_a_good_submission_is_told_what_to_plug_in(client: Client) -> None:
    assert client.devices() == []
    with pytest.raises(NoDeviceError, match="no device is attached"):
        client.submit(upload(client, DEMO / "model.tflite"))
    assert client.jobs() == []


def test_a_file_that_is_no_model_is_refused_before_it_is_queued(client: Client, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelError):
        client.submit(upload(client, broken))


def test_the_client_brings_neither_web_framework_nor_database() -> None:
    heavy = "{'fastapi', 'starlette', 'uvicorn', 'sqlite3', 'pysqlite3', 'sqlite_utils'}"
    code = f"import sys, farm.client; print({heavy} & sys.modules.keys())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=DEMO.parents[1])
    assert said.stdout.strip() == "set()"
