"""The part of a phone's package manager that its shell cannot be: it reads an APK and decides as Android does.

`pm` (farm/virtual/system) copies the file into BOX, writes a line `ID VERB [OPTION...] [PACKAGE]` into the pipe there and reads
its answer from another one. The phone's user owns BOX and may put there what it likes: everything in it is opened without
following links, by the folder that was made at the start. Apps lie in APPS, which that user can only read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import stat
from typing import TYPE_CHECKING

from farm import apk, builds
from farm.errors import InputsError
from farm.virtual import root

if TYPE_CHECKING:
    from pathlib import Path

    from farm.virtual.profile import Profile

BOX, REQUESTS = f"{root.APP_DATA}/.installd", "requests"
LINE_BYTES = 4096
"""Written in one piece (PIPE_BUF)."""
FILE_LIMIT = 512 << 20
ANSWER_TRIES, ANSWER_S = 200, 0.01
MANIFEST = "manifest"
_REQUEST = re.compile(r"(\d{1,10}) (install|uninstall)((?: -[a-zA-Z])*)(?: ([A-Za-z][\w.]{0,199}))?")


class RefusedError(Exception):
    """In Android's words: CODE, and perhaps more."""


def create(tree: Path, owner: tuple[int, int]) -> None:
    """Make BOX and its pipe, for the phone's user."""
    box = tree / BOX
    box.mkdir(mode=0o700)
    os.mkfifo(box / REQUESTS, 0o600)
    for path in (box, box / REQUESTS):
        os.chown(path, *owner)


class Installer:
    """Of one phone; listens as long as its event loop runs."""

    def __init__(self, tree: Path, profile: Profile) -> None:
        self._apps = tree / root.APPS
        self._abi, self._sdk = profile.abi, profile.android.sdk
        self._box = os.open(tree / BOX, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        self._pipe = os.open(REQUESTS, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=self._box)
        self._rest = b""
        self._working: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        asyncio.get_running_loop().add_reader(self._pipe, self._hear)

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._rest += os.read(self._pipe, 1 << 16)
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest[-LINE_BYTES:]
        for line in lines:
            request = _REQUEST.fullmatch(line.decode("utf-8", "replace"))
            if request is not None:
                task = asyncio.get_running_loop().create_task(self._serve(request))
                self._working.add(task)
                task.add_done_callback(self._working.discard)

    async def _serve(self, request: re.Match[str]) -> None:
        number, verb, options, package = request.groups()
        async with self._turn:
            try:
                if verb == "install":
                    package = await asyncio.to_thread(self._install, number, set(options.split()))
                else:
                    await asyncio.to_thread(self._uninstall, package or "")
                answer = f"Success {package}"
            except RefusedError as e:
                answer = f"Failure [{' '.join(str(e).split())[:1000]}]"
            except OSError as e:
                answer = f"Failure [INSTALL_FAILED_INTERNAL_ERROR: {e.strerror}]"
        await self._answer(number, answer)

    async def _answer(self, number: str, text: str) -> None:
        for _ in range(ANSWER_TRIES):  # until the asker has opened its end; one that has gone never will
            with contextlib.suppress(OSError):
                end = os.open(f"{number}.answer", os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW, dir_fd=self._box)
                try:
                    if stat.S_ISFIFO(os.fstat(end).st_mode):
                        os.write(end, f"{text}\n".encode())
                    return
                finally:
                    os.close(end)
            await asyncio.sleep(ANSWER_S)

    def _install(self, number: str, options: set[str]) -> str:
        staged = self._apps / f".{number}"
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        try:
            file = staged / "base.apk"
            self._copy(f"{number}.apk", file)
            try:
                found = apk.read(file)
            except InputsError as e:
                raise RefusedError(f"INSTALL_PARSE_FAILED_NOT_APK: {e.message}") from e
            there = _manifest(self._apps / found.package)
            self._decide(found, there, options)
            if found.package == builds.BENCH:  # its native part is what runs here: this computer's build of the agent
                shutil.copy(builds.place(builds.LINUX[self._abi], "exray-agent"), staged / "agent")
                (staged / "agent").chmod(0o755)
            fields = {
                "program": "agent", "debuggable": str(found.debuggable).lower(), "version_code": str(found.version_code),
                "version_name": found.version_name, "target_sdk": str(found.target_sdk), "signer": found.signer,
                "instrumentation": " ".join(found.instrumentations),
            }  # fmt: skip
            text = "".join(f"{name}={' '.join(value.split())}\n" for name, value in fields.items())
            (staged / MANIFEST).write_text(text)
            shutil.rmtree(self._apps / found.package, ignore_errors=True)
            staged.replace(self._apps / found.package)
            return found.package
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    def _copy(self, name: str, target: Path) -> None:
        source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._box)
        with os.fdopen(source, "rb") as file, target.open("wb") as copy:
            told = os.fstat(file.fileno())
            if not stat.S_ISREG(told.st_mode) or told.st_size > FILE_LIMIT:
                raise RefusedError("INSTALL_FAILED_INVALID_APK")
            shutil.copyfileobj(file, copy)
        target.chmod(0o644)

    def _decide(self, found: apk.Apk, there: dict[str, str], options: set[str]) -> None:
        """Refuse what Android refuses, in the order in which it looks."""
        if not re.fullmatch(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", found.package) or len(found.package) > 200:
            raise RefusedError("INSTALL_PARSE_FAILED_BAD_PACKAGE_NAME")
        if not found.signer:
            raise RefusedError(
                f"INSTALL_PARSE_FAILED_NO_CERTIFICATES: Failed to collect certificates from /data/app/{found.package}"
            )
        if found.min_sdk > self._sdk:
            raise RefusedError(
                f"INSTALL_FAILED_OLDER_SDK: Requires newer sdk version #{found.min_sdk} (current version is #{self._sdk})"
            )
        if found.test_only and "-t" not in options:
            raise RefusedError("INSTALL_FAILED_TEST_ONLY: Failed to install test-only apk. Did you forget to add -t?")
        if there and "-R" in options:
            raise RefusedError(
                f"INSTALL_FAILED_ALREADY_EXISTS: Attempt to re-install {found.package} without first uninstalling."
            )
        if there and there.get("signer") != found.signer:
            raise RefusedError(
                f"INSTALL_FAILED_UPDATE_INCOMPATIBLE: Package {found.package} signatures do not match previously installed "
                "version; ignoring!"
            )
        code = there.get("version_code", "0")
        if code.isdigit() and found.version_code < int(code) and not ("-d" in options and found.debuggable):
            raise RefusedError(
                f"INSTALL_FAILED_VERSION_DOWNGRADE: Downgrade detected: Update version code {found.version_code} is older "
                f"than current {code}"
            )
        if found.abis and self._abi not in found.abis:
            raise RefusedError("INSTALL_FAILED_NO_MATCHING_ABIS: Failed to extract native libraries, res=-113")

    def _uninstall(self, package: str) -> None:
        if not _manifest(self._apps / package) or not package:
            raise RefusedError("DELETE_FAILED_INTERNAL_ERROR")
        shutil.rmtree(self._apps / package)


def _manifest(folder: Path) -> dict[str, str]:
    """What the phone knows of an app; nothing where it is not there."""
    try:
        lines = (folder / MANIFEST).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)
