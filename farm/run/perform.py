"""One run on one leased device: stage, preflight, passes, pull, clean up; then, on stored captures only, compare and assess."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farm.assess.assess import assess_run
from farm.capture import recording
from farm.capture.ingest import ingest
from farm.errors import BugError, FarmError, InfrastructureError, ModelError
from farm.fleet import health
from farm.fleet.adb import AdbDevice, AdbServer, PushItem
from farm.model import graph as graphs
from farm.report.document import CaptureLink, Run, RunStatus, Target
from farm.run import bundle, passes, stage
from farm.run.steps import Planner
from farm.run.work import BrokenOffError
from farm.store.artifacts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.capture.recording import PassName, Recording
    from farm.run.steps import Plan, Step
    from farm.run.work import Perform, Progress, Work
    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore

CLEAN_UP_S = 15.0
LOCK = f"{stage.FOLDER}/agent.lock"
TOKEN_BITS = 20


def make_perform(settings: Settings, artifacts: ArtifactStore) -> Perform:
    """The function that carries out runs with these settings."""
    server = AdbServer(settings.adb.host, settings.adb.port)

    def perform(work: Work, progress: Progress, check: Callable[[], None]) -> Run:
        return _Attempt(work, server.device(work.device.serial), settings.data, artifacts, progress, check).perform()

    return perform


def lease_number(token: int) -> int:
    """A number that grows from lease to lease, also across labs and lost databases: begun at the wall clock's seconds."""
    return int(time.time()) << TOKEN_BITS | token & ((1 << TOKEN_BITS) - 1)


@dataclass
class _Attempt:
    """What one attempt knows so far."""

    work: Work
    device: AdbDevice
    data: Path
    artifacts: ArtifactStore
    progress: Progress
    check: Callable[[], None]
    captures: list[CaptureLink] = field(default_factory=list)
    recordings: dict[PassName, Recording] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    pushed: int = 0

    def perform(self) -> Run:
        try:
            self._measure()
            return self._conclude()
        except FarmError as e:
            raise BrokenOffError(e, self._run("failed")) from e

    @property
    def folder(self) -> str:
        return f"{stage.FOLDER}/run-{self.work.run_id}-{self.work.attempt}"

    def _tell(self, stage: str, done: int, of: int, /) -> None:
        """Every sign of progress is also the moment to notice that nobody wants it any more."""
        self.check()
        self.progress(stage, done, of)

    def _measure(self) -> None:
        """Everything that touches the device. It is left as it was found, but for the cache."""
        submission, abi, kind = self.work.submission, self.work.device.abi, self.work.device.kind
        graph = graphs.read(self.artifacts.read(submission.model_sha256), submission.model_name)
        files = bundle.for_abi(abi, virtual=kind == "virtual", data=self.data)
        agent = stage.Blob.of_file(files.agent, sha256_of(files.agent), program=True)
        runtime = stage.Blob.of_file(files.runtime, sha256_of(files.runtime))
        plan = Planner(submission, graph, self.artifacts, self.data / "references", self._tell).plan()
        self.pushed = stage.stage(
            self.device,
            [agent, runtime, *plan.blobs()],
            room=sum(step.room for step in plan.steps),
            progress=lambda done, of: self._tell("stage", done, of),
        )
        try:
            self.device.shell(["mkdir", "-p", self.folder], stage.DEADLINE_S)
            self._note(runtime, plan)
            for step in plan.steps:
                self._pass(step, agent, runtime)
        finally:
            with contextlib.suppress(InfrastructureError):  # gone devices are cleaned by the next run's own stage
                self.device.shell(["rm", "-rf", self.folder], CLEAN_UP_S)

    def _pass(self, step: Step, agent: stage.Blob, runtime: stage.Blob) -> None:
        name = step.name
        listing, remote = f"{self.folder}/{name}.frames", f"{self.folder}/{name}.mcap"
        content = passes.frame_list(step.rows)
        self.device.push([PushItem(listing, lambda: [content])], stage.DEADLINE_S)
        work = passes.Pass(
            name, agent.remote, runtime.remote, step.model.remote, listing, remote,
            lock=LOCK,
            lease=lease_number(self.work.token),
            flags=step.flags,
            labels=(
                ("run", str(self.work.run_id)), ("serial", self.device.serial), ("kind", self.work.device.kind),
                *step.labels,
            ),
        )  # fmt: skip
        with tempfile.TemporaryDirectory(dir=_folder(self.data / "incoming")) as temporary:
            local = Path(temporary) / f"{name}.mcap"
            try:
                passes.run(
                    self.device, work, self.work.submission, lambda done, of: self._tell(name, done, of), self.check
                )
                self._tell(f"pull {name}", 0, 0)
                passes.pull(self.device, remote, local)
            except FarmError as e:
                if (local.is_file() and local.stat().st_size) or passes.rescue(self.device, remote, local):
                    self._keep(name, local)
                if name == "isolated" and isinstance(e, ModelError):
                    self.recordings.pop(name, None)
                    self.conditions[f"{name} left out"] = str(e)  # a help to the verdict; the run stands without it
                    return
                raise
            self._keep(name, local)
            if name not in self.recordings or not self.recordings[name].complete:
                raise BugError("ended well, but its capture is cut off", where=f"{self.device.serial}: pass {name}")

    def _keep(self, name: PassName, local: Path) -> None:
        """Store a capture, and its recording if it holds one."""
        sha256 = self.artifacts.put_file(local)
        found = ingest(local, f"device:{self.device.serial}", self.artifacts)
        if found is not None:
            self.recordings[name] = recording.load(self.artifacts, found)
        self.captures.append(
            CaptureLink(
                name=name,
                sha256=sha256,
                bytes=local.stat().st_size,
                complete=found is not None and self.recordings[name].complete,
                path=str(self.artifacts.path(sha256)),
            )
        )

    def _note(self, runtime: stage.Blob, plan: Plan) -> None:
        submission = self.work.submission
        self.conditions = {
            "kernel": submission.kernel,
            "threads": str(submission.threads),
            "warmup": str(submission.warmup),
            "repetitions": str(submission.repetitions),
            "context": "shell",
            "accelerator": submission.accelerator,
            "cpu_mask": f"{submission.cpu_mask:x}" if submission.cpu_mask else "all",
            "model": submission.model_sha256[:12],
            "runtime": runtime.sha256[:12],
            **health.conditions(self.device),
            **{f"{name} left out": why for name, why in plan.left_out.items()},
        }

    def _conclude(self) -> Run:
        assessed = assess_run(
            self.work.submission,
            self.artifacts,
            self.data / "references",
            self.recordings["latency"],
            self.recordings.get("layers"),
            self._tell,
            isolated=self.recordings.get("isolated"),
            profile=self.recordings.get("profile"),
        )
        return self._run(
            "done",
            verdict=assessed.verdict,
            findings=assessed.findings,
            accuracy=assessed.accuracy,
            latency_ms=assessed.latency_ms,
            memory_mb=assessed.memory_mb,
            layer_types=assessed.layer_types,
            comparisons=assessed.comparisons,
        )

    def _run(self, status: RunStatus, **results: Any) -> Run:
        device = self.work.device
        return Run(
            id=self.work.run_id,
            target=Target(serial=device.serial, abi=device.abi, kind=device.kind, model=device.model, sdk=device.sdk),
            status=status,
            attempt=self.work.attempt,
            captures=tuple(self.captures),
            pushed_bytes=self.pushed,
            conditions=self.conditions,
            **results,
        )


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
