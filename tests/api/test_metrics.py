"""Figures, readiness, liveness."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from farm.client import connect
from farm.fleet.private import private_adb_server
from farm.settings import Adb, Api, Settings
from tests.api.conftest import http
from tests.daemon.lab import FRAME, MODEL, daemon, submission, until

if TYPE_CHECKING:
    from pathlib import Path

    from farm.daemon import Daemon


def figures(at: Daemon) -> dict[str, float]:
    """Each sample as `name{label=value}`."""
    with http(at) as client:
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        s.name + "".join(f"{{{k}={v}}}" for k, v in sorted(s.labels.items())): s.value
        for family in text_string_to_metric_families(answer.text)
        for s in family.samples
    }


def test_what_there_is_is_counted(at: Daemon, tmp_path: Path) -> None:
    with connect(at.settings) as client:
        client.wait(client.submit(submission("ok")).job)
        client.wait(client.submit(submission("job", "serial=one")).job)
        client.submit(submission(f"until {tmp_path / 'go'}", "serial=one"))
        last = client.submit(submission("ok", "serial=one")).job
        until(lambda: client.devices()[0].run)
        told = figures(at)
        (tmp_path / "go").touch()
        client.wait(last)
    expected = {
        "farm_devices{condition=ready}": 2, "farm_devices{condition=offline}": 0, "farm_devices{condition=cooling}": 0,
        "farm_runs{status=done}": 2, "farm_runs{status=failed}": 1, "farm_runs{status=running}": 1,
        "farm_runs{status=queued}": 1, "farm_queue_depth": 1, "farm_leases": 1,
        "farm_jobs{status=done}": 1, "farm_jobs{status=failed}": 1, "farm_jobs{status=canceled}": 0,
        "farm_attempts_total": 4, "farm_events_total{kind=submitted}": 4,
        "farm_artifacts_bytes": len(MODEL) + len(FRAME),
        "farm_http_requests_total{method=POST}{route=/api/jobs}{status=201}": 4,
    }  # fmt: skip
    assert {name: told.get(name) for name in expected} == expected
    assert told["farm_disk_free_bytes"] > 0
    assert figures(at)["farm_attempts_total"] == 5, "counted on"


def test_decisions_are_measured(at: Daemon) -> None:
    at.metrics.decided(0.003)
    told = figures(at)
    assert (
        told["farm_scheduling_decision_seconds_bucket{le=0.0025}"]
        <= told["farm_scheduling_decision_seconds_bucket{le=0.005}"] - 1
    )


def test_strangers_do_not_make_labels(at: Daemon) -> None:
    with http(at, "wrong") as client:
        for i in range(5):
            client.get(f"/api/none/{i}")
            client.request(f"METHOD{i}", "/api/jobs")
    names = [n for n in figures(at) if n.startswith("farm_http_requests_total")]
    assert "farm_http_requests_total{method=GET}{route=none}{status=401}" in names
    assert "farm_http_requests_total{method=other}{route=none}{status=401}" in names
    assert len(names) <= 3


def test_bugs_are_counted(at: Daemon) -> None:
    with http(at) as client:
        assert client.post("/api/jobs", json=submission("broken preflight").model_dump(mode="json")).status_code == 500
    assert figures(at)["farm_http_requests_total{method=POST}{route=/api/jobs}{status=500}"] == 1


def test_health_is_open_and_says_little(at: Daemon) -> None:
    with http(at, "wrong") as client:
        assert client.get("/api/health").json() == {"pid": os.getpid()}
        assert client.get("/api/ready").status_code == 401


@pytest.fixture
def adb_port() -> object:
    with private_adb_server() as adb:
        yield adb.port


def test_ready_names_what_is_missing(tmp_path: Path, adb_port: int) -> None:
    made = daemon(Settings(data=tmp_path, adb=Adb(port=adb_port)))
    made.start(port=0)
    try:
        with http(made) as client:
            answer = client.get("/api/ready")
            assert (answer.status_code, answer.json()["ready"]) == (200, True)
            assert [(c["name"], c["ok"]) for c in answer.json()["checks"]] == [
                ("adb", True), ("disk", True), ("scheduler", True),
            ]  # fmt: skip
    finally:
        made.stop()
    poor = Settings(data=tmp_path, adb=Adb(port=1), api=Api(disk_floor_mb=1 << 40))
    made = daemon(poor)
    made.start(port=0)
    try:
        with connect(poor) as client:
            found = client.ready()
            assert [(c.name, c.ok, bool(c.remedy)) for c in found.checks] == [
                ("adb", False, True), ("disk", False, True), ("scheduler", True, False),
            ]  # fmt: skip
            made._looked -= 100  # as after a scheduler that hangs
            made._dispatcher.stop(5)
            made._looked -= 100
            (scheduler,) = [c for c in client.ready().checks if c.name == "scheduler"]
            assert (scheduler.ok, bool(scheduler.remedy)) == (False, True)
    finally:
        made.stop()
    made = daemon(Settings(data=tmp_path, adb=Adb(port=adb_port)))
    made.start(port=0, eager=False)
    try:
        assert made.ready().ready, "one that only answers has no scheduler to miss"
    finally:
        made.stop()
