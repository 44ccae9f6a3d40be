"""What the fleet does with one device at a time: ask what it is, whether it lives, how it fares; enrol it; reboot it.

Each visit talks to the device without a lock, and writes down what it heard under the fleet's.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from farm.android.commands import battery, life, properties, thermal
from farm.errors import DeadlineError, FarmError, InfrastructureError
from farm.fleet import enrolment
from farm.fleet.standing import Gates, Vitals, gates

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from farm.fleet.adb import AdbDevice
    from farm.fleet.enrolment import Golden
    from farm.fleet.known import Known
    from farm.settings import Settings
    from farm.store.devices import Devices

    Prove = Callable[[AdbDevice, str, bool, Callable[[], None]], Golden]
    """Device, ABI, whether it is virtual, and what is called in between and raises when it must end."""

SIGN = "farm-lives"
BOOT_LOOK_S = 2.0
LEAVE_S = 60.0
"""For a phone to go down after it was told to reboot."""
BOOT_S = 300.0
BACK_OFF_S = 600.0
ABIS = frozenset({"arm64-v8a", "armeabi-v7a", "armeabi", "x86_64", "x86", "riscv64"})
BAD = frozenset({"differs", "crashed"})


class StoppedError(InfrastructureError):
    """The fleet shuts down."""


class Visits:
    """`lock` guards every Known; `handle` makes what talks to one; `prove` runs the golden model, if there is one to run."""

    def __init__(
        self,
        settings: Settings,
        store: Devices,
        lock: threading.RLock,
        handle: Callable[[str], AdbDevice],
        prove: Prove | None,
        stopping: threading.Event,
    ) -> None:
        self._limits = settings.fleet
        self._deadline_s = settings.adb.deadline_s
        self._store = store
        self._lock = lock
        self._handle = handle
        self._prove = prove if settings.fleet.golden else None
        self._stopping = stopping

    def greet(self, known: Known) -> None:
        """Ask a device that came what it is, and how it fares."""
        try:
            told = self._handle(known.serial).properties(self._deadline_s)
        except FarmError as e:
            self._silent(known, e)
            return
        with self._lock:
            known.probed = time.monotonic()
            if told.get("ro.product.cpu.abi") not in ABIS:
                known.answers, known.silent = False, "getprop prints nothing that can be read"
                return
            known.answers, known.silent, known.properties = True, "", told
            if told.get("sys.boot_completed", "1") != "1":
                known.task, known.greet_at = "booting", time.monotonic() + BOOT_LOOK_S
                return
            if known.task == "booting":
                known.task = ""
        kept = {name: told[name] for name in enrolment.KEPT if name in told}
        self._store.seen(known.serial, known.host, kept)
        self._ask_vitals(known)
        with self._lock:
            known.greeted = True

    def probe(self, known: Known) -> None:
        """Ask for a sign of life, and now and then for battery and heat."""
        device = self._handle(known.serial)
        try:
            said = device.ask(life.echo(SIGN), self._limits.answer_s)
        except FarmError as e:
            self._silent(known, e)
            return
        with self._lock:
            known.probed = time.monotonic()
            known.answers = said == SIGN
            known.silent = "" if known.answers else f"its shell answered {said[:40]!r}"
            due = known.vitals_at is None or time.monotonic() - known.vitals_at >= self._limits.vitals_s
        if due and known.answers:
            self._ask_vitals(known)

    def enrol(self, known: Known) -> None:
        """Ask a device all that is kept of it, have it prove its arithmetic, and write that down."""
        device = self._handle(known.serial)
        with self._lock:
            properties, known.task = known.properties, "enrolled"
        try:
            found = enrolment.ask(device, properties)
            if self._prove is not None:
                abi = properties.get("ro.product.cpu.abi", "")
                golden = self._prove(device, abi, known.is_virtual, self._check)
                found = found.model_copy(update={"golden": golden})
            self._store.enrolled(known.serial, found.model_dump_json())
            if found.golden.parity in BAD:
                reason = f"golden model: {found.golden.detail}"
                self._store.needs_human(known.serial, reason)
            elif known.heal:
                self._store.release(known.serial)
            with self._lock:
                known.heal, known.problem, known.tries = False, "", 0
        except StoppedError:
            raise
        except FarmError as e:
            with self._lock:
                known.tries += 1
                known.retry_at = time.monotonic() + min(BACK_OFF_S, self._limits.probe_s * 2.0 ** min(known.tries, 10))
                if known.state == "device":  # else it left, and is enrolled when it is back
                    known.problem = f"cannot be enrolled: {e}"
            raise
        finally:
            with self._lock:
                known.task = ""

    def reboot(self, known: Known) -> None:
        """Reboot a device and wait until it has booted. Its lease and its reservation stay.

        Raises:
            DeadlineError: it did not go down, or did not come back. Also what the request to reboot raises.
        """
        device = self._handle(known.serial)
        with self._lock:
            known.task, known.greeted = "rebooted", False
        try:
            began = time.monotonic()
            services = [f"host:transport:{device.serial}", "reboot:"]
            with device.server.open(services, self._deadline_s, known.serial) as connection:
                connection.read(1)  # nothing comes, but who hangs up too soon is not heard
            # First it must go: adb still says `device` of a phone that is on its way down.
            self._wait(known, lambda: known.state != "device" or (known.left or 0) > began, LEAVE_S, "did not go down")
            self._wait(known, lambda: known.state == "device" and self._booted(device), BOOT_S, "did not come back")
            self._store.note([(known.serial, "rebooted", f"{time.monotonic() - began:.0f} s")])
        except FarmError as e:
            self._store.note([(known.serial, "reboot failed", e.message)])
            raise
        finally:
            with self._lock:
                known.task, known.greeted, known.greet_at = "", False, 0.0

    def _booted(self, device: AdbDevice) -> bool:
        with contextlib.suppress(FarmError):
            return device.ask(properties.booted(), self._limits.answer_s)
        return False

    def _wait(self, known: Known, holds: Callable[[], bool], seconds: float, otherwise: str) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise DeadlineError(f"{otherwise} within {seconds:g} s", where=known.serial, remedy="look at it")
            self._check()
            time.sleep(0.05)

    def _ask_vitals(self, known: Known) -> None:
        device, told = self._handle(known.serial), Vitals()
        with contextlib.suppress(FarmError):
            found = device.ask(battery.dump(), self._deadline_s)
            told = Vitals(found.level, found.temperature_c, None, found.frozen)
            heat = device.ask(thermal.dump(), self._deadline_s)
            told = Vitals(told.level, told.battery_c, heat.status, told.frozen)
        with self._lock:
            known.vitals, known.vitals_at = told, time.monotonic()
            known.gates = gates(told, known.gates, self._limits) if told != Vitals() else Gates()

    def _silent(self, known: Known, error: FarmError) -> None:
        with self._lock:
            known.probed = time.monotonic()
            known.greet_at = known.probed + self._limits.probe_s
            if known.state == "device":
                known.answers, known.silent = False, error.message

    def _check(self) -> None:
        if self._stopping.is_set():
            raise StoppedError("the fleet shuts down", remedy="it goes on with the next daemon")
