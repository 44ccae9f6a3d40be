"""A small lab for the daemon's tests: two devices that are always there, and runs that do what their model's name says."""

from __future__ import annotations

import contextlib
import hashlib
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from farm.daemon import Daemon
from farm.errors import AdbError, ConditionsError, JobError
from farm.fleet.device import Device
from farm.report.document import Failure, Job, Run, Verdict
from farm.settings import Api, Runs, Settings
from farm.submission import InputFrame, Submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.run.work import Progress, Work

MODEL, FRAME = b"a model", b"a frame"
MODEL_SHA, FRAME_SHA = hashlib.sha256(MODEL).hexdigest(), hashlib.sha256(FRAME).hexdigest()


class Bench:
    """A fleet of devices laid on a table by hand."""

    def __init__(self, *serials: str) -> None:
        self.attached = [Device(serial, "device", {"ro.product.cpu.abi": "x86_64"}) for serial in serials]
        self.faults = dict.fromkeys(serials, 0)
        """In a row."""

    def devices(self) -> list[Device]:
        return list(self.attached)

    refresh = devices

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def fault(self, serial: str, failure: Failure) -> None:
        assert failure.kind == "infrastructure"
        self.faults[serial] += 1

    def sound(self, serial: str) -> None:
        self.faults[serial] = 0


def settings(data: Path, *, port: int = 8377, runs: Runs | None = None) -> Settings:
    return Settings(data=data, api=Api(port=port, artifact_limit_mb=1), run=runs or Runs(retry_s=0.05, drain_s=0.2))


def submission(name: str = "ok", selector: str = "", pass_timeout_s: float = 600) -> Submission:
    frame = InputFrame(name="0.png", kind="image", sha256=(FRAME_SHA,))
    return Submission(
        model_name=name, model_sha256=MODEL_SHA, frames=(frame,), selector=selector, pass_timeout_s=pass_timeout_s
    )


def perform(work: Work, progress: Progress, check: Callable[[], None]) -> Run:
    """`ok` is done at once, `until FILE` when FILE is there, `job` and `lab` and `bug` fail, `deaf` ignores its lease.

    `lab on SERIAL` fails there alone, `hot FILE` waits for conditions once.
    """
    name, _, argument = work.submission.model_name.rpartition(" ")
    name, argument = (name, argument) if name else (argument, "")
    progress(name, 0, 1)
    check()
    match name:
        case "until":
            started = Path(f"{argument}.{work.device.serial}.{work.attempt}")
            started.touch()
            while not Path(argument).exists():
                time.sleep(0.01)
                check()
        case "deaf":
            Path(f"{argument}.{work.attempt}.started").touch()
            if work.attempt == 1:
                while not Path(argument).exists():
                    time.sleep(0.01)
        case "job":
            raise JobError("the model is wrong", where="here", remedy="mend it")
        case "lab":
            raise AdbError("the cable", where=work.device.serial, remedy="plug it in")
        case "lab on":
            if work.device.serial == argument:
                raise AdbError("the cable", where=work.device.serial, remedy="plug it in")
        case "hot":
            if not Path(argument).exists():
                Path(argument).touch()
                raise ConditionsError("45 C", where=work.device.serial, remedy="it cools by itself")
        case "bug":
            raise ZeroDivisionError("oops")
    progress(name, 1, 1)
    confidence = math.nan if name == "nan" else 1.0
    verdict = Verdict(kind="pass", cause="none", summary=f"attempt {work.attempt}", confidence=confidence, n=1)
    return Run(id=work.run_id, target=None, status="done", verdict=verdict, memory_mb=float(work.attempt))


def preflight(asked: Submission, _artifacts: object) -> None:
    if asked.model_name == "refused":
        raise JobError("refused", where="preflight", remedy="another model")
    if asked.model_name == "broken preflight":
        raise ZeroDivisionError("oops")


def write_report(job: Job, folder: Path) -> Path:
    file = folder / "report.html"
    file.write_text(f"<h1>{job.model} {job.status}</h1>")
    return file


def daemon(of: Settings, fleet: Bench | None = None) -> Daemon:
    """Without `fleet`, two devices lie on its table."""
    laid = fleet or Bench("one", "two")
    made = Daemon(of, perform=perform, preflight=preflight, write_report=write_report, fleet=laid)
    made.artifacts.put(MODEL)
    made.artifacts.put(FRAME)
    return made


def until(holds: Callable[[], object], within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def main() -> None:
    """`serve DATA PORT`, `drain DATA PORT` (it waits for its runs), or `submit DATA MODEL` and wait, each in a process."""
    from farm import client

    command, data, argument = sys.argv[1:]
    with contextlib.suppress(KeyboardInterrupt):
        if command in {"serve", "drain"}:
            runs = Runs(retry_s=0.05, drain_s=600) if command == "drain" else None
            client.serve(settings(Path(data), port=int(argument), runs=runs), make_daemon=daemon, started=_print)
        else:
            with client.connect(settings(Path(data)), make_daemon=daemon) as at:
                job = at.submit(submission(argument)).job
                _print(f"job {job}")
                _print(f"over {at.wait(job).model_dump_json()}")


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
