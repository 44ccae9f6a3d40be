"""What can be known to fail before a device is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import InputsError, ModelError, RecipeError
from farm.model import graph as graphs
from farm.model import support
from farm.reference.frames import FrameReader

if TYPE_CHECKING:
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

PICTURE_TYPES = frozenset({"float32", "uint8", "int8"})


def check(submission: Submission, artifacts: ArtifactStore) -> None:
    """Check that the passes can carry the model, and that recipe, inputs and labels fit it.

    Raises:
        JobError: what does not fit, with the file's name.
    """
    graph = graphs.read(artifacts.read(submission.model_sha256), submission.model_name)
    support.check(graph, submission.model_name)
    if any(frame.kind == "image" for frame in submission.frames):
        _takes_pictures(graph, submission)
    classes = classes_of(graph)
    recipe = submission.recipe.recipe if submission.recipe is not None else None
    for frame in submission.frames:
        if frame.label is not None and not frame.label < classes:
            raise InputsError(
                f"label {frame.label} of {frame.name} is beyond the model's {classes} classes",
                where=submission.model_name,
                remedy="are these the labels of this model? with or without a background class?",
            )
        reader(frame, graph, artifacts).inputs(recipe)


def reader(frame: InputFrame, graph: graphs.Graph, artifacts: ArtifactStore) -> FrameReader:
    """A frame, ready to be made into the model's inputs. An open batch is 1, as on the device."""
    shapes = {index: tuple(max(1, size) for size in graph.tensors[index].shape) for index in graph.inputs}
    return FrameReader(frame, artifacts, graph, shapes)


def classes_of(graph: graphs.Graph) -> int:
    """Number of classes: the last size of the first output."""
    shape = graph.tensors[graph.outputs[0]].shape if graph.outputs else ()
    return shape[-1] if shape else 0


def _takes_pictures(graph: graphs.Graph, submission: Submission) -> None:
    dtype = graph.tensors[graph.inputs[0]].dtype if graph.inputs else "nothing"
    if dtype not in PICTURE_TYPES:
        raise ModelError(
            f"its input is {dtype}; pictures are fed as {', '.join(sorted(PICTURE_TYPES))}",
            where=submission.model_name,
            remedy="submit .npy tensors",
        )
    if submission.recipe is None:
        raise RecipeError(
            "nothing tells how pictures become the model's input",
            where=submission.model_name,
            remedy="write model.recipe.toml beside the model, or give --recipe or --normalize (docs/recipes.md)",
        )
