"""How good the diagnosis is: bugs planted by code that shares no line with `farm`, and what the farm calls them.

    python benchmarks/diagnosis.py [--seed N] [--quick] [--only WORD ...] [--pairs N] [--minutes N] [--json FILE] [--testdata DIR]

Parameters are drawn anew with every seed. For each model: controls, harmless changes, every bug singly, pairs of bugs, bugs that
nobody listed, and faults of the model, its kernels and its answers. What the frames cannot show is proved by feeding the same
frames without it. Everything runs on this computer: figures are `virtual`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import multiprocessing
import os
import secrets
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.diagnosed import hiding, kits, system
from benchmarks.diagnosed.bench import Bench
from benchmarks.diagnosed.judge import astray, judge, proof
from benchmarks.diagnosed.subject import PUBLISHED, Subject, load
from farm import host_cpu
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.planted.bug import Bug

MODELS = (*kits.KITS, *PUBLISHED)
KINDS = ("control", "harmless", "single", "pair", "unknown", "hidden", "system")
PAIRS, QUICK_PAIRS = 6, 3
PARTS = 4
"""Pieces of a model's cases, so that every core has work to the end."""
QUICK = ("things_int8", "whistles", "movie_review")


@dataclass(frozen=True)
class Result:
    """One planted device, and what was said of it."""

    model: str
    kind: str
    bug: str
    """Families, for the table."""
    planted: str
    outcome: str
    """right, wrong, missed, hidden; error."""
    said: str
    verdict: str
    cause: str
    seconds: float
    hidden: str = ""
    """What the frames cannot show of it."""
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """What one process does."""

    model: str
    testdata: Path
    folder: Path
    """For its files; they go when it is done."""
    seed: int
    kinds: tuple[str, ...]
    pairs: int
    part: int = 0
    parts: int = 1
    words: tuple[str, ...] = field(default=())
    until: float = math.inf
    """time.time() after which no further case begins."""


def cases(subject: Subject, plan: Plan) -> Iterator[tuple[str, tuple[Bug, ...]]]:
    """Kind, and what is planted; drawn from the seed and the model's name."""
    random = np.random.default_rng([plan.seed, *plan.model.encode()])
    p = subject.pipeline
    yield "control", ()
    for kind, draws in (("harmless", subject.harmless), ("single", subject.bugs), ("unknown", subject.unknown)):
        for draw in draws:
            yield kind, (draw(random, p),)
    twos = list(itertools.combinations(subject.bugs, 2))
    for i in random.permutation(len(twos))[: plan.pairs]:
        both = tuple(draw(random, p) for draw in twos[i])
        if len({b.name for b in both}) == 2:
            yield "pair", both


def run(plan: Plan) -> list[Result]:
    """All cases of a plan, in a process of its own."""
    if time.time() > plan.until:
        return []
    # Captures of all cases together would be over ten gigabytes.
    with tempfile.TemporaryDirectory(dir=plan.folder) as folder:
        return _run(plan, Path(folder))


def _run(plan: Plan, folder: Path) -> list[Result]:
    os.environ[host_cpu.VARIABLE] = str(folder / "cpu.lock")  # nothing is timed: no process waits
    artifacts = ArtifactStore(folder / "artifacts")
    random = np.random.default_rng(plan.seed)
    if plan.model in kits.KITS:
        subject = kits.load(plan.model, folder, artifacts, random)
    else:
        subject = load(plan.model, plan.testdata, artifacts, random)
    bench = Bench(subject, artifacts, folder / "references")
    found: list[Result] = []
    for i, (kind, bugs) in enumerate(cases(subject, plan)):
        if time.time() > plan.until:
            break
        told = " + ".join(map(str, bugs)) or "nothing"
        wanted = not plan.words or any(w in f"{plan.model} {kind} {told}" for w in plan.words)
        if kind in plan.kinds and wanted and i % plan.parts == plan.part:
            found.append(_case(bench, kind, bugs, told))
    if time.time() > plan.until:
        return found
    if plan.part == 0 and "hidden" in plan.kinds:
        found += [_result(bench.subject.name, "hidden", *row) for row in hiding.run(bench, plan.seed, plan.words)]
    if plan.part == plan.parts - 1 and "system" in plan.kinds:
        found += [_result(bench.subject.name, "system", *row) for row in system.run(bench, plan.seed, plan.words)]
    return found


def _result(model: str, kind: str, row: Any, seconds: float) -> Result:
    return Result(
        model=model, kind=kind, bug=row.bug, planted=row.planted, outcome=row.outcome, said=row.said,
        verdict=row.verdict, cause=row.cause, seconds=seconds, hidden=row.hidden,
    )  # fmt: skip


def _case(bench: Bench, kind: str, bugs: tuple[Bug, ...], told: str) -> Result:
    start, name = time.monotonic(), " + ".join(b.name for b in bugs) or "nothing"
    try:
        shown = proof(bench.subject, bugs, bench.logged)
        diagnosis = bench.diagnose(bugs)
    except Exception:  # one case that fails is one result
        note = traceback.format_exc(limit=-3)
        return Result(bench.subject.name, kind, name, told, "error", "", "", "", time.monotonic() - start, note=note)
    said, verdict = diagnosis.explanation, diagnosis.assessment.verdict
    waveform = bench.subject.pipeline.get("features") == "waveform"
    outcome: str = judge(shown.shown, said, waveform=waveform)
    if shown.hidden and not shown.shown and outcome == "right":
        outcome = "hidden"
    off = ""
    if outcome == "right" and kind == "single" and said is not None and said.kind == "named" and shown.shown:
        off = astray(shown.shown[0], said, bench.subject.pipeline)
        outcome = "wrong" if off else outcome
    words: str = "no input" if said is None else said.kind
    if said is not None and (said.changes or said.reason):
        words += ": " + (" + ".join(c.name for c in said.changes) or said.reason)
        words += "".join(f" = {' + '.join(names)}" for names in said.equivalent)
    return Result(
        model=bench.subject.name,
        kind=kind,
        bug=name,
        planted=told,
        outcome=outcome,
        said=words,
        verdict=verdict.kind,
        cause=verdict.cause,
        seconds=time.monotonic() - start,
        hidden=", ".join(b.name for b in shown.hidden),
        note=f"numbers: {off}" if off else "",
    )


def table(results: Sequence[Result]) -> str:
    """Per bug, totals, and what the frames cannot show."""
    lines = []
    for kind in KINDS:
        rows: dict[str, Counter[str]] = defaultdict(Counter)
        for r in results:
            if r.kind == kind:
                rows[r.bug if kind != "pair" else "all pairs"][r.outcome] += 1
                rows[r.bug if kind != "pair" else "all pairs"]["failing"] += r.verdict == "fail"
        if rows:
            lines += ["", f"{kind:<44} right  wrong missed hidden  error | failing verdicts"]
        for bug, count in sorted(rows.items()):
            figures = "".join(f"{count[o]:>7}" for o in ("right", "wrong", "missed", "hidden", "error"))
            lines.append(f"{bug:<42}{figures} | {count['failing']}")
    lines += ["", *_totals(results)]
    unseen = [r for r in results if r.hidden]
    if unseen:
        lines += ["", "not identifiable (fed the same, within its own step, without it)"]
        lines += [f"  {r.model}: {r.planted} | hidden: {r.hidden} | said: {r.said[:140]}" for r in unseen]
    return "\n".join(lines)


def _totals(results: Sequence[Result]) -> Iterator[str]:
    for kind in KINDS:
        count = Counter(r.outcome for r in results if r.kind == kind and r.outcome != "hidden")
        if count:
            total = sum(count.values())
            yield (
                f"{kind}: {count['right']} of {total} right ({count['right'] / total:.1%}), {count['wrong']} wrong, "
                + (f"{count['missed']} missed, {count['error']} errors")
            )
    failing = [r for r in results if r.kind in {"control", "harmless"} and r.verdict == "fail"]
    yield f"false failing verdicts on controls and harmless changes: {len(failing)}"
    yield f"false names for unknown bugs: {sum(r.kind == 'unknown' and r.outcome == 'wrong' for r in results)}"


def _tell(found: Sequence[Result]) -> None:
    for r in found:
        bad = r.outcome in {"wrong", "missed", "error"}
        if bad or (r.verdict == "fail" and r.kind in {"control", "harmless"}):
            said = f"{r.said[:200]} [{r.verdict} {r.cause}] {r.note}"
            print(f"  {r.outcome:6} {r.model} {r.kind}: {r.planted} -> {said}")


def main() -> None:
    """Run, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    parser.add_argument("--quick", action="store_true", help="three models, few pairs")
    parser.add_argument(
        "--only", nargs="+", default=[], help=f"kinds ({', '.join(KINDS)}), models, or words of a bug's name"
    )
    parser.add_argument("--pairs", type=int, help="a model")
    parser.add_argument("--minutes", type=float, default=60, help="after which no further case begins")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    root = Path(__file__).resolve().parents[1]
    default = Path(os.environ.get("FARM_TESTDATA", root.parent / "shared" / "testdata"))
    parser.add_argument("--testdata", type=Path, default=default)
    a = parser.parse_args()
    if not a.testdata.is_dir():
        sys.exit(f"no test data in {a.testdata}: set FARM_TESTDATA or give --testdata")
    models = [m for m in MODELS if m in a.only] or (QUICK if a.quick else MODELS)
    kinds = tuple(k for k in KINDS if k in a.only) or KINDS
    words = tuple(w for w in a.only if w not in KINDS and w not in MODELS)
    pairs = a.pairs if a.pairs is not None else QUICK_PAIRS if a.quick else PAIRS
    print(f"seed {a.seed}, virtual: LiteRT on this computer", flush=True)
    # A run that is stopped leaves nothing behind, and tells what it found.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    results: list[Result] = []
    start, until = time.monotonic(), time.time() + 60 * a.minutes
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(a.jobs, mp_context=context) as pool:
        plans = [
            Plan(m, a.testdata, Path(folder), a.seed, kinds, pairs, part, PARTS, words, until)
            for part in (PARTS - 1, *range(PARTS - 1))  # some of every model first, should time be short
            for m in models
        ]
        waiting = {pool.submit(run, plan): plan for plan in plans}
        short = ""
        try:
            for done in as_completed(waiting):
                plan, found = waiting[done], done.result()
                results += found
                _tell(found)
                print(
                    f"{time.monotonic() - start:6.0f} s  {plan.model} {plan.part + 1}/{plan.parts}: {len(found)} cases",
                    flush=True,
                )
        except KeyboardInterrupt:
            short = ": stopped, the rest was left out"
            pool.shutdown(wait=True, cancel_futures=True)
    print(table(results))
    if time.time() > until:
        short = ": out of time, the rest was left out (--minutes)"
    print(f"seed {a.seed}, {len(results)} cases, {time.monotonic() - start:.0f} s{short}")
    if a.json:
        a.json.write_text(json.dumps({"seed": a.seed, "results": [asdict(r) for r in results]}, indent=1))


if __name__ == "__main__":
    main()
