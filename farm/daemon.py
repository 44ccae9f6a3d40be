"""The daemon: store, fleet, queue, executor and REST, wired together. Nothing else wires them."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Protocol

from farm.api import advert
from farm.api.address import address
from farm.api.app import make_app
from farm.api.desk import JobDesk
from farm.api.door import Door
from farm.api.feed import Feed
from farm.api.gate_desk import GateDesk
from farm.api.messages import Advert, DeviceView, Health, NotFoundError, Ready
from farm.api.metrics import Metrics
from farm.api.notify_desk import NotifyDesk
from farm.api.readiness import ready
from farm.api.schedule_desk import ScheduleDesk
from farm.api.server import bind, serving
from farm.errors import DaemonError, StorageError
from farm.executor.local import LocalExecutor
from farm.history.archiver import Archiver
from farm.pages.render import warm
from farm.queue.board import Board
from farm.queue.closer import Closer
from farm.queue.dispatcher import Dispatcher
from farm.queue.night_gates import NightGates
from farm.queue.regressions import Regressions
from farm.queue.sentinel import Sentinel
from farm.report.document import Failure
from farm.store.artifacts import ArtifactStore
from farm.store.devices import Devices as Store
from farm.store.state import State
from farm.upkeep import Upkeep, sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from farm.executor.contract import Listener
    from farm.fleet.adb import AdbDevice
    from farm.fleet.desk import Desk
    from farm.fleet.device import Device
    from farm.fleet.enrolment import Golden
    from farm.report.document import Job
    from farm.run.keepers import Keepers
    from farm.run.work import Perform
    from farm.settings import Settings
    from farm.submission import Submission

DEATHS = 5  # of daemons, before the run under which they died is taken to be the cause
log = logging.getLogger(__name__)
STOP_S = 1.0  # for each room to end what it does


class Devices(Protocol):
    """The fleet, as the daemon uses it."""

    def devices(self) -> list[Device]:
        """What the last look showed."""

    def refresh(self) -> list[Device]:
        """Look now."""

    def start(self) -> None:
        """Keep looking."""

    def stop(self) -> None:
        """Stop looking."""

    def fault(self, serial: str, failure: Failure) -> None:
        """An attempt there ended by the lab's fault."""

    def sound(self, serial: str) -> None:
        """An attempt there came to its end."""


class Daemon:
    """One lab: `start`, then REST on `url` until `stop`. Left out, the rooms are the real ones.

    `perform` carries out a run; `preflight` raises JobError for a submission that cannot work; `write_report` gets a
    finished job and a folder and gives the report's path.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        perform: Perform | None = None,
        preflight: Callable[[Submission, ArtifactStore], None] | None = None,
        write_report: Callable[[Job, Path], Path] | None = None,
        fleet: Devices | None = None,
    ) -> None:
        self.settings = settings
        self.data = settings.data
        self.artifacts = ArtifactStore(self.data / "artifacts")
        self.url = ""
        self._perform = perform
        self._preflight = preflight
        self._write_report = write_report
        self._given_fleet = fleet
        self._desk: Desk | None = None
        self._keepers: Keepers | None = None
        self._board = Board()
        self._lock = threading.Lock()
        self._working = False
        self._looked = time.monotonic()
        self._stopping = threading.Event()
        self._rooms = contextlib.ExitStack()

    def start(self, port: int | None = None, *, eager: bool = True) -> None:
        """Open the data folder, listen on `port` (0: any free one), advertise it, and work on what is queued.

        Not `eager`, it only answers until somebody submits a job or waits for one: a look at the list must not start
        runs that its end would break off.

        Raises:
            DaemonError: another daemon holds the folder, or the port is taken.
            StorageError: the folder cannot be written.
            AdbError: there is no adb server, and none can be started.
        """
        with contextlib.ExitStack() as rooms:
            try:
                self._open(rooms, self.settings.api.port if port is None else port, eager=eager)
            except OSError as e:
                raise StorageError(
                    f"cannot be used: {e.strerror}", where=str(self.data), remedy="set another `data` folder"
                ) from e
            rooms.callback(self._begin_stop)
            self._rooms = rooms.pop_all()

    def stop(self) -> None:
        """End within about two seconds: streams end, what runs waits for the next daemon. Twice is once."""
        self._rooms.close()

    def drain(self, hurry: threading.Event) -> None:
        """Give out no more work, and wait for what runs: `run.drain_s` seconds at most, or until `hurry` is set."""
        self._dispatcher.drain(self.settings.run.drain_s, hurry)

    def _begin_stop(self) -> None:
        self._stopping.set()
        self._board.changed_all()

    def _work(self) -> None:
        with self._lock:
            if self._working or self._stopping.is_set():
                return
            self._fleet.start()
            self._dispatcher.start()
            if self._keepers is not None:
                self._keepers.start()
            self._looked = time.monotonic()
            self._working = True

    def _open(self, rooms: contextlib.ExitStack, port: int, *, eager: bool) -> None:
        settings = self.settings
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        rooms.enter_context(advert.held(self.data))
        sweep(self.data)
        self._state = rooms.enter_context(contextlib.closing(State(self.data / "state.db")))
        self._known = Store(self._state)
        died = DaemonError("the daemon died during the run", remedy="submit the job again")
        self._state.recover(DEATHS, Failure.of(died))
        token = advert.token(self.data)
        self.door = Door(self._state, token)
        listener = bind(settings.api.host, port)
        rooms.callback(listener.close)
        self._closer = Closer(self._state, self._board, self._report, self.report_bug)
        self._dispatcher = Dispatcher(
            self._state,
            self._board,
            settings,
            devices=self._look,
            make_executor=self._make_executor,
            run_over=self._closer.wake,
            report_bug=self.report_bug,
            judge=self._judge,
            decided=lambda seconds: self.metrics.decided(seconds),  # noqa: PLW0108  # they are made after it
        )
        self._fleet = self._given_fleet or self._make_fleet(rooms)
        self.metrics = Metrics(self._state, self.data, self._fleet.devices)
        rooms.callback(self._fleet.stop)
        rooms.callback(self._closer.stop, STOP_S)
        self._closer.start()
        rooms.callback(self._dispatcher.stop, STOP_S)
        self.upkeep = Upkeep(settings, self._state, self.artifacts, report_bug=self.report_bug)
        rooms.callback(self.upkeep.stop, STOP_S)
        self.history = Archiver(settings.history, self.data, self._state, self.artifacts, report_bug=self.report_bug)
        rooms.callback(self.history.stop, STOP_S)
        self.jobs = JobDesk(
            settings, self._state, self._board, self._dispatcher, self.artifacts,
            devices=self._fleet.devices, refresh=self._fleet.refresh, preflight=self._preflight,
            check_room=self.upkeep.check_room, work=self._work,
        )  # fmt: skip
        told_at = settings.sentinel.time if eager else None
        self.sentinel = Sentinel(
            told_at, self._state, self.artifacts,
            devices=self._fleet.devices, queued=self.jobs.watch, report_bug=self.report_bug,
        )  # fmt: skip
        rooms.callback(self.sentinel.stop, STOP_S)
        self.schedules = ScheduleDesk(
            self._state, self.artifacts, self.jobs, settings,
            devices=self._fleet.devices, report_bug=self.report_bug,
        )  # fmt: skip
        rooms.callback(self.schedules.stop, STOP_S)
        self.regressions = Regressions(
            settings.trend, self._state, devices=self._fleet.devices, queued=self.jobs.watch,
            watches=self.sentinel.watches, report_bug=self.report_bug,
        )  # fmt: skip
        rooms.callback(self.regressions.stop, STOP_S)
        self.notify = NotifyDesk(settings.notify, self._state, self.data, report_bug=self.report_bug)
        rooms.callback(self.notify.stop, STOP_S)
        self.gates = GateDesk(settings.gate, self._state, self.artifacts, self.jobs, devices=self._fleet.devices)
        self.night_gates = NightGates(
            settings.gate, self._state, check=self.gates.after_night, report_bug=self.report_bug
        )
        rooms.callback(self.night_gates.stop, STOP_S)
        if eager:
            self._work()
            self.sentinel.start()
            self.schedules.start()
            self.regressions.start()
            self.night_gates.start()
            self.notify.start()
            self.upkeep.start()
            self.history.start()
        at = address(settings.api, *listener.getsockname()[:2])
        self.feed = Feed(self._state, self._board, lambda: self.views(self._fleet.devices()), self._stopping.is_set)
        rooms.enter_context(serving(make_app(self, hosts=at.hosts), listener, at.tls, settings.api))
        self.url = at.url
        if eager:
            threading.Thread(target=warm, name="pages", daemon=True).start()
        told = Advert(url=at.url, pid=os.getpid(), certificate=at.certificate)
        rooms.enter_context(advert.advertised(self.data, told))

    def _look(self) -> list[Device]:
        """What the scheduler sees; that it looks is its sign of life."""
        self._looked = time.monotonic()
        return self._fleet.devices()

    def _judge(self, serial: str, failure: Failure | None) -> None:
        if failure is None:
            self._fleet.sound(serial)
        else:
            self._fleet.fault(serial, failure)

    def _make_fleet(self, rooms: contextlib.ExitStack) -> Devices:
        from farm.fleet.desk import Desk
        from farm.fleet.fleet import Fleet
        from farm.run.keepers import Keepers

        def prove(device: AdbDevice, abi: str, is_virtual: bool, check: Callable[[], None]) -> Golden:
            from farm.run import golden  # brings what runs need: only when a device is enrolled

            return golden.prove(device, abi, virtual=is_virtual, artifacts=self.artifacts, data=self.data, check=check)

        fleet = Fleet(
            self.settings,
            self._known,
            self._dispatcher.leased,
            prove=prove,
            changed=self._dispatcher.wake,
            report_bug=self.report_bug,
        )
        self._keepers = Keepers(
            self.settings,
            self._known,
            devices=fleet.devices,
            leased=self._dispatcher.leased,
            wanted=lambda: {run.serial for run in self._state.queued() if run.serial},
            report_bug=self.report_bug,
        )
        rooms.callback(self._keepers.stop, STOP_S)
        self._desk = Desk(fleet, lambda: {lease.serial: lease.run for lease in self._state.leases()})
        return fleet

    def _make_executor(self, listener: Listener) -> LocalExecutor:
        perform = self._perform
        if perform is None:
            from farm.run.keepers import enrolled
            from farm.run.perform import make_perform

            perform = make_perform(self.settings, self.artifacts, lambda serial: enrolled(self._known, serial))
        return LocalExecutor(perform, listener, self.report_bug)

    def _report(self, job: Job) -> Path:
        folder = self.data / "reports" / str(job.job)
        folder.mkdir(parents=True, exist_ok=True)
        if self._write_report is not None:
            return self._write_report(job, folder)
        from farm.report import html

        return html.write(job, folder)

    # what REST asks for

    @property
    def state(self) -> State:
        """The state file, for what only reads it."""
        return self._state

    @property
    def known(self) -> Store:
        """What is stored of devices."""
        return self._known

    def seen(self) -> list[Device]:
        """Every device, as the last look showed it."""
        return self._fleet.devices()

    def health(self) -> Health:
        """Who is there."""
        return Health(pid=os.getpid())

    def ready(self) -> Ready:
        """Whether the lab can work, asked now."""
        return ready(self.settings, lambda: self._looked if self._working else None)

    def devices(self) -> list[DeviceView]:
        """Every device, looked at now, and the run that holds it."""
        return self.views(self._fleet.refresh())

    def views(self, devices: list[Device]) -> list[DeviceView]:
        """Devices with the runs that hold them."""
        runs = {lease.serial: lease.run for lease in self._state.leases()}
        return [DeviceView.of(d, runs.get(d.serial)) for d in devices]

    @property
    def desk(self) -> Desk:
        """What people do with devices.

        Raises:
            NotFoundError: the fleet was given, and has none.
        """
        if self._desk is None:
            raise NotFoundError("this lab has no desk", where="devices", remedy="its devices were laid out by hand")
        return self._desk

    def is_stopping(self) -> bool:
        """Whether streams should end."""
        return self._stopping.is_set()

    def report_bug(self, name: str, text: str) -> str:
        """Write the full report of an error of ours; its path. The newest of a name is kept."""
        file = self.data / "bugs" / f"{name}.txt"
        log.error("bug in %s, see %s", name, file)
        try:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, "utf-8")
        except OSError:  # no room even for this
            sys.stderr.write(text)
        return str(file)
