"""Emulators of farm.toml's [[avd]]: started with the fleet, enrolled as any device once adb has them, stopped with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from farm.sections.devices import Avd
    from farm.settings import Settings

FIRST_PORT = 5554
END_S = 10.0
TAIL_BYTES = 400
OPTIONS = ("-no-window", "-no-audio", "-no-boot-anim")
SDKS = ("ANDROID_HOME", "ANDROID_SDK_ROOT")


def find(environment: Mapping[str, str] = os.environ) -> str | None:
    """The `emulator` program: in PATH, else in the Android SDK."""
    found = shutil.which("emulator", path=environment.get("PATH", ""))
    folders = [Path(environment[name]) / "emulator" for name in SDKS if environment.get(name)]
    return found or next((p for f in folders if (p := shutil.which("emulator", path=str(f)))), None)


def ports(avds: tuple[Avd, ...]) -> list[int]:
    """Each emulator's console port: its own, else the first even one that nobody has."""
    taken = {avd.port for avd in avds if avd.port is not None}
    free = (port for port in range(FIRST_PORT, FIRST_PORT + 4096, 2) if port not in taken)
    return [avd.port if avd.port is not None else next(free) for avd in avds]


class Emulators:
    """`problem` is told a serial and what is wrong with it; empty: nothing any more."""

    def __init__(self, settings: Settings, problem: Callable[[str, str], None]) -> None:
        self._avds = {
            f"emulator-{port}": (port, avd) for port, avd in zip(ports(settings.avd), settings.avd, strict=True)
        }
        self._adb_port = settings.adb.port
        self._problem = problem
        self._running: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
        self._given_up: set[str] = set()
        self._over = False

    def look(self, attached: Mapping[str, str]) -> None:
        """Start those that nobody has started, notice those that ended. One that is attached already is taken as it is."""
        for serial, (port, avd) in self._avds.items():
            running = self._running.get(serial)
            if running is not None and running[0].poll() is not None:
                self._ended(serial, avd, *running)
            elif running is None and serial not in self._given_up and attached.get(serial, "absent") == "absent":
                self._start(serial, port, avd)

    def stop(self) -> None:
        """End those that were started here, with all that they started."""
        self._over = True
        running, self._running = self._running, {}
        for process, _ in running.values():
            _send(process, signal.SIGTERM)
        for process, log in running.values():
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                _send(process, signal.SIGKILL)
                process.wait()
            log.close()

    def _start(self, serial: str, port: int, avd: Avd) -> None:
        program = find()
        if program is None:
            self._give_up(serial, f"the Android SDK's emulator is not in PATH, so {avd.name} cannot be started")
            return
        if self._over:
            return
        log = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the emulator
        try:
            process = subprocess.Popen(
                [program, "-avd", avd.name, "-port", str(port), *OPTIONS, *avd.args],
                env=os.environ | {"ANDROID_ADB_SERVER_PORT": str(self._adb_port)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as e:
            log.close()
            self._give_up(serial, f"{program} cannot be started: {e.strerror}")
            return
        self._running[serial] = (process, log)

    def _ended(self, serial: str, avd: Avd, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
        said = log.read().decode("utf-8", "replace").strip()
        log.close()
        del self._running[serial]
        self._give_up(serial, f"the emulator {avd.name} ended with status {process.returncode}: {said or 'no word'}")

    def _give_up(self, serial: str, why: str) -> None:
        """Until the daemon starts anew: one that cannot start would be started for ever."""
        self._given_up.add(serial)
        self._problem(serial, why)


def _send(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
