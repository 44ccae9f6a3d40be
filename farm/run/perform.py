"""One run on one leased device: stage, preflight, passes, pull, clean up; then, on stored captures only, compare and assess."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from farm.assess.assess import assess_run
from farm.capture import recording
from farm.capture.ingest import ingest
from farm.errors import BugError, FarmError, InfrastructureError
from farm.fleet import health
from farm.fleet.adb import AdbDevice, AdbServer, PushItem
from farm.model import graph as graphs
from farm.model.instrument import instrument, layers_bytes
from farm.reference import preprocess
from farm.report.document import CaptureLink, Run, RunStatus, Target
from farm.run import bundle, passes, preflight, stage
from farm.run.work import BrokenOffError
from farm.store.artifacts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np

    from farm.capture.recording import PassName, Recording
    from farm.run.work import Perform, Progress, Work
    from farm.settings import Settings
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

CLEAN_UP_S = 15.0
CAPTURE_SLACK = 1.1
"""A capture is its tensors and some: message and chunk headers, times."""


def make_perform(settings: Settings, artifacts: ArtifactStore) -> Perform:
    """The function that carries out runs with these settings."""
    server = AdbServer(settings.adb.host, settings.adb.port)

    def perform(work: Work, progress: Progress, check: Callable[[], None]) -> Run:
        return _Attempt(work, server.device(work.device.serial), settings.data, artifacts, progress, check).perform()

    return perform


def layer_frames(submission: Submission) -> list[tuple[int, InputFrame]]:
    """The frames of the `layers` pass: spread evenly, since inputs sorted by name are often sorted by class."""
    count = min(submission.layer_frames, len(submission.frames))
    picked = sorted({round(i * (len(submission.frames) - 1) / max(1, count - 1)) for i in range(count)})
    return [(i, submission.frames[i]) for i in picked]


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
        submission = self.work.submission
        model = self.artifacts.read(submission.model_sha256)
        graph = graphs.read(model, submission.model_name)
        files = bundle.for_abi(self.work.device.abi, virtual=self.work.device.kind == "virtual")
        agent = stage.Blob.of_file(files.agent, sha256_of(files.agent), program=True)
        runtime = stage.Blob.of_file(files.runtime, sha256_of(files.runtime))
        plain = stage.Blob.of_file(self.artifacts.path(submission.model_sha256), submission.model_sha256)
        some = layer_frames(submission)
        blobs = [agent, runtime, plain]
        models: dict[PassName, stage.Blob] = {"latency": plain}
        if some:
            sha256 = self.artifacts.put(instrument(model, submission.model_name))
            models["layers"] = stage.Blob.of_file(self.artifacts.path(sha256), sha256)
            blobs.append(models["layers"])
        self._tell("decode", 0, len(submission.frames))
        inputs = self._decode(graph)
        room = int(CAPTURE_SLACK * (len(some) * layers_bytes(graph) + len(submission.frames) * _outputs_bytes(graph)))
        unique = {blob.sha256: blob for blob in [*blobs, *(b for row in inputs for b in row)]}
        self.pushed = stage.stage(
            self.device, list(unique.values()), room=room, progress=lambda done, of: self._tell("stage", done, of)
        )
        every = list(enumerate(submission.frames))
        try:
            self.device.shell(["mkdir", "-p", self.folder], stage.DEADLINE_S)
            self._note(models["latency"], runtime)
            for name, frames in (("latency", every), ("layers", some)):
                if frames:
                    self._pass(name, agent, runtime, models[name], frames, inputs)  # type: ignore[arg-type, index]
        finally:
            with contextlib.suppress(InfrastructureError):  # gone devices are cleaned by the next run's own stage
                self.device.shell(["rm", "-rf", self.folder], CLEAN_UP_S)

    def _decode(self, graph: graphs.Graph) -> list[list[stage.Blob]]:
        """Each frame's inputs as the agent reads them; the bytes are made again when they are pushed, not kept."""
        rows = []
        for i, frame in enumerate(self.work.submission.frames):
            rows.append([_blob(make) for make in _contents(frame, graph, self.artifacts)])
            self._tell("decode", i + 1, len(self.work.submission.frames))
        return rows

    def _pass(
        self,
        name: PassName,
        agent: stage.Blob,
        runtime: stage.Blob,
        model: stage.Blob,
        frames: Sequence[tuple[int, InputFrame]],
        inputs: Sequence[Sequence[stage.Blob]],
    ) -> None:
        listing, remote = f"{self.folder}/{name}.frames", f"{self.folder}/{name}.mcap"
        text = io.BytesIO()
        kinds = {"image": "rgb", "tensor": "tensor"}
        passes.write_list(
            text,
            [
                (index, position, kinds[frame.kind], blob.remote, frame.name)
                for index, frame in frames
                for position, blob in enumerate(inputs[index])
            ],
        )
        self.device.push([PushItem(listing, lambda: [text.getvalue()])], stage.DEADLINE_S)
        labels = (("run", str(self.work.run_id)), ("serial", self.device.serial), ("kind", self.work.device.kind))
        work = passes.Pass(name, agent.remote, runtime.remote, model.remote, listing, remote, labels)
        with tempfile.TemporaryDirectory(dir=_folder(self.data / "incoming")) as temporary:
            local = Path(temporary) / f"{name}.mcap"
            try:
                passes.run(
                    self.device, work, self.work.submission, lambda done, of: self._tell(name, done, of), self.check
                )
                self._tell(f"pull {name}", 0, 0)
                passes.pull(self.device, remote, local)
            except FarmError:
                if (local.is_file() and local.stat().st_size) or passes.rescue(self.device, remote, local):
                    self._keep(name, local)
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

    def _note(self, model: stage.Blob, runtime: stage.Blob) -> None:
        submission = self.work.submission
        self.conditions = {
            "kernel": submission.kernel,
            "threads": str(submission.threads),
            "warmup": str(submission.warmup),
            "repetitions": str(submission.repetitions),
            "context": "shell",
            "model": model.sha256[:12],
            "runtime": runtime.sha256[:12],
            **health.conditions(self.device),
        }

    def _conclude(self) -> Run:
        assessed = assess_run(
            self.work.submission,
            self.artifacts,
            self.data / "references",
            self.recordings["latency"],
            self.recordings.get("layers"),
            self._tell,
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


def _outputs_bytes(graph: graphs.Graph) -> int:
    return sum(graph.tensors[t].nbytes for t in graph.outputs)


def _contents(frame: InputFrame, graph: graphs.Graph, artifacts: ArtifactStore) -> list[Callable[[], bytes]]:
    """What makes the bytes of each of a frame's inputs, as the agent reads them."""
    if frame.kind == "image":
        return [lambda: _ppm(preprocess.decode(artifacts.read(frame.sha256[0]), frame.name))]

    def tensor(index: int) -> bytes:
        return preflight.reader(frame, graph, artifacts).inputs(None)[index].tobytes()

    return [functools.partial(tensor, index) for index in graph.inputs]


def _blob(make: Callable[[], bytes]) -> stage.Blob:
    content = make()

    def parts() -> Iterable[bytes]:
        yield make()

    return stage.Blob(hashlib.sha256(content).hexdigest(), len(content), parts)


def _ppm(rgb: np.ndarray[Any, Any]) -> bytes:
    return b"P6\n%d %d\n255\n" % (rgb.shape[1], rgb.shape[0]) + rgb.tobytes()


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
