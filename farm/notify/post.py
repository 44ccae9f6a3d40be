"""One message to one address, through a courier of its own; how it ended is known to the next daemon, too."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

import farm
from farm.errors import SettingsError
from farm.notify.courier import BEGUN, Errand, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.notify.message import Message
    from farm.notify.target import Target

TICK_S = 0.05
SLACK_S = 5.0
"""Beyond an attempt's own deadline, before its process is ended from outside: to start Python takes a second."""
LIMIT_BYTES = 1 << 16


def post(
    target: Target,
    message: Message,
    file: Path,
    *,
    failure: bool,
    deadline_s: float,
    leave: Callable[[], bool] = lambda: False,
) -> None:
    """Send a courier and wait for its end, or until `leave`: it goes on then, and `outcome` tells later how it ended.

    `file` must not be there; it takes what the courier tells.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    told = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(told, fcntl.LOCK_EX)  # held by the courier's copy, too: no moment at which nobody holds it
        try:
            errand = Errand(url=target.url(), message=message, failure=failure, deadline_s=deadline_s)
        except SettingsError as e:
            os.write(told, Outcome(error=e.message).model_dump_json().encode())
            return
        courier = _start(told)
    finally:
        os.close(told)
    assert courier.stdin is not None  # noqa: S101  # it is a pipe
    with contextlib.suppress(BrokenPipeError), courier.stdin as pipe:
        pipe.write(errand.model_dump_json().encode())
    end = time.monotonic() + deadline_s + SLACK_S
    while courier.poll() is None and not leave():
        if time.monotonic() > end:
            with contextlib.suppress(ProcessLookupError):  # not reaped yet, so the group is still ours
                os.killpg(courier.pid, signal.SIGKILL)
            courier.wait()
        time.sleep(TICK_S)
    threading.Thread(target=courier.wait, name="courier", daemon=True).start()  # who is left alone has no other parent


def outcome(file: Path) -> Outcome | None:
    """How the courier that writes `file` ended; None while it is under way."""
    lost = Outcome(error="the daemon ended before it was sent", begun=False)
    try:
        told = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return lost
    try:
        fcntl.flock(told, fcntl.LOCK_SH | fcntl.LOCK_NB)
        words = os.read(told, LIMIT_BYTES)
        return Outcome.model_validate_json(words.removeprefix(BEGUN)) if words else lost
    except BlockingIOError:
        return None
    except ValidationError:
        return Outcome(error="the service did not answer in time (notify.deadline_s)")
    finally:
        os.close(told)


def _start(told: int) -> subprocess.Popen[bytes]:
    package = str(Path(farm.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "farm.notify.courier", str(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # a traceback would show the address
        pass_fds=(told,),
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
    )
