"""The devices there are: followed, asked, reconnected, enrolled; and where each of them stands.

adb tells who comes and goes (farm.fleet.track), the fleet asks who lives (farm.fleet.visits), a pure function says what that
makes of a device (farm.fleet.standing). An adb server is started when it is gone, and never killed.
"""

from __future__ import annotations

import functools
import os
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from farm import virtual
from farm.errors import FarmError
from farm.fleet import hosts
from farm.fleet.crew import Crew
from farm.fleet.emulators import Emulators
from farm.fleet.known import ABSENT, Known
from farm.fleet.standing import human
from farm.fleet.track import Tracker
from farm.fleet.visits import Visits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from farm.fleet.adb import AdbDevice
    from farm.fleet.device import Device
    from farm.fleet.visits import Prove
    from farm.report.document import Failure
    from farm.settings import Settings
    from farm.store.devices import Devices

T = TypeVar("T")
STOP_S = 1.0
TICK_S = 0.5
HANDS = 32
"""Devices asked, or connected to, at once."""
SEEN_S = 60.0
"""Between two writes of who answered."""
CONNECT_LATEST_S = 60.0
RECENT_S = 2.0
NOT_THE_DEVICES = frozenset({"canceled", "conditions", "daemon", "lease-lost", "no-device", "stopping"})
"""Errors of the lab that say nothing of a device."""


class Fleet:
    """A view of the devices, kept fresh between `start` and `stop`.

    `leased` names the serials in use: those are not asked anything, since a question costs the run its quiet. `prove` runs the
    golden model. `changed` is called, from any thread, after some device's standing changed.
    """

    def __init__(
        self,
        settings: Settings,
        store: Devices,
        leased: Callable[[], Collection[str]] = frozenset,
        *,
        prove: Prove | None = None,
        changed: Callable[[], None] = lambda: None,
        report_bug: Callable[[str, str], object] | None = None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.servers = hosts.servers(settings)
        self._leased = leased
        self._changed = changed
        self._notes = {note.serial: note for note in settings.device}
        self._virtual_folder = settings.data / "virtual"
        self._lock = threading.RLock()
        self._known: dict[str, Known] = {}
        self._told: dict[str, tuple[str, str]] = {}
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._started = False
        self._crew = Crew(HANDS, report_bug)
        self._connects = Crew(HANDS, report_bug)
        self._enrolments = Crew(max(2, os.cpu_count() or 2), report_bug)
        self._reboots = Crew(HANDS, report_bug)
        self._report_bug = report_bug
        self._visits = Visits(settings, store, self._lock, self.handle, prove, self._stopping)
        self._trackers = [
            Tracker(server, name, functools.partial(self._heard, name)) for name, server in self.servers.items()
        ]
        self._emulators = Emulators(settings, self._emulator_problem)
        self._thread = threading.Thread(target=self._watch, name="fleet", daemon=True)
        self._looked = -RECENT_S
        self._looked_for_virtual = self._wrote_seen = 0.0
        for row in store.rows().values():
            adb_serial, host = hosts.split(row.serial, self.servers)
            self._known[row.serial] = Known(row.serial, host, adb_serial, properties=row.properties)

    def handle(self, serial: str) -> AdbDevice:
        """What talks to the device of this serial, on whichever server it is."""
        return hosts.handle(self.settings, serial)

    def devices(self) -> list[Device]:
        """Every device as it stands now; nothing is asked."""
        leased = self._leased()  # before the lock: whoever answers may hold one of its own
        rows = self.store.rows()
        with self._lock:
            return [
                known.device(
                    rows.get(known.serial),
                    self._notes.get(known.serial),
                    leased=known.serial in leased,
                    enrols=self._started,
                    debounce_s=self.settings.fleet.debounce_s,
                )
                for _, known in sorted(self._known.items())
                if known.state != ABSENT or known.serial in rows or known.trouble
            ]

    def device(self, serial: str) -> Device | None:
        """One of them."""
        return next((d for d in self.devices() if d.serial == serial), None)

    def recent(self) -> list[Device]:
        """As `devices`; a fleet that is not at work looks first, unless it just has."""
        if self._started or time.monotonic() - self._looked < RECENT_S:
            return self.devices()
        return self.refresh()

    def start(self) -> None:
        """Look once, then go on looking. Twice is once.

        Raises:
            AdbError: the adb server of [adb] cannot be reached or started.
        """
        with self._lock:
            if self._started:
                return
            self._started = True
        try:
            self.refresh()
        except BaseException:
            self._started = False
            raise
        for tracker in self._trackers:
            tracker.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop looking. A question to a frozen phone ends at its own deadline; nobody waits for that."""
        self._stopping.set()
        self._wake.set()
        for tracker in self._trackers:
            tracker.stop()
        if self._thread.ident is not None:
            self._thread.join(STOP_S)
            for tracker in self._trackers:
                tracker.join(STOP_S)
        self._emulators.stop()
        deadline = time.monotonic() + STOP_S
        for crew in (self._enrolments, self._reboots, self._connects, self._crew):
            crew.stop(max(0.0, deadline - time.monotonic()))

    def refresh(self) -> list[Device]:
        """Look now: who is attached, who answers. Virtual phones that are up, and known TCP devices, are attached first.

        Raises:
            AdbError: the adb server of [adb] cannot be reached or started.
        """
        broken = _at_once(self._look, self.servers)
        if "" in broken:
            raise broken[""]
        lost = [known for known in self._lost(time.monotonic()) if not self._connects.busy(known.serial)]
        if lost:
            _at_once(self._connect, lost)
            _at_once(self._look, {known.host for known in lost})
        leased = self._leased()
        with self._lock:
            there = [k for k in self._known.values() if k.state == "device" and k.serial not in leased and not k.task]
        _at_once(lambda known: (self._visits.probe if known.greeted else self._visits.greet)(known), there)
        self._looked = time.monotonic()
        return self.devices()

    # what others learned of a device

    def fault(self, serial: str, failure: Failure) -> None:
        """A run failed there: errors of the infrastructure are counted, and too many in a row mean quarantine."""
        if failure.kind != "infrastructure" or failure.code in NOT_THE_DEVICES:
            return
        reason = f"{failure.where}: {failure.message}" if failure.where else failure.message
        count = self.store.fault(serial, reason)
        row = self.store.get(serial)
        if human(failure.message):
            self.needs_human(serial, reason)
        elif count >= self.settings.fleet.quarantine_after and row is not None and not row.quarantine:
            self.quarantine(serial, f"{count} infrastructure errors in a row, the last: {reason}")

    def sound(self, serial: str) -> None:
        """A run ended well there: errors are counted anew."""
        self.store.sound(serial)

    def needs_human(self, serial: str, reason: str) -> None:
        """Only a person can help; nothing runs there until `heal`."""
        self.store.needs_human(serial, reason)
        self._wake.set()

    def quarantine(self, serial: str, reason: str) -> None:
        """Nothing runs there until `heal`, also after a restart."""
        self.store.quarantine(serial, reason)
        self._wake.set()

    # what users have it do; farm.fleet.desk says who may

    def heal(self, serial: str) -> None:
        """Ask it anew, enrol it anew, and release it when that went well. Returns at once."""
        with self._lock:
            known = self._known[serial]
            known.heal, known.problem, known.tries, known.retry_at = True, "", 0, 0.0
            known.greeted, known.greet_at, known.answers = False, 0.0, True
        self._wake.set()

    def reboot(self, serial: str) -> None:
        """Reboot it. Returns at once; its `task` is `rebooted` until it is back or was given up."""
        with self._lock:
            known = self._known[serial]
            known.task = "rebooted"
        if not self._reboots.do(serial, lambda: self._visits.reboot(known)):
            known.task = ""

    def healing(self, serial: str) -> bool:
        """Whether `heal` is not over yet; one that failed is tried again, but that is another matter."""
        with self._lock:
            known = self._known.get(serial)
            return known is not None and known.heal and not known.problem and known.state == "device" and known.answers

    def forget(self, serial: str) -> None:
        """Know nothing of it any more. One that is attached is met as if for the first time."""
        self.store.forget(serial)
        with self._lock:
            known = self._known.pop(serial, None)
            if known is not None and known.state != ABSENT:
                fresh = self._meet(known.host, known.adb_serial)
                fresh.hear(known.state, time.monotonic(), 0.0)
        self._wake.set()

    # inside

    def _meet(self, host: str, adb_serial: str) -> Known:
        serial = hosts.join(adb_serial, host)
        return self._known.setdefault(serial, Known(serial, host, adb_serial))

    def _heard(self, host: str, states: dict[str, str] | None) -> None:
        """A server's list; None: the server is gone, and with it every device."""
        if self._stopping.is_set():
            return
        now, debounce_s = time.monotonic(), self.settings.fleet.debounce_s
        with self._lock:
            for adb_serial, state in (states or {}).items():
                self._meet(host, adb_serial).hear(state, now, debounce_s)
            for known in self._known.values():
                if known.host == host and known.adb_serial not in (states or {}):
                    known.hear(ABSENT, now, debounce_s)
                    known.silent = "" if states is not None else f"{self.servers[host].where} does not answer"
        self._wake.set()

    def _look(self, host: str) -> None:
        self.servers[host].ensure()
        self._heard(host, self.servers[host].states(self.settings.adb.deadline_s))

    def _lost(self, now: float) -> list[Known]:
        """Devices on TCP that adb has lost, or does not know; a moment's absence is not counted."""
        up = {phone.serial for phone in virtual.listed(self._virtual_folder)}
        debounce_s = self.settings.fleet.debounce_s
        rows, leased = self.store.rows(), self._leased()
        with self._lock:
            for adb_serial in up:
                self._meet("", adb_serial)
            absent = [k for k in self._known.values() if k.state == ABSENT and k.serial not in up and not k.trouble]
            # A virtual phone that has ended does not come back; who left without having said a word is nobody.
            ended = [k for k in absent if k.serial not in rows or (k.is_virtual and k.serial not in leased)]
            for known in ended:
                del self._known[known.serial]
            lost = [
                known
                for known in self._known.values()
                if known.is_endpoint
                and known.connect_at <= now
                and (known.serial in up or not known.is_virtual)
                and (known.state == ABSENT or (known.state == "offline" and now - (known.left or 0.0) >= debounce_s))
            ]
        for known in ended:
            if known.serial in rows:
                self.store.forget(known.serial)
        return lost

    def _connect(self, known: Known) -> None:
        server = self.servers[known.host]
        with self._lock:
            known.connect_tries += 1
            pause = min(CONNECT_LATEST_S, self.settings.adb.poll_s * 2.0 ** min(known.connect_tries - 1, 10))
            known.connect_at = time.monotonic() + pause
            stale = known.state == "offline"
        if stale:
            server.disconnect(known.adb_serial)  # or adb says that it is connected already
        server.connect(known.adb_serial, self.settings.adb.deadline_s)

    def _emulator_problem(self, serial: str, problem: str) -> None:
        with self._lock:
            self._meet("", serial).trouble = problem
        self._wake.set()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                self._tick(time.monotonic())
            except FarmError:
                pass  # a full disk, say: the next tick may do better
            except Exception as e:  # one device's nonsense must not stop the watch over the others
                if self._report_bug is not None:
                    import traceback

                    self._report_bug("fleet", "".join(traceback.format_exception(e)))
            self._wake.wait(TICK_S)
            self._wake.clear()

    def _tick(self, now: float) -> None:
        if now - self._looked_for_virtual >= self.settings.adb.poll_s:
            self._looked_for_virtual = now
            for known in self._lost(now):
                self._connects.do(known.serial, functools.partial(self._connect, known))
        self._emulators.look({k.adb_serial: k.state for k in list(self._known.values()) if not k.host})
        leased = self._leased()
        for known in list(self._known.values()):
            if known.state == "device" and known.serial not in leased and not self._stopping.is_set():
                self._visit(known, now)
        self._note_changes()
        if now - self._wrote_seen >= SEEN_S:
            self._wrote_seen = now
            self.store.seen_all(k.serial for k in list(self._known.values()) if k.state == "device" and k.answers)

    def _visit(self, known: Known, now: float) -> None:
        """Whatever this device is due for."""
        if self._enrolments.busy(known.serial) or self._reboots.busy(known.serial):
            return
        limits = self.settings.fleet
        # Spread over time: devices that came together are not asked together.
        pause = limits.probe_s * (0.75 + 0.25 * (zlib.crc32(known.serial.encode()) % 100) / 100)
        if not known.greeted:
            if known.greet_at <= now:
                self._crew.do(known.serial, functools.partial(self._visits.greet, known))
        elif known.answers and known.retry_at <= now and known.lacks_enrolment(self.store.get(known.serial)):
            self._enrolments.do(known.serial, functools.partial(self._visits.enrol, known))
        elif now - known.probed >= (pause if known.answers else min(pause, limits.answer_s)):
            self._crew.do(known.serial, functools.partial(self._visits.probe, known))

    def _note_changes(self) -> None:
        """Tell whoever waits that a standing changed, and write down those that are of note."""
        happened = []
        now_told: dict[str, tuple[str, str]] = {}
        for device in self.devices():
            standing = device.standing
            if standing is None:
                continue
            now_told[device.serial] = (device.state, standing.condition)
            before = self._told.get(device.serial, ("", ""))[1]
            if before != standing.condition and not {before, standing.condition} <= {"", "ready", "busy"}:
                happened.append((device.serial, standing.condition, standing.reason))
        if now_told == self._told:
            return
        self._told = now_told
        self._changed()
        if happened:
            self.store.note(happened)


def _at_once(do: Callable[[T], object], things: Iterable[T]) -> dict[T, FarmError]:
    """Do it to all of them, each in its own thread; the errors."""
    wanted = list(things)
    errors: dict[T, FarmError] = {}

    def one(thing: T) -> None:
        try:
            do(thing)
        except FarmError as e:
            errors[thing] = e

    if wanted:
        with ThreadPoolExecutor(min(HANDS, len(wanted)), thread_name_prefix="look") as pool:
            list(pool.map(one, wanted))
    return errors
