"""The OpenAPI document and the daemon agree: schemathesis on the real one, and real documents against it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from farm.api.advert import read_token
from farm.client import connect
from farm.client.schedules import ScheduleClient
from farm.daemon import Daemon
from farm.fleet.private import private_adb_server
from farm.schedule.schedule import Schedule
from farm.settings import Adb, Api, Settings
from tests.api.conftest import http, make_token
from tests.daemon.lab import FRAME_SHA, submission, until

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKS = Path(__file__).with_name("schemathesis.toml")
ENDLESS = "/api/events"  # a stream without an end: test_events.py has it
EXAMPLES = "8"
AGREE = [status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with its real rooms, behind a real adb server without devices."""
    with private_adb_server() as adb:
        data = tmp_path_factory.mktemp("lab")
        made = Daemon(Settings(data=data, adb=Adb(port=adb.port), api=Api(artifact_limit_mb=1)))
        made.start(port=0)
        yield made
        made.stop()


def run_schemathesis(at: Daemon, folder: Path, *arguments: str) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            str(program), "--config-file", str(folder / "schemathesis.toml"), "run", f"{at.url}/openapi.json",
            "--header", f"Authorization: Bearer {read_token(at.data)}", "--max-examples", EXAMPLES, "--seed", "20",
            "--continue-on-failure", "--generation-database", "none", "--no-color", "--suppress-health-check", "all",
            *arguments,
        ],
        cwd=folder, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert int(re.findall(r"(\d+) generated", done.stdout)[0]) > 100
    assert not list((at.data / "bugs").glob("*")), "no error of ours was met"
    with http(at) as client:
        assert client.get("/api/health").status_code == 200


@pytest.mark.slow
def test_schemathesis_runs_clean(real: Daemon, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CHECKS.read_text())
    run_schemathesis(real, tmp_path, "--exclude-path", ENDLESS)


@pytest.mark.slow
def test_schemathesis_runs_clean_on_jobs_that_are_there(at: Daemon, tmp_path: Path) -> None:
    with connect(at.settings) as client:
        client.wait(client.submit(submission("ok")).job)
    (tmp_path / "schemathesis.toml").write_text(CHECKS.read_text() + '\n[parameters]\n"path.job" = 1\n')
    run_schemathesis(at, tmp_path, "--include-path-regex", r"^/api/jobs/")


def described(at: Daemon) -> dict[str, Any]:
    with http(at) as client:
        document: dict[str, Any] = client.get("/openapi.json").json()
    return document


def test_every_answer_is_described(at: Daemon) -> None:
    document = described(at)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            problems = {s: r for s, r in operation["responses"].items() if s[0] in "45"}
            assert problems.keys() >= {"400", "401", "403", "404", "413", "422", "500", "503"}, (method, path)
            shown = [r["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2] for r in problems.values()]
            assert set(shown) <= {"Problem", "Ready"}, (method, path)
            good = [r for s, r in operation["responses"].items() if s[0] == "2"]
            assert good, (method, path)
            for answer in good:
                schemas = [c["schema"] for c in answer.get("content", {}).values() if c]
                assert all(schemas), f"{method} {path} says nothing of its answer"
            assert operation.get("description"), (method, path)
            assert (operation.get("security") == []) == (path == "/api/health")


def test_real_documents_fit_their_schemas(at: Daemon, tmp_path: Path) -> None:
    with connect(at.settings) as client:
        client.wait(client.submit(submission("ok")).job)
        client.wait(client.submit(submission("job", "serial=one")).job)
        running = client.submit(submission(f"until {tmp_path / 'go'}", "serial=one")).job
        until(lambda: client.job(running).runs[0].stage)
        make_token(at, "read", "another")
        ScheduleClient(client).add(Schedule(name="nightly", cron="@yearly"), submission("ok"))
        ScheduleClient(client).run_now("nightly")
        schema = schemathesis.openapi.from_dict(described(at))
        given: dict[str, list[Any]] = {
            "job": [1, 2, running],
            "sha256": [FRAME_SHA],
            "serial": ["one"],
            "run": [1],
            "name": ["another"],
            "schedule": ["nightly"],
            "night": [1],
            "series": [1],
            "regression": [1],
            "gate": ["none"],
        }
        checked = 0
        with http(at) as raw:
            for path, methods in described(at)["paths"].items():
                if (
                    "get" not in methods
                    or path.endswith(("events", "ready"))
                    or "screenshot" in path
                    or "logcat" in path
                ):
                    continue
                names = [name for name in given if f"{{{name}}}" in path]
                for value in given[names[0]] if names else [None]:
                    case = schema[path]["GET"].Case(path_parameters={names[0]: value} if names else {})
                    answer = raw.get(path.format(**{names[0]: value}) if names else path)
                    case.validate_response(_as_answer(answer), checks=AGREE)
                    checked += answer.status_code == 200
        (tmp_path / "go").touch()
        client.wait(running)
    assert checked >= 12


def _as_answer(answer: httpx2.Response) -> schemathesis.Response:
    import requests

    request = requests.Request(answer.request.method, str(answer.request.url)).prepare()
    return schemathesis.Response(
        status_code=answer.status_code,
        headers={k.lower(): [v] for k, v in answer.headers.items()},
        content=answer.content,
        request=request,
        elapsed=0.1,
        verify=False,
    )


def test_methods_of_an_address_are_told(at: Daemon) -> None:
    with http(at) as client:
        answer = client.request("PATCH", "/api/jobs")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
        assert client.get("/api/jobs/").status_code == 404
        for path in ("/docs", "/redoc"):  # pages that would load scripts from elsewhere
            assert client.get(path).status_code == 404
