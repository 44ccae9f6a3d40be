"""What does the history of a million runs take, and what do questions to it?

    python -m benchmarks.history [--runs 1000000] [--days 365] [--documents 2000]

Synthetic: one run's facts again and again, with numbers, times, devices and values of their own, noise on every figure. First the
files: bytes, and the time of typical questions beside a plain sum over the same table (all in one process; then one through a
process of its own, as `farm query` asks). Then the state file: browsing the newest jobs and looking one up, at 1 % of the runs
and at all of them. Then documents, as large as real ones, of jobs of ten runs that were all fed the same hundred frames: bytes in
the state file and in archives, before and after they are moved, and the time to read one back; what submissions and events take;
the size of the file before and after freed pages are given back.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import random
import shutil
import statistics
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow

from farm.history import facts, files, query, source
from farm.history.ask import Asked
from farm.history.tables import DAILY, FIGURES, LAYERS
from farm.store import archive, eventlog, sentinels, space
from farm.store.artifacts import ArtifactStore
from farm.store.finished import Finished, start_of
from farm.store.state import State
from farm.submission import InputFrame, Submission
from tests.history import kit

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.history.facts import Row
    from farm.report.document import LayerDiff

DEVICES, MODELS, TEMPLATE = 200, 20, 500
RUNS, FRAMES = 10, 100
"""Of a job whose documents are moved."""
FIRST = date(2026, 1, 1)
SEED = 20260101
ROUNDS = 5
QUESTIONS = {
    "one run": "select * from figures where run = {run}",
    "one device, one day": "select metric, value from figures where day = '{day}' and device = 'd7'",
    "a year of one line": "select day, median(value) from figures where metric = 'latency.median' and device = 'd7'"
    " and model = 'm3' group by day order by day",
    "devices by median, one month": "select device, median(value) m from figures where metric = 'latency.median'"
    " and day >= '{month}' group by device order by m",
    "verdicts by model, all": "select model, verdict, count(*) from runs group by all",
    "worst layers, all": "select model, op, max(running_nrmse) from layers group by all",
}

_JOBS = """
WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
INSERT INTO jobs (status, created, submission, inputs, summary, kind)
SELECT 'done', created, submission, inputs, summary, iif(i % 100, 'job', 'sentinel') FROM n, jobs WHERE id = 1"""
_RUNS = """
WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
INSERT INTO runs (job, serial, target, status, attempt, verdict, document, started, ended, over_at)
SELECT (i - 1) / 10 + 1, 'd' || i % 200, ?3, 'done', 1, ?4, ?5, i * 30.0, i * 30.0 + 20, i * 30.0 + 20 FROM n"""


def main() -> None:
    """Print three tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--documents", type=int, default=2000)
    asked = parser.parse_args()
    print(f"synthetic: {asked.runs} runs over {asked.days} days, {DEVICES} devices, {MODELS} models")
    with tempfile.TemporaryDirectory(prefix="farm-history-") as folder:
        ask(Path(folder) / "asked", asked.runs, asked.days)
        browse(Path(folder), asked.runs)
        move(Path(folder) / "moved", asked.documents)


def ask(data: Path, runs: int, days: int) -> None:
    """Files, and questions to them."""
    State(make(data)).close()
    names = [(FIRST + timedelta(days=n)).isoformat() for n in range(days)]
    write(data / source.HISTORY, names, runs // days)
    rows = runs // days * days
    size = files.size(data / source.HISTORY)
    print(f"files: {size / 1e6:.0f} MB, {size / rows:.0f} bytes a run (of 5 layers and 7 figures)")
    tables = source.datasets(data, source.Source(tuple(names), {table.name: [] for table in DAILY}, kept(data)))
    values = {"run": rows // 2, "day": names[-1], "month": names[-min(30, days)]}
    print(f"{'question':>30} {'ms':>8} {'plain sum ms':>13} {'ratio':>6}")
    order = random.Random(SEED)  # noqa: S311  # no secret: the same again
    for words, text in QUESTIONS.items():
        sql = text.format(**values)
        name = "value" if "figures" in sql else "running_nrmse" if "layers" in sql else "seconds"
        table = "figures" if "figures" in sql else "layers" if "layers" in sql else "runs"
        plain = f"select sum({name}) from {table}"  # noqa: S608  # names of ours
        took: dict[str, list[float]] = {sql: [], plain: []}
        for _ in range(ROUNDS):
            for one in order.sample((sql, plain), 2):
                took[one].append(timed(functools.partial(query.answer, kit.question(data, one, rows=10**6), tables)))
        a, b = (statistics.median(took[one]) for one in (sql, plain))
        print(f"{words:>30} {a:8.1f} {b:13.1f} {a / b:6.2f}")
    with contextlib.closing(State(data / source.STATE)) as state:
        with state.write() as db:
            db.executemany(
                "INSERT INTO days VALUES (?, ?, ?, 0.0, NULL)", [(n, start_of(n) + 86400, runs // days) for n in names]
            )
        own = statistics.median(timed(lambda: asyncio.run(through(data))) for _ in range(ROUNDS))
    print(f"{'count, in a process of its own':>30} {own:8.1f}")


async def through(data: Path) -> None:
    """One question as the daemon asks it."""
    asked = await Asked.start(kit.question(data, "select count(*) from runs"))
    try:
        assert (await asked.head()).failure is None
        async for _ in asked.parts():
            pass
    finally:
        asked.close()


def write(folder: Path, days: list[str], count: int) -> None:
    """`count` runs a day, made of a template's rows."""
    noise = np.random.default_rng(SEED)
    rows = template()
    parts = {table: files.arrow(table, rows[table.name]) for table in DAILY}
    for number, day in enumerate(days):
        first, midnight = number * count, int(start_of(day) * 1000)
        for table, part in parts.items():
            run = np.asarray(part["run"])
            made = []
            for at in range(0, count, TEMPLATE):
                numbers = first + at + run
                chosen = part.filter(pyarrow.array(run < min(TEMPLATE, count - at)))
                numbers = numbers[run < min(TEMPLATE, count - at)]
                ended = pyarrow.array(midnight + (numbers - first) * 86_000_000 // count, pyarrow.timestamp("ms"))
                changed = {"run": pyarrow.array(numbers), "job": pyarrow.array(numbers // 100), "ended": ended}
                if table in {FIGURES, LAYERS}:
                    name = "value" if table is FIGURES else "running_nrmse"
                    drawn = np.asarray(chosen[name]) * noise.normal(1.0, 0.015, len(chosen))
                    changed[name] = pyarrow.array(drawn)
                for name, column in changed.items():
                    chosen = chosen.set_column(chosen.schema.get_field_index(name), chosen.schema.field(name), column)
                made.append(chosen)
            with files.writing(folder, table, day) as writer:
                for chosen in made:
                    writer.add(chosen)


def template() -> dict[str, list[Row]]:
    """Facts of runs 0 to 499, as the daemon makes them."""
    some = random.Random(SEED)  # noqa: S311  # no secret: the same again
    return facts.rows(
        Finished(
            run=kit.run(number, serial := f"d{some.randrange(DEVICES)}"), job=0, serial=serial, over_at=0.0, submitted=0.0,
            started=0.0, seconds=some.uniform(5, 60), user="ana", kind="job", schedule="nightly", night=1,
            model=f"m{some.randrange(MODELS)}", model_sha256="ef" * 32, commit="",
        )
        for number in range(TEMPLATE)
    )  # fmt: skip


def kept(data: Path) -> dict[str, pyarrow.Table]:
    """The tables that still change: empty."""
    return source.read(data).kept


def browse(folder: Path, runs: int) -> None:
    """The newest jobs, and one from the middle, at 1 % of the runs and at all."""
    sizes = (max(1000, runs // 100), runs)
    print(
        f"{'runs':>9} {'state MB':>9} {'newest 50 ms':>13} {'next page ms':>13} {'one job ms':>11} {'sentinel ms':>12}"
    )
    medians = []
    for count in sizes:
        data = folder / f"browsed{count}"
        jobs = fill(data, count)
        with contextlib.closing(State(data / source.STATE)) as state:
            took = [statistics.median(timed(one) for _ in range(4 * ROUNDS)) for one in looks(state, jobs)]
        medians.append(took)
        size = (data / source.STATE).stat().st_size / 1e6
        print(f"{count:9} {size:9.0f} {took[0]:13.2f} {took[1]:13.2f} {took[2]:11.2f} {took[3]:12.2f}", flush=True)
        shutil.rmtree(data)
    ratios = [b / a for a, b in zip(*medians, strict=True)]
    print(f"{'ratio':>9} {'':>9} {ratios[0]:13.2f} {ratios[1]:13.2f} {ratios[2]:11.2f} {ratios[3]:12.2f}")


def looks(state: State, jobs: int) -> tuple[Callable[[], object], ...]:
    """What people and the daemon's clocks ask again and again."""
    return (
        lambda: state.jobs(50), lambda: state.jobs(50, before=jobs // 2), lambda: state.job(jobs // 2),
        lambda: sentinels.last(state),
    )  # fmt: skip


def fill(data: Path, runs: int) -> int:
    """A state file of jobs of ten runs, whose documents have left it; one job in a hundred is the sentinel's. The jobs."""
    frame = InputFrame(name="f", kind="image", sha256=("cd" * 32,))
    with contextlib.closing(State(make(data))) as state:
        state.add_job(Submission(model_name="m", model_sha256="ef" * 32, frames=(frame,)), [])
        document = archive.short(kit.run(1, "d1")).model_dump_json(exclude_defaults=True)
        target = kit.target("d1").model_dump_json()
        verdict = kit.run(1, "d1").verdict
        with state.write() as db:
            db.execute("INSERT INTO archives (sha256, runs, newest, made) VALUES ('', ?, 0.0, 0.0)", (runs,))
            db.execute("UPDATE jobs SET status = 'done'")
            db.execute(_JOBS, (2, runs // 10))
            db.execute(_RUNS, (1, runs, target, verdict and verdict.model_dump_json(), document))
    return runs // 10


def move(data: Path, count: int) -> None:
    """Documents as runs leave them, moved."""
    some = random.Random(SEED)  # noqa: S311  # no secret: the same again
    with contextlib.closing(State(make(data))) as state:
        for _ in range(count // RUNS):
            kit.add(state, FIRST.isoformat(), RUNS, frames=FRAMES)
        size = 0
        with state.write() as db:
            db.execute("UPDATE backfills SET before = 0")
            for number in range(1, count // RUNS * RUNS + 1):
                whole = whole_document(number, some)
                size += len(whole)
                db.execute("UPDATE runs SET document = ? WHERE id = ?", (whole, number))
        artifacts = ArtifactStore(data / source.ARTIFACTS)
        before = used(state)
        start = time.perf_counter()
        while archive.move(state, artifacts, start_of(FIRST.isoformat()) + 86400):
            pass
        took = time.perf_counter() - start
        after = used(state)
        stored = list(artifacts.folder.glob("??/*"))
        archives = sum(file.stat().st_size for file in stored)
        every = [(file, [run]) for file in stored for run in archive.read(file)]
        back = [timed(functools.partial(archive.read, *one)) for one in some.sample(every, 50)]
        told = submissions(state)
        large = on_disk(state)
        (logged,) = state.read(
            "SELECT count(*) AS n, sum(length(at) + length(kind) + length(detail)) AS size FROM events"
        )
        start = time.perf_counter()
        slices = 0
        while space.give_back(state):
            slices += 1
        given = time.perf_counter() - start
        small = on_disk(state)
    print(
        f"documents of {size // count} bytes: state file {before / count:.0f} bytes a run before, {after / count:.0f} after"
        f" ({before / after:.1f} times less), archives {archives / count:.0f};"
        f" {1000 * took / count:.2f} ms a run to move, {statistics.median(back):.1f} ms to read one back"
    )
    print(
        f"submissions of {FRAMES} frames: {told[0] / count:.0f} bytes a run, {told[1] / count:.0f} with frames in each"
        f" ({told[1] / told[0]:.1f} times more)"
    )
    print(
        f"events: {logged['n'] / count:.1f} of {logged['size'] / logged['n']:.0f} bytes a run;"
        f" those of [history] document_days and the newest {eventlog.RESUME} stay"
    )
    print(
        f"file: {large / 1e6:.1f} MB, {small / 1e6:.1f} MB once pages are given back, in {slices} slices of"
        f" {1000 * given / max(1, slices):.0f} ms; {space.KEPT} pages stay free"
    )


def submissions(state: State) -> tuple[int, int]:
    """Bytes of text: as they are stored, and if each had its frames."""
    (stored,) = state.read(
        "SELECT (SELECT sum(length(submission)) FROM jobs) + (SELECT sum(length(document)) FROM inputs) AS n"
    )
    jobs = state.read("SELECT id FROM jobs")
    return int(stored["n"]), sum(len(state.submission(row["id"]).model_dump_json()) for row in jobs)


def on_disk(state: State) -> int:
    """Bytes of the state file, once its log is taken over."""
    with state.alone() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return state.file.stat().st_size


def whole_document(number: int, some: random.Random) -> str:
    """As large as those of real runs: a model of 60 layers against two references, 50 points of its times."""
    run = kit.run(number, "d1")
    (compared,) = run.comparisons

    def layers() -> tuple[LayerDiff, ...]:
        return tuple(
            layer.model_copy(
                update={"node": 5 * i + layer.node}
                | {name: some.random() for name in ("running_nrmse", "cosine", "max_abs", "time_us", "isolated_nrmse")}
            )
            for i in range(12)
            for layer in compared.layers
        )

    both = tuple(
        compared.model_copy(update={"layers": layers(), "reference": name}) for name in ("litert", "litert-ref")
    )
    return run.model_copy(update={"comparisons": both}).model_dump_json()


def used(state: State) -> int:
    """Bytes of pages in use: freed ones are taken again, and the file does not shrink."""
    pages, free, size = (state.read(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size"))
    return int((pages - free) * size)


def make(data: Path) -> Path:
    """A data folder; its state file."""
    data.mkdir(parents=True)
    return data / source.STATE


def timed(call: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
