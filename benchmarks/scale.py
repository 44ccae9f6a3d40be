"""How does the lab grow: with phones, with queued runs? Each figure beside a bare adb command of the same round.

    python -m benchmarks.scale [--phones 10,50,200] [--rounds 20] [--rest 20]

Virtual phones and a daemon of their own, all on this computer. For each number of phones: seconds from a submission to the moment
its agent starts (the agent's own clock, in its capture), `adb shell true` beside it, CPU and memory of the idle daemon. Then
one scheduling decision over 200 devices and 100 to 10,000 queued runs. Growth is the exponent of a power law through the
ends: 1 is linear, and below 1 is better.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from farm.capture.container import Container
from farm.capture.ingest import first
from farm.capture.messages import read as messages
from farm.fleet.device import Device
from farm.fleet.program import adb_program
from farm.queue.scheduler import Policy, Queue, schedule
from farm.store.rows import QueuedRun
from tests.chaos.__main__ import finished, submission
from tests.chaos.lab import lab

if TYPE_CHECKING:
    from farm.work.prepare import Prepared
    from tests.chaos.lab import Lab

QUEUED = (100, 1000, 10_000)
DEVICES, USERS = 200, 20
SEED = 20220831


def main() -> None:
    """Print a table for phones and one for runs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--phones", default="10,50,200", help="numbers of phones, ascending")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--rest", type=float, default=20.0, help="seconds of rest over which idle CPU is taken")
    asked = parser.parse_args()
    decisions()
    titles = ("phones", "submit to agent s", "p95", "adb s", "p95", "ratio", "idle CPU %", "PSS MiB")
    print("\n{:>6} {:>18} {:>6} {:>7} {:>6} {:>6} {:>10} {:>8}".format(*titles))
    rows = [phones(int(n), asked.rounds, asked.rest) for n in asked.phones.split(",")]
    if len(rows) > 1:
        (n0, a0, c0, m0), (n1, a1, c1, m1) = rows[0], rows[-1]
        growth = [exponent(n0, n1, x, y) for x, y in ((a0, a1), (c0, c1), (m0, m1))]
        print("growth from {} to {} phones: submit {:.2f}, CPU {:.2f}, memory {:.2f}".format(n0, n1, *growth))


def decisions() -> None:
    """One decision, milliseconds, by queued runs."""
    devices = [Device(f"d{i}", "device") for i in range(DEVICES)]
    some = random.Random(SEED)  # noqa: S311  # no secret: the same again
    print(f"{'queued':>6} {'free':>5} {'decision ms':>12} {'p95':>7}")
    medians = {}
    for free in (1, DEVICES):
        for queued in QUEUED:
            runs = [
                QueuedRun(i, i, f"d{some.randrange(DEVICES)}", f"u{some.randrange(USERS)}", some.randrange(3), float(i))
                for i in range(queued)
            ]
            policy = Policy(1.0, {f"u{i}": some.uniform(0, 3600) for i in range(USERS)})
            queue, spent = Queue.of(runs), []
            for _ in range(50):
                start = time.perf_counter()
                schedule(queue, devices[:free], [], 0.0, unix=1e9, policy=policy)
                spent.append(1000 * (time.perf_counter() - start))
            medians[free, queued] = statistics.median(spent)
            print(f"{queued:6} {free:5} {medians[free, queued]:12.3f} {quantile(spent, 0.95):7.3f}")
        growth = exponent(QUEUED[0], QUEUED[-1], medians[free, QUEUED[0]], medians[free, QUEUED[-1]])
        print(f"growth with {free} free: {growth:.2f}")


def phones(count: int, rounds: int, rest_s: float) -> tuple[int, float, float, float]:
    """One line; number, median seconds to the agent, idle CPU in percent, memory in MiB."""
    with tempfile.TemporaryDirectory(prefix="farm-scale-") as folder, lab(Path(folder), count, golden=False) as room:
        prepared = submission()
        room.ask(lambda client: client.upload(prepared.files))
        once(room, prepared)  # caches of the first phone, and the reference
        some = random.Random(SEED)  # noqa: S311  # no secret: the same again
        agent, adb = [], []
        for _ in range(rounds):
            serial = some.choice(room.phones).serial
            for way in some.sample(("agent", "adb"), 2):
                if way == "agent":
                    once(room, prepared, serial)  # staged: a phone's first run pushes the runtime
                    agent.append(once(room, prepared, serial))
                else:
                    adb.append(bare(room, serial))
        assert room.daemon is not None
        process = psutil.Process(room.daemon.pid)
        time.sleep(2)
        before = sum(process.cpu_times()[:2])
        time.sleep(rest_s)
        idle = 100 * (sum(process.cpu_times()[:2]) - before) / rest_s
        pss = process.memory_full_info().pss / (1 << 20)
    middle = statistics.median(agent)
    print(
        f"{count:6} {middle:18.3f} {quantile(agent, 0.95):6.3f} {statistics.median(adb):7.4f} {quantile(adb, 0.95):6.4f}"
        f" {middle / statistics.median(adb):6.1f} {idle:10.2f} {pss:8.1f}",
        flush=True,
    )
    return count, middle, idle, pss


def once(room: Lab, prepared: Prepared, serial: str = "") -> float:
    """Seconds from a submission to the start of its agent."""
    terms = prepared.submission.terms.model_copy(update={} if serial else {"devices": 1})
    asked = prepared.submission.model_copy(update={"selector": f"serial={serial}" if serial else "", "terms": terms})
    start = time.time()
    job = room.ask(lambda client: finished(client, client.submit(asked).job))
    capture = Path(job.runs[0].captures[0].path)
    with capture.open("rb") as file:
        container = Container(file, str(capture))
        header = first(messages(container), container)
    assert header is not None
    return header.wall_ns / 1e9 - start


def bare(room: Lab, serial: str) -> float:
    """Seconds that `adb shell true` takes."""
    start = time.perf_counter()
    subprocess.run([adb_program(), "-P", str(room.adb_port), "-s", serial, "shell", "true"], check=True)
    return time.perf_counter() - start


def quantile(values: list[float], share: float) -> float:
    """Of sorted values, the one at that share of them."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def exponent(n0: float, n1: float, y0: float, y1: float) -> float:
    """Of y ~ n^exponent through two points."""
    return math.log(max(y1, 1e-9) / max(y0, 1e-9)) / math.log(n1 / n0)


if __name__ == "__main__":
    main()
