"""Where an app and the farm leave files for each other, and how the farm gets at them.

An app's own folder, by `run-as`, where the app is debuggable: what is written there is the app's. Else its folder on external
storage, into which the shell copies: `adb push` itself fails there on some phones with Android 11 (fchown is refused).
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.errors import AdbError, AppError, StorageError
from farm.fleet.adb import NO_SPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from farm.fleet.adb import AdbDevice, ShellResult
    from farm.run.app.package import Package

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
        folder = shlex.quote(self.folder)
        self._must(self.line(f"rm -rf {folder}/exray {folder}/{MINE}"))

    def put(self, files: Sequence[tuple[str, str]], on_file: Callable[[int], None]) -> None:
        """Copy files of the device (path, name) beside the frames. `on_file` is told how many are there."""
        inner = {name.rpartition("/")[0] for _, name in files if "/" in name}
        folders = " ".join(shlex.quote(f"{self.frames}/{folder}".rstrip("/")) for folder in ("", *sorted(inner)))
        self._must(self.line(f"mkdir -p {folders}"))
        for start in range(0, len(files), AT_ONCE):
            group = files[start : start + AT_ONCE]
            self._must(" && ".join(self._copy(source, f"{self.frames}/{name}") for source, name in group))
            on_file(start + len(group))

    def digests(self, names: Sequence[str]) -> dict[str, str]:
        """By name, the sha256 of files beside the frames, as the device reads them; of those that are there."""
        found: dict[str, str] = {}
        for start in range(0, len(names), AT_ONCE):
            group = " ".join(map(shlex.quote, names[start : start + AT_ONCE]))
            told = self._run(self.line(f"cd {shlex.quote(self.frames)} && sha256sum -- {group}")).text
            found |= {name.strip(): digest for digest, _, name in (line.partition(" ") for line in told.splitlines())}
        return found

    def captures(self) -> list[str]:
        """Paths of the captures that are there; the one that was asked for first."""
        found = self._run(self.line(f"ls -d {shlex.quote(self.folder)}/{MINE}")).text.splitlines()
        return sorted((line for line in found if line.startswith(self.folder)), key=lambda p: (p != self.capture, p))

    def end(self, path: str, count: int) -> bytes:
        """The last bytes of a file; none where it is not there."""
        return self._run(self.line(f"tail -c {count} {shlex.quote(path)}")).stdout

    def pull(self, path: str, local: Path, on_bytes: Callable[[int], None] | None = None) -> int:
        """Bring a file home; its size.

        Raises:
            StorageError: it is larger than anything the farm takes.
        """
        told = self._run(self.line(f"stat -c %s {shlex.quote(path)}")).text
        size = int(told) if told.isdigit() else 0
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
                part = f"tail -c +{start + 1} {shlex.quote(path)} | head -c {PART_BYTES}"
                self.device.script(self.line(part), deadline_s, on_stdout=keep)
            return file.tell()

    def line(self, command: str) -> str:
        """A shell's line, as whoever may go to the folder."""
        return f"run-as {self.package} sh -c {shlex.quote(command)}" if self.private else command

    def _copy(self, source: str, target: str) -> str:
        if not self.private:
            return f"cp {shlex.quote(source)} {shlex.quote(target)}"
        # Through a pipe: the app may not open the shell's files.
        return f"cat {shlex.quote(source)} | {self.line(f'cat > {shlex.quote(target)}')}"

    def _run(self, line: str) -> ShellResult:
        return self.device.script(line, DEADLINE_S)

    def _must(self, line: str) -> None:
        done = self._run(line)
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
    home = device.script(f"run-as {name} pwd", DEADLINE_S)
    if home.exit_code == 0 and home.text.startswith("/"):
        return Place(device, name, f"{home.text}/files", private=True)
    external = f"/sdcard/Android/data/{name}/files"
    if device.script(f"[ -d {external} ] && [ -w {external} ]", DEADLINE_S).exit_code == 0:
        return Place(device, name, external, private=False)
    why = home.stderr.decode("utf-8", "replace").strip() or home.text or "run-as says nothing"
    raise AppError(
        f"its files cannot be reached: {why}; and {external} is not there", where=package.where,
        remedy="attach a debuggable build, or have the app call getExternalFilesDir(null) once",
    )  # fmt: skip
