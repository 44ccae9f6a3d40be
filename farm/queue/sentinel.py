"""One golden model on every device every night, so that a phone that ages is told from a model that regresses."""

from __future__ import annotations

import statistics
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import farm
from farm import inputs
from farm.loop import Loop
from farm.model import recipe as recipes
from farm.queue.planner import plan
from farm.queue.scheduler import coming
from farm.report.document import Watch
from farm.store import sentinels
from farm.submission import RecipeUse, Submission, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import time

    from farm.fleet.device import Device
    from farm.report.document import WatchWord
    from farm.store.artifacts import ArtifactStore
    from farm.store.sentinels import Night
    from farm.store.state import State

    Watched = tuple[Watch, tuple[Night, ...]]

DEMO = Path(farm.__file__).parent / "demo"
LOOK_S = 20.0
FRAMES, REPETITIONS = 40, 5
NIGHTS = 14
"""How far back a device is compared with itself."""
ENOUGH = 3
"""Nights before the last that it takes to say something."""
DRIFT = 0.10
"""A change of the median below this share is not told."""
SPREADS = 4.0
"""Nor one below so many times the scatter of the nights before (1.4826 * median absolute deviation)."""


def due(devices: Sequence[Device], last: Mapping[str, float], started: float, now: datetime, at: time) -> list[Device]:
    """The devices that take runs and had none since the clock was last at `at`. Times are Unix seconds; `now` has a zone.

    A device without history is due from the first such moment after the daemon `started`.
    """
    moment = datetime.combine(now.date(), at, now.tzinfo)
    if moment > now:
        moment -= timedelta(days=1)
    return [d for d in devices if coming(d) and last.get(d.serial, started) < moment.timestamp() <= now.timestamp()]


def judge(nights: Sequence[Night]) -> Watch:
    """The last of one device's nights, at least one, oldest first, against those before it under the same runtime."""
    last = nights[-1]
    same = _alike(nights)
    before = same[:-1][-NIGHTS:]
    word: WatchWord = "too few nights"
    baseline = None
    summary = f"{len(same)} of {ENOUGH + 1} nights under runtime {last.runtime or 'unknown'}"
    if len(before) >= ENOUGH:
        times = [night.median_ms for night in before]
        baseline = statistics.median(times)
        scatter = 1.4826 * statistics.median([abs(t - baseline) for t in times])
        change = last.median_ms - baseline
        word = "steady"
        if abs(change) > max(DRIFT * baseline, SPREADS * scatter):
            word = "slower" if change > 0 else "faster"
        summary = f"{last.median_ms:.3f} ms, {last.median_ms / baseline:.2f}x of its {len(before)} nights before"
    if before and last.answers != before[-1].answers:
        word, summary = (
            "answers differ",
            f"top-1 {last.top1} on the frames that gave {before[-1].top1} the night before",
        )
    return Watch(
        serial=last.serial, word=word, summary=summary, nights=len(same), ended=last.ended, median_ms=last.median_ms,
        baseline_ms=baseline, top1=last.top1,
    )  # fmt: skip


def watched(nights: Sequence[Night]) -> Watched:
    """One device by its nights, at least one, oldest first: what the last one says, that night and those it is held against."""
    return judge(nights), tuple(_alike(nights)[-NIGHTS - 1 :])


def _alike(nights: Sequence[Night]) -> list[Night]:
    return [night for night in nights if night.runtime == nights[-1].runtime]


def golden(artifacts: ArtifactStore) -> Submission:
    """The bundled classifier on some of its labelled pictures: latency and answers, nothing that takes long."""
    files = inputs.discover(DEMO / "inputs")
    frames = inputs.frames(files, inputs.read_truth(DEMO / "labels.tsv", None))
    chosen = slice(None, None, max(1, len(files) // FRAMES))
    for file in files[chosen]:
        artifacts.put_file(file)
    return Submission(
        model_name="golden",
        model_sha256=artifacts.put_file(DEMO / "model.tflite"),
        inputs="bundled",
        frames=tuple(frames[chosen]),
        recipe=RecipeUse(recipe=recipes.load(DEMO / "model.recipe.toml"), origin="bundled"),
        repetitions=REPETITIONS,
        passes=("latency",),
        layer_frames=0,
        terms=Terms(fresh=True),
    )


class Sentinel:
    """A thread that queues the golden model for devices that are due. `queued` is told the job's number.

    `at` is the time of day, local; None: only when somebody asks.
    """

    def __init__(
        self,
        at: time | None,
        state: State,
        artifacts: ArtifactStore,
        *,
        devices: Callable[[], Sequence[Device]],
        queued: Callable[[int], None],
        report_bug: Callable[[str, str], str],
    ) -> None:
        self._at = at
        self._state = state
        self._artifacts = artifacts
        self._devices = devices
        self._queued = queued
        self._kept: tuple[tuple[int, int], list[Watched]] = ((0, 0), [])
        self._started = datetime.now().astimezone().timestamp()
        self._loop = Loop(
            "sentinel", lambda: self.look(datetime.now().astimezone()), LOOK_S, report_bug, first_s=LOOK_S
        )

    def start(self) -> None:
        """Begin to watch the clock."""
        if self._at is not None:
            self._loop.start()

    def stop(self, within_s: float) -> None:
        """End; what was queued stays."""
        self._loop.stop(within_s)

    def look(self, now: datetime) -> int | None:
        """Queue the golden model for the devices that are due at `now`; the job, if there are any."""
        if self._at is None:
            return None
        found = due(self._devices(), sentinels.last(self._state), self._started, now, self._at)
        return self.run(found) if found else None

    def run(self, devices: Sequence[Device] | None = None) -> int:
        """Queue it now, on all that take runs or on `devices`; the job.

        Raises:
            NoDeviceError: no device is ready.
        """
        asked = golden(self._artifacts)
        placements = plan(asked, self._devices() if devices is None else devices)
        job = self._state.add_job(asked, placements, user=sentinels.KIND, kind=sentinels.KIND)
        self._queued(job)
        return job

    def watches(self) -> list[Watch]:
        """Each device that had a night, by serial."""
        return [judge(nights) for _, nights in sorted(sentinels.nights(self._state).items())]

    def watched(self) -> list[Watched]:
        """The same with their nights, kept until another job of the sentinel is over: for pages, which ask often."""
        now = sentinels.state(self._state)
        if now != self._kept[0]:
            self._kept = (now, [watched(nights) for _, nights in sorted(sentinels.nights(self._state).items())])
        return self._kept[1]
