"""The pages of a job and its runs, as a browser without scripts gets them, and their twins for scripts."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import TYPE_CHECKING, Any

from farm.report import html as report
from farm.submission import Terms, Variant
from tests.api.conftest import http, make_token
from tests.daemon.lab import until
from tests.pages.conftest import LOG
from tests.pages.rich import HOSTILE, REFERENCES
from tests.pages.rich import run as rich_run

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2

    from tests.pages.conftest import Lab

MOST_BYTES = 1 << 20


def got(client: httpx2.Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text[:500]
    return answer.text


def words(page: str) -> str:
    """What a reader sees, in one line."""
    return " ".join(
        html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<script.*?</script>", "", page, flags=re.S))).split()
    )


def test_page_and_static_report_say_the_same(lab: Lab) -> None:
    job = lab.over("rich")
    with http(lab.daemon) as client:
        for run in job.runs:
            shown = words(got(client, f"/jobs/{job.job}/runs/{run.id}"))
            for part in (
                "verdict",
                "findings",
                "explanation",
                "frames",
                "accuracy",
                "metrics",
                "ladder",
                "latency",
                "energy",
            ):
                assert words(report.part(part, run=run)) in shown, part
            assert words(report.part("divergence", c=run.comparisons[0])) in shown
            twin = client.get(f"/jobs/{job.job}/runs/{run.id}.json").json()
            assert run.verdict is not None
            assert twin["run"]["verdict"]["summary"] == run.verdict.summary
            assert "nodes" in next(c for c in twin["charts"] if c["id"] == "graph")  # of the demo's model, drawn


def test_a_run_of_300_layers_and_3_references_is_a_small_page(lab: Lab) -> None:
    lab.runs["large"] = lambda work: rich_run(work.run_id, layers=300)
    job = lab.over("large", selector="serial=one")
    base, reference = f"/jobs/{job.job}/runs/{job.runs[0].id}", REFERENCES[-1]
    with http(lab.daemon) as client:
        assert f"Layers against {REFERENCES[0]}" in got(client, base)
        page = got(client, f"{base}?reference={reference}")
        assert len(page.encode()) < MOST_BYTES
        assert f"Layers against {reference}" in page
        rows = list(csv.reader(io.StringIO(got(client, f"{base}/charts/errors.csv?reference={reference}"))))
        assert len(rows) == 1 + 301
        assert rows[1][0] == "input"
        assert float(rows[-1][2]) == 0.05
        # The table of all layers is asked for when it is opened, and is a page of its own as well.
        whole = got(client, f"{base}/layers?reference={reference}")
        part = client.get(
            f"{base}/layers?reference={reference}", headers={"hx-request": "true", "hx-target": "div#layers"}
        ).text
        assert part.count("<tr") == whole.count("<tr") == 302
        assert "<html" not in part


def test_names_are_text_wherever_they_stand(lab: Lab) -> None:
    lab.runs[HOSTILE] = lambda work: rich_run(work.run_id, name=HOSTILE)
    job = lab.over(HOSTILE, inputs=HOSTILE, selector="serial=one")
    run = f"/jobs/{job.job}/runs/{job.runs[0].id}"
    word = f"{job.job}/{job.runs[0].id}"
    paths = (
        f"/jobs/{job.job}",
        run,
        f"{run}/layers",
        f"{run}/inputs",
        f"/compare?jobs={job.job}",
        f"/compare?a={word}&b={word}",
    )
    with http(lab.daemon) as client:
        for path in paths:
            page = client.get(
                path, headers={"hx-request": "true", "hx-target": "div#later"}
            ).text  # what comes later, too
            assert "<img src=x" not in page, path
            assert HOSTILE in html.unescape(page), path


def test_a_list_of_many_runs_has_pages_and_filters(lab: Lab) -> None:
    job = lab.over("ok", terms=Terms(times=60))
    with http(lab.daemon) as client:
        first: dict[str, Any] = client.get(f"/jobs/{job.job}.json").json()
        numbers = [line["id"] for line in first["runs"]]
        assert first["tally"] == {"status": {"done": 120}, "verdict": {"pass": 120}}
        assert first["more"]
        rest = client.get(f"/jobs/{job.job}.json?after={numbers[-1]}").json()
        assert numbers + [line["id"] for line in rest["runs"]] == [run.id for run in job.runs]
        assert not rest["more"]
        assert f"?after={numbers[-1]}" in got(client, f"/jobs/{job.job}")
        assert client.get(f"/jobs/{job.job}.json?kind=fail").json()["runs"] == []
        assert "No run of this job is like that" in got(client, f"/jobs/{job.job}?kind=fail")


def test_configurations_are_the_columns_of_a_matrix(lab: Lab) -> None:
    job = lab.over("ok", variants=(Variant(name="threads=1", threads=1), Variant(name="threads=4", threads=4)))
    with http(lab.daemon) as client:
        view = client.get(f"/jobs/{job.job}.json").json()
    assert view["configurations"] == ["threads=1", "threads=4"]
    runs = {(run.target.serial, run.variant): run.id for run in job.runs if run.target is not None}
    for row in view["matrix"]:
        for name, cell in zip(view["configurations"], row["cells"], strict=True):
            assert [view["runs"][i]["id"] for i in cell] == [runs[row["target"].split(" ")[0], name]]


def test_what_was_kept_of_an_attempt_is_read_as_text(lab: Lab) -> None:
    job = lab.over("rich", selector="serial=one")
    base = f"/jobs/{job.job}/runs/{job.runs[0].id}"
    with http(lab.daemon) as client:
        assert f'href="{base}/evidence/1/logcat-main.txt"' in got(client, base)
        answer = client.get(f"{base}/evidence/1/logcat-main.txt")
        assert answer.content == LOG
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        for other in ("2/logcat-main.txt", "1/other.txt", "1/..%2f..%2fstate.db"):
            assert client.get(f"{base}/evidence/{other}").status_code == 404


def test_a_trace_is_linked_and_saved_as_it_is(lab: Lab) -> None:
    job = lab.over("traced", selector="serial=one")
    run = job.runs[0].id
    base = f"/jobs/{job.job}/runs/{run}"
    with http(lab.daemon) as client:
        page = got(client, base)
        assert f'href="{base}/evidence/1/trace-latency.pftrace"' in page
        assert "Perfetto recorded pass latency" in page
        answer = client.get(f"{base}/evidence/1/trace-latency.pftrace")
        assert answer.content == LOG
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == f'attachment; filename="run-{run}-trace-latency.pftrace"'


def test_where_nothing_can_be_shown_a_page_says_why(lab: Lab) -> None:
    job = lab.over("rich", selector="serial=one")
    base = f"/jobs/{job.job}/runs/{job.runs[0].id}"
    with http(lab.daemon) as client:
        assert "left no captures" in got(client, f"{base}/inputs")
        assert "left no captures" in got(client, f"{base}/embedding")
        failed = lab.over("job", selector="serial=one")
        page = words(got(client, f"/jobs/{failed.job}/runs/{failed.runs[0].id}"))
        assert "the model is wrong" in page
        assert "mend it" in page
        for path in (f"/jobs/{job.job + 9}", f"/jobs/{failed.job}/runs/{job.runs[0].id}", "/jobs/0", "/jobs/x"):
            assert client.get(path).status_code in (404, 422), path


def test_only_the_owner_or_an_operator_cancels(lab: Lab, tmp_path: Path) -> None:
    job = lab.submit(f"until {tmp_path / 'never'}", selector="serial=one")
    until(lambda: lab.daemon.jobs.job(job).status == "running")
    with http(lab.daemon, make_token(lab.daemon, "submit", user="bob")) as stranger:
        assert stranger.post(f"/jobs/{job}/cancel").status_code == 403
    with http(lab.daemon) as owner:
        view = owner.get(f"/jobs/{job}.json").json()
        assert view["runs"][0]["doing"]["stage"]
        assert f'action="/jobs/{job}/cancel"' in got(owner, f"/jobs/{job}")
        answer = owner.post(f"/jobs/{job}/cancel")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/jobs/{job}")
        until(lambda: lab.daemon.jobs.job(job).status == "canceled")
        assert f'action="/jobs/{job}/cancel"' not in got(owner, f"/jobs/{job}")
    assert any(line.action == "cancel" and line.status == 403 for line in lab.daemon.door.lines(20))
