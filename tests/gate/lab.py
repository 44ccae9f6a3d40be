"""A lab whose runs answer as a test wants: captures as an agent would have written them, on devices laid out by hand."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.capture import exray_pb2 as pb
from farm.client import Client
from farm.client.gates import GateClient
from farm.compare.accuracy import wilson
from farm.daemon import Daemon
from farm.errors import AdbError
from farm.model import graph as graphs
from farm.report.document import Accuracy, CaptureLink, Latency, Pair, Run, Side, Target
from farm.sections.gate import Gate
from farm.settings import Api, Runs, Settings
from farm.submission import InputFrame, Submission, Terms, Variant
from tests.capture import kit
from tests.conftest import DEMO
from tests.daemon.lab import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.gate.answer import GateAnswer
    from farm.run.work import Progress, Work

MODEL = (DEMO / "model.tflite").read_bytes()
GRAPH = graphs.read_file(DEMO / "model.tflite")
OUTPUT = GRAPH.tensors[GRAPH.outputs[0]]
CLASSES = OUTPUT.shape[-1]


@dataclass(frozen=True)
class Manner:
    """How a model does: the first `wrong` frames are answered wrongly, and each invocation takes as long."""

    wrong: int = 0
    ms: Sequence[float] = (1.0,)
    """Over and over."""
    memory_mb: float = 100.0
    fails_on: str = ""


@dataclass
class GateLab:
    """A real daemon; `manners` by model name."""

    data: Path
    gates: tuple[Gate, ...]
    frames: int = 200
    manners: dict[str, Manner] = field(default_factory=dict)

    @contextlib.contextmanager
    def started(self) -> Iterator[GateLab]:
        settings = Settings(
            data=self.data, api=Api(artifact_limit_mb=1), run=Runs(retry_s=0, attempts=1), gate=self.gates
        )
        self.daemon = Daemon(
            settings, perform=self._perform, preflight=lambda *_: None, write_report=lambda _, folder: folder,
            fleet=Bench("one", "two"),
        )  # fmt: skip
        self.model, self.frame = self.daemon.artifacts.put(MODEL), self.daemon.artifacts.put(b"a frame")
        self.daemon.start(port=0)
        try:
            with Client.at(self.daemon.url, (self.data / "token").read_text().strip()) as self.client:
                self.at = GateClient(self.client)
                yield self
        finally:
            self.daemon.stop()

    def job(self, name: str, manner: Manner, *, on: str = "serial=one", times: int = 1, commit: str = "") -> int:
        """Run a model that does so; the job's number, once it is over."""
        self.manners[name] = manner
        asked = self.asked(name, on=on, terms=Terms(times=times, fresh=True, commit=commit))
        return self.client.wait(self.client.submit(asked).job).job

    def pair(self, a: Manner, b: Manner, *, on: str = "serial=one", times: int = 1) -> int:
        """Run two models in turn that do so, on a device that gets slower all the time; the job's number, once it is over."""
        self.manners |= {"a": a, "b": b}
        variants = (Variant(name="a"), Variant(name="b", model_name="b", model_sha256=self.model))
        terms = Terms(pair=True, times=times, fresh=True)
        asked = self.asked("a", on=on).model_copy(update={"variants": variants, "terms": terms})
        return self.client.wait(self.client.submit(asked).job).job

    def asked(self, name: str, *, on: str = "serial=one", terms: Terms | None = None) -> Submission:
        """What `job` submits."""
        frames = tuple(
            InputFrame(name=f"{i}.png", kind="image", sha256=(self.frame,), label=i % CLASSES)
            for i in range(self.frames)
        )
        return Submission(model_name=name, model_sha256=self.model, frames=frames, selector=on, terms=terms or Terms())

    def check(self, gate: str, job: int, **asked: str) -> GateAnswer:
        return self.at.check(gate, job, **asked)

    def _perform(self, work: Work, progress: Progress, check: Callable[[], None]) -> Run:
        manner = self.manners[work.submission.model_name]
        if manner.fails_on == work.device.serial:
            raise AdbError("the cable", where=work.device.serial, remedy="plug it in")
        n, right = len(work.submission.frames), len(work.submission.frames) - manner.wrong
        device = work.device
        if work.submission.terms.pair:
            return self._in_turn(work)
        capture = self._capture(n, manner)
        times = np.resize(manner.ms, n)
        return Run(
            id=work.run_id, status="done",
            target=Target(serial=device.serial, abi=device.abi, kind=device.kind),
            accuracy=Accuracy(n=n, top1=right / n, top5=None, top1_interval=wilson(right, n)),
            latency_ms=_latency(times),
            memory_mb=manner.memory_mb, captures=(capture,), conditions={"kernel": "delegate", "model": self.model[:12]},
        )  # fmt: skip

    def _in_turn(self, work: Work) -> Run:
        """As farm/compare/pair.py tells it, of rounds each of which takes as much longer."""
        n, rounds, device = len(work.submission.frames), work.submission.pair_rounds, work.device
        captures, sides = [], []
        for name in "ab":
            manner = self.manners[name]
            for number in range(rounds):
                slow = replace(manner, ms=[ms * (1 + number) for ms in manner.ms])
                captures.append(self._capture(n, slow).model_copy(update={"name": f"latency-{name}{number}"}))
            right, times = n - manner.wrong, np.resize(manner.ms, n) * rounds / 2
            sides.append(
                Side(name=name, model=name, latency_ms=_latency(times), memory_mb=manner.memory_mb, top1=right / n)
            )
        ratio = sides[1].latency_ms.median / sides[0].latency_ms.median
        pair = Pair(
            a=sides[0], b=sides[1], rounds=rounds, frames=n, latency_ratio=ratio, latency_interval=(ratio, ratio),
            noise_ratio=1.0,
        )  # fmt: skip
        target = Target(serial=device.serial, abi=device.abi, kind=device.kind)
        return Run(id=work.run_id, status="done", target=target, pair=pair, captures=tuple(captures))

    def _capture(self, n: int, manner: Manner) -> CaptureLink:
        spec = kit.spec(GRAPH.outputs[0], OUTPUT.shape)
        messages: list[object] = [kit.header(pb.PASS_LATENCY, model_sha256=hashlib.sha256(MODEL).digest()), spec]
        for i in range(n):
            said = np.zeros(OUTPUT.shape, np.float32)
            said.flat[(i + (i < manner.wrong)) % CLASSES] = 1.0
            ns = round(1e6 * float(manner.ms[i % len(manner.ms)]))
            messages += [kit.data(spec.id, i, said), pb.Frame(index=i, invoke_ns=ns, name=f"{i}.png")]
        with tempfile.TemporaryDirectory() as folder:
            file = kit.made(Path(folder) / "x.mcap", *messages, pb.End())  # type: ignore[arg-type]
            sha256, size = self.daemon.artifacts.put_file(file), file.stat().st_size
        return CaptureLink(name="latency", sha256=sha256, bytes=size, complete=True, path="")


def _latency(times: np.ndarray[Any, Any]) -> Latency:
    return Latency(
        median=float(np.median(times)), p90=float(np.percentile(times, 90)), n=len(times), interval=(0.0, 9.0)
    )


def gate(name: str, *conditions: str, **more: object) -> Gate:
    return Gate.model_validate({"name": name, "conditions": conditions, **more})


@contextlib.contextmanager
def up(data: Path, *gates: Gate) -> Iterator[GateLab]:
    with GateLab(data, gates).started() as found:
        yield found
