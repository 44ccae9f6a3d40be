"""Messages get to real receivers, once each, whatever fails on the way."""

from __future__ import annotations

import contextlib
import email
import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from farm.notify.outbox import Outbox
from farm.sections.notify import Notify
from farm.store.state import State
from farm.store.told import Told, counts
from tests.daemon.lab import until
from tests.notify.kit import add_check, add_night, add_schedule, failure, mailbox, verdict, webhook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.store.told import Delivery

MORNING = datetime(2026, 11, 22, 8, 0, tzinfo=UTC).timestamp()
HOUR = 3600.0
DAY = 24 * HOUR
NOWHERE = "env:NOWHERE_AT_ALL"
"""An address that cannot be read: every attempt fails, and at once."""


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    """A lab whose model passed the night before, and failed in the last."""
    with contextlib.closing(State(tmp_path / "state.db")) as made:
        schedule = add_schedule(made)
        add_night(made, schedule, MORNING - DAY - HOUR, {"m.tflite": {"one": verdict(), "two": verdict()}})
        add_night(
            made, schedule, MORNING - HOUR,
            {"m.tflite": {"one": verdict("fail", "channel", "BGR for RGB"), "two": failure("the cable", "plug it in")}},
        )  # fmt: skip
        yield made


def outbox(state: State, tmp_path: Path, *urls: str, **settings: object) -> Outbox:
    def bug(name: str, text: str) -> None:
        raise AssertionError(f"{name}: {text}")

    of = Notify(urls=tuple(map(SecretStr, urls)), zone="UTC", **settings)  # type: ignore[arg-type]
    return Outbox(of, state, tmp_path, report_bug=bug)


def test_a_digest_is_sent_once_to_each_address_and_again_to_who_did_not_take_it(
    state: State, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with webhook() as hook, mailbox() as mail:

        def look(now: float) -> list[Delivery]:
            at = outbox(state, tmp_path, hook.url, mail.url, link="https://lab.example")  # another daemon each time
            at.look(now)
            return at.told.newest(10)

        hook.status = 500
        refused, taken = look(MORNING)
        assert (refused.sent, refused.attempts, refused.ended, taken.sent) == (False, 1, None, True)
        assert "error=500" in refused.error
        look(refused.not_before - 1)
        assert len(hook.bodies) == 1
        hook.status = 200
        look(refused.not_before)
        later = look(MORNING + 10 * HOUR)
    assert [(one.sent, one.attempts) for one in later] == [(True, 2), (True, 1)]
    assert len(hook.bodies) == 2
    assert len(mail.bodies) == 1
    assert not list((tmp_path / "outbox").iterdir())

    told = json.loads(hook.bodies[1])
    assert told["title"] == "farm, Sun 22 Nov: 1 new failure, 1 did not run"
    assert "m.tflite fails on one: channel</b><br>it passed the night before. BGR for RGB" in told["message"]
    assert "https://lab.example/jobs/2/runs/3" in told["message"]
    assert "1 run on two gave no result: the cable</b><br>m.tflite. plug it in" in told["message"]
    letter = email.message_from_bytes(mail.bodies[0])
    assert str(email.header.make_header(email.header.decode_header(letter["Subject"]))) == told["title"]
    assert letter["To"] == "ben@lab.example"
    (html,) = (part for part in letter.walk() if part.get_content_type() == "text/html")
    assert "fails on one: channel" in html.get_payload(decode=True).decode()  # type: ignore[union-attr]

    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"digest 2026-11-22" in stored
    assert "not told (attempt 1)" in caplog.text
    for secret in ("geheimes", "ein-geheimnis"):  # of the address
        assert secret not in caplog.text + refused.error
        assert secret.encode() not in stored


def test_what_nobody_takes_is_given_up(state: State, tmp_path: Path) -> None:
    at = outbox(state, tmp_path, NOWHERE, attempts=2)
    at.look(MORNING)
    (waits,) = at.told.newest(10)
    assert (waits.attempts, waits.ended) == (1, None)
    at.look(waits.not_before)
    (over,) = at.told.newest(10)
    assert (over.attempts, over.sent, over.ended) == (2, False, waits.not_before)
    at.look(MORNING + DAY / 2)
    assert at.told.newest(10) == [over]
    assert counts(state) == {"waiting": 0, "sent": 0, "given up": 1}


def test_a_message_under_way_when_its_daemon_dies_is_not_sent_twice(state: State, tmp_path: Path) -> None:
    with webhook() as hook:
        hook.go_on.clear()
        first = outbox(state, tmp_path, hook.url)
        first.start()  # looks at the real clock: this is about one digest of today
        assert hook.asked.wait(30)
        first.stop(0.0)
        second = outbox(state, tmp_path, hook.url)
        now = datetime.now(UTC).timestamp()
        second.look(now)
        (under_way,) = second.told.newest(10)
        assert under_way.began is not None
        hook.go_on.set()

        def sent() -> bool:
            second.look(now)
            return second.told.newest(10)[0].sent

        until(sent)
        assert len(hook.bodies) == 1


def test_quiet_hours_hold_what_is_not_urgent(state: State, tmp_path: Path) -> None:
    at = outbox(
        state, tmp_path, NOWHERE, digest_at="06:00", quiet="22:00-09:00", gates=("release*",), urgent=("*-blocker",)
    )

    def tried() -> set[str]:
        return {one.word.title for one in at.told.newest(10) if one.attempts}

    for gate in ("release-nightly", "release-blocker", "spare"):
        add_check(state, gate, MORNING - 60)
    urgent = "farm: gate release-blocker failed on 4a5b6c"
    for now in (MORNING, MORNING + HOUR - 1):
        at.look(now)
        assert tried() == {urgent}
    at.look(MORNING + HOUR)
    assert tried() == {
        urgent,
        "farm: gate release-nightly failed on 4a5b6c",
        "farm, Sun 22 Nov: 3 gates failed, 1 new failure, 1 did not run",
    }


def test_an_address_that_is_gone_is_given_up_and_a_new_one_gets_no_old_messages(state: State, tmp_path: Path) -> None:
    with webhook() as hook:
        outbox(state, tmp_path, NOWHERE).look(MORNING)
        (failed,) = Told(state).newest(10)
        outbox(state, tmp_path, hook.url).look(MORNING + HOUR)
        (gone,) = Told(state).newest(10)
        assert not hook.bodies
    assert failed.error == "the daemon has no variable NOWHERE_AT_ALL"
    assert (gone.target, gone.ended, gone.error) == (
        f"1 {NOWHERE}", MORNING + HOUR, "it is not in notify.urls any more",
    )  # fmt: skip


def test_a_lab_without_nightlies_and_news_is_left_in_peace(tmp_path: Path) -> None:
    with contextlib.closing(State(tmp_path / "state.db")) as empty:
        at = outbox(empty, tmp_path, NOWHERE)
        at.look(MORNING)
        assert not at.told.newest(10)
        add_schedule(empty, "later", next_at=MORNING + 2 * DAY)
        at.look(MORNING + HOUR)
        assert not at.told.newest(10)
        add_schedule(empty)
        at.look(MORNING + DAY)
        assert [one.word.title for one in at.told.newest(10)] == ["farm, Mon 23 Nov: no nightly ran"]
