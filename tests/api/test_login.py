"""How browsers come in: codes, cookies, and what a cookie alone cannot do."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from farm.api import entrance
from farm.api.advert import read_token
from farm.api.entrance import WINDOW_S, WRONG, Throttle, local
from farm.cli import app as command_line
from farm.client import connect
from farm.client.dashboard import DashboardClient
from farm.pages import assets
from tests.api.conftest import http, make_token
from tests.daemon.lab import daemon, settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.daemon import Daemon
    from tests.api.conftest import Start

OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One for all tests that leave nothing behind."""
    made = daemon(settings(tmp_path_factory.mktemp("lab")))
    made.start(port=0)
    yield made
    made.stop()


def browser(at: Daemon) -> httpx2.Client:
    return httpx2.Client(base_url=at.url, headers={"accept": "text/html"}, trust_env=False, timeout=30)


@contextlib.contextmanager
def logged_in(at: Daemon, token: str = "") -> Iterator[httpx2.Client]:
    with browser(at) as client:
        given = {"token": token or read_token(at.data) or "", "next": "/fleet"}
        assert client.post("/login", data=given, headers=OURS).status_code == 303
        yield client


def test_a_page_asked_for_by_a_stranger_leads_to_the_login_and_back(lab: Daemon) -> None:
    with browser(lab) as client:
        asked = client.get("/fleet", params={"q": "pixel & co"})
        assert asked.status_code == 303
        form = client.get(asked.headers["location"])
        assert form.status_code == 200
        (next_,) = re.findall(r'name="next" value="([^"]*)"', form.text)
        assert next_ == "/fleet?q=pixel+%26+co"
        answer = client.post("/login", data={"token": read_token(lab.data), "next": next_}, headers=OURS)
        assert (answer.status_code, answer.headers["location"]) == (303, next_)
        assert client.get(next_).status_code == 200
        assert client.get("/api/devices", headers={"accept": "application/json"}).status_code == 200


def test_programs_get_no_form(lab: Daemon) -> None:
    with httpx2.Client(base_url=lab.url, trust_env=False) as client:
        assert client.get("/fleet").status_code == 401
        assert client.get("/api/jobs", headers={"accept": "text/html"}).status_code == 401
        assert client.get("/fleet", headers={"accept": "text/html", "hx-request": "true"}).status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(lab: Daemon) -> None:
    with browser(lab) as client:
        answer = client.post("/login", data={"token": read_token(lab.data)}, headers=OURS)
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "secure" not in cookie, "plain http: the browser would not send it back"
        assert cookie.startswith(f"farm-{httpx2.URL(lab.url).port}="), "two labs of one host do not log each other out"


def test_a_code_opens_one_session_once(lab: Daemon) -> None:
    with connect(lab.settings) as client:
        url = DashboardClient(client).url("/fleet?q=a&condition=ready")
    with browser(lab) as first, browser(lab) as second:
        answer = first.get(url)
        assert (answer.status_code, answer.headers["location"]) == (303, "/fleet?q=a&condition=ready")
        assert first.get("/fleet").status_code == 200
        assert second.get(url).status_code == 401
        assert second.get("/fleet").status_code == 303


def test_the_command_prints_an_address_that_is_a_way_in(lab: Daemon, tmp_path: Path) -> None:
    config = tmp_path / "farm.toml"
    config.write_text(f"data = {json.dumps(str(lab.data))}\n", encoding="utf-8")
    done = CliRunner().invoke(command_line, ["--config", str(config), "dashboard", "/fleet", "--json"])
    assert done.exit_code == 0, done.output
    with browser(lab) as client:
        assert client.get(json.loads(done.stdout)["url"]).headers["location"] == "/fleet"
        assert client.get("/fleet").status_code == 200
    refused = CliRunner().invoke(command_line, ["--config", str(config), "dashboard", "fleet"])
    assert refused.exit_code == 2
    assert "/fleet" in refused.output


def test_a_form_of_too_many_fields_is_refused(lab: Daemon) -> None:
    with browser(lab) as client:
        form = {"content-type": "application/x-www-form-urlencoded", **OURS}
        answer = client.post("/login", content="&".join(f"a{i}=1" for i in range(11)), headers=form)
        assert answer.status_code == 400
        assert "more than 10 fields" in answer.text
        assert client.post("/login", content="token=wrong&token=&next=%ff", headers=form).status_code == 401


def test_a_file_of_the_pages_is_kept_for_good_under_its_hash(lab: Daemon) -> None:
    with browser(lab) as client:
        (address,) = re.findall(r'href="(/static/farm\.css[^"]*)"', client.get("/login").text)
        answer = client.get(address)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "gzip"
        plain = client.get(address, headers={"accept-encoding": "identity"})
        assert plain.content == answer.content == (assets.FOLDER / "farm.css").read_bytes()
        assert client.get(address, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
        assert client.get("/static/farm.css?v=0").headers["cache-control"] == "no-cache"
        for name in ("..%2fview.py", "%2e%2e%2fview.py", "vendor/htmx/LICENSE", "none.css"):
            assert client.get(f"/static/{name}").status_code == 404, name


def test_a_code_is_over_after_a_minute(lab: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "CODE_S", -1.0)
    with connect(lab.settings) as client:
        url = DashboardClient(client).url()
    with browser(lab) as late:
        assert late.get(url).status_code == 401


def test_a_session_ends_with_its_token(at: Daemon) -> None:
    token = make_token(at, "read", "visitor")
    with logged_in(at, token) as client, http(at) as owner:
        assert client.get("/fleet").status_code == 200
        owner.delete("/api/tokens/visitor")
        assert client.get("/fleet").status_code == 303
        assert client.post("/login", data={"token": token}, headers=OURS).status_code == 401


def test_a_session_has_its_tokens_scope(at: Daemon) -> None:
    with logged_in(at, make_token(at, "read", "visitor")) as client:
        assert client.post("/api/sentinel", headers=OURS).status_code == 403


def test_a_session_outlives_the_daemon(start: Start) -> None:
    at = start()
    with logged_in(at) as client:
        (session,) = client.cookies.values()
    at.stop()
    again = start()
    name = f"farm-{httpx2.URL(again.url).port}"
    with httpx2.Client(base_url=again.url, trust_env=False, cookies={name: session}) as client:
        assert client.get("/fleet").status_code == 200


def test_log_out_ends_the_session_and_not_only_the_cookie(lab: Daemon) -> None:
    with logged_in(lab) as client:
        kept = dict(client.cookies)
        assert client.post("/logout", headers=OURS).status_code == 303
        assert client.get("/fleet").status_code == 303
        with httpx2.Client(base_url=lab.url, trust_env=False, cookies=kept) as thief:
            assert thief.get("/fleet").status_code == 401


def test_a_cookie_changes_something_only_from_a_page_of_ours(at: Daemon) -> None:
    with logged_in(at) as client:
        for headers in (
            {"sec-fetch-site": "same-site"},  # another port of this computer
            {"sec-fetch-site": "cross-site", "origin": at.url},
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {},
        ):
            assert client.post("/api/sentinel", headers=headers).status_code == 403, headers
        assert client.post("/api/sentinel", headers=OURS).status_code == 201
        assert client.post("/api/sentinel", headers={"origin": at.url}).status_code == 201, "an older browser"


def test_a_form_of_another_site_neither_logs_in_nor_out(lab: Daemon) -> None:
    with logged_in(lab) as client:
        cross = {"sec-fetch-site": "cross-site"}
        assert client.post("/login", data={"token": read_token(lab.data)}, headers=cross).status_code == 403
        assert client.post("/logout", headers=cross).status_code == 403
        assert client.get("/fleet").status_code == 200


def test_who_is_wrong_too_often_waits(at: Daemon) -> None:
    with browser(at) as client:
        for _ in range(WRONG):
            assert client.post("/login", data={"token": "wrong"}, headers=OURS).status_code == 401
        refused = client.post("/login", data={"token": read_token(at.data)}, headers=OURS)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= WINDOW_S
        assert client.get("/login?code=x").status_code == 429


def test_a_long_form_is_refused(lab: Daemon) -> None:
    with browser(lab) as client:
        assert client.post("/login", content=b"x" * 9000, headers=OURS).status_code == 413


def test_logins_are_written_down(at: Daemon) -> None:
    with logged_in(at, make_token(at, "read", "visitor", user="eve")), connect(at.settings) as client:
        DashboardClient(client).login()
        lines = client.audit()
    assert [(line.action, line.user) for line in lines[1:2]] == [("browser login", "eve")]
    assert (lines[0].action, lines[0].status) == ("login", 201)


def test_every_answer_says_what_a_browser_may_do_with_it(lab: Daemon) -> None:
    with logged_in(lab) as client:
        for path in ("/fleet", "/fleet.json", "/login", "/static/farm.css", "/api/health", "/nothing"):
            headers = client.get(path).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"], path
            assert "unsafe" not in headers["content-security-policy"], path
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["referrer-policy"] == "no-referrer", path
        page = client.get("/fleet").text
    assert not re.search(r"<script(?![^>]*(src=|application/json))", page), "nothing in the page itself runs"
    assert not re.search(r"\sstyle=|\son\w+=", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page), "nothing is loaded from elsewhere"


def test_an_error_is_a_page_for_people_and_json_for_programs(lab: Daemon) -> None:
    with logged_in(lab) as client:
        told = client.get("/nothing<b>")
        assert (told.status_code, told.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "<b>" not in told.text
        answer = client.get("/nothing", headers={"accept": "*/*"})
        assert answer.json()["code"] == "not-found"


@given(st.text(max_size=60) | st.from_regex(r"[/\\a-z.:@%#?&=-]{0,20}", fullmatch=True))
def test_after_a_login_it_never_goes_elsewhere(path: str) -> None:
    found = local(path)
    assert httpx2.URL("http://lab.example:1/").join(found).host == "lab.example"
    assert "\\" not in found
    assert found.isprintable()


@given(st.lists(st.tuples(st.floats(0, 500), st.booleans()), max_size=60))
def test_the_throttle_holds_whoever_was_wrong_so_often_in_a_window(steps: list[tuple[float, bool]]) -> None:
    throttle, now = Throttle(), 0.0
    wrong: list[float] = []
    for pause, is_wrong in steps:
        now += pause / 10
        held = sum(now - t < WINDOW_S for t in wrong) >= WRONG
        assert (throttle.wait("a", now) > 0) == held
        assert throttle.wait("b", now) == 0
        if is_wrong and not held:
            throttle.wrong("a", now)
            wrong.append(now)
