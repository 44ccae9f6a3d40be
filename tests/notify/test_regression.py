"""A slower device gets to people once it was run again, not before: real daemons, a real receiver, figures that are simulated."""

from __future__ import annotations

import contextlib
import html
import json
import re
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from farm.client import connect
from farm.client.trend import TrendClient
from farm.daemon import Daemon
from farm.notify.morning import morning
from farm.sections.notify import Notify
from farm.store import regressions
from farm.store.state import State
from tests.daemon.lab import FRAME, MODEL, Bench, preflight, settings, until, write_report
from tests.daemon.test_regressions import idle, noisy, past, settled
from tests.notify.kit import webhook
from tests.trend.nights import DAY, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from farm.report.document import Run
    from farm.run.work import Progress, Work
    from tests.daemon.test_regressions import Medians

NIGHTS = {"one": noisy(10, 1, 18) + noisy(12, 2, 8), "two": noisy(10, 3, 26)}


@contextlib.contextmanager
def lab(data: Path, url: str, digest: str) -> Iterator[Daemon]:
    """A daemon on whose devices every run takes 12 ms now."""

    def perform(work: Work, progress: Progress, check: Callable[[], None]) -> Run:
        return measured(work.run_id, work.device.serial, 12 * (1 + 0.01 * (work.run_id % 3 - 1)))

    told = Notify(urls=(SecretStr(url),), digest_at=digest, zone="UTC", link="http://lab.example")
    made = Daemon(
        settings(data).model_copy(update={"notify": told}), perform=perform, preflight=preflight,
        write_report=write_report, fleet=Bench("one", "two"),
    )  # fmt: skip
    made.artifacts.put(MODEL)
    made.artifacts.put(FRAME)
    made.start(0)
    try:
        yield made
    finally:
        made.stop()


def all_sent(daemon: Daemon) -> bool:
    return [one.state for one in daemon.notify.view(9).deliveries] == ["sent"]


def judged(data: Path, medians: Medians) -> float:
    """Have these nights and judge them without running anything again; when the first was suspected, Unix seconds."""
    past(data, medians)
    with contextlib.closing(State(data / "state.db")) as state:
        idle(state).look(time.time())
        return min(one.found for one in regressions.find(state))


@pytest.mark.slow
def test_a_regression_is_told_once_it_was_run_again(tmp_path: Path) -> None:
    later = round((time.time() - judged(tmp_path / "scratch", NIGHTS)) / DAY)
    judged(tmp_path, {serial: values[: len(values) - later] for serial, values in NIGHTS.items()})
    with contextlib.closing(State(tmp_path / "state.db")) as state:
        assert {one.status for one in regressions.find(state)} == {"suspect"}
        assert "regression" not in {news.kind for news in morning(state, 0, time.time() + DAY).news}
    with webhook() as hook:
        with lab(tmp_path, hook.url, "") as daemon, connect(daemon.settings) as client:
            assert {one.status for one in settled(daemon, TrendClient(client))} == {"confirmed"}
        for _ in range(2):
            with lab(tmp_path, hook.url, "00:00") as daemon:
                until(partial(all_sent, daemon))
        (body,) = hook.bodies
    told = html.unescape(json.loads(body)["message"])
    assert "2 regressions" in json.loads(body)["title"]
    assert re.search(r"latency\.median of m\.tflite on one went from [\d.]+ to [\d.]+ ms \(\+(1[5-9]|2\d)", told)
    assert "of m.tflite on two" not in told
    assert "http://lab.example/trend?" in told
