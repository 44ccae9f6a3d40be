"""What the queue does with more than one run, through REST and a real state file."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from farm.client import connect
from farm.errors import QuotaError
from farm.settings import Runs, User
from farm.submission import Submission, Terms, Variant
from tests.daemon.lab import Bench, daemon, settings, submission, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.client import Client
    from farm.daemon import Daemon
    from farm.report.document import Job

IMPATIENT = Runs(retry_s=0.05, conditions_retry_s=0.05, drain_s=0.2)


def asked(name: str = "ok", *, on: str = "", variants: tuple[Variant, ...] = (), **terms: object) -> Submission:
    return submission(name, on).model_copy(update={"terms": Terms.model_validate(terms), "variants": variants})


@contextlib.contextmanager
def at_work(data: Path, *users: User) -> Iterator[tuple[Daemon, Client]]:
    made = daemon(settings(data, runs=IMPATIENT).model_copy(update={"user": users}))
    made.start(0)
    try:
        with connect(made.settings) as client:
            yield made, client
    finally:
        made.stop()


def wait(client: Client, job: Job) -> Job:
    for _ in client.events(job.job):
        pass
    return client.job(job.job)


def bench(of: Daemon) -> Bench:
    fleet = of._given_fleet
    assert isinstance(fleet, Bench)
    return fleet


def test_a_matrix_runs_every_configuration_on_every_device(tmp_path: Path) -> None:
    variants = (Variant(name="threads=1", threads=1), Variant(name="threads=4", threads=4))
    with at_work(tmp_path) as (_, client):
        over = wait(client, client.submit(asked(variants=variants, times=2)))
    assert over.status == "done"
    found = sorted((r.target.serial, r.repetition, r.variant) for r in over.runs if r.target)
    assert found == sorted((s, n, v.name) for s in ("one", "two") for n in (0, 1) for v in variants)


def test_a_run_for_any_device_leaves_the_one_that_fails_and_the_fault_is_counted_there(tmp_path: Path) -> None:
    with at_work(tmp_path) as (lab, client):
        jobs = [wait(client, client.submit(asked("lab on one", devices=1, fresh=True))) for _ in range(2)]
        assert [[r.status for r in j.runs] for j in jobs] == [["done"], ["done"]]
        assert {r.target.serial for j in jobs for r in j.runs if r.target} == {"two"}
        assert bench(lab).faults["one"] >= 1
        wait(client, client.submit(asked("ok", on="serial=one")))
        assert bench(lab).faults == {"one": 0, "two": 0}, "a run that ends well shows the device is sound"


def test_a_user_error_blames_no_device(tmp_path: Path) -> None:
    with at_work(tmp_path) as (lab, client):
        assert wait(client, client.submit(asked("job"))).status == "failed"
        assert bench(lab).faults == {"one": 0, "two": 0}


def test_a_device_that_is_too_hot_is_waited_for_and_blamed_for_nothing(tmp_path: Path) -> None:
    with at_work(tmp_path) as (lab, client):
        over = wait(client, client.submit(asked(f"hot {tmp_path / 'was-hot'}", on="serial=one")))
        assert [(r.status, r.attempt) for r in over.runs] == [("done", 1)]
        assert bench(lab).faults["one"] == 0


def test_equal_work_is_done_once_and_both_jobs_show_it(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with at_work(tmp_path) as (_, client):
        first = client.submit(asked(f"until {go}", on="serial=one"))
        second = client.submit(asked(f"until {go}", on="serial=one", priority=3))
        other = client.submit(asked(f"until {go}", on="serial=one", fresh=True))
        until(lambda: client.job(first.job).status == "running")
        go.touch()
        overs = [wait(client, job) for job in (first, second, other)]
    assert [j.status for j in overs] == ["done"] * 3
    assert [j.runs[0].same_as for j in overs] == [None, first.runs[0].id, None]
    assert overs[0].runs[0].verdict == overs[1].runs[0].verdict


def test_a_job_begins_after_another_and_fails_with_it(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with at_work(tmp_path) as (_, client):
        first = client.submit(asked(f"until {go}", on="serial=one"))
        second = client.submit(asked(on="serial=two", after=(first.job,)))
        until(lambda: client.job(first.job).status == "running")
        assert client.job(second.job).status == "queued"
        go.touch()
        assert wait(client, second).status == "done"
        bad = client.submit(asked("job", on="serial=one"))
        after = wait(client, client.submit(asked(on="serial=two", after=(bad.job,))))
    (run,) = after.runs
    assert run.error is not None
    assert (run.status, run.error.message) == ("failed", f"job {bad.job} was not done")


def test_what_has_not_begun_by_its_deadline_fails(tmp_path: Path) -> None:
    with at_work(tmp_path) as (_, client):
        over = wait(client, client.submit(asked(not_before=4e9, deadline=1.0)))
    assert {r.error.message for r in over.runs if r.error} == {"its deadline passed before a device was free"}


def test_a_user_may_have_so_many_runs_and_no_more(tmp_path: Path) -> None:
    import getpass

    me = User(name=getpass.getuser(), runs=3)
    with at_work(tmp_path, me) as (_, client):
        kept = client.submit(asked(f"until {tmp_path / 'never'}"))
        assert kept.user == me.name
        with pytest.raises(QuotaError, match="has 2 runs that are not over; 2 more"):
            client.submit(asked(fresh=True))
        client.cancel(kept.job)
        assert wait(client, client.submit(asked(fresh=True))).status == "done"
