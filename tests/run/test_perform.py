"""One run on a virtual phone, through the real adb server and the real agent; and what happens when it breaks."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from farm import virtual
from farm.capture.ingest import ingest
from farm.capture.recording import load
from farm.errors import BugError, DeadlineError, DeviceGoneError, InfrastructureError, ModelError, StorageError
from farm.fleet.adb import PushItem
from farm.fleet.device import Device
from farm.model import graph as graphs
from farm.run import stage
from farm.run.perform import lease_number, make_perform
from farm.run.steps import spread
from farm.run.work import BrokenOffError, Work
from farm.sections.devices import Conditions
from farm.settings import Adb, Settings
from farm.store.artifacts import ArtifactStore
from farm.work.prepare import Options, RecipeFlags, prepare
from tests.conftest import DEMO

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.fleet.adb import AdbDevice, AdbServer
    from farm.report.document import Run
    from farm.submission import Submission
    from farm.virtual import VirtualPhone


@dataclass
class Bench:
    """A phone, and what performs runs on it."""

    phone: VirtualPhone
    adb: AdbServer
    artifacts: ArtifactStore
    settings: Settings
    runs: int = 0

    @property
    def device(self) -> AdbDevice:
        return self.adb.device(self.phone.serial)

    def submission(self, model: Path = DEMO / "model.tflite", **options: object) -> Submission:
        prepared = prepare(
            model,
            DEMO / "inputs",
            DEMO / "labels.tsv",
            None if model.parent == DEMO else DEMO / "model.recipe.toml",
            None,
            RecipeFlags(),
            replace(Options(), **options),  # type: ignore[arg-type]
        )
        for sha256, path in prepared.files.items():
            assert self.artifacts.put_file(path) == sha256
        return prepared.submission

    def perform(
        self,
        submission: Submission,
        on: Callable[[str, int, int], None] = lambda stage, done, of: None,
        check: Callable[[], None] = lambda: None,
    ) -> Run:
        self.runs += 1
        device = Device(self.phone.serial, "device", self.device.properties(10))
        work = Work(self.runs, 1, self.runs, submission, device)
        return make_perform(self.settings, self.artifacts)(work, on, check)

    def break_off(
        self,
        submission: Submission,
        on: Callable[[str, int, int], None] = lambda stage, done, of: None,
        check: Callable[[], None] = lambda: None,
    ) -> BrokenOffError:
        with pytest.raises(BrokenOffError) as e:
            self.perform(submission, on, check)
        return e.value


def bench(adb: AdbServer, phone: VirtualPhone, data: Path) -> Bench:
    limits = Conditions(
        cooldown_s=2.0, load_max=1.0
    )  # other tests share this computer, and nobody waits for heat to pass
    settings = Settings(data=data, adb=Adb(host=adb.host, port=adb.port), conditions=limits)
    return Bench(phone, adb, ArtifactStore(data / "artifacts"), settings)


def leftovers(device: AdbDevice) -> str:
    return device.script(
        f"ls {stage.FOLDER} | grep -v -e cache -e agent.lock; ls {stage.CACHE} | grep part; pgrep -f -- '--runtim[e]'",
        10,
    ).text


def test_a_run_measures_compares_and_leaves_no_trace_but_the_cache(b: Bench) -> None:
    run = b.perform(b.submission())
    assert run.status == "done"
    assert run.verdict is not None
    assert (run.verdict.kind, run.verdict.cause) == ("pass", "none")
    assert run.target is not None
    assert run.target.kind == "virtual"
    assert run.accuracy is not None
    assert run.accuracy.top1 > 0.85
    assert run.accuracy.reference_top1 is not None
    assert run.latency_ms is not None
    assert 0 < run.latency_ms.median <= run.latency_ms.p90
    assert run.memory_mb is not None
    assert {"Conv", "D-Conv", "FC", "Mean", "Softmax"} <= {t.type for t in run.layer_types}
    (comparison,) = run.comparisons
    assert comparison.first_divergence is None
    assert len(comparison.layers) == 1 + len(graphs.read_file(DEMO / "model.tflite").nodes)
    assert [c.name for c in run.captures] == ["latency", "profile", "layers", "isolated"]
    assert run.pushed_bytes > 8_000_000
    assert leftovers(b.device) == ""
    again = b.perform(b.submission())
    assert again.pushed_bytes == 0, "the device has everything, and it was verified there"


@pytest.mark.slow
def test_captures_say_where_they_come_from(b: Bench) -> None:
    submission = b.submission()
    run = b.perform(submission)
    for link in run.captures:
        found = ingest(b.artifacts.path(link.sha256), "device:x", b.artifacts)
        assert found is not None
        header = load(b.artifacts, found).header
        assert header.pass_ == link.name
        assert header.labels["kind"] == "virtual"
        assert header.kernel == "delegate"
        assert b.artifacts.has(header.model_sha256)
        assert (header.model_sha256 == submission.model_sha256) == (link.name in {"latency", "profile"})


@pytest.mark.slow
def test_a_file_that_rotted_on_the_device_is_pushed_again(b: Bench) -> None:
    submission = b.submission(layer_frames=2)
    b.perform(submission)
    target = f"{stage.CACHE}/{submission.model_sha256}"
    b.device.push([PushItem(target, lambda: [b"rot"])], 10)
    run = b.perform(submission)
    assert run.status == "done"
    assert run.pushed_bytes == (DEMO / "model.tflite").stat().st_size


@pytest.mark.parametrize("when", ["stage", "latency", "pull layers"])
def test_a_device_killed_in_the_middle_is_infrastructure(b: Bench, when: str) -> None:
    def kill(stage_name: str, done: int, of: int) -> None:
        if stage_name == when and b.phone.pid and (when != "stage" or done > 0):
            virtual.kill(b.phone)

    broken = b.break_off(b.submission(), kill)
    assert isinstance(broken.cause, DeviceGoneError)
    assert broken.partial.status == "failed"
    assert [c.name for c in broken.partial.captures] == (["latency", "profile"] if when == "pull layers" else [])


@pytest.mark.slow
def test_a_canceled_run_leaves_the_device_usable(b: Bench) -> None:
    seen: list[str] = []

    def check() -> None:
        if seen and seen[-1] == "layers":
            raise InfrastructureError("the lease is lost")

    broken = b.break_off(b.submission(), lambda name, done, of: seen.append(name), check)
    assert str(broken.cause) == "the lease is lost"
    assert leftovers(b.device) == ""
    assert b.perform(b.submission()).status == "done"


@pytest.mark.slow
def test_a_pass_over_its_deadline_keeps_what_was_recorded(b: Bench) -> None:
    broken = b.break_off(b.submission(repetitions=1000, pass_timeout_s=5.0, layer_frames=0))
    assert isinstance(broken.cause, DeadlineError)
    (capture,) = broken.partial.captures
    assert not capture.complete
    found = ingest(b.artifacts.path(capture.sha256), "device:x", b.artifacts)
    assert found is not None
    kept = load(b.artifacts, found)
    assert not kept.complete
    assert len(kept.frame_times(b.artifacts)) > 100
    assert leftovers(b.device) == ""


def test_what_does_not_fit_is_refused_up_front(
    adb: AdbServer, make_phone: Callable[..., VirtualPhone], data: Path
) -> None:
    small = bench(adb, make_phone(storage_bytes=32 << 20), data)
    broken = small.break_off(small.submission(layer_frames=120))
    assert isinstance(broken.cause, StorageError)
    assert "MiB are needed" in str(broken.cause)
    assert small.device.shell(["true"], 10).exit_code == 0


@pytest.mark.slow
def test_an_old_cache_makes_room_for_what_is_needed(
    adb: AdbServer, make_phone: Callable[..., VirtualPhone], data: Path
) -> None:
    tight = bench(adb, make_phone(storage_bytes=48 << 20), data)
    tight.device.shell(["mkdir", "-p", stage.CACHE], 10)
    tight.device.push([PushItem(f"{stage.CACHE}/{'0' * 64}", lambda: [bytes(24 << 20)])], 30)
    assert tight.perform(tight.submission(layer_frames=2)).status == "done"


def test_an_op_the_runtime_does_not_know_is_named(b: Bench, tmp_path: Path) -> None:
    broken = b.break_off(b.submission(foreign_op(tmp_path)))
    assert isinstance(broken.cause, ModelError)
    assert "FancySoftmax" in str(broken.cause)
    assert leftovers(b.device) == ""


def test_without_an_agent_for_the_abi_it_says_so(b: Bench) -> None:
    work = Work(1, 1, 1, b.submission(), Device(b.phone.serial, "device", {"ro.product.cpu.abi": "riscv64"}))
    with pytest.raises(BrokenOffError, match="riscv64"):
        make_perform(b.settings, b.artifacts)(work, lambda s, d, o: None, lambda: None)


def test_frames_of_a_pass_are_spread_over_the_inputs(b: Bench) -> None:
    submission = b.submission()
    assert [i for i, _ in spread(submission, 8)] == [0, 17, 34, 51, 68, 85, 102, 119]
    assert len(spread(submission, 500)) == 120
    assert spread(submission, 0) == []
    assert [i for i, _ in spread(submission, 1)] == [0]


def test_lease_numbers_grow_with_time_and_token() -> None:
    first = lease_number(3)
    assert lease_number(4) > first
    assert lease_number(1 << 40) >= first >> 20 << 20
    assert first < 1 << 63


@pytest.mark.slow
def test_a_capture_cut_anywhere_is_read_up_to_its_last_whole_chunk(b: Bench, tmp_path: Path) -> None:
    run = b.perform(b.submission())
    for link in run.captures:
        whole = b.artifacts.read(link.sha256)
        frames = []
        for share in (0.0, 0.01, 0.3, 0.6, 0.9, 0.999):
            cut = tmp_path / "cut.mcap"
            cut.write_bytes(whole[: int(len(whole) * share)])
            found = ingest(cut, "device:x", b.artifacts)
            frames.append(0 if found is None else len(load(b.artifacts, found).frame_times(b.artifacts)))
        assert frames == sorted(frames)
        assert frames[0] == 0
        assert frames[-1] > 0


def test_a_whole_capture_that_lies_is_our_bug(b: Bench, tmp_path: Path) -> None:
    from mcap.writer import Writer

    from farm.capture import exray_pb2 as pb

    out = io.BytesIO()
    writer = Writer(out)
    writer.start()
    channel = writer.register_channel("/end", "protobuf", 0)
    writer.add_message(channel, 0, pb.End().SerializeToString(), 0)
    writer.finish()  # type: ignore[no-untyped-call]
    (tmp_path / "lie.mcap").write_bytes(out.getvalue())
    with pytest.raises(BugError, match="instead of a header"):
        ingest(tmp_path / "lie.mcap", "device:x", b.artifacts)


def foreign_op(folder: Path) -> Path:
    """The bundled classifier, its softmax replaced by an op nobody registered."""
    tree = graphs.unpack((DEMO / "model.tflite").read_bytes(), "demo")
    for code in tree.operatorCodes:
        if max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.SOFTMAX:
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
            code.customCode = "FancySoftmax"
    for operator in tree.subgraphs[0].operators:
        if operator.builtinOptionsType == schema.BuiltinOptions.SoftmaxOptions:
            operator.builtinOptionsType, operator.builtinOptions = 0, None
    builder = flatbuffers.Builder(1 << 18)
    builder.Finish(tree.Pack(builder), file_identifier=graphs.IDENTIFIER)
    path = folder / "foreign.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path
