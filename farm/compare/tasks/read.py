"""From a recording to what it says in the terms of the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from farm.compare import detections
from farm.compare.answers import answers, is_classifier
from farm.compare.geometry import Geometry
from farm.compare.outputs import Outputs
from farm.compare.tasks.classification import Classification
from farm.compare.tasks.detection import DetectionReading
from farm.compare.tasks.regression import Regression
from farm.compare.tasks.segmentation import MaskFrame, Segmentation
from farm.errors import InputsError, ModelError
from farm.model.recipe import Detection, Recipe
from farm.reference import preprocess
from farm.truth import masks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from farm.capture.recording import Recording
    from farm.compare.tasks.contract import Reading
    from farm.model.graph import Graph
    from farm.model.recipe import Task
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame

    Array = np.ndarray[Any, Any]
    Frames = Sequence[tuple[int, InputFrame]]

DETECTOR = "TFLite_Detection_PostProcess"


def task_of(graph: Graph, recipe: Recipe | None) -> Task | None:
    """What the outputs mean: what the recipe says, else as the model shows it; None where nothing tells."""
    if recipe is not None and recipe.task != "classification":
        return recipe.task
    if is_classifier(graph):
        return "classification"
    producer = graph.producer(graph.outputs[0]) if graph.outputs else None
    return "detection" if producer is not None and producer.op == DETECTOR else None


def read(
    recording: Recording, graph: Graph, recipe: Recipe | None, frames: Frames, artifacts: ArtifactStore
) -> Reading | None:
    """The answers to `frames`, all of which the recording has; None where nothing tells what the outputs mean.

    `recipe` is the one that the model was trained with: what an app does with the outputs goes by that.

    Raises:
        InputsError: an output was not logged, or the truth does not fit the model.
        RecipeError: the outputs are not as the recipe says.
    """
    task, indices = task_of(graph, recipe), [i for i, _ in frames]
    if task == "classification":
        labels = [f.label for _, f in frames]
        return Classification(answers(recording, graph, artifacts, indices, labels), labels)

    def outputs(frame: int) -> Outputs:
        return Outputs(recording, graph, artifacts, frame)

    if task == "regression":
        said = np.array([outputs(i).real(0).ravel() for i in indices], np.float64).reshape(len(indices), -1)
        return Regression(said, [f.values for _, f in frames])
    if task == "segmentation":
        return Segmentation(
            [_masked(outputs, i, f, recipe, graph, artifacts) for i, f in frames],
            _classes(graph),
        )
    if task == "detection":
        words = detection_of(recipe)
        found = [detections.decode(outputs(i), words, geometry(f, recipe, graph, artifacts)) for i, f in frames]
        return DetectionReading(found, [f.boxes for _, f in frames], words.score)
    return None


def check(graph: Graph, recipe: Recipe | None, frames: Sequence[InputFrame], artifacts: ArtifactStore) -> None:
    """Whether outputs and truth fit the task; what `read` would find out after the run.

    Raises:
        InputsError, RecipeError, ModelError: naming what does not fit.
    """
    task = task_of(graph, recipe)
    if task == "detection":
        detections.check(graph, detection_of(recipe))
    if task == "segmentation" and _map_rank(graph) not in (2, 3):
        shape = list(graph.tensors[graph.outputs[0]].shape)
        raise ModelError(
            f"its output {shape} is no map of classes", where="task segmentation", remedy="height, width, classes"
        )
    size = int(np.prod([max(1, d) for d in graph.tensors[graph.outputs[0]].shape])) if graph.outputs else 0
    for frame in frames:
        if frame.truth is not None and frame.truth != task:
            raise InputsError(
                f"its truth is one of {frame.truth}, the task is {task or 'not known'}",
                where=frame.name,
                remedy=f'say task = "{frame.truth}" in the recipe, or give other labels',
            )
        if frame.values is not None and len(frame.values) != size:
            raise InputsError(
                f"has {len(frame.values)} values, the model gives {size}",
                where=frame.name,
                remedy="one value an output",
            )
        if frame.mask is not None:
            _fits(masks.decode(artifacts.read(frame.mask), f"mask of {frame.name}"), frame.name, _classes(graph))


def detection_of(recipe: Recipe | None) -> Detection:
    """What the outputs of a detector are."""
    return Detection() if recipe is None or recipe.detection is None else recipe.detection


def geometry(frame: InputFrame, recipe: Recipe | None, graph: Graph, artifacts: ArtifactStore) -> Geometry:
    """Where the model's input lies in the frame; of raw tensors, they are one."""
    shape = tuple(max(1, d) for d in graph.tensors[graph.inputs[0]].shape) if graph.inputs else ()
    to = (shape[1], shape[2]) if len(shape) == 4 else (1, 1)
    if frame.kind != "image" or recipe is None:
        return Geometry(Recipe(), *to, to)
    if recipe.fit == "stretch" and recipe.crop == 1:  # fractions stay fractions whatever the size
        return Geometry(recipe, *to, to)
    return Geometry(recipe, *preprocess.size(artifacts.read(frame.sha256[0]), frame.name), to)


def class_map(outputs: Outputs) -> Array:
    """int [h, w]: the class of most score; of one score a pixel, whether it is over .5; integers are classes themselves."""
    stored = outputs.stored(0)
    if stored.ndim == 2 and stored.dtype.kind in "iu":
        return stored
    real = outputs.real(0)
    if real.ndim == 2 or real.shape[-1] == 1:
        return (real.reshape(real.shape[:2]) > 0.5).astype(np.int64)
    # Scores of one scale keep their order, and integers are quicker; NaN is below everything.
    scores = np.where(np.isnan(real), -np.inf, real)
    best: Array = scores.argmax(-1)
    return best


def _masked(
    outputs: Callable[[int], Outputs],
    index: int,
    frame: InputFrame,
    recipe: Recipe | None,
    graph: Graph,
    artifacts: ArtifactStore,
) -> MaskFrame:
    def lay(made: Array) -> tuple[Array, Array]:
        mask = masks.decode(artifacts.read(frame.mask or ""), f"mask of {frame.name}")
        return geometry(frame, recipe, graph, artifacts).classes(made, mask)

    return MaskFrame(lambda: class_map(outputs(index)), None if frame.mask is None else lay)


def _map_rank(graph: Graph) -> int:
    """Dimensions of the first output, without the batch."""
    return len(graph.tensors[graph.outputs[0]].shape) - 1 if graph.outputs else 0


def _classes(graph: Graph) -> int:
    """Of a map; 256 where the model gives classes themselves."""
    if _map_rank(graph) != 3:
        return masks.IGNORED + 1
    return max(2, graph.tensors[graph.outputs[0]].shape[-1])


def _fits(mask: Array, name: str, classes: int) -> None:
    top = int(mask[mask != masks.IGNORED].max(initial=0))
    if top >= classes:
        raise InputsError(
            f"its mask has class {top}, the model {classes} classes", where=name, remedy="255 is what does not count"
        )
