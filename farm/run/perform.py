"""One run on one leased device: stage, preflight, passes, pull, clean up; then, on stored captures only, compare and assess."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farm.assess import app as apps
from farm.assess.assess import assess_run
from farm.assess.baseline import Costs, reread
from farm.builds import BENCH
from farm.capture import recording
from farm.capture.ingest import ingest, record
from farm.compare.pair import Variants, compare_pair, conclude
from farm.errors import BugError, CaptureError, FarmError, InfrastructureError, ModelError
from farm.fleet import hosts
from farm.model import graph as graphs
from farm.report.document import CaptureLink, Run, RunStatus, Target
from farm.run import evidence, passes, stage
from farm.run.app import apk, bench, play
from farm.run.app.session import Session, told_missing
from farm.run.measure import Measuring
from farm.run.runtimes import Runtimes
from farm.run.seat import ShellSeat
from farm.run.steps import Planner
from farm.run.trace.tracing import Tracing
from farm.run.turns import turns_of
from farm.run.work import BrokenOffError

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.capture.recording import Recording
    from farm.fleet.adb import AdbDevice
    from farm.fleet.enrolment import Enrolment
    from farm.run.seat import Seat
    from farm.run.steps import Plan
    from farm.run.turns import Turn
    from farm.run.work import Perform, Progress, Work
    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore
    from farm.submission import App, Context, Submission

    Ingest = Callable[[Path, str, ArtifactStore], str | None]

CLEAN_UP_S = 15.0
LOCK = ShellSeat.lock
TOKEN_BITS = 20


def make_perform(
    settings: Settings, artifacts: ArtifactStore, enrolled: Callable[[str], Enrolment | None] = lambda _serial: None
) -> Perform:
    """The function that carries out runs with these settings; `enrolled` tells what is known of a device by its serial."""

    def perform(work: Work, progress: Progress, check: Callable[[], None]) -> Run:
        device = hosts.handle(settings, work.device.serial)
        known = enrolled(work.device.serial)
        return _Attempt(work, device, settings, artifacts, progress, check, known).perform()

    return perform


def lease_number(token: int) -> int:
    """A number that grows from lease to lease, also across labs and lost databases: begun at the wall clock's seconds."""
    return int(time.time()) << TOKEN_BITS | token & ((1 << TOKEN_BITS) - 1)


@dataclass
class _Attempt:
    """What one attempt knows so far."""

    work: Work
    device: AdbDevice
    settings: Settings
    artifacts: ArtifactStore
    progress: Progress
    check: Callable[[], None]
    enrolment: Enrolment | None = None
    captures: list[CaptureLink] = field(default_factory=list)
    recordings: dict[str, Recording] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    pushed: int = 0
    trail: evidence.Trail = field(default_factory=evidence.Trail)

    def __post_init__(self) -> None:
        self.data = self.settings.data
        virtual = self.work.device.kind == "virtual"
        self.measuring = Measuring(
            self.settings,
            self.device,
            self.work.device.serial,
            self.artifacts,
            virtual=virtual,
            tell=self._tell,
            enrolment=self.enrolment,
            fixed_performance=self.work.submission.fixed_performance,
            context=self.work.submission.of(0).context,
        )
        self.tracing = Tracing(
            self.device, self.artifacts, self.work.submission.trace, self.settings.trace, f"{self.work.run_id}",
            self.work.attempt, self.work.device.sdk, self.data / "incoming",
        )  # fmt: skip

    def perform(self) -> Run:
        try:
            self._measure()
            self.trail.on_device = False
            return self._conclude()
        except FarmError as e:
            kept = evidence.gather(self.device, self.trail, e, self.work.attempt, self.artifacts, self.check)
            raise BrokenOffError(e, self._run("failed", evidence=kept)) from e

    @property
    def folder(self) -> str:
        return f"{stage.FOLDER}/run-{self.work.run_id}-{self.work.attempt}"

    def _tell(self, stage: str, done: int, of: int, /) -> None:
        """Every sign of progress is also the moment to notice that nobody wants it any more."""
        self.check()
        self.trail.enter(stage)
        self.progress(stage, done, of)

    def _measure(self) -> None:
        """Everything that touches the device. It is left as it was found, but for the cache."""
        if self.work.submission.app is not None:
            self._attach(self.work.submission.app)
            return
        abi, virtual = self.work.device.abi, self.work.device.kind == "virtual"
        configurations = [alone for _, alone in self.work.submission.configurations()]
        runtimes = Runtimes.find(configurations, abi, virtual=virtual, data=self.data)
        turns = turns_of(self.work.submission, self._plan)
        self.trail.on_device = True
        blobs = {blob.sha256: blob for turn in turns for blob in turn.plan.blobs()}
        of_app = {blob.sha256: blob for turn in turns if turn.submission.context == "app" for blob in turn.plan.blobs()}
        inside = [*runtimes.blobs()[1:], *of_app.values()] if of_app else []  # the app has copies of its own
        self.pushed = stage.stage(
            self.device,
            [*runtimes.blobs(), *blobs.values()],
            room=sum(turn.step.room for turn in turns) + sum(blob.size for blob in inside),
            progress=lambda done, of: self._tell("stage", done, of),
        )
        try:
            stage.make_folder(self.device, self.folder)
            runtimes.place(self.device, self.folder)
            self._note(runtimes, turns[0].plan)
            with contextlib.ExitStack() as left:
                seats = self._seats({turn.submission.context for turn in turns}, inside, runtimes, left)
                with self.measuring.prepared():
                    for turn in turns:
                        self._pass(turn, runtimes, seats[turn.submission.context])
        finally:
            with contextlib.suppress(InfrastructureError):  # gone devices are cleaned by the next run's own stage
                stage.remove_folder(self.device, self.folder, CLEAN_UP_S)

    def _seats(
        self, contexts: set[Context], inside: list[stage.Blob], runtimes: Runtimes, left: contextlib.ExitStack
    ) -> dict[Context, Seat]:
        """Where the agent runs, by context; what they leave is cleared as `left` ends."""
        found: dict[Context, Seat] = {"shell": ShellSeat(self.device, self.folder)}
        if "app" in contexts:
            self._tell("install the app", 0, 0)
            seat = bench.BenchSeat(self.device, self.folder, apk.find(self.settings.app.apk))
            left.callback(seat.end)
            self.conditions |= seat.notes
            named = [file for runtime in runtimes.by_name.values() for file in runtime.named]
            seat.bring(inside, lease_number(self.work.token), self._tell, named)
            found["app"] = seat
        return found

    def _attach(self, app: App) -> None:
        """The user's app plays the frames instead of our agent."""
        submission = self.work.submission
        self.conditions = {"context": "app", "model": submission.model_sha256[:12]}
        self.trail.on_device = True
        with tempfile.TemporaryDirectory(dir=_folder(self.data / "incoming")) as temporary:
            session = Session(
                self.device, app, submission, self.artifacts, self.folder, Path(temporary), str(self.work.run_id),
                self._tell, self.check, self.trail,
            )  # fmt: skip
            try:
                with self.measuring.prepared():
                    self._play(session)
            finally:
                self.pushed, self.conditions = session.pushed, self.conditions | session.notes
                for name, local in session.captures:
                    self._keep(name, local, record)
                with contextlib.suppress(InfrastructureError):
                    stage.remove_folder(self.device, self.folder, CLEAN_UP_S)

    def _play(self, session: Session) -> None:
        """By the user's app; by the farm's own, which plays pictures through Android's decoder."""
        if session.app.package != BENCH:
            session.play()
            return
        device, alone = self.work.device, self.work.submission
        runtimes = Runtimes.find([alone], device.abi, virtual=device.kind == "virtual", data=self.data)
        session.notes |= runtimes.notes()
        play.play(session, apk.find(self.settings.app.apk), runtimes.by_name[alone.runtime])

    def _plan(self, submission: Submission) -> Plan:
        graph = graphs.read(self.artifacts.read(submission.model_sha256), submission.model_name)
        return Planner(submission, graph, self.artifacts, self.data / "references", self._tell).plan()

    def _pass(self, turn: Turn, runtimes: Runtimes, seat: Seat) -> None:
        """A pass, and again where it was throttled and farm.toml asks for that."""
        again, taken = True, 0
        while again:
            again, taken = False, taken + 1
            self._take(turn, runtimes, seat)
            if turn.title in self.recordings:
                again = self.measuring.judge(
                    turn.step.name, turn.title, self.recordings[turn.title], taken, pair=self.work.submission.terms.pair
                )
            if again:
                self.captures[-1] = self.captures[-1].model_copy(update={"name": f"{turn.title}, throttled {taken}"})

    def _take(self, turn: Turn, runtimes: Runtimes, seat: Seat) -> None:
        agent, runtime = runtimes.agent, runtimes.by_name[turn.submission.runtime]
        step, name, title = turn.step, turn.step.name, turn.title
        listing, remote = seat.listing(title, step.rows), seat.capture(title)
        placed = {blob.remote: seat.path(blob) for blob in step.files}
        work = passes.Pass(
            name, agent.remote, runtime.remote(seat.folder) if runtime.beside else seat.path(runtime.blob),
            seat.path(step.model), listing, remote,
            lock=seat.lock,
            lease=lease_number(self.work.token),
            flags=(*(placed.get(f, f) for f in step.flags), *self.measuring.flags(name, pair=self.work.submission.terms.pair)),
            labels=(
                ("run", str(self.work.run_id)), ("serial", self.device.serial), ("kind", self.work.device.kind),
                ("context", seat.context), *step.labels,
            ),
        )  # fmt: skip
        with tempfile.TemporaryDirectory(dir=_folder(self.data / "incoming")) as temporary:
            local = Path(temporary) / f"{title}.mcap"
            try:
                self.trail.begin_pass()
                traced = self.tracing.around(name, title, turn.submission.pass_timeout_s)
                with self.measuring.around(name, title, agent.remote), traced:
                    seat.run(
                        work, turn.submission, lambda done, of: self._tell(title, done, of), self.check,
                        self.trail.heard,
                    )  # fmt: skip
                self._tell(f"pull {title}", 0, 0)
                seat.pull(remote, local)
            except FarmError as e:
                if (local.is_file() and local.stat().st_size) or seat.rescue(remote, local):
                    self._keep(title, local)
                if name == "isolated" and isinstance(e, ModelError):
                    self.recordings.pop(name, None)
                    self.conditions[f"{name} left out"] = str(e)  # a help to the verdict; the run stands without it
                    return
                raise
            self.measuring.add(self.tracing.figures)
            self._keep(title, local)
            if title not in self.recordings or not self.recordings[title].complete:
                raise BugError("ended well, but its capture is cut off", where=f"{self.device.serial}: pass {title}")
            runtime.check(self.recordings[title], f"{self.device.serial}: pass {title}")

    def _keep(self, name: str, local: Path, take: Ingest = ingest) -> None:
        """Store a capture, and its recording if it holds one."""
        sha256 = self.artifacts.put_file(local)
        found = take(local, f"device:{self.device.serial}", self.artifacts)
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

    def _note(self, runtimes: Runtimes, plan: Plan) -> None:
        submission = self.work.submission.of(0)
        self.conditions = {
            "kernel": submission.kernel,
            "threads": str(submission.threads),
            "warmup": str(submission.warmup),
            "repetitions": str(submission.repetitions),
            "context": submission.context,
            "accelerator": submission.accelerator,
            "cpu_mask": f"{submission.cpu_mask:x}" if submission.cpu_mask else "all",
            "model": submission.model_sha256[:12],
            **runtimes.notes(),
            **{f"{name} left out": why for name, why in plan.left_out.items()},
        }

    def _conclude_pair(self) -> Run:
        submission = self.work.submission
        sides = []
        for side, (name, alone) in zip("ab", submission.configurations(), strict=True):
            graph = graphs.read(self.artifacts.read(alone.model_sha256), alone.model_name)
            rounds = tuple(self.recordings[f"latency-{side}{n}"] for n in range(submission.pair_rounds))
            sides.append(Variants(name, graph, alone.model_name, rounds))
        pair = compare_pair(sides[0], sides[1], [frame.label for frame in submission.frames], self.artifacts)
        return self._run("done", verdict=conclude(pair), pair=pair, **self.measuring.results())

    def _conclude(self) -> Run:
        if self.work.submission.terms.pair:
            return self._conclude_pair()
        measured = self.measuring.results()
        submission, recordings = self.work.submission, self.recordings
        if submission.app is not None:
            submission, recordings = self._of_app()
            measured["partial"] += told_missing(self.work.submission, submission)
        assessed = assess_run(
            submission,
            self.artifacts,
            self.data / "references",
            recordings["latency"],
            recordings.get("layers"),
            self._tell,
            isolated=recordings.get("isolated"),
            profile=recordings.get("profile"),
            others=self._others(),
            costs=Costs(measured.get("energy", ()), measured["throttled"]),
            limits=self.settings.assertions,
        )
        return self._run(
            "done",
            verdict=assessed.verdict,
            findings=assessed.findings,
            accuracy=assessed.accuracy,
            metrics=assessed.metrics,
            latency_ms=assessed.latency_ms,
            memory_mb=assessed.memory_mb,
            layer_types=assessed.layer_types,
            comparisons=assessed.comparisons,
            ladder=assessed.ladder,
            quantization=assessed.quantization,
            explanation=assessed.explanation,
            slices=assessed.slices,
            fired=assessed.fired,
            **measured,
        )

    def _of_app(self) -> tuple[Submission, dict[str, Recording]]:
        """The frames that the app played, and the passes that stand for its capture."""
        submission = self.work.submission
        graph = graphs.read(self.artifacts.read(submission.model_sha256), submission.model_name)
        if "app" not in self.recordings:
            raise CaptureError(
                "was cut off before its header was whole", where="the app's capture", remedy="run it again"
            )
        return apps.matched(self.recordings["app"], graph, submission, self.artifacts)

    def _others(self) -> list[Recording]:
        """What other runs of the job computed of the same model; a capture that went since is no loss."""
        mine, found = self.recordings.get("layers"), []
        for sha256 in self.work.others if mine is not None else ():
            with contextlib.suppress(FarmError, OSError):
                other = reread(sha256, self.artifacts)
                found += [other] if other is not None else []
        return [r for r in found if mine is not None and r.header.model_sha256 == mine.header.model_sha256]

    def _run(self, status: RunStatus, **results: Any) -> Run:
        device = self.work.device
        return Run(
            id=self.work.run_id,
            target=Target(serial=device.serial, abi=device.abi, kind=device.kind, model=device.model, sdk=device.sdk),
            status=status,
            attempt=self.work.attempt,
            captures=tuple(self.captures),
            pushed_bytes=self.pushed,
            conditions=self.conditions | self.measuring.notes | self.tracing.notes,
            evidence=(*results.pop("evidence", ()), *self.tracing.links),
            **results,
        )


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
