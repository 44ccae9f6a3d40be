"""Where an app and the farm leave files for each other, and how the farm gets at them.

An app's own folder, by `run-as`, where the app is debuggable: what is written there is the app's. Else its folder on external
storage, into which the shell copies: `adb push` itself fails there on some phones with Android 11 (fchown is refused).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from farm.android.commands import files
from farm.android.script import all_of, as_app
from farm.errors import AdbError, AppError, StorageError
from farm.fleet.adb import NO_SPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from farm.android.command import Line
    from farm.fleet.adb import AdbDevice
    from farm.run.app.package import Package

T = TypeVar("T")
DEADLINE_S = 60.0
AT_ONCE = 64
"""Files that one command copies."""
PART_BYTES = 8 << 20
"""Of a file that comes home through a shell."""
SLOWEST_BYTES_S = 1 << 20
LIMIT_BYTES = 8 << 30
"""Of a capture."""
FRAMES = "exray/frames"
CAPTURE = "exray.mcap"
MINE = "exray*.mcap"
"""What is taken for captures."""


@dataclass(frozen=True)
class Place:
    """A folder of the app's."""

    device: AdbDevice
    package: str
    folder: str
    private: bool

    @property
    def frames(self) -> str:
        """Where the frames lie."""
        return f"{self.folder}/{FRAMES}"

    @property
    def capture(self) -> str:
        """Where the app is asked to write its capture."""
        return f"{self.folder}/{CAPTURE}"

    def clear(self) -> None:
        """Remove what runs before left: frames and captures."""
        self._must(self.line(files.clear(self.folder, "exray", MINE)))

    def put(self, staged: Sequence[tuple[str, str]], on_file: Callable[[int], None]) -> None:
        """Copy files of the device (path, name) beside the frames. `on_file` is told how many are there."""
        inner = sorted({name.rpartition("/")[0] for _, name in staged if "/" in name})
        self._must(self.line(files.make_folder(self.frames, *(f"{self.frames}/{folder}" for folder in inner))))
        for start in range(0, len(staged), AT_ONCE):
            group = staged[start : start + AT_ONCE]
            self._must(all_of([self._copy(source, f"{self.frames}/{name}") for source, name in group]))
            on_file(start + len(group))

    def digests(self, names: Sequence[str]) -> dict[str, str]:
        """By name, the sha256 of files beside the frames, as the device reads them; of those that are there."""
        found: dict[str, str] = {}
        for start in range(0, len(names), AT_ONCE):
            group = names[start : start + AT_ONCE]
            told = self.device.ask(self.line(files.hashes(self.frames, group)), DEADLINE_S)
            found |= {name: digest for digest, name in told}
        return found

    def captures(self) -> list[str]:
        """Paths of the captures that are there; the one that was asked for first."""
        found = self.device.ask(self.line(files.matching(self.folder, MINE)), DEADLINE_S)
        return sorted((line for line in found if line.startswith(self.folder)), key=lambda p: (p != self.capture, p))

    def end(self, path: str, count: int) -> bytes:
        """The last bytes of a file; none where it is not there."""
        return self.device.send(self.line(files.end(path, count)), DEADLINE_S).stdout

    def pull(self, path: str, local: Path, on_bytes: Callable[[int], None] | None = None) -> int:
        """Bring a file home; its size.

        Raises:
            StorageError: it is larger than anything the farm takes.
        """
        size = self.device.ask(self.line(files.size(path)), DEADLINE_S) or 0
        if size > LIMIT_BYTES:
            raise StorageError(
                f"a capture of {size >> 30} GiB", where=f"{self.device.serial}: {path}", remedy="log less"
            )
        deadline_s = DEADLINE_S + size / SLOWEST_BYTES_S
        with local.open("wb") as file:
            if not self.private:
                return self.device.pull(path, file, deadline_s, on_bytes=on_bytes)

            def keep(data: bytes) -> None:
                file.write(data)
                if on_bytes is not None:
                    on_bytes(len(data))

            for start in range(0, size, PART_BYTES):  # a shell's output has a limit
                self.device.send(self.line(files.part(path, start, PART_BYTES)), deadline_s, on_stdout=keep)
            return file.tell()

    def line(self, line: Line[T]) -> Line[T]:
        """The same, as whoever may go to the folder."""
        return as_app(self.package, line) if self.private else line

    def _copy(self, source: str, target: str) -> Line[str]:
        return files.copy_into_app(self.package, source, target) if self.private else files.copy(source, target)

    def _must(self, line: Line[str]) -> None:
        done = self.device.send(line, DEADLINE_S)
        text = done.stderr.decode("utf-8", "replace").strip()
        if NO_SPACE in text:
            raise StorageError(
                "no room left for the frames",
                where=f"{self.device.serial}: {self.folder}",
                remedy="free some, or play fewer",
            )
        if done.exit_code:
            raise AdbError(
                text[:300] or f"exit code {done.exit_code}", where=f"{self.device.serial}: {self.folder}", remedy=""
            )


def find(package: Package) -> Place:
    """Where the farm can reach an app's files.

    Raises:
        AppError: nowhere.
    """
    device, name = package.device, package.name
    home, why = device.ask(files.app_folder(name), DEADLINE_S)
    if home:
        return Place(device, name, f"{home}/files", private=True)
    external = f"/sdcard/Android/data/{name}/files"
    if device.ask(files.writable(external), DEADLINE_S):
        return Place(device, name, external, private=False)
    raise AppError(
        f"its files cannot be reached: {why}; and {external} is not there", where=package.where,
        remedy="attach a debuggable build, or have the app call getExternalFilesDir(null) once",
    )  # fmt: skip
