"""Who may do what: every route says it, every token is held to it, nothing tells a stranger anything."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from farm.api.advert import owner, read_token, token_hash
from farm.api.app import make_app
from farm.api.needs import SCOPE, declared, find
from farm.cli import app as command_line
from farm.cli.token import seconds
from farm.errors import JobError
from farm.scopes import SCOPES, allows
from tests.api.conftest import http, make_token
from tests.conftest import ROOT
from tests.daemon.lab import daemon, settings, submission

if TYPE_CHECKING:
    from pathlib import Path

    from farm.daemon import Daemon
    from farm.scopes import Scope

OPEN = {"/api/health", "/login", "/logout", "/static/{name:path}"}
READ = {("POST", "/api/logins"), ("POST", "/api/query")}
"""No GET, and `read` is enough: a way in for who is in already; a question that is too long for an address."""
PARTS = re.compile(r"(\.json|/charts/\{chart_id\}\.csv)$")
"""Of a page: documented once for all of them."""
ADMIN = {"/api/tokens", "/api/tokens/{name}", "/api/audit"}


def routes(at: Daemon) -> list[APIRoute]:
    made = make_app(at, hosts=())
    return [route for route in made.routes if isinstance(route, APIRoute)]


def calls(at: Daemon) -> list[tuple[str, str, Scope]]:
    """Method, path with something in place of its parameters, and scope, of each route that asks for one."""
    found: list[tuple[str, str, Scope]] = []
    for route in routes(at):
        scope = (route.openapi_extra or {})[SCOPE]
        path = route.path.replace("{job}", "1").replace("{sha256}", "0" * 64)
        path = re.sub(r"\{\w+\}", "none", path)
        found += [(method, path, scope) for method in route.methods or () if scope is not None]
    return found


def test_every_route_says_which_scope_it_needs(at: Daemon) -> None:
    made = make_app(at, hosts=())
    assert [route for route in made.routes if not declared(route)] == []
    scopes = {(method, r.path): (r.openapi_extra or {})[SCOPE] for r in routes(at) for method in r.methods or ()}
    assert {path for (_, path), scope in scopes.items() if scope is None} == OPEN
    assert {path for (_, path), scope in scopes.items() if path in ADMIN and scope != "admin"} == set()
    assert {key for key, scope in scopes.items() if key[0] != "GET" and scope == "read"} == READ


def test_a_route_that_says_nothing_is_for_admins(at: Daemon) -> None:
    made = make_app(at, hosts=())
    made.post("/api/forgotten")(lambda: None)
    needs = find(made.routes, {"type": "http", "method": "POST", "path": "/api/forgotten"})
    assert needs is not None
    assert (needs.scope, bool(needs.action)) == ("admin", True)


def test_every_route_is_documented(at: Daemon) -> None:
    page = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("api.md", "dashboard.md"))
    missing = [
        f"{method} {r.path}"
        for r in routes(at)
        for method in sorted(r.methods or ())
        if not PARTS.search(r.path)
        if f"| `{method} {r.path}` | {(r.openapi_extra or {})[SCOPE] or 'none'} |" not in page
    ]
    assert not missing


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_does_what_its_scope_says_and_nothing_else(at: Daemon, scope: Scope) -> None:
    with http(at, make_token(at, scope)) as client:
        for method, path, needed in calls(at):
            answer = client.request(method, path, params={"follow": False} if path == "/api/events" else {})
            if allows(scope, needed):
                assert answer.status_code not in {401, 403}, (method, path)
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path)
                assert f"--scope {needed}" in answer.json()["remedy"]


def test_without_a_token_nothing_tells_which_addresses_there_are(at: Daemon) -> None:
    with http(at, "not-one") as client:
        answers = {client.request(m, p).content for m, p, _ in [*calls(at), ("GET", "/api/none", "read")]}
        refused = client.get("/api/jobs")
    assert len(answers) == 1
    assert refused.headers["www-authenticate"] == "Bearer"


def test_expired_and_revoked_tokens_are_refused_at_once(at: Daemon) -> None:
    short, gone = make_token(at, "submit", "short", expires_s=0.2), make_token(at, "submit", "gone")
    with http(at, short) as client, http(at, gone) as other:
        assert other.get("/api/jobs").status_code == 200
        with http(at) as admin:
            assert admin.delete("/api/tokens/gone").json()["state"] == "revoked"
            assert admin.delete("/api/tokens/gone").status_code == 404
        until = at.door.find(short)
        assert until is not None
        assert until.expires is not None
        time.sleep(max(0.0, until.expires - time.time()))
        for at_client, word in ((client, "expired"), (other, "revoked")):
            answer = at_client.get("/api/jobs")
            assert (answer.status_code, answer.json()["code"]) == (401, "token")
            assert word in answer.json()["message"]
    with http(at) as admin:
        states = {t["name"]: t["state"] for t in admin.get("/api/tokens").json()}
    assert states == {"local": "valid", "short": "expired", "gone": "revoked"}


def test_a_tokens_text_is_told_once_and_never_stored(at: Daemon) -> None:
    with http(at) as admin:
        made = admin.post("/api/tokens", json={"name": "ci", "user": "ana", "scope": "submit", "expires_s": 60}).json()
        again = admin.post("/api/tokens", json={"name": "ci", "user": "eve", "scope": "admin"})
        listed = admin.get("/api/tokens").text + admin.get("/api/audit").text
    assert (made["scope"], made["user"], made["state"]) == ("submit", "ana", "valid")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert made["token"] not in listed
    assert token_hash(made["token"]) not in listed
    for file in at.data.rglob("*"):
        assert not file.is_file() or made["token"].encode() not in file.read_bytes()
    with http(at, made["token"]) as client:
        assert client.get("/api/jobs").status_code == 200


def test_a_revoked_name_is_free_again_and_the_labs_own_is_not_to_be_had(at: Daemon) -> None:
    make_token(at, "read", "ci")
    with http(at) as admin:
        assert admin.delete("/api/tokens/ci").status_code == 200
        assert admin.post("/api/tokens", json={"name": "ci", "user": "a", "scope": "read"}).status_code == 201
        assert admin.post("/api/tokens", json={"name": "local", "user": "a", "scope": "read"}).status_code == 409
        assert admin.delete("/api/tokens/local").status_code == 409
        assert admin.get("/api/tokens").status_code == 200


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "a" * 65, "ä", "x\n", "../../x"])
def test_names_are_plain_words(at: Daemon, name: str) -> None:
    with http(at) as admin:
        for asked in ({"name": name, "user": "a"}, {"name": "a", "user": name}):
            assert admin.post("/api/tokens", json=asked | {"scope": "read"}).status_code == 422


def test_the_folders_token_is_its_owners_and_a_replaced_one_is_dead(tmp_path: Path) -> None:
    first = daemon(settings(tmp_path))
    first.start(port=0)
    old = read_token(tmp_path)
    assert old is not None
    with http(first) as client:
        (own,) = client.get("/api/tokens").json()
    first.stop()
    assert (own["name"], own["user"], own["scope"], own["expires"]) == ("local", owner(), "admin", None)
    (tmp_path / "token").unlink()
    second = daemon(settings(tmp_path))
    second.start(port=0)
    try:
        with http(second, old) as client:
            assert client.get("/api/jobs").status_code == 401
        with http(second) as client:
            assert client.get("/api/jobs").status_code == 200
    finally:
        second.stop()


def test_a_job_is_its_submitters(at: Daemon) -> None:
    with http(at, make_token(at, "submit", user="ana")) as client:
        job = client.post("/api/jobs", json=submission().model_dump(mode="json")).json()["job"]
    assert at._state.user(job) == "ana"


@given(given_token=st.text(st.characters(codec="latin-1"), max_size=60))
@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_a_token_by_chance(at: Daemon, given_token: str) -> None:
    header = f"Bearer {given_token}".encode("latin-1")
    with http(at) as client:
        try:
            answer = client.get("/api/jobs", headers={b"authorization": header})
        except Exception as e:  # what the client's own HTTP library does not send
            assert "header" in str(e).lower()
            return
    assert answer.status_code in {400, 401}


def farm(at: Daemon, *arguments: str) -> tuple[int, str, str]:
    config = at.data / "farm.toml"
    config.write_text(f"data = {json.dumps(str(at.data))}\n")
    done = CliRunner().invoke(command_line, ["--config", str(config), *arguments])
    return done.exit_code, done.stdout, done.stderr


def test_the_commands(at: Daemon) -> None:
    arguments = ("--name", "ci", "--user", "ana", "--scope", "submit", "--expires", "30d")
    status, text, told = farm(at, "token", "create", *arguments)
    assert (status, "submit for ana, until 2" in told) == (0, True)
    with http(at, text.strip()) as client:
        assert client.get("/api/jobs").status_code == 200
        assert client.get("/api/tokens").status_code == 403
    assert farm(at, "token", "create", *arguments)[0] == 2
    document = json.loads(farm(at, "token", "list", "--json")[1])
    assert [(t["name"], t["state"]) for t in document] == [("ci", "valid"), ("local", "valid")]
    assert "ana" in farm(at, "token", "list")[1]
    assert farm(at, "token", "revoke", "ci")[0] == 0
    assert farm(at, "token", "revoke", "ci")[0] == 2
    lines = json.loads(farm(at, "audit", "--json")[1])
    assert [(line["action"], line["subject"], line["status"]) for line in lines][::-1] == [
        ("create_token", "ci of ana, submit", 201),
        ("create_token", "ci of ana, submit", 409),
        ("revoke_token", "name ci", 200),
        ("revoke_token", "name ci", 404),
    ]
    assert "revoke_token" in farm(at, "audit", "-n", "2")[1]
    assert farm(at, "token", "create", "--name", "a b", "--user", "u", "--scope", "read")[0] == 2
    assert farm(at, "token", "create", "--name", "a", "--user", "u", "--scope", "read", "--expires", "soon")[0] == 2


def test_lengths_of_time() -> None:
    assert [seconds(t) for t in ("90s", "5m", "12h", "30d", "2w", "1y")] == [90, 300, 43200, 2592000, 1209600, 31536000]


@given(st.text(max_size=12))
def test_what_is_no_length_of_time_is_told(text: str) -> None:
    try:
        assert seconds(text) > 0
    except JobError as e:
        assert e.remedy


def test_a_job_of_somebody_elses_is_canceled_by_who_operates_the_lab(at: Daemon) -> None:
    with http(at, make_token(at, "submit", user="ana")) as ana:
        job = ana.post("/api/jobs", json=submission("until /nowhere").model_dump(mode="json")).json()["job"]
    with http(at, make_token(at, "submit", "bob", user="bob")) as bob:
        refused = bob.post(f"/api/jobs/{job}/cancel")
    assert refused.status_code == 403
    assert "it is ana's, and you are bob" in refused.json()["message"]
    with http(at, make_token(at, "operate", user="eve")) as eve:
        assert eve.post(f"/api/jobs/{job}/cancel").status_code == 200
