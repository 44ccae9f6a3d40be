"""Runs on an arm64 virtual phone: the demo's models, and their layers beside those of this machine's own processor."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from farm import virtual
from farm.bundles import fetch
from farm.capture import exray_pb2 as pb
from farm.capture.diff import diff
from farm.capture.opened import opened
from farm.errors import InfrastructureError
from farm.model import graph as graphs
from farm.run import bundle
from farm.virtual import profiles
from farm.work.prepare import Options, RecipeFlags, prepare
from tests import arm64
from tests.agents import kit
from tests.conftest import DEMO
from tests.run.test_perform import Bench, bench

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.capture.diff import TensorDiff
    from farm.fleet.adb import AdbServer
    from farm.report.document import Run
    from farm.submission import Kernel, Submission
    from farm.virtual import VirtualPhone

    Array = np.ndarray[Any, Any]

FRAMES = 4


def _submission(b: Bench, model: str, inputs: Path) -> Submission:
    options = Options(layer_frames=FRAMES)
    prepared = prepare(DEMO / model, inputs, None, None, None, RecipeFlags(), options)
    for sha256, path in prepared.files.items():
        assert b.artifacts.put_file(path) == sha256
    return prepared.submission


def _capture(b: Bench, run: Run) -> kit.Capture:
    (link,) = (capture for capture in run.captures if capture.name == "layers")
    return kit.read(b.artifacts.path(link.sha256))


def _names(capture: kit.Capture, role: pb.Role) -> dict[int, str]:
    return {spec.position: spec.name for spec in capture.of(pb.TensorSpec) if spec.role == role}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    arm64.require()
    folder = tmp_path_factory.mktemp("arm64")
    arm64.require_runs(folder)
    return folder


@pytest.fixture
def arm(adb: AdbServer, data: Path) -> Iterator[Bench]:
    folder = data / "virtual"
    (phone,) = virtual.up(folder, kind=profiles.load("arm64"), owner_pid=os.getpid())
    adb.connect(phone.serial)
    yield bench(adb, phone, data)
    virtual.down(folder)
    adb.disconnect(phone.serial)


@pytest.fixture
def shimmed(adb: AdbServer, data: Path) -> Iterator[Bench]:
    """A phone whose kernel knows nothing of qemu."""
    if profiles.load().abi == "arm64-v8a":
        pytest.skip("this machine is an ARM: it needs no shim")
    folder = data / "shimmed"
    (phone,) = virtual.up(folder, kind=profiles.load("arm64"), owner_pid=os.getpid(), exec_shim=True)
    assert phone.emulation == "exec-shim"
    adb.connect(phone.serial)
    yield bench(adb, phone, data)
    virtual.down(folder)
    adb.disconnect(phone.serial)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "inputs"
    folder.mkdir()
    for path in sorted((DEMO / "inputs").glob("*.png"))[:: 120 // FRAMES]:
        shutil.copy(path, folder)
    return folder


@pytest.mark.slow
def test_int8_layers_by_xnnpack_are_those_of_this_machine_bit_by_bit(
    arm: Bench, adb: AdbServer, phone: VirtualPhone, inputs: Path, tmp_path: Path
) -> None:
    run = arm.perform(_submission(arm, "model_int8.tflite", inputs))
    assert run.status == "done"
    assert run.target is not None
    assert (run.target.abi, run.target.kind) == ("arm64-v8a", "virtual")
    here = bench(adb, phone, tmp_path)
    other = here.perform(_submission(here, "model_int8.tflite", inputs))
    assert other.target is not None
    assert other.target.abi != run.target.abi
    # XNNPACK has no int8 softmax: TFLite's own kernel runs it, and rounds its exponentials differently on the two processors.
    graph = graphs.read_file(DEMO / "model_int8.tflite")
    builtin = {graph.tensors[t].name for node in graph.nodes if node.op == "SOFTMAX" for t in node.outputs}
    ours, theirs = _capture(here, other), _capture(arm, run)
    assert len(ours.tensors(pb.ROLE_OUTPUT)) == FRAMES * len(graph.nodes)
    for role in (pb.ROLE_INPUT, pb.ROLE_OUTPUT):
        names, mine, other_ones = _names(ours, role), ours.tensors(role), theirs.tensors(role)
        assert mine.keys() == other_ones.keys()
        for key, array in mine.items():
            assert array.dtype == other_ones[key].dtype
            if names[key[1]] in builtin:
                assert np.abs(array.astype(int) - other_ones[key].astype(int)).max() <= 1
            else:
                assert np.array_equal(array, other_ones[key]), names[key[1]]


def _diff(mine: Bench, ours: Run, other: Bench, theirs: Run, name: str) -> dict[int, TensorDiff]:
    """What `farm capture diff` says of two runs' captures of a pass, by tensor."""
    one, two = (next(c.sha256 for c in run.captures if c.name == name) for run in (ours, theirs))
    with opened(one, mine.artifacts) as a, opened(two, other.artifacts) as b:
        found = diff(a, b)
    assert found.frames > 0
    return {t.tensor: t for t in found.tensors}


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["delegate", "builtin"])
def test_what_differs_between_processors_is_found_and_where_it_is_made(
    arm: Bench, adb: AdbServer, phone: VirtualPhone, testdata: Path, tmp_path: Path, kernel: Kernel
) -> None:
    model = testdata / "models" / "mobilenet_v1_0.25_224_ptq_int8.tflite"
    photos = tmp_path / "photos"
    photos.mkdir()
    for path in sorted((testdata / "images" / "imagenet_sample100").glob("*.JPEG"))[:FRAMES]:
        shutil.copy(path, photos)
    here = bench(adb, phone, tmp_path)
    flags, options = RecipeFlags(0.875, "bilinear", None, "127.5,127.5"), Options(kernel=kernel, layer_frames=FRAMES)
    prepared = prepare(model, photos, None, None, None, flags, options)
    runs = []
    for b in (here, arm):
        for path in prepared.files.values():
            b.artifacts.put_file(path)
        runs.append(b.perform(prepared.submission))
    ours, theirs = runs
    running, alone = (_diff(here, ours, arm, theirs, name) for name in ("layers", "isolated"))
    graph = graphs.read_file(model)
    order = [t for node in graph.nodes for t in node.outputs]
    assert set(running) == {*graph.inputs, *order}
    assert set(alone) == set(order)
    diverging = [t for t in order if running[t].equal < running[t].frames]
    at_fault = [t for t in order if alone[t].equal < alone[t].frames]
    if kernel == "delegate":
        assert (diverging, at_fault) == ([], []), "XNNPACK's integer arithmetic is the same everywhere"
        return
    assert all(running[t].equal == running[t].frames for t in graph.inputs)
    assert len(diverging) > len(graph.nodes) / 2
    # It is made in the first layer that shows it, and in few others; each is off by a step of its scale there.
    assert at_fault[0] == diverging[0]
    assert len(at_fault) <= len(diverging) / 2
    for t in at_fault:
        difference, (scale, *_) = alone[t].max_abs, graph.tensors[t].scale
        assert difference is not None
        assert difference <= 1.001 * scale
    # The documents say the same, each beside the reference that fed both.
    told = {d.tensor for run in runs for d in run.comparisons[0].layers if d.isolated_lsb}
    assert told >= {graph.tensors[t].name for t in at_fault}
    assert all(run.comparisons[0].local_fault is None for run in runs), "a step of the scale is rounding"


@pytest.mark.slow
def test_a_float_model_agrees_with_the_reference(arm: Bench, inputs: Path) -> None:
    run = arm.perform(_submission(arm, "model.tflite", inputs))
    assert run.status == "done"
    assert run.verdict is not None
    assert run.verdict.cause == "none"
    assert all(c.first_divergence is None for c in run.comparisons)


@pytest.mark.slow
def test_the_exec_shim_is_as_good_as_binfmt_misc(arm: Bench, shimmed: Bench, inputs: Path) -> None:
    runs = [b.perform(_submission(b, "model_int8.tflite", inputs)) for b in (shimmed, arm)]
    assert all(run.target is not None and run.target.abi == "arm64-v8a" for run in runs)
    assert [(run.status, [c.name for c in run.captures]) for run in runs] == 2 * [
        ("done", ["latency", "profile", "layers", "isolated"])
    ]
    assert all(run.verdict is not None and run.verdict.cause == "none" for run in runs)
    one, two = (_capture(b, run) for b, run in zip((shimmed, arm), runs, strict=True))
    for role in (pb.ROLE_INPUT, pb.ROLE_OUTPUT):
        mine, others = one.tensors(role), two.tensors(role)
        assert mine.keys() == others.keys()
        assert all(np.array_equal(array, others[key]) for key, array in mine.items())


def test_without_its_runtime_it_says_what_to_run(tmp_path: Path) -> None:
    if profiles.load().abi == "arm64-v8a":
        pytest.skip("this machine is an ARM: the installed runtime is its own")
    if not (kit.NATIVE / "build/linux-aarch64/exray-agent").is_file():
        pytest.skip("the aarch64 agent is not built")
    with pytest.raises(InfrastructureError, match="no runtime") as caught:
        bundle.for_abi("arm64-v8a", virtual=True, data=tmp_path)
    assert caught.value.remedy == "run: farm virtual up --abi arm64-v8a"


def test_the_runtime_is_pinned_by_the_projects_lock() -> None:
    lock = fetch.LOCK.read_text()
    pinned = fetch.pin(lock, "ai-edge-litert", "2.3.0")
    assert pinned is not None
    first, *hashes = pinned.splitlines()
    assert first == "ai-edge-litert==2.3.0 \\"
    assert len(hashes) > 4
    assert all(line.strip().startswith("--hash=sha256:") for line in hashes)
    assert not pinned.rstrip().endswith("\\")
    assert fetch.pin(lock, "ai-edge-litert", "2.3") is None
    assert fetch.pin(lock, "edge-litert", "2.3.0") is None
    assert fetch.pin("", "ai-edge-litert", "2.3.0") is None
