"""Environments of runtimes whose pins disagree with ours: `<data>/runtimes/NAME-<hash of the pins>`, made by venv and pip."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from farm.errors import DeadlineError, InfrastructureError, JobError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from farm.reference.contract import Reference

TIMEOUT_S = 3600.0
"""For the download of a gigabyte through a slow line."""
TAIL_LINES = 12
CLEARINGS = 40


def home(data: Path) -> Path:
    """Where they are in a data folder."""
    return data / "runtimes"


def folder(environments: Path, runtime: type[Reference]) -> Path:
    """The environment of a runtime's pins, there or not."""
    python = ".".join(map(str, sys.version_info[:2]))
    text = "\n".join([python, platform.machine(), *runtime.pins])
    return environments / f"{runtime.kin or runtime.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def python(environments: Path, runtime: type[Reference]) -> Path:
    """The program that runs it: its environment's, or ours where all its pins are installed here as an extra.

    Raises:
        JobError: it is not installed; says what to type.
    """
    own = folder(environments, runtime) / "bin" / "python"
    if own.exists():
        return own
    if is_ours(runtime):
        return Path(sys.executable)
    raise JobError(f"the runtime {runtime.name} is not installed", where="references", remedy=remedy(runtime))


def remedy(runtime: type[Reference]) -> str:
    """What to type where it is missing."""
    return f"farm runtime add {runtime.name}"


def is_ours(runtime: type[Reference]) -> bool:
    """Whether the farm's own environment holds what is pinned, in the pinned versions."""
    for pin in runtime.pins:
        name, _, version = pin.partition("==")
        try:
            if importlib.metadata.version(name) != version:
                return False
        except importlib.metadata.PackageNotFoundError:
            return False
    return True


def installed(environments: Path, runtime: type[Reference]) -> str:
    """Where it is, for people; empty when it is missing."""
    if ((own := folder(environments, runtime)) / "bin" / "python").exists():
        return str(own)
    return "the farm's own environment" if is_ours(runtime) else ""


def add(environments: Path, runtime: type[Reference], tell: Callable[[str], None]) -> Path:
    """Make a runtime's environment, if it is not there; its folder.

    It gets its name when it is whole and the runtime's `probe` went well in it; until then, and when this is
    interrupted, there is nothing. Whoever comes while another makes it waits. `tell` is given pip's lines.

    Raises:
        InfrastructureError: pip failed (its last words), or the environment cannot import the runtime.
        DeadlineError: it took longer than an hour.
    """
    final = folder(environments, runtime)
    with _lock(environments, final.name.rpartition("-")[0], tell):
        if (final / "bin" / "python").exists():
            tell(f"{runtime.name} is there already")
            return final
        for left in (final, *environments.glob(f"new-{final.name}-*")):  # its Python went, or who made it was killed
            shutil.rmtree(left, ignore_errors=True)
        made = environments / f"new-{final.name}-{os.getpid()}"
        try:
            tell(f"making {final}")
            _run([sys.executable, "-m", "venv", str(made)], runtime, tell)
            pip = [str(made / "bin" / "python"), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
            _run([*pip, "--progress-bar", "off", *runtime.pins], runtime, tell)
            tell("looking whether it works")
            _run([str(made / "bin" / "python"), "-E", "-s", "-c", runtime.probe], runtime, lambda _: None)
            made.rename(final)
        finally:
            _clear(made)
    return final


def _clear(made: Path) -> None:
    """Remove what was being made; those that were killed may be at their last file."""
    for _ in range(CLEARINGS):
        shutil.rmtree(made, ignore_errors=True)
        if not made.exists():
            return
        time.sleep(0.05)


def remove(environments: Path, runtime: type[Reference], tell: Callable[[str], None]) -> tuple[Path, ...]:
    """Remove every environment of a runtime, also of earlier pins; their folders."""
    name = runtime.kin or runtime.name
    if not environments.is_dir():
        return ()
    with _lock(environments, name, tell):
        found = tuple(
            sorted(p for p in environments.iterdir() if re.fullmatch(rf"{re.escape(name)}-[0-9a-f]{{12}}", p.name))
        )
        for path in found:
            away = environments / f"old-{path.name}-{os.getpid()}"
            path.rename(away)  # nothing that is half gone has a runtime's name
            shutil.rmtree(away, ignore_errors=True)
    return found


@contextlib.contextmanager
def _lock(environments: Path, name: str, tell: Callable[[str], None]) -> Iterator[None]:
    environments.mkdir(parents=True, exist_ok=True)
    with (environments / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"another farm is at work on {name}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: list[str], runtime: type[Reference], tell: Callable[[str], None]) -> None:
    """Run a program in a process group of its own, which never outlives this call."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
    late = threading.Event()
    lines: list[str] = []
    hear = _hold_interrupts()  # until there is a process to end: one that came in between would leave it running
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env=environment, start_new_session=True,
        )  # fmt: skip
    except BaseException:
        hear()
        raise

    def end() -> None:
        late.set()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(TIMEOUT_S, end)
    timer.start()
    try:
        hear()
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        for line in process.stdout:
            lines = [*lines[1 - TAIL_LINES :], line.rstrip()]
            tell(line.rstrip())
        status = process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            end()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    if late.is_set():
        raise DeadlineError(
            f"took longer than {TIMEOUT_S:.0f} s", where=runtime.name, remedy="try again, or look at the network"
        )
    if status:
        raise InfrastructureError(
            f"could not be made: {' '.join(command[1:4])} ended with {status}: {' / '.join(lines)}",
            where=f"runtime {runtime.name}",
            remedy="mend what it says, then try again",
        )


def _hold_interrupts() -> Callable[[], None]:
    """Ctrl-C waits until what this returns is called. A mask would not do: other threads' signals interrupt this one, too."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None  # Python interrupts the main one alone
    pressed = threading.Event()
    before = signal.signal(signal.SIGINT, lambda *_: pressed.set())

    def hear() -> None:
        signal.signal(signal.SIGINT, before)
        if pressed.is_set():
            signal.raise_signal(signal.SIGINT)

    return hear
