"""`./run chaos`: phones, runs, every fault at random, daemon and adb server killed with -9; ends with one line of counts."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from farm.errors import FarmError
from farm.submission import Terms
from farm.work.prepare import Options, RecipeFlags, prepare
from tests.chaos.count import Count, count, stale_agents
from tests.chaos.lab import lab
from tests.chaos.storm import Storm
from tests.conftest import DEMO

if TYPE_CHECKING:
    from farm.client import Client
    from farm.report.document import Job
    from farm.submission import Submission
    from farm.work.prepare import Prepared
    from tests.chaos.lab import Lab

FRAMES = 4
CALM_S = 900.0
"""After the last submission, at most: what waits longer than that is lost."""


def main() -> None:
    """Exit status 0 when nothing was lost, committed twice or wrong, and no agent or lease is left."""
    parser = argparse.ArgumentParser(prog="./run chaos", description=__doc__)
    parser.add_argument("--phones", type=int, default=50)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=10, help="of the daemon, and of the adb server, each")
    parser.add_argument("--gone", type=int, default=2, help="phones that are killed for good")
    parser.add_argument("--pause", type=float, default=60.0, help="seconds between two faults of a phone, on average")
    parser.add_argument("--minutes", type=float, default=90.0, help="it gives up after so many")
    parser.add_argument("--seed", type=int, default=20220831)
    parser.add_argument("--keep", type=Path, help="put the lab's folder here, and leave it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="farm-chaos-") as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = chaos(
            folder,
            phones=asked.phones, runs=asked.runs, kills=asked.kills, gone=asked.gone, pause_s=asked.pause,
            limit_s=60 * asked.minutes, seed=asked.seed,
        )  # fmt: skip
    sys.exit(0 if found.sound else 1)


def chaos(
    folder: Path, *, phones: int, runs: int, kills: int, gone: int, pause_s: float, limit_s: float, seed: int
) -> Count:
    """Break a lab while it works; what came of it, told on stdout too."""
    began = time.monotonic()
    with lab(folder, phones) as broken:
        say(f"{phones} phones are up after {time.monotonic() - began:.0f} s; log: {folder / 'lab.log'}")
        prepared = submission()
        broken.ask(lambda client: client.upload(prepared.files))
        calm = broken.ask(lambda client: finished(client, client.submit(one(prepared)).job))
        assert calm.runs[0].accuracy is not None, calm.runs[0].error
        top1, each_s = calm.runs[0].accuracy.top1, 0.5
        storm = Storm(broken, seed=seed, pause_s=pause_s, kills=kills, length_s=0.7 * each_s * runs, gone=gone)
        jobs = [calm.job]
        planned = 0
        while planned < runs // 2:  # before the storm, so that every phone has work
            first = queue(broken, prepared)
            jobs.append(first.job)
            planned += len(first.runs)
        storm.start()
        while planned < runs and time.monotonic() - began < limit_s:
            if job := submit(broken, prepared):
                jobs.append(job.job)
                planned += len(job.runs)
            time.sleep(1.0)
        say(f"{planned} runs in {len(jobs)} jobs")
        over = watch(broken, jobs, began + limit_s, storm)
        storm.stop()
        over = over and watch(broken, jobs, time.monotonic() + CALM_S, None)
        say(f"faults: {', '.join(f'{n} {name}' for name, n in sorted(storm.given.items()))}; killed: {broken.kills}")
        agents = stale_agents([phone.serial for phone in broken.phones])
        broken.drain()
        found = count(broken.settings.data, jobs, top1)
        found.agents = len(agents)
    if not over:
        found.why.append("not everything was over in time")
    for why in found.why[:50]:
        say(f"  {why}")
    minutes = (time.monotonic() - began) / 60
    say(
        f"{found.done} done, {found.failed} failed by the lab's fault, {found.leases} leases held, {minutes:.1f} minutes"
    )
    say(found.line)
    return found


def submission() -> Prepared:
    """The demo's classifier on a few frames, the shortest run there is."""
    options = Options(passes=("latency",), pass_timeout_s=30, layer_frames=0)
    made = prepare(DEMO / "model.tflite", DEMO / "inputs", DEMO / "labels.tsv", None, None, RecipeFlags(), options)
    frames = made.submission.frames[:: len(made.submission.frames) // FRAMES][:FRAMES]
    asked = made.submission.model_copy(update={"frames": frames, "terms": Terms(fresh=True)})
    wanted = {asked.model_sha256, *(sha256 for frame in frames for sha256 in frame.sha256)}
    return type(made)(asked, {sha256: file for sha256, file in made.files.items() if sha256 in wanted})


def one(prepared: Prepared) -> Submission:
    """The same on a single phone: what every run has to give."""
    return prepared.submission.model_copy(update={"terms": Terms(fresh=True, devices=1)})


def finished(client: Client, job: int) -> Job:
    """The job's document, once it is over."""
    for _ in client.events(job):
        pass
    return client.job(job)


def queue(broken: Lab, prepared: Prepared) -> Job:
    """A job on every phone."""
    key = secrets.token_hex(16)  # one for all tries: a daemon may take the job and be killed before it answers
    return broken.ask(lambda client: client.submit(prepared.submission, key))


def submit(broken: Lab, prepared: Prepared) -> Job | None:
    """A job on the phones that are well, while everything breaks; None when there are none, or no daemon came back."""
    try:
        return queue(broken, prepared)
    except FarmError as e:
        if e.kind != "infrastructure":
            raise
        return None


def watch(broken: Lab, jobs: list[int], until: float, storm: Storm | None) -> bool:
    """Wait for the end of all jobs; whether they ended in time."""
    told = 0.0
    while True:
        documents = broken.ask(lambda client: client.jobs(len(jobs)))
        statuses = Counter(run.status for job in documents for run in job.runs)
        left = [job for job in documents if job.status in {"queued", "running"}]
        if time.monotonic() - told > 30:
            told = time.monotonic()
            say(", ".join(f"{n} {status}" for status, n in sorted(statuses.items())) + f"; killed: {broken.kills}")
        if not left:
            return True
        if time.monotonic() > until:
            return False
        if storm is not None and statuses["queued"] + statuses["running"] < len(broken.phones):
            return True  # the storm ends with the last round under way, so that it hits no empty lab
        time.sleep(2.0)


def say(text: str) -> None:
    """To stdout, at once: somebody watches for half an hour."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
