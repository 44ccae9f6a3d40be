"""The page Compare, as a browser without scripts gets it, and its twin: nights, the fleet of a model, what cannot be compared."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from farm.pages.compare import MOST_BYTES
from farm.queue.planner import plan
from farm.report.document import CaptureLink, Run
from farm.schedule.schedule import Schedule
from farm.store import nights, schedules
from farm.submission import Terms, Variant
from tests.api.conftest import http
from tests.daemon.lab import submission, until
from tests.pages.rich import run as rich_run

if TYPE_CHECKING:
    from farm.run.work import Work
    from tests.pages.conftest import Lab


def night(lab: Lab, schedule: int, name: str) -> int:
    """A night that ran this model on both devices."""
    state = lab.daemon.state
    number, _ = nights.begin(state, schedule)
    asked = submission(name)
    job = state.add_job(asked, plan(asked, lab.daemon.seen()), kind=nights.KIND, night=number)
    lab.daemon.jobs.watch(job)
    until(lambda: (found := nights.night(state, number)) is not None and found.status == "over")
    return number


def test_two_nights_differ_where_a_verdict_changed(lab: Lab) -> None:
    bad: set[str] = set()

    def made(work: Work) -> Run:
        run = rich_run(work.run_id, name=work.device.serial)
        assert run.verdict is not None
        kind, cause = ("fail", "channel") if work.device.serial in bad else ("pass", "none")
        return run.model_copy(update={"verdict": run.verdict.model_copy(update={"kind": kind, "cause": cause})})

    lab.runs["nightly"] = made
    row = schedules.add(
        lab.daemon.state, Schedule(name="every-night", cron="0 2 * * *"), "command", 2e9, submission("nightly")
    )
    assert row is not None
    first = night(lab, row.id, "nightly")
    bad.add("two")
    second = night(lab, row.id, "nightly")
    with http(lab.daemon) as client:
        view = client.get(f"/compare.json?a=night-{first}&b=night-{second}").json()
        page = client.get(f"/compare?a=night-{first}&b=night-{second}").text
    assert view["same"] == 1
    (difference,) = view["differences"]
    assert (difference["model"], difference["serial"], difference["name"]) == ("nightly", "two", "two")
    assert (difference["a"]["word"], difference["b"]["word"], difference["b"]["cause"]) == ("pass", "fail", "channel")
    assert "nightly fails on two: channel" in page
    assert f"/jobs/{difference['b']['job']}/runs/{difference['b']['run']}" in page


def test_runs_that_part_alike_are_one_cluster(lab: Lab) -> None:
    def made(work: Work) -> Run:
        healthy = work.submission.threads == 1
        run = rich_run(work.run_id)
        conditions = {"kernel": "delegate", "threads": str(work.submission.threads)}
        if healthy:
            layers = tuple(d.model_copy(update={"running_nrmse": 1e-6}) for d in run.comparisons[0].layers)
            right = run.comparisons[0].model_copy(update={"first_divergence": None, "layers": layers})
            run = run.model_copy(update={"comparisons": (right,)})
        return run.model_copy(update={"conditions": conditions})

    lab.runs["spread"] = made
    variants = tuple(Variant(name=f"threads={n}", threads=n) for n in (1, 4))
    job = lab.over("spread", variants=variants, terms=Terms(times=4))
    with http(lab.daemon) as client:
        # The page is there at once and asks for what takes long; scripts and who has none wait for all of it.
        pending = client.get(f"/compare?jobs={job.job}").text
        assert 'hx-trigger="load"' in pending
        part = client.get(f"/compare?jobs={job.job}", headers={"hx-request": "true", "hx-target": "div#later"}).text
        view: dict[str, Any] = client.get(f"/compare.json?jobs={job.job}").json()
        assert "<html" not in part
        assert 'hx-trigger="load"' not in client.get(f"/compare?jobs={job.job}").text  # kept now
        newest = client.get("/compare.json?model=spread").json()
    (cluster,) = view["fleet"]["clusters"]
    assert sorted(cluster["runs"]) == sorted(run.id for run in job.runs if run.variant == "threads=4")
    told = cluster["description"]
    assert told["described"] == told["right"] == told["meant"] == 8
    assert "8 of 16 runs part first at 6 ADD" in part
    assert view["configurations"] == ["kernel=delegate threads=1", "kernel=delegate threads=4"]
    assert newest["jobs"] == [job.job]


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("a=1/999999&b=1/1", 404, "there is no such run"),
        ("a=night-77777&b=night-1", 404, "there is no such night"),
        ("a=night-1&b=1/1", 400, "a night stands beside a night"),
        ("a=../etc&b=1/1", 400, "is no run, night or capture"),
        ("a=" + "0" * 64 + "&b=1/1", 404, "is not stored"),
        ("jobs=1;2", 400, "is no list of jobs"),
        ("jobs=999999", 404, "there is no such job"),
        ("model=unheard-of", 404, "no recent job is of this model"),
    ],
)
def test_what_cannot_be_compared_is_told(lab: Lab, query: str, status: int, told: str) -> None:
    lab.over("rich", selector="serial=one")
    with http(lab.daemon) as client:
        answer = client.get(f"/compare.json?{query}")
    assert answer.status_code == status, answer.text
    assert told in answer.json()["message"]


def test_captures_too_large_for_a_page_are_left_to_the_command(lab: Lab) -> None:
    stored = lab.daemon.artifacts.put(b"a capture")
    link = CaptureLink(name="layers", sha256=stored, bytes=MOST_BYTES + 1, complete=True, path="")
    for name, captures in (("large", (link,)), ("small", (link.model_copy(update={"bytes": 9}),))):
        lab.runs[name] = lambda work, kept=captures: rich_run(work.run_id).model_copy(update={"captures": kept})  # type: ignore[misc]
    large, small = (lab.over(name, selector="serial=one") for name in ("large", "small"))
    a, b = (f"{job.job}/{job.runs[0].id}" for job in (large, small))
    with http(lab.daemon) as client:
        view = client.get(f"/compare.json?a={a}&b={b}").json()
        pictures = client.get(f"/jobs/{large.job}/runs/{large.runs[0].id}/inputs.json").json()
        file = lab.daemon.artifacts.path("f" * 64)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as f:
            f.truncate(MOST_BYTES + 1)  # a hole: it takes no room
        capture = client.get(f"/compare?a={b}&b={'f' * 64}", headers={"hx-request": "true", "hx-target": "div#pairing"})
    assert view["state"] == "refused"
    assert "1024 MiB" in view["missing"]
    assert f"`farm compare {a} {b} --html pair.html`" in view["missing"]
    assert f"`farm diagnose {a} --html report.html`" in pictures["missing"]
    assert view["a"]["run"]["verdict"], "what their documents say stands there all the same"
    assert f"download /api/artifacts/{'f' * 64}" in capture.text
    assert f"<code>farm compare {b} ffffffffffff.mcap --html pair.html</code>" in capture.text


def test_without_a_question_it_says_what_can_be_asked(lab: Lab) -> None:
    with http(lab.daemon) as client:
        assert 'name="a"' in client.get("/compare").text


def test_what_many_ask_for_at_once_is_made_once() -> None:
    from farm.pages.shelf import Kept

    kept: Kept[str] = Kept(2)
    made: list[str] = []

    def make() -> str:
        made.append("x")
        return "value"

    threads = [threading.Thread(target=lambda: kept.or_made("k", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == ["x"]
    for key in ("a", "b"):
        kept.or_made(key, lambda: "other")
    assert kept.get("k") is None  # the oldest goes
    assert kept.get("b") == "other"
