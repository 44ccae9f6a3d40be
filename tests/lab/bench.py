"""Runs of the repo's own models and data, assessed from end to end.

The device is LiteRT under a recipe, a model or frames of its own: a real device with that bug, whose recordings are assessed as a
phone's are. Everything else goes the way of `farm submit`.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lab.data import Folder, write
from lab.measure import planted

from farm.assess.assess import AssessedRun, assess_run
from farm.reference.record import record
from farm.work.prepare import Options, Prepared, RecipeFlags, prepare
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from farm.capture.recording import Recording
    from farm.store.artifacts import ArtifactStore

MODELS = ROOT / "tests" / "lab" / "models"
TIMEOUT_S = 240


def toml(words: Mapping[str, Any]) -> str:
    """A recipe as a file holds it."""

    def value(v: Any) -> str:
        inline = ", ".join(f"{k} = {value(w)}" for k, w in v.items()) if isinstance(v, dict) else ""
        return f"{{ {inline} }}" if inline else json.dumps(v)

    return "".join(f"{k} = {value(v)}\n" for k, v in words.items())


@dataclass(frozen=True)
class Plan:
    """A submission and the device that runs it."""

    prepared: Prepared
    device: Prepared
    """What the device really takes: frames and model."""


@dataclass(frozen=True)
class Bench:
    """A folder for data, stores and the references' cache, shared by the tests of a process."""

    folder: Path
    artifacts: ArtifactStore

    def data(self, kit: str, count: int) -> Folder:
        """Held-out frames of a kit and their truth, as `farm submit` takes them."""
        return write(kit, self.folder / f"{kit}-{count}", count)

    def recipe(self, words: Mapping[str, Any], folder: Path) -> Path:
        """A recipe file; a vocabulary is found beside the one it was made from."""
        if "text" in words:
            words = {**words, "text": {**words["text"], "vocabulary": str(folder / words["text"]["vocabulary"])}}
        path = self.folder / f"{abs(hash(toml(words)))}.recipe.toml"
        path.write_text(toml(words))
        return path

    def plan(
        self,
        kit: str,
        change: Mapping[str, Any] | None = None,
        *,
        model: str = "model",
        count: int = 40,
        labelled: bool = True,
        float_model: str = "",
    ) -> Plan:
        """A kit's model on its data, with a change of the recipe on the device."""
        path, truth = MODELS / kit / f"{model}.tflite", self.data(kit, count)
        own = path.with_suffix(".recipe.toml")
        right = tomllib.loads((own if own.is_file() else path.with_name("model.recipe.toml")).read_text())
        deployed = self.recipe(planted(right, change or {}), path.parent)
        twin = path.with_name(f"{float_model}.tflite") if float_model else None
        asked = self.submission(path, truth.inputs, truth.labels if labelled else None, deployed, None, twin)
        return Plan(asked, asked)

    def mislabeled(self, plan: Plan, rate: int) -> Plan:
        """The same, on a device that takes clips for ones of `rate` Hz, whatever their rate is."""
        folder = self.folder / f"taken-for-{rate}-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        for frame in plan.device.submission.frames:
            head = bytearray(self.artifacts.read(frame.sha256[0]))
            head[24:28] = rate.to_bytes(4, "little")  # of a WAV file's fmt chunk
            (folder / frame.name).write_bytes(head)
        asked = plan.prepared.submission
        device = [f.model_copy(update={"sha256": (self.artifacts.put_file(folder / f.name),)}) for f in asked.frames]
        return Plan(
            plan.prepared, replace(plan.prepared, submission=asked.model_copy(update={"frames": tuple(device)}))
        )

    def submission(
        self,
        model: Path,
        inputs: Path,
        labels: Path | None,
        recipe: Path | None,
        expected: Path | None,
        float_model: Path | None = None,
    ) -> Prepared:
        """As `farm submit`; its files are stored."""
        options = Options(layer_frames=4, float_model=float_model)
        made = prepare(model, inputs, labels, recipe, expected, RecipeFlags(), options)
        for path in made.files.values():
            self.artifacts.put_file(path)
        return made

    def run(self, plan: Plan, edit: Callable[[Recording], Recording] = lambda r: r) -> AssessedRun:
        """Assess what the device does."""
        asked, device = plan.prepared.submission, plan.device.submission
        frames = list(enumerate(device.frames))
        spread = frames[:: max(1, len(frames) // asked.layer_frames)][: asked.layer_frames]
        latency, layers = (
            edit(
                record(
                    "litert",
                    artifacts=self.artifacts,
                    cache=self.folder / "references",
                    model_sha256=device.model_sha256,
                    frames=chosen,
                    recipe=None if device.recipe is None else device.recipe.recipe,
                    layers=deep,
                    timeout_s=TIMEOUT_S,
                )
            )
            for chosen, deep in ((frames, False), (spread, True))
        )
        return assess_run(asked, self.artifacts, self.folder / "references", latency, layers)
