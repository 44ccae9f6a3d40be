"""`farm table` on stored jobs of a real phone, with the reference kernels beside it."""

from __future__ import annotations

import csv
import io
import shutil
from typing import TYPE_CHECKING

import pytest

from farm.report.table import LatencyTable
from tests.conftest import DEMO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Lab

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def jobs(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Of one model, with XNNPACK and with TFLite's own kernels."""
    folder: Path = tmp_path_factory.mktemp("inputs")
    for path in sorted((DEMO / "inputs").glob("*.png"))[::40]:
        shutil.copy(path, folder)
    found = []
    for kernel in ("delegate", "builtin"):
        result = lab.farm(
            "submit", str(DEMO / "model_int8.tflite"), "--inputs", str(folder), "--passes", "latency,profile",
            "--kernel", kernel, "--wait", "--json",
        )  # fmt: skip
        assert result.status == 0, result.err
        found.append(str(result.document["job"]))
    return found[0], found[1]


def test_targets_and_reference_kernels_stand_side_by_side(lab: Lab, jobs: tuple[str, str]) -> None:
    result = lab.farm("table", *jobs, "--reference", "litert-ref", "--rounds", "2", "--json")
    assert result.status == 0, result.err
    found = LatencyTable.model_validate(result.document)
    first, second, reference = (column.title for column in found.columns)
    assert "(virtual " in first
    assert f"kernel delegate, threads 1, job {jobs[0]}" in first
    assert f"kernel builtin, threads 1, job {jobs[1]}" in second
    assert reference.startswith("litert-ref 2.")
    assert [column.source for column in found.columns] == ["profile", "profile", "alone"]
    rows = {row.type: row for row in found.rows}
    assert rows["Conv"].count == 8
    assert all(time is not None and time > 0 for time in rows["Conv"].times_us)
    for i, total in enumerate(found.totals_us):
        assert total == pytest.approx(sum(row.times_us[i] or 0 for row in found.rows))


def test_people_and_spreadsheets_get_the_same(lab: Lab, jobs: tuple[str, str]) -> None:
    told = LatencyTable.model_validate(lab.farm("table", *jobs, "--json").document)
    people, sheet = lab.farm("table", *jobs), lab.farm("table", *jobs, "--csv")
    assert people.status == sheet.status == 0
    rows = {row[0]: row for row in csv.reader(io.StringIO(sheet.out))}
    for row in told.rows:
        assert rows[row.type][2:] == ["" if t is None else f"{t:.1f}" for t in row.times_us]
        assert row.type in people.out
        assert all(f"{t:.1f}" in people.out for t in row.times_us if t is not None)


def test_runs_can_be_picked_and_strangers_are_named(lab: Lab, jobs: tuple[str, str]) -> None:
    (run,) = lab.farm("show", jobs[1], "--json").document["runs"]
    (column,) = lab.farm("table", *jobs, "--run", str(run["id"]), "--json").document["columns"]
    assert "kernel builtin" in column["title"]
    for arguments, code in (
        ((jobs[0], "--run", "999"), "inputs"),
        ((jobs[0], "--reference", "nobody"), "job"),
        (("999",), "not-found"),
    ):
        refused = lab.farm("table", *arguments, "--json")
        assert refused.status == 2
        assert refused.document["error"]["code"] == code
        assert refused.document["error"]["remedy"]


def test_a_job_without_layer_times_says_so(lab: Lab) -> None:
    result = lab.submit("--passes", "latency", "--json")
    refused = lab.farm("table", str(result.document["job"]), "--json")
    assert refused.status == 2
    assert "no run has layer times" in refused.document["error"]["message"]
