"""Who receives messages (HTTP and SMTP on loopback), and a state file with nights in it."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from farm.gate.answer import GateAnswer
from farm.report.document import Failure, Run, Target, Verdict
from farm.schedule.schedule import Missing, Schedule
from farm.store import gate_checks, nights, schedules
from farm.store.rows import Placement
from farm.store.state import State
from tests.daemon.lab import submission

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from farm.gate.answer import Answer
    from farm.report.document import VerdictKind


@dataclass
class Received:
    """What arrived, and when somebody began to say something."""

    bodies: list[bytes] = field(default_factory=list)
    status: int = 200
    """Of the answers to come."""
    asked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    """Cleared, answers wait for it."""
    url: str = ""

    def __post_init__(self) -> None:
        self.go_on.set()


@contextlib.contextmanager
def webhook() -> Iterator[Received]:
    """A service that takes JSON by POST."""
    received = Received()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.asked.set()
            received.go_on.wait(300)
            received.bodies.append(body)
            with contextlib.suppress(OSError):  # whoever asked has been ended
                self.send_response(received.status)
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name there
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.url = f"json://ana:geheimes@127.0.0.1:{server.server_port}/ein-geheimnis"
    with _serving(server):
        yield received


@contextlib.contextmanager
def mailbox() -> Iterator[Received]:
    """A mail server that takes every mail."""
    received = Received()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 lab\r\n")
            while line := self.rfile.readline():
                word = line.strip().upper()
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    received.bodies.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                    self.wfile.write(b"250 taken\r\n")
                elif word == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    self.wfile.write(b"250 lab\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    at = f"127.0.0.1:{server.server_address[1]}"
    received.url = f"mailto://{at}/ben%40lab.example?from=farm%40lab.example&mode=insecure"
    with _serving(server):
        yield received


@contextlib.contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def add_schedule(state: State, name: str = "nightly", *, next_at: float = 0.0) -> int:
    """A schedule; its number."""
    made = schedules.add(state, Schedule(name=name, cron="0 2 * * *"), "command", next_at)
    assert made is not None
    return made.id


def add_night(
    state: State,
    schedule: int,
    ended: float,
    runs: Mapping[str, Mapping[str, Verdict | Failure]],
    *,
    missing: Sequence[Missing] = (),
) -> int:
    """A night that is over, `ended` at a moment (Unix seconds): model -> serial -> how its run ended; the night."""
    night, _ = nights.begin(state, schedule)
    for model, found in runs.items():
        targets = [Target(serial=serial, abi="x86_64", kind="virtual") for serial in found]
        job = state.add_job(submission(model), [Placement(t) for t in targets], kind="nightly", night=night)
        for queued in [run for run in state.queued() if run.job == job]:
            target = next(t for t in targets if t.serial == queued.serial)
            lease = state.claim(queued.id, target, 1.0)
            assert lease is not None
            end = found[queued.serial]
            if isinstance(end, Verdict):
                state.finish(lease.token, Run(id=queued.id, target=target, status="done", verdict=end))
            else:
                state.finish(lease.token, Run(id=queued.id, target=target, status="failed", error=end))
        state.close_job(job, "done", "")
    with state.write() as db:
        db.execute(
            "UPDATE nights SET status = 'over', ended = ?, fired = ?, fire_at = ?, missing = ? WHERE id = ?",
            (ended, ended - 3600, ended - 3600, json.dumps([m.model_dump() for m in missing]), night),
        )
    return night


def verdict(kind: VerdictKind = "pass", cause: str = "none", summary: str = "") -> Verdict:
    return Verdict(kind=kind, cause=cause, summary=summary, confidence=1.0, n=1)


def failure(message: str, remedy: str = "") -> Failure:
    return Failure(kind="infrastructure", code="adb", message=message, remedy=remedy)


def add_check(state: State, gate: str, at: float, outcome: Answer = "fail", subject: str = "4a5b6c") -> None:
    """An answer of a gate about a job, the first there is, at a moment (Unix seconds)."""
    answer = GateAnswer(
        at=at, gate=gate, job=1, subject=subject, answer=outcome, outcome=outcome, summary="0.61 is below 0.70",
        confidence=0.99, cells=(),
    )  # fmt: skip
    gate_checks.add(state, f"{gate} {at}", answer, test_set="", cost=0.0)
