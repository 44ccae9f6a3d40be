"""Gates after nights, however often the daemon is killed while they are asked: one answer each, paid for and told once."""

from __future__ import annotations

import contextlib
import random
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from farm.store import gate_checks
from farm.store.state import State
from farm.store.told import Told
from tests.daemon.lab import until
from tests.gate.lab import GateLab, Manner, gate
from tests.gate.test_nights import night
from tests.notify.kit import webhook
from tests.notify.test_killed import free_port, running
from tests.schedule.lab import schedule

if TYPE_CHECKING:
    from pathlib import Path

    from farm.gate.answer import GateAnswer

pytestmark = pytest.mark.slow

GATES = {"all": "top1 > 0.5", "compared": "accuracy(new) - accuracy(old) > -0.1 +/- 0.05"}
NIGHTS = 10
BAD = 4
"""Which of them gives a model that fails both gates."""
TEXT = """
data = "data"
[api]
port = {port}
artifact_limit_mb = 1
[notify]
urls = ["{url}"]
digest_at = ""
"""


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a lab whose gates saw two nights, and not the ten after them."""
    data = tmp_path_factory.mktemp("nights") / "data"
    with GateLab(data, tuple(gate(name, text, schedules=["nightly"]) for name, text in GATES.items())).started() as at:
        at.daemon.schedules.add(schedule(), at.asked("m"))
        first, second = night(at, Manner()), night(at, Manner())
        at.check("compared", second, against=str(first))  # from here on there is one that passed
        until(lambda: not any(gate_checks.due(at.daemon.state, name, ["nightly"], 0.0) for name in GATES))
    with GateLab(data, ()).started() as at:
        for number in range(NIGHTS):
            night(at, Manner(wrong=150 if number == BAD else number))
    return data


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gates_of_nights_are_asked_once_whenever_the_daemon_is_killed(nights: Path, tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)  # noqa: S311  # when to kill is no secret
    data = tmp_path / "data"
    shutil.copytree(nights, data)
    config = tmp_path / "farm.toml"
    with webhook() as hook, contextlib.closing(State(data / "state.db")) as state:
        config.write_text(TEXT.format(port=free_port(), url=hook.url) + "".join(map(note, GATES.items())))
        known = {one.id for one in gate_checks.newest(state, "", 1000)}
        kills, every = 0, len(known) + len(GATES) * NIGHTS
        while (done := asked(state)) < every:
            goal = min(every, done + moments.randint(1, 4))
            with running(config):
                until(partial(reached, state, goal))
                time.sleep(moments.uniform(0, 0.03))
            kills += 1
        assert kills > 2
        with running(config):
            until(lambda: told(state) == dict.fromkeys(GATES, 1))
        assert len(hook.bodies) == len(GATES)
        for name in GATES:
            answers = gate_checks.newest(state, name, 1000)
            found = {one.job: one.outcome for one in answers if one.id not in known}
            assert list(found.values()) == ["fail" if job == BAD else "pass" for job in reversed(range(NIGHTS))]
            assert not gate_checks.due(state, name, ["nightly"], 0.0)
            spent_once(state, name, answers)


def note(of: tuple[str, str]) -> str:
    name, text = of
    return f'[[gate]]\nname = "{name}"\nconditions = ["{text}"]\nschedules = ["nightly"]\n'


def asked(state: State) -> int:
    return int(state.read("SELECT count(*) AS n FROM gate_checks")[0]["n"])


def reached(state: State, goal: int) -> bool:
    return asked(state) >= goal


def told(state: State) -> dict[str, int]:
    titles = [one.word.title for one in Told(state).newest(100) if one.sent]
    return {name: sum(f"gate {name} failed" in title for title in titles) for name in GATES}


def spent_once(state: State, name: str, found: list[GateAnswer]) -> None:
    """Each answer about frames took one check of the test set, and said so."""
    paid = [one for one in found if one.cells[0].decisions[0].n]
    assert [one.budget.spent for one in reversed(paid) if one.budget is not None] == list(range(1, len(paid) + 1))
    (used,) = {one.budget.test_set for one in found if one.budget is not None}
    assert gate_checks.spent(state, used, name).share == pytest.approx(len(paid) / 32)
