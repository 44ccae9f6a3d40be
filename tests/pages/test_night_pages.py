"""What is kept of nights that are over never stands for one that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.report.document import Run, Target
from farm.store import nights
from farm.store.rows import Placement
from tests.api.conftest import http
from tests.daemon.lab import Bench, daemon, settings, submission
from tests.notify.kit import add_night, add_schedule, verdict

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86400.0


def test_a_night_goes_on_until_it_is_over(tmp_path: Path) -> None:
    at = daemon(settings(tmp_path / "data"), fleet=Bench("one"))
    at.start(port=0, eager=False)
    try:
        schedule = add_schedule(at.state)
        first = add_night(at.state, schedule, DAY, {"m": {"one": verdict()}})
        last, _ = nights.begin(at.state, schedule)
        target = Target(serial="one", abi="x86_64", kind="virtual")
        job = at.state.add_job(submission("m"), [Placement(target)], kind="nightly", night=last)
        with http(at) as client:

            def told(night: int) -> tuple[dict[str, int], list[str]]:
                page = client.get(f"/nights/{night}.json").json()
                return page["matrices"][0]["counts"], [n["title"] for n in page["news"] if n["kind"] == "verdict"]

            assert told(last) == ({"queued": 1}, [])
            (queued,) = [run for run in at.state.queued() if run.job == job]
            lease = at.state.claim(queued.id, target, 1.0)
            assert lease is not None
            assert told(last) == ({"running": 1}, [])
            at.state.finish(
                lease.token, Run(id=queued.id, target=target, status="done", verdict=verdict("fail", "resize"))
            )
            assert told(last) == ({"fail": 1}, []), "what changed is told once the night is over"
            at.state.close_job(job, "done", "")
            for _ in range(2):
                assert told(last) == ({"fail": 1}, ["m fails on one: resize"])
            assert told(first) == ({"pass": 1}, [])
    finally:
        at.stop()
