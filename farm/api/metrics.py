"""The lab's figures for Prometheus. Counters begin at 0 with the daemon; what is stored is counted when asked."""

from __future__ import annotations

import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from farm.fleet.device import Condition
from farm.report.document import JobStatus, RunStatus
from farm.store.tally import kinds, tally
from farm.store.told import counts as deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from prometheus_client.core import Metric
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from farm.api.needs import Needs
    from farm.fleet.device import Device
    from farm.store.database import Database

SIZE_S = 300.0
"""Between two sums of the artifacts' sizes: there may be 100 000."""
DECISION_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)
REQUEST_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)
METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})


class Metrics:
    """One daemon's figures, in a registry of its own. `devices` gives every device without asking it."""

    def __init__(self, state: Database, data: Path, devices: Callable[[], Sequence[Device]]) -> None:
        self._state = state
        self._data = data
        self._devices = devices
        self._lock = threading.Lock()
        self._counted = tally(state)
        self._seen = self._counted.newest_event
        self._size: tuple[float, int] = (-SIZE_S, 0)
        self.registry = CollectorRegistry()
        self._decisions = Histogram(
            "farm_scheduling_decision_seconds", "One decision of the scheduler", buckets=DECISION_S,
            registry=self.registry,
        )  # fmt: skip
        labels = ("method", "route", "status")
        self._requests = Counter("farm_http_requests", "Requests answered", labels, registry=self.registry)
        self._seconds = Histogram(
            "farm_http_request_seconds", "From a request's headers to its answer's", ("method", "route"),
            buckets=REQUEST_S, registry=self.registry,
        )  # fmt: skip
        self._attempts = Counter("farm_attempts", "Runs that were given a device", registry=self.registry)
        self._events = Counter("farm_events", "What happened to jobs and runs", ("kind",), registry=self.registry)
        self.registry.register(self)

    def decided(self, seconds: float) -> None:
        """The scheduler made a decision."""
        self._decisions.observe(seconds)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is the path with the parameters' names, so that there are few."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format.

        Raises:
            StorageError: the state file cannot be read.
        """
        with self._lock:
            self._counted = tally(self._state)
            for kind, number in kinds(self._state, self._seen, self._counted.newest_event).items():
                self._events.labels(kind).inc(number)
                if kind == "leased":
                    self._attempts.inc(number)
            self._seen = self._counted.newest_event
            return bytes(generate_latest(self.registry))

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: registering must not count."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """What is counted when asked."""
        counted = self._counted
        yield _by("farm_devices", "Devices", "condition", self._conditions())
        yield _by("farm_jobs", "Jobs", "status", dict.fromkeys(get_args(JobStatus), 0) | counted.jobs)
        yield _by("farm_runs", "Runs", "status", dict.fromkeys(get_args(RunStatus), 0) | counted.runs)
        yield _one("farm_queue_depth", "Runs that wait for a device", counted.runs.get("queued", 0))
        yield _one("farm_leases", "Devices held for a run", counted.leases)
        yield _by("farm_notifications", "Messages to people, one for each address", "state", deliveries(self._state))
        yield _one("farm_artifacts_bytes", "Size of the stored files, at most five minutes old", self._stored())
        yield _one("farm_disk_free_bytes", "Free space where the data folder is", shutil.disk_usage(self._data).free)

    def _conditions(self) -> dict[str, int]:
        found = dict.fromkeys(get_args(Condition), 0)
        for device in self._devices():
            found[condition(device)] += 1
        return found

    def _stored(self) -> int:
        counted, size = self._size
        if time.monotonic() - counted >= SIZE_S:
            size = _size(self._data / "artifacts")
            self._size = (time.monotonic(), size)
        return size


class Meter:
    """ASGI middleware outside all others: counts answers, those of the guard too."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and look at its answer."""
        began = time.monotonic()

        def answered(status: int) -> None:
            needs: Needs | None = scope.get("state", {}).get("needs")
            route = needs.route if needs is not None else "none"
            self._metrics.answered(scope["method"], route, status, time.monotonic() - began)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:  # answered farther out
            answered(500)
            raise


def condition(device: Device) -> Condition:
    """What the fleet says of it, else what adb's word comes to."""
    if device.standing is not None:
        return device.standing.condition
    known: dict[str, Condition] = {"device": "ready", "unauthorized": "unauthorized", "authorizing": "unauthorized"}
    return known.get(device.state, "offline")


def _by(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _size(folder: Path) -> int:
    total = 0
    for at, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(f"{at}/{name}").st_size  # noqa: PTH116  # 100 000 Paths take a second
            except FileNotFoundError:  # an upload that ended meanwhile
                continue
    return total
