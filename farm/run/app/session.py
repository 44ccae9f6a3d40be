"""One play of the frames by an app: from its files as they were to its captures on this computer."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.assess import sensors
from farm.capture.container import MAGIC
from farm.capture.info import info
from farm.capture.recover import recover
from farm.errors import AppError, CaptureError, FarmError, InputsError
from farm.fleet.adb import PushItem
from farm.run import stage
from farm.run.app import place as places
from farm.run.app.package import Package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from farm.fleet.adb import AdbDevice
    from farm.run.app.place import Place
    from farm.run.evidence import Trail
    from farm.store.artifacts import ArtifactStore
    from farm.submission import App, InputFrame, Submission

POLL_S = 0.5
SETTLE_S = 1.0
"""After a death, until its report is in the log."""
LIST = "frames.tsv"
"""Names of the frames in the order in which they are to be played, below the column's name."""
NAME_BYTES = 240
"""Of a file's name, less than Linux's 255: a tensor's number comes behind it."""
SAID_LINES = 6
"""Of the log, in the error; the run's evidence has more."""


@dataclass
class Session:
    """One. `folder` is this run's on the device, `home` one of this computer's that lasts as long."""

    device: AdbDevice
    app: App
    submission: Submission
    artifacts: ArtifactStore
    folder: str
    home: Path
    run: str
    tell: Callable[[str, int, int], None]
    check: Callable[[], None]
    trail: Trail
    captures: list[tuple[str, Path]] = field(default_factory=list)
    """Name and file of those that were pulled, whether the play went well or not: `app`, then `app 2`, ..."""
    notes: dict[str, str] = field(default_factory=dict)
    """For the run's conditions."""
    pushed: int = 0

    def play(self) -> None:
        """Put the frames there, start the app, wait for the end of its capture, end the app, take its captures home.

        Raises:
            AppError: it is not there, cannot be reached or started, died, or took too long.
            InputsError: a frame's name is none that a file can have.
            FarmError: what the device or its connection did.
        """
        package = Package(self.device, self.app.package)
        package.demand()
        activity = self.app.activity
        component = f"{package.name}/{activity}" if activity else package.launcher()
        package.stop()
        place = places.find(package)
        self.notes |= {"app": component, "files by": "run-as" if place.private else "external storage"}
        files = self.staged() if self.submission.frames else []
        place.clear()
        try:
            if files:
                place.put(files, lambda done: self.tell("copy frames", done, len(files)))
            self.trail.begin_pass()
            self._run(package, component, place)
        finally:
            with contextlib.suppress(FarmError):  # a device that is gone is left as it is
                package.stop()
                place.clear()

    def staged(self, others: Sequence[stage.Blob] = ()) -> list[tuple[str, str]]:
        """The frames' files on the device, and how the app is to find them called; `others` by their hashes."""
        blobs, files = [*others], [(blob.remote, blob.sha256) for blob in others]
        for frame in self.submission.frames:
            for name, sha256 in files_of(frame):
                path = self.artifacts.path(sha256)
                blob = stage.Blob.of_file(path, sha256)
                blobs.append(blob)
                files.append((blob.remote, name))
        size = sum(blob.size for blob in blobs)
        self.pushed = stage.stage(self.device, blobs, room=size, progress=lambda done, of: self.tell("stage", done, of))
        more = {LIST: "".join(f"{name}\n" for name in ("frame", *(f.name for f in self.submission.frames))).encode()}
        if self.app.sensors:
            more[sensors.FILE] = self.artifacts.read(self.app.sensors)
        stage.make_folder(self.device, self.folder)
        self.device.push([_item(f"{self.folder}/{name}", data) for name, data in more.items()], stage.DEADLINE_S)
        return [*files, *((f"{self.folder}/{name}", name) for name in more)]

    def _run(self, package: Package, component: str, place: Place) -> None:
        extras = {"exray.out": place.capture, "exray.run": self.run}
        if self.submission.frames:
            extras["exray.frames"] = place.frames
        self.tell("app", 0, 0)
        package.start(component, extras)
        pid = package.pid()
        try:
            self._wait(package, place, pid)
        except AppError as e:
            said = package.log().splitlines()[-SAID_LINES:]
            self.pull(place)
            raise AppError(
                f"{e.message}; {self._left()}; its log: {' | '.join(said) or 'nothing'}", where=e.where, remedy=e.remedy
            ) from e
        self.pull(place)

    def _wait(self, package: Package, place: Place, pid: int | None) -> None:
        """Until the capture is whole."""
        over = time.monotonic() + self.submission.pass_timeout_s
        while True:
            lives = package.pid() is not None  # before the capture: an app may end it and go
            if whole(place.end(place.capture, 2 * len(MAGIC))):
                return
            if not lives:
                time.sleep(SETTLE_S)
                raise AppError(
                    f"died (process {pid})" if pid is not None else "died as soon as it was started", where=package.where,
                    remedy="farm diagnose JOB/RUN looks at what it logged; farm show has the device's log",
                )  # fmt: skip
            if time.monotonic() > over:
                raise AppError(
                    f"has not ended its capture after {self.submission.pass_timeout_s:g} s", where=package.where,
                    remedy=f"have it close the capture named by the extra exray.out after the last frame ({LIST}); or --timeout",
                )  # fmt: skip
            self.check()
            time.sleep(POLL_S)

    def pull(self, place: Place) -> None:
        """Take the captures home that are there."""
        for number, path in enumerate(place.captures(), 1):
            local = self.home / f"{number}.mcap"
            got = 0

            def count(more: int) -> None:
                nonlocal got
                got += more
                self.tell("pull captures", got, 0)

            if not place.pull(path, local, count):
                continue
            self.captures.append(("app" if not self.captures else f"app {len(self.captures) + 1}", _mended(local)))

    def _left(self) -> str:
        """What came home."""
        if not self.captures:
            return "it left no capture"
        try:
            found = info(self.captures[0][1])
        except CaptureError as e:
            return f"its capture cannot be read ({e.message})"
        return f"{found.invocations} frames of its capture are whole"


def told_missing(asked: Submission, played: Submission) -> tuple[str, ...]:
    """In words, the frames that the app did not log in full."""
    have = {frame.name for frame in played.frames}
    missing = [frame.name for frame in asked.frames if frame.name not in have]
    told = f"the app logged {len(have)} of {len(asked.frames)} frames in full, not {', '.join(missing[:3])}"
    return (told + (", ..." if len(missing) > 3 else ""),) if missing else ()


def files_of(frame: InputFrame) -> Iterator[tuple[str, str]]:
    """Names and hashes of the files of a frame.

    Raises:
        InputsError: the name is none that a file can have.
    """
    long = len(frame.name.encode("utf-8", "replace")) > NAME_BYTES
    if "/" in frame.name or not frame.name.isprintable() or long or frame.name in {"", ".", "..", LIST, sensors.FILE}:
        raise InputsError(
            f"{frame.name[:80]!r} is no name of a file", where="the frames of an app", remedy="rename the frame"
        )
    for number, sha256 in enumerate(frame.sha256):
        yield frame.name if len(frame.sha256) == 1 else f"{frame.name}-{number}.npy", sha256


def _item(remote: str, data: bytes) -> PushItem:
    return PushItem(remote, lambda: [data])


def whole(end: bytes) -> bool:
    """Whether a file ends as a capture that was closed does; its first bytes alone are the same."""
    return len(end) == 2 * len(MAGIC) and end.endswith(MAGIC)


def _mended(local: Path) -> Path:
    """The file, or where it was cut off what is whole of it, as a capture that everybody can open."""
    with local.open("rb") as file:
        file.seek(max(0, local.stat().st_size - 2 * len(MAGIC)))
        if whole(file.read()):
            return local
    mended = local.with_suffix(".recovered.mcap")
    try:
        recover(local, mended)
    except CaptureError:  # cut off inside its header: nothing can be made of it, and it is kept as it is
        return local
    return mended
