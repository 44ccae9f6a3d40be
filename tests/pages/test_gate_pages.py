"""The pages of gates without a browser, and their twins: real checks of a real daemon."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from markupsafe import escape

from farm.notify.items import of_gate
from farm.pages.gates import budget_chart
from farm.store import gate_news
from tests.api.conftest import http
from tests.daemon.lab import daemon, settings
from tests.gate.lab import Manner, gate, up
from tests.schedule.lab import schedule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.gate.lab import GateLab

HOSTILE = "<b>m</b>{{7*7}}&\"'"
GATES = (
    gate("good.enough", "top1 > 0.5 +/- 0.1", "latency.p90 < 5 ms", steps=4, schedules=["nightly", "gone"]),
    gate("never", "top1 > 0.5", models=[HOSTILE]),
    gate("quiet", "top1 > 0.5", adaptivity="full", mode="fp-free", steps=8),
)
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateLab]:
    with up(tmp_path_factory.mktemp("gates") / "data", *GATES) as lab:
        lab.daemon.schedules.add(schedule(), lab.asked("m"))
        for manner in (Manner(), Manner(wrong=190)):
            lab.check("good.enough", lab.job(HOSTILE, manner, commit="abc123"))
        lab.check("quiet", 2)
        yield lab


def test_the_list_says_how_each_went_last(at: GateLab) -> None:
    with http(at.daemon) as client:
        told = client.get("/gates.json").json()
        assert [(g["name"], g["last"] and g["last"]["outcome"]) for g in told["gates"]] == [
            ("good.enough", "fail"),
            ("never", None),
            ("quiet", "fail"),
        ]
        assert told["unknown"] == ["gone"]
        page = client.get("/gates", headers=PAGE).text
    assert "2 of 4 checks left" in page
    assert "never checked" in page
    assert "<b>" not in page
    assert 'href="/gates" data-key="a" aria-current="page"' in page


def test_one_gate_has_its_checks_needs_and_budget(at: GateLab) -> None:
    with http(at.daemon) as client:
        told = client.get("/gates/good.enough.json").json()
        page = client.get("/gates/good.enough", headers=PAGE).text
        table = list(csv.reader(io.StringIO(client.get("/gates/good.enough/charts/budget.csv").text)))
        needed = client.get("/gates/good.enough/needs.json").json()["needs"]["needs"]
        assert client.get("/gates/nothing").status_code == 404
        assert client.get(f"/gates/{'x' * 65}").status_code == 422
    assert [(c["job"], c["outcome"], c["spent"]) for c in told["checks"]] == [(2, "fail", 2), (1, "pass", 1)]
    (worst, other) = told["decided"]
    assert (worst["answer"], worst["condition"], other["answer"]) == ("fail", "top1 > 0.5 +/- 0.1", "pass")
    assert worst["interval"].endswith("> 0.5")
    assert told["checks"][0]["worst"] == worst
    assert [need["counted"] for need in needed] == ["frames", "invocations"]
    assert len(table) == 3
    assert "<b>" not in page
    for words in ("/jobs/2", worst["interval"], told["checks"][0]["summary"]):
        assert escape(words) in page


def test_what_is_withheld_is_not_shown(at: GateLab) -> None:
    with http(at.daemon) as client:
        told = client.get("/gates/quiet.json").json()
        assert client.get("/gates/never", headers=PAGE).text.count("It was never checked") == 1
    (only,) = told["decided"]
    assert (only["answer"], only["figure"], only["interval"]) == ("withheld", "-", "-")


def test_messages_lead_to_the_page(at: GateLab) -> None:
    (check, *_) = gate_news.untold(at.daemon.state, 0.0, after=0)
    with http(at.daemon) as client:
        assert client.get(of_gate(check).link, headers=PAGE).status_code == 200


def test_a_chart_has_a_line_for_each_test_set(at: GateLab) -> None:
    answers = at.daemon.gates.history("good.enough", 10)
    chart = budget_chart(answers)
    assert chart is not None
    assert [line.y for line in chart.lines] == [(1.0, 2.0)]
    assert chart.marks[0].at == 4
    assert budget_chart([one.model_copy(update={"budget": None}) for one in answers]) is None


def test_a_lab_without_gates_says_what_to_write(tmp_path: Path) -> None:
    made = daemon(settings(tmp_path / "data"))
    made.start(port=0, eager=False)
    try:
        with http(made) as client:
            assert "[[gate]]" in client.get("/gates", headers=PAGE).text
    finally:
        made.stop()
