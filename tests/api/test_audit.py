"""Who did what: one line for every request that changes something."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from fastapi.routing import APIRoute

from farm.api.app import make_app
from farm.api.needs import ACTION
from farm.store.audit import UPLOADS_KEPT_S, Audit
from tests.api.conftest import http, make_token
from tests.daemon.lab import FRAME, FRAME_SHA, submission

if TYPE_CHECKING:
    from farm.daemon import Daemon

CHANGES_NOTHING = {"/api/missing", "/api/query", "/login", "/logout"}  # the last two change a browser alone


def test_every_route_that_is_no_get_writes_one_line(at: Daemon) -> None:
    token = make_token(at, "admin", "robot", "ana")
    made = make_app(at, hosts=())
    with http(at, token) as client:
        for route in made.routes:
            assert isinstance(route, APIRoute)
            path = re.sub(r"\{\w+\}", "none", route.path.replace("{job}", "1").replace("{sha256}", "0" * 64))
            for method in (route.methods or set()) - {"GET"}:
                before = at.door.lines(1)
                status = client.request(method, path).status_code
                after = at.door.lines(2)
                if path in CHANGES_NOTHING:
                    assert after[:1] == before
                    continue
                assert [line.id for line in after[1:]] == [line.id for line in before], "exactly one more"
                assert (after[0].user, after[0].token, after[0].status) == ("ana", "robot", status)
                assert after[0].action == ((route.openapi_extra or {})[ACTION] or route.name)


def test_looking_writes_nothing(at: Daemon) -> None:
    with http(at) as client:
        for path in ("/api/jobs", "/api/devices", "/api/tokens", "/metrics", "/api/none"):
            client.get(path)
    assert at.door.lines(10) == []


def test_a_line_says_what_was_made_and_how_it_ended(at: Daemon) -> None:
    small = make_token(at, "read", "small", "eve")
    with http(at, make_token(at, "submit", "ci", "ana")) as client, http(at, small) as eve:
        job = client.post("/api/jobs", json=submission().model_dump(mode="json")).json()["job"]
        client.post(f"/api/jobs/{job}/cancel")
        client.post("/api/jobs", json={})
        client.put(f"/api/artifacts/{FRAME_SHA}", content=FRAME)
        eve.post(f"/api/jobs/{job}/cancel")
        eve.request("DELETE", "/api/none")
    assert [(line.user, line.action, line.subject, line.status) for line in at.door.lines(10)][::-1] == [
        ("ana", "submit", f"job {job}", 201),
        ("ana", "cancel", f"job {job}", 200),
        ("ana", "submit", "", 422),
        ("ana", "upload", f"sha256 {FRAME_SHA}", 204),
        ("eve", "cancel", f"job {job}", 403),
    ]


def test_strangers_write_nothing(at: Daemon) -> None:
    with http(at, "not-a-token") as client:
        assert client.post("/api/jobs", json={}).status_code == 401
    assert at.door.lines(10) == []


def test_the_line_is_there_before_the_change(at: Daemon) -> None:
    """A daemon that dies in between leaves a line without an answer, never a change without a line."""
    seen: list[tuple[str, int]] = []
    go, check = threading.Event(), at.jobs._check

    def watched(asked: object) -> None:
        seen.extend((line.action, line.status) for line in at.door.lines(1))
        go.set()
        check(asked)  # type: ignore[arg-type]

    at.jobs._check = watched  # type: ignore[method-assign,assignment]
    with http(at) as client:
        client.post("/api/jobs", json=submission().model_dump(mode="json"))
    assert go.is_set()
    assert seen == [("submit", 0)]


def test_what_cannot_be_written_down_is_not_done(at: Daemon) -> None:
    writer = at._state._writer
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count = {pages}")  # a full disk, as SQLite sees one
    with http(at) as client:
        answers = [
            client.post("/api/tokens", json={"name": f"t{i}", "user": "a" * 64, "scope": "read"}) for i in range(99)
        ]
        (full,) = {a.json()["code"] for a in answers if a.status_code == 503}
        made = {a.json()["name"] for a in answers if a.status_code == 201} | {"local"}
        assert (full, {t["name"] for t in client.get("/api/tokens").json()}) == ("storage", made)
    assert len(made) - 1 <= sum(line.action == "create_token" for line in at.door.lines(200))


def test_uploads_are_forgotten_after_a_month_and_nothing_else(at: Daemon) -> None:
    log = Audit(at._state)
    for action in ("upload", "submit"):
        log.begin("ana", "ci", action, "old")
    with at._state.write() as db:
        db.execute("UPDATE audit SET at = at - ?", (UPLOADS_KEPT_S + 1,))
    log.begin("ana", "ci", "upload", "new")
    log.trim("upload")
    assert [(line.action, line.subject) for line in log.newest(9)] == [("upload", "new"), ("submit", "old")]
