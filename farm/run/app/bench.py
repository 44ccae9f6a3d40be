"""The farm's own app on a device, with the agent inside: the context in which users' apps run a model.

Files go into the app's folder and come from there, as they do for a user's app (farm/run/app/place.py). The agent's options are
extras of `am instrument` here: `--threads 4` is `-e threads 4`, `--label a=b` is `-e label.a b`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from farm.android.commands import packages
from farm.builds import BENCH
from farm.errors import AdbError, AppError, BugError, FarmError, InfrastructureError
from farm.fleet import install
from farm.fleet.adb import PushItem
from farm.run import holder, passes, stage
from farm.run.app import place as places
from farm.run.app.instrument import OK, Output
from farm.run.app.package import Package
from farm.run.seat import Seat, ShellSeat
from farm.store.artifacts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from farm.fleet.adb import AdbDevice
    from farm.run.app.instrument import Status
    from farm.run.app.place import Place
    from farm.run.passes import Pass
    from farm.run.stage import Blob
    from farm.run.steps import Row
    from farm.submission import Submission

RUNNER = f"{BENCH}/.Runner"
PROBE_S = 60.0
MISSING = "Unable to find instrumentation"
DIED = "farm show has the device's log; --context shell tells whether it is the model or the app"


class BenchSeat(Seat):
    """The agent in the farm's app. `through` is the run's own folder under /data/local/tmp."""

    context = "app"

    def __init__(self, device: AdbDevice, through: str, file: Path) -> None:
        self._device = device
        self._through = through
        self._package = Package(device, BENCH)
        installed = install.ensure(device, file)
        self._package.stop()
        self._place = place_of(self._package)
        self._place.clear()
        self.folder = self._place.frames
        self.lock = f"{self._place.folder}/exray/agent.lock"
        self.notes = {
            "app": f"{BENCH} {installed.version_name}".rstrip(),
            "apk": sha256_of(file)[:12],
            "files by": "run-as" if self._place.private else "external storage",
            "memory": "RSS of the app's process",
        }
        """For the run's conditions."""
        if installed.replaced:
            self.notes["app replaced"] = installed.replaced

    def bring(
        self,
        blobs: Sequence[Blob],
        lease: int,
        tell: Callable[[str, int, int], None],
        named: Sequence[tuple[str, Blob]] = (),
    ) -> None:
        """Copy staged files into the app's folder, verified there; no agent of the shell's goes on beside it.

        `named` are those that others look for by a name, which may begin with a folder.

        Raises:
            AdbError: what arrived is not what was sent.
            StorageError: there is no room for them.
        """
        holder.end(self._device, ShellSeat.lock, lease)
        wanted = {blob.sha256: blob for blob in blobs} | dict(named)
        files = [(blob.remote, name) for name, blob in wanted.items()]
        tell("copy files", 0, len(files))
        self._place.put(files, lambda done: tell("copy files", done, len(files)))
        there = self._place.digests([name for _, name in files])
        if wrong := [name for name, blob in wanted.items() if there.get(name) != blob.sha256]:
            raise AdbError(
                f"{len(wrong)} of {len(files)} files arrived with other bytes",
                where=f"{self._device.serial}: {self._place.frames}", remedy="is the device's storage sound?",
            )  # fmt: skip

    def path(self, blob: Blob) -> str:
        """In the app's folder."""
        return f"{self.folder}/{blob.sha256}"

    def listing(self, title: str, rows: Sequence[Row]) -> str:
        """In the app's folder, through the run's."""
        name, content = f"{title}.frames", passes.frame_list(rows, self.path)
        remote = f"{self._through}/{name}"
        self._device.push([PushItem(remote, lambda: [content])], stage.DEADLINE_S)
        self._place.put([(remote, name)], lambda _: None)
        return f"{self._place.frames}/{name}"

    def capture(self, title: str) -> str:
        """In the app's folder."""
        return f"{self._place.folder}/exray-{title}.mcap"

    def run(
        self,
        work: Pass,
        submission: Submission,
        progress: Callable[[int, int], None],
        check: Callable[[], None],
        heard: Callable[[bytes], None],
    ) -> None:
        """One `am instrument`; the app is ended before and after it."""
        arguments = extras("run", passes.command(work, submission)[2:])
        if submission.sensors:
            arguments["app.sensors"] = ",".join(submission.sensors)
        instrument(
            self._package, arguments, submission.pass_timeout_s, progress, check, heard,
            f"{self._package.where}: pass {work.name}",
        )  # fmt: skip

    def pull(self, remote: str, local: Path) -> int:
        """As any file of the app's."""
        return self._place.pull(remote, local)

    def end(self) -> None:
        """Leave nothing running and no file there; the app stays. A device that is gone is left as it is."""
        with contextlib.suppress(FarmError):
            self._package.stop()
            self._place.clear()


def instrument(
    package: Package,
    arguments: Mapping[str, str],
    deadline_s: float,
    progress: Callable[[int, int], None],
    check: Callable[[], None],
    heard: Callable[[bytes], None],
    where: str,
) -> None:
    """One `am instrument` to its end; `check` is called at least once a second, and what it raises ends the app.

    Raises:
        FarmError: what the app or Android said went wrong, as the class it belongs to.
    """
    told = Output(lambda status: _progress(status, progress))
    package.stop()
    try:
        done = package.device.send(
            packages.instrument(RUNNER, arguments), deadline_s, on_stdout=told.feed, on_stderr=heard, on_idle=check
        )
    finally:  # it would go on measuring for nobody
        with contextlib.suppress(InfrastructureError):
            package.stop()
    told.end()
    error = failure(told, done.stderr, where)
    if error is not None:
        heard(str(error).encode())
        raise error


def extras(command: str, arguments: Sequence[str]) -> dict[str, str]:
    """The agent's options as `am instrument` takes them.

    Raises:
        BugError: they do not come in pairs of `--option VALUE`.
    """
    found = {"command": command}
    pairs = list(zip(arguments[::2], arguments[1::2], strict=False))
    if len(arguments) % 2 or not all(option.startswith("--") for option, _ in pairs):
        raise BugError(f"options that are no pairs: {' '.join(arguments)}", where=RUNNER, remedy="please report it")
    for option, value in pairs:
        name = option.removeprefix("--")
        if name == "label":
            label, _, value = value.partition("=")  # noqa: PLW2901  # the one option that comes often
            name = f"label.{label}"
        found[name] = value
    return found


def failure(told: Output, stderr: bytes, where: str) -> FarmError | None:
    """What went wrong with an instrumentation that is over; None: nothing."""
    result = told.result
    if result is not None and result.code == OK:
        status = result.values.get("exit", "")
        if status == "0":
            return None
        if not status.isdigit():
            return BugError(
                "ended without the agent's status", where=where, remedy="please report it, with farm bundle"
            )
        error = result.values.get("error", "").partition("\n")[0]
        return passes.agent_error(error.encode(), int(status), where)
    if result is not None and "shortMsg" in result.values:
        more = result.values.get("longMsg", "")
        short = result.values["shortMsg"]
        return AppError(f"crashed: {short}{f' ({more})' if more not in {'', short} else ''}", where=where, remedy=DIED)
    if told.error.startswith(MISSING):
        return AppError(
            f"the app that is installed is not the farm's: {told.error}", where=where,
            remedy="[app] apk in farm.toml has to be a build of android_app/; ./run apk makes one",
        )  # fmt: skip
    said = told.error or " ".join(told.wrong) or told.said.strip() or stderr.decode("utf-8", "replace").strip()
    return InfrastructureError(
        f"am instrument ended without a result: {said[-300:] or 'it said nothing'}", where=where,
        remedy="unlock the device and look at its log: farm show",
    )  # fmt: skip


def place_of(package: Package) -> Place:
    """The app's folder. One that may not be entered by run-as has none before the app ran once."""
    try:
        return places.find(package)
    except AppError:
        package.device.send(packages.instrument(RUNNER, extras("probe", ())), PROBE_S)
        package.stop()
        return places.find(package)


def _progress(status: Status, progress: Callable[[int, int], None]) -> None:
    done, mark, of = status.values.get("progress", "").partition("/")
    if mark and done.isdecimal() and of.isdecimal():
        progress(int(done), int(of))
