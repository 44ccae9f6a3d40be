"""A lab with a history, made up: devices, nights and runs written straight into a state file, as the farm would have left them.

Nothing in it was measured. It is there to ask pages how long they take, and tests how they look.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from farm.fleet.device import Device, Standing
from farm.report.document import Accuracy, Failure, Job, Latency, Run, Target, Verdict
from farm.schedule.schedule import Missing, Schedule
from farm.store import inputs
from farm.submission import InputFrame, Submission

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from farm.store.sqlite import Connection
    from farm.store.state import State

DAY_S = 86400.0
RUN_S = 180.0
MAKERS = (
    ("Pixel 8", "arm64-v8a", 35),
    ("SM-S921B", "arm64-v8a", 34),
    ("Redmi Note 13", "arm64-v8a", 34),
    ("CPH2581", "arm64-v8a", 35),
)
CAUSES = ("channel", "normalization", "kernel", "rotation")
METRICS = (("latency.median", "ms", "low"), ("memory.peak", "MiB", "low"))


@dataclass(frozen=True)
class Size:
    """Of the lab."""

    devices: int
    nights: int
    models: int


class Table:
    """A fleet that is laid out by hand."""

    def __init__(self, found: list[Device]) -> None:
        self._found = found

    def devices(self) -> list[Device]:
        """What lies there."""
        return self._found

    refresh = devices

    def start(self) -> None:
        """Nothing moves."""

    def stop(self) -> None:
        """Nothing moved."""

    def fault(self, serial: str, failure: Failure) -> None:
        """No run comes here."""

    def sound(self, serial: str) -> None:
        """No run comes here."""


def devices(count: int, now: float) -> list[Device]:
    """So many phones; a few of them in trouble of every kind."""
    made = []
    for i in range(count):
        model, abi, sdk = MAKERS[i % len(MAKERS)]
        standing = Standing("ready", since=now - 3600.0 * i)
        if i % 40 == 7:
            remedy = "look at it, then `farm device heal`"
            standing = Standing("quarantined", "3 faults in a row: adb: connection reset", now - 7200.0, remedy)
        elif i % 40 == 11:
            standing = Standing(
                "offline", "adb lists it, and it does not answer", now - 40_000.0, "unplug it and plug it in again"
            )
        elif i % 40 == 3:
            standing = Standing("cooling", "41.2 C, waits for 38 C", now - 240.0)
        properties = {"ro.product.model": model, "ro.product.cpu.abi": abi, "ro.build.version.sdk": str(sdk)}
        made.append(
            Device(
                _serial(i), "device", properties, name=f"shelf-{i:03d}", pool="nightly", standing=standing,
                battery=40 + i * 7 % 60, battery_c=27.0 + i * 3 % 12, last_seen=now - i,
            )
        )  # fmt: skip
    return made


def furnish(state: State, size: Size, *, seed: int = 1, now: float | None = None) -> None:
    """Write a schedule with so many nights into an empty state file; the last one ended three hours before `now`."""
    chance = random.Random(seed)  # noqa: S311  # figures, not secrets
    at = time.time() if now is None else now
    last = at - 5 * 3600.0
    with state.write() as db:
        _devices(db, devices(size.devices, at), at)
        schedule = Schedule(name="nightly", cron="0 2 * * *")
        db.execute(
            "INSERT INTO schedules (name, source, document, next_at, created) VALUES (?, 'command', ?, ?, ?)",
            (schedule.name, schedule.model_dump_json(), last + DAY_S, last - size.nights * DAY_S),
        )
        series = _series(db, size)
        db.execute("INSERT INTO circumstances (document) VALUES (?)", (json.dumps({"runtime": "2.3.0"}),))
        _sentinel(db, chance, size, last)
    levels = {(m, d): 4.0 + 3 * m + 2 * chance.random() for m in range(size.models) for d in range(size.devices)}
    for night in range(size.nights):
        with state.write() as db:
            fired = last - (size.nights - 1 - night) * DAY_S
            _night(db, chance, size, night, fired, series, levels)


def _night(
    db: Connection, chance: random.Random, size: Size, night: int, fired: float, series: dict[tuple[str, int, int], int],
    levels: dict[tuple[int, int], float],
) -> None:  # fmt: skip
    missing = [
        Missing(serial=_serial(d), name=f"shelf-{d:03d}", condition="offline", reason="it does not answer")
        for d in _away(size, night)
    ]
    away = {m.serial for m in missing}
    text = json.dumps([m.model_dump() for m in missing])
    number = db.execute(
        "INSERT INTO nights (schedule, fire_at, fired, status, ended, missing) VALUES (1, ?, ?, 'over', ?, ?)",
        (fired, fired + 1, fired + 7200, text),
    ).lastrowid
    for model in range(size.models):
        asked = _submission(model)
        created = datetime.fromtimestamp(fired, UTC).isoformat(timespec="milliseconds")
        job = db.execute(
            "INSERT INTO jobs (status, created, submission, inputs, summary, user, kind, priority, night)"
            " VALUES ('done', ?, ?, ?, ?, 'nightly', 'nightly', -1, ?)",
            (created, *inputs.split(db, asked), _summary(asked, created), number),
        ).lastrowid
        rows, points = [], []
        run_id = db.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()[0]
        for device in range(size.devices):
            if _serial(device) in away:
                continue
            run_id += 1
            ended = fired + 60 + model * RUN_S + chance.random()
            run, error = _run(chance, run_id, model, device, night, levels[model, device])
            rows.append((
                run_id, job, _serial(device), run.target.model_dump_json() if run.target else "", run.status,
                run.verdict.model_dump_json() if run.verdict else None, error and error.model_dump_json(),
                run.model_dump_json(exclude_defaults=True) if run.status == "done" else None, ended - RUN_S, ended, ended,
            ))  # fmt: skip
            if run.latency_ms is not None and run.memory_mb is not None:
                for metric, value in (("latency.median", run.latency_ms.median), ("memory.peak", run.memory_mb)):
                    points.append((series[metric, model, device], ended, run_id, number, value))
        db.executemany(
            "INSERT INTO runs (id, job, serial, target, status, attempt, verdict, error, document, started, ended, over_at)"
            " VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        db.executemany(
            "INSERT INTO points (series, at, run, night, value, circumstances) VALUES (?, ?, ?, ?, ?, 1)", points
        )


def _sentinel(db: Connection, chance: random.Random, size: Size, last: float) -> None:
    """A run of the golden model on each device each night."""
    summary = _summary(_submission(0), datetime.fromtimestamp(last, UTC).isoformat())
    stored, fed = inputs.split(db, _submission(0))
    rows = []
    for night in range(size.nights):
        ended = last + 3600.0 - (size.nights - 1 - night) * DAY_S
        job = db.execute(
            "INSERT INTO jobs (status, created, submission, inputs, summary, user, kind)"
            " VALUES ('done', ?, ?, ?, ?, 'sentinel', 'sentinel')",
            (datetime.fromtimestamp(ended, UTC).isoformat(timespec="milliseconds"), stored, fed, summary),
        ).lastrowid
        for device in range(size.devices):
            median = 3 + device % 4 + 0.03 * chance.gauss(0, 1)
            latency = Latency(median=median, p90=1.1 * median, n=200, interval=(median, median))
            golden = Run(id=1, target=None, status="done", latency_ms=latency, conditions={"runtime": "2.3.0"})
            document = golden.model_dump_json(exclude_defaults=True)
            rows.append((job, _serial(device), document, ended - 20, ended, ended))
    db.executemany(
        "INSERT INTO runs (job, serial, target, status, document, started, ended, over_at)"
        " VALUES (?, ?, '', 'done', ?, ?, ?, ?)",
        rows,
    )


def _run(
    chance: random.Random, number: int, model: int, device: int, night: int, level: float
) -> tuple[Run, Failure | None]:
    name, abi, sdk = MAKERS[device % len(MAKERS)]
    target = Target(serial=_serial(device), abi=abi, kind="phone", model=name, sdk=sdk)
    if chance.random() < 0.01:
        failure = Failure(
            kind="infrastructure", code="deadline", message="the phone stopped answering in the pass `latency`",
            where=target.serial, remedy="see `farm device show`; it is tried again tomorrow",
        )  # fmt: skip
        return Run(id=number, target=target, status="failed"), failure
    broken = (model * 7 + device * 3 + night // 5) % 29 == 0
    cause = CAUSES[(model + device) % len(CAUSES)]
    kind = "fail" if broken else "undecided" if chance.random() < 0.01 else "pass"
    summary = f"the input differs as after a wrong {cause}" if broken else "no difference that counts"
    median = level * (1 + 0.015 * chance.gauss(0, 1))
    run = Run(
        id=number, target=target, status="done", memory_mb=60 + model + chance.random(),
        verdict=Verdict(kind=kind, cause=cause if broken else "none", summary=summary, confidence=0.98, n=200),  # type: ignore[arg-type]
        accuracy=Accuracy(n=200, top1=0.7, top5=0.9, top1_interval=(0.63, 0.76)),
        latency_ms=Latency(median=median, p90=1.2 * median, n=200, interval=(0.99 * median, 1.01 * median)),
        conditions={"runtime": "2.3.0", "kernel": "delegate", "threads": "1"},
    )  # fmt: skip
    return run, None


def _submission(model: int) -> Submission:
    frame = InputFrame(name="0.png", kind="image", sha256=("0" * 64,))
    return Submission(model_name=_model(model), model_sha256=f"{model:064x}", frames=(frame,))


def _summary(asked: Submission, created: str) -> str:
    return Job(
        job=0, status="done", model=asked.model_name, model_sha256=asked.model_sha256, inputs="photos", frames=200,
        created=created, user="nightly",
    ).model_dump_json()  # fmt: skip


def _series(db: Connection, size: Size) -> dict[tuple[str, int, int], int]:
    found = {}
    for metric, unit, better in METRICS:
        for model in range(size.models):
            for device in range(size.devices):
                found[metric, model, device] = (
                    db.execute(
                        "INSERT INTO series (schedule, model, serial, configuration, metric, unit, better)"
                        " VALUES ('nightly', ?, ?, '', ?, ?, ?)",
                        (_model(model), _serial(device), metric, unit, better),
                    ).lastrowid
                    or 0
                )
    return found


def _devices(db: Connection, found: Sequence[Device], now: float) -> None:
    db.executemany(
        "INSERT INTO devices (serial, name, pool, first_seen, last_seen, properties, quarantine) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (d.serial, d.name, d.pool, now - 400 * DAY_S, d.last_seen, json.dumps(dict(d.properties)), _quarantine(d))
            for d in found
        ],
    )
    db.executemany(
        "INSERT INTO device_events (at, serial, kind, detail) VALUES (?, ?, ?, ?)", list(_events(found, now))
    )


def _events(found: Sequence[Device], now: float) -> Iterator[tuple[float, str, str, str]]:
    for d in found:
        yield now - 400 * DAY_S, d.serial, "appeared", d.model
        yield now - 399 * DAY_S, d.serial, "enrolled", ""
        if _quarantine(d):
            yield now - 7200.0, d.serial, "quarantined", _quarantine(d)


def _quarantine(device: Device) -> str:
    standing = device.standing
    return standing.reason if standing is not None and standing.condition == "quarantined" else ""


def _away(size: Size, night: int) -> list[int]:
    return [d for d in range(size.devices) if d % 40 == 11 and night % 2]


def _serial(device: int) -> str:
    return f"R5CT{device:07d}"


def _model(model: int) -> str:
    return f"{('mobilenet_v3', 'efficientnet_lite0', 'deeplab_v3', 'yamnet')[model % 4]}_{model:02d}.tflite"
