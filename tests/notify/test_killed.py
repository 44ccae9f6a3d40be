"""One digest a night, however often the daemon is killed."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from farm.client import serve
from farm.settings import load
from farm.store.state import State
from farm.store.told import Told
from tests.daemon.lab import daemon, until
from tests.notify.kit import add_schedule, webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS = 6


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_daemon_killed_at_any_moment_tells_the_night_once(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)  # noqa: S311  # when to kill is no secret
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    with contextlib.closing(State(data / "state.db")) as state:
        add_schedule(state)
    with webhook() as hook:
        config = tmp_path / "farm.toml"
        config.write_text(
            f'data = "data"\n[api]\nport = {free_port()}\nartifact_limit_mb = 1\n'
            f'[notify]\nurls = ["{hook.url}"]\ndeadline_s = 300\n'
        )
        hook.go_on.clear()
        for _ in range(KILLS):
            with running(config):
                # Around the moment of the message: while it is written, its courier starts, or waits for the service ...
                hook.asked.wait(moments.uniform(0, 3))
                time.sleep(moments.uniform(0, 1))
            if moments.random() < 0.3:  # ... which it does until then, from one daemon to the next
                hook.go_on.set()
        hook.go_on.set()
        with running(config):
            until(lambda: sent(data))
        assert len(hook.bodies) == 1


def sent(data: Path) -> bool:
    with contextlib.closing(State(data / "state.db")) as state:
        return [one.sent for one in Told(state).newest(10)] == [True]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


@contextlib.contextmanager
def running(config: Path) -> Iterator[None]:
    """A daemon that is up; leaving kills it."""
    command = [sys.executable, "-m", "tests.notify.test_killed", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("up")
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


if __name__ == "__main__":
    serve(load(Path(sys.argv[1])), make_daemon=daemon, started=lambda _: print("up", flush=True))
