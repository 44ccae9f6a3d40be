"""References through their worker process: real LiteRT, real time limits."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from ai_edge_litert.interpreter import Interpreter

from farm.errors import DeadlineError, InputsError, JobError, ModelError, RecipeError
from farm.model import graph as graphs
from farm.model import recipe as recipes
from farm.model.instrument import exposed, instrument
from farm.reference import preprocess
from farm.reference.cost import affordable, multiply_accumulates
from farm.reference.record import record, record_all
from farm.submission import InputFrame
from tests.conftest import DEMO, ROOT
from tests.reference import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from farm.capture.recording import Recording
    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore

RECIPE = recipes.load(DEMO / "model.recipe.toml")


@pytest.fixture
def pictures(artifacts: ArtifactStore) -> list[tuple[int, InputFrame]]:
    files = sorted((DEMO / "inputs").glob("*.png"))[:3]
    return [(i, InputFrame(name=f.name, kind="image", sha256=(artifacts.put_file(f),))) for i, f in enumerate(files)]


def npy(artifacts: ArtifactStore, *values: np.ndarray[Any, Any], name: str = "x.npy") -> InputFrame:
    shas = []
    for value in values:
        file = io.BytesIO()
        np.save(file, value)
        shas.append(artifacts.put(file.getvalue()))
    return InputFrame(name=name, kind="tensor", sha256=tuple(shas))


def run(
    artifacts: ArtifactStore,
    frames: list[tuple[int, InputFrame]],
    *,
    name: str = "litert",
    model: bytes | None = None,
    recipe: Recipe | None = RECIPE,
    layers: bool = False,
    timeout_s: float = 60,
    **options: Any,
) -> Recording:
    return record(
        name,
        artifacts=artifacts,
        cache=artifacts.folder.parent / "references",
        model_sha256=artifacts.put(model if model is not None else (DEMO / "model.tflite").read_bytes()),
        frames=frames,
        recipe=recipe,
        layers=layers,
        timeout_s=timeout_s,
        **options,
    )


def test_outputs_are_the_runtimes_own(artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]) -> None:
    told: list[tuple[int, int]] = []
    recording = run(artifacts, pictures, progress=lambda done, of: told.append((done, of)))
    interpreter = Interpreter(model_path=str(DEMO / "model.tflite"))
    interpreter.allocate_tensors()
    (image,), (scores,) = interpreter.get_input_details(), interpreter.get_output_details()
    for index, frame in pictures:
        pixels = preprocess.geometry(preprocess.decode(artifacts.read(frame.sha256[0]), ""), RECIPE, 64, 64)
        interpreter.set_tensor(image["index"], preprocess.values(pixels, RECIPE)[None])
        interpreter.invoke()
        found = recording.tensors(artifacts, index)
        assert found.keys() == {scores["index"]}
        assert np.array_equal(found[scores["index"]], interpreter.get_tensor(scores["index"]))
    assert told[-1] == (3, 3)
    assert [t.name for t in recording.frame_times(artifacts)] == [f.name for _, f in pictures]
    assert recording.header.source == "litert"


@pytest.mark.parametrize("name", ["model.tflite", "model_int8.tflite"])
def test_layers_are_those_of_the_instrumented_model(
    name: str, artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]
) -> None:
    model = (DEMO / name).read_bytes()
    graph = graphs.read(model)
    found = run(artifacts, pictures[:1], model=model, layers=True).tensors(artifacts, 0)
    assert found.keys() == {*graph.inputs, *exposed(graph), *graph.outputs}
    interpreter = Interpreter(model_content=instrument(model))
    interpreter.allocate_tensors()
    interpreter.set_tensor(graph.inputs[0], found[graph.inputs[0]])
    interpreter.invoke()
    for detail in interpreter.get_output_details():
        assert np.array_equal(found[detail["index"]], interpreter.get_tensor(detail["index"]))


def test_reference_kernels_are_near_the_optimized_ones(
    artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]
) -> None:
    fast, slow = (run(artifacts, pictures, name=n, layers=True) for n in ("litert", "litert-ref"))
    assert slow.header.kernel == "reference"
    for key, value in slow.tensors(artifacts, 2).items():
        np.testing.assert_allclose(fast.tensors(artifacts, 2)[key], value, atol=1e-4, rtol=1e-3)


def test_several_recipes_are_the_same_as_one_by_one(
    artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]
) -> None:
    other = RECIPE.model_copy(update={"channels": "bgr", "rotate": 90})
    both = record_all(
        "litert",
        artifacts=artifacts,
        cache=artifacts.folder.parent / "elsewhere",
        model_sha256=artifacts.put((DEMO / "model.tflite").read_bytes()),
        frames=pictures,
        recipes=(RECIPE, other),
        layers=False,
        timeout_s=60,
    )
    for recording, recipe in zip(both, (RECIPE, other), strict=True):
        alone = run(artifacts, pictures, recipe=recipe)
        for index, _ in pictures:
            mine, own = recording.tensors(artifacts, index), alone.tensors(artifacts, index)
            assert all(np.array_equal(mine[key], own[key]) for key in own)


def test_memory_and_load_are_sampled_beside_the_frames(
    artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]
) -> None:
    recording = run(artifacts, pictures)
    rows = recording.sample_rows(artifacts)
    found = {r.source for r in rows}
    assert {"memory/rss_bytes", "load/busy_ticks", "load/all_ticks"} <= found
    assert all(r.value > 1 << 20 for r in rows if r.source == "memory/rss_bytes")
    first = recording.frame_times(artifacts)[0]
    assert rows[0].time_ns - rows[0].took_ns <= first.start_ns, "one clock"


def test_what_ran_before_does_not_run_again(artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]) -> None:
    first = run(artifacts, pictures)
    assert run(artifacts, pictures, timeout_s=1e-9) == first  # no worker could answer in that time
    with pytest.raises(DeadlineError):
        run(artifacts, pictures[:2], timeout_s=1e-9)
    for sha256 in set(first.frames.values()):
        artifacts.path(sha256).unlink()
    assert run(artifacts, pictures).frames.keys() == first.frames.keys()  # and is made again where it was lost


def test_open_batches_become_one_and_every_input_is_fed(artifacts: ArtifactStore) -> None:
    a, b = np.arange(4, dtype=np.float32).reshape(1, 4), np.full((1, 4), 0.5, np.float32)
    model = tiny.add(open_batch=True)
    recording = run(artifacts, [(7, npy(artifacts, a, b[0]))], model=model, recipe=None, layers=True)
    found = recording.tensors(artifacts, 7)
    assert np.array_equal(found[2], a + b)
    assert np.array_equal(found[1], b)


def test_unknown_references_are_refused_with_those_there_are(
    artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]
) -> None:
    with pytest.raises(JobError) as caught:
        run(artifacts, pictures, name="nothing")
    assert "litert, litert-ref, " in caught.value.remedy


def test_inputs_that_do_not_fit_are_named(artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]) -> None:
    wrong = npy(artifacts, np.zeros((1, 32, 32, 3), np.float32), name="small.npy")
    with pytest.raises(InputsError, match=r"small\.npy.*float32 \[1, 32, 32, 3\].*float32 \[1, 64, 64, 3\]"):
        run(artifacts, [(0, wrong)])
    with pytest.raises(InputsError, match=r"two\.npy.*holds 2 tensors"):
        run(artifacts, [(0, npy(artifacts, np.zeros(1), np.zeros(1), name="two.npy"))])
    with pytest.raises(InputsError, match="not one"):
        run(artifacts, pictures, model=tiny.add())
    with pytest.raises(RecipeError, match="need a recipe"):
        run(artifacts, pictures, recipe=None)
    broken = InputFrame(name="broken.png", kind="image", sha256=(artifacts.put(b"not a picture"),))
    with pytest.raises(InputsError, match=r"broken\.png"):
        run(artifacts, [(0, broken)])


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1000000000000), }",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        b"{" * 5000,
    ],
)
def test_a_tensor_file_is_not_believed(artifacts: ArtifactStore, header: bytes) -> None:
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 16
    frame = InputFrame(name="evil.npy", kind="tensor", sha256=(artifacts.put(data), artifacts.put(data)))
    with pytest.raises(InputsError, match=r"evil\.npy"):
        run(artifacts, [(0, frame)], model=tiny.add(), recipe=None)


def test_models_that_cannot_run_are_the_users(artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]) -> None:
    with pytest.raises(ModelError):
        run(artifacts, pictures, model=b"garbage")
    whole = (DEMO / "model.tflite").read_bytes()
    with pytest.raises(ModelError):
        run(artifacts, pictures, model=whole[: len(whole) // 2])


def test_no_worker_outlives_its_deadline(artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]) -> None:
    many = [(i, pictures[0][1]) for i in range(20_000)]
    with pytest.raises(DeadlineError, match="of 20000 frames"):
        run(artifacts, many, timeout_s=1.5)
    assert children() == []


def test_giving_up_ends_the_worker(artifacts: ArtifactStore, pictures: list[tuple[int, InputFrame]]) -> None:
    class CanceledError(Exception):
        pass

    def cancel(done: int, of: int) -> None:
        raise CanceledError

    with pytest.raises(CanceledError):
        run(artifacts, [(i, pictures[0][1]) for i in range(20_000)], progress=cancel)
    assert children() == []


def test_a_worker_ends_with_its_parent() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "farm.reference.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=30) != 0


def test_work_is_counted_from_the_graph() -> None:
    graph = graphs.read_file(DEMO / "model.tflite")
    conv = graph.nodes[0]
    kernel, made = graph.tensors[conv.inputs[1]].shape, graph.tensors[conv.outputs[0]].shape
    first = made[1] * made[2] * made[3] * kernel[1] * kernel[2] * kernel[3]
    assert multiply_accumulates(graph) > first
    assert affordable(graph, 100)
    assert not affordable(graph, 10**7)


def children() -> list[str]:
    """Command lines of this process's workers that are still alive after a while."""
    deadline = time.monotonic() + 5
    while True:
        alive = []
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):  # it ended meanwhile
                alive.append(" ".join(child.cmdline()))
        alive = [line for line in alive if "farm.reference.worker" in line]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.05)


def test_a_keyword_spotter_with_an_open_batch_runs(testdata: Path, artifacts: ArtifactStore) -> None:
    data = np.load(testdata / "features" / "kws01_mfcc_int8_1000.npz")
    frames = [(i, npy(artifacts, x)) for i, x in enumerate(data["x"][:20])]
    model = (testdata / "models" / "kws_int8.tflite").read_bytes()
    recording = run(artifacts, frames, model=model, recipe=None)
    right = [int(next(iter(recording.tensors(artifacts, i).values())).argmax()) == data["y"][i] for i in range(20)]
    assert sum(right) >= 14
