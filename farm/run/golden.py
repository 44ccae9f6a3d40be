"""The golden model: whether a device computes the bundled model on one frame as the reference does.

Part of a device's enrolment. The real agent and runtime run it; nothing of it is compared with a stored number.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import farm
from farm.assess.gather import Room
from farm.capture import recording
from farm.capture.ingest import ingest
from farm.compare.answers import output
from farm.errors import BugError, BundleError, InfrastructureError, JobError
from farm.fleet.adb import PushItem
from farm.fleet.enrolment import Golden
from farm.model import graph as graphs
from farm.model import recipe as recipes
from farm.run import bundle, passes, stage
from farm.run.perform import LOCK, lease_number
from farm.run.steps import Planner
from farm.store.artifacts import ArtifactStore, sha256_of
from farm.submission import InputFrame, RecipeUse, Submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.fleet.adb import AdbDevice

DEMO = Path(farm.__file__).parent / "demo"
MODEL, FRAME = "model.tflite", "frame_000.png"
REFERENCE = "litert-ref"
TOLERANCE = 1e-3
"""Of a softmax's outputs, absolute: float32 kernels differ by rounding alone, some 1e-6."""
TIMEOUT_S = 60.0
_first = threading.Lock()


def prove(
    device: AdbDevice, abi: str, *, virtual: bool, artifacts: ArtifactStore, data: Path, check: Callable[[], None]
) -> Golden:
    """Run the golden model on a device that has nothing else to do, and compare; what `check` raises ends it.

    `parity` is `no-agent` where there is no agent or runtime bundle for an Android device, `not-run` where this machine lacks it.

    Raises:
        InfrastructureError: the device left, hung or is full: nothing is known.
    """
    try:
        files = bundle.for_abi(abi, virtual=virtual, data=data)
    except (InfrastructureError, BundleError) as e:
        if not virtual:
            return Golden(parity="no-agent", detail=f"{e}; {e.remedy}")
        return Golden(parity="not-run", detail=f"{e}; {e.remedy}")
    began = time.monotonic()
    submission = _submission(artifacts)
    with _first:  # or every device of a new lab would have it computed
        wanted = _reference(submission, artifacts, data)
    with tempfile.TemporaryDirectory(prefix="farm-golden-") as name:
        try:
            got = _on_device(device, files, submission, artifacts, data, Path(name), check)
        except (JobError, BugError) as e:  # the agent died of it, or wrote nonsense
            return Golden(parity="crashed", detail=str(e)[:500])
    seconds = round(time.monotonic() - began, 3)
    if got is None or got.shape != wanted.shape or not np.isfinite(got).all():
        return Golden(parity="differs", detail="its output is of another shape, or no number", seconds=seconds)
    worst = float(np.max(np.abs(got.astype(np.float64) - wanted)))
    if worst > TOLERANCE:
        detail = f"an output differs by {worst:.3g} from {REFERENCE}'s, more than {TOLERANCE:g}"
        return Golden(parity="differs", detail=detail, max_abs=worst, seconds=seconds)
    return Golden(parity="equal", max_abs=worst, seconds=seconds)


def _submission(artifacts: ArtifactStore) -> Submission:
    recipe = RecipeUse(recipe=recipes.load(DEMO / "model.recipe.toml"), origin="bundled")
    frame = InputFrame(name=FRAME, kind="image", sha256=(artifacts.put_file(DEMO / "inputs" / FRAME),))
    return Submission(
        model_name=MODEL,
        model_sha256=artifacts.put_file(DEMO / MODEL),
        frames=(frame,),
        recipe=recipe,
        references=(REFERENCE,),
        passes=("latency",),
        warmup=0,
        layer_frames=0,
        pass_timeout_s=TIMEOUT_S,
    )


def _reference(submission: Submission, artifacts: ArtifactStore, data: Path) -> np.ndarray[Any, Any]:
    room = Room(submission, artifacts, data / "references", None)
    made = room.outputs(REFERENCE, ((0, submission.frames[0]),))
    found = output(made, room.graph, artifacts, 0)
    if found is None:
        raise BugError("logged no output", where=REFERENCE, remedy="report it")
    return found


def _on_device(
    device: AdbDevice,
    files: bundle.Bundle,
    submission: Submission,
    artifacts: ArtifactStore,
    data: Path,
    local: Path,
    check: Callable[[], None],
) -> np.ndarray[Any, Any] | None:
    graph = graphs.read(artifacts.read(submission.model_sha256), MODEL)
    agent = stage.Blob.of_file(files.agent, sha256_of(files.agent), program=True)
    runtime = stage.Blob.of_file(files.runtime, sha256_of(files.runtime))
    (step,) = Planner(submission, graph, artifacts, data / "references", _quiet).plan().steps
    stage.stage(
        device,
        [agent, runtime, *step.blobs()],
        room=step.room,
        progress=lambda _done, _of: None,
    )
    folder = f"{stage.FOLDER}/golden-{time.time_ns()}"
    listing, capture = f"{folder}/golden.frames", f"{folder}/golden.mcap"
    content = passes.frame_list(step.rows)
    device.shell(["mkdir", "-p", folder], stage.DEADLINE_S)
    try:
        device.push([PushItem(listing, lambda: [content])], stage.DEADLINE_S)
        work = passes.Pass(
            "latency", agent.remote, runtime.remote, step.model.remote, listing, capture,
            lock=LOCK,
            lease=lease_number(0),  # a run's is newer
            labels=(("run", "golden"), ("serial", device.serial)),
        )  # fmt: skip
        passes.run(device, work, submission, lambda _done, _of: None, check)
        passes.pull(device, capture, local / "golden.mcap")
    finally:
        device.shell(["rm", "-rf", folder], stage.DEADLINE_S)
    own = ArtifactStore(local / "artifacts")  # it holds times, so nobody will ever need it again
    found = ingest(local / "golden.mcap", f"device:{device.serial}", own)
    return None if found is None else output(recording.load(own, found), graph, own, 0)


def _quiet(_stage: str, _done: int, _of: int, /) -> None:
    """Nobody follows this."""
