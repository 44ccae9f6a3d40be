"""What can be known to fail before a device is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.assess import floattwin
from farm.bundles.store import Bundles
from farm.compare.tasks import read as tasks
from farm.errors import InputsError, ModelError, RecipeError
from farm.model import graph as graphs
from farm.model import support
from farm.reference import environments, registry
from farm.reference.frames import PLURALS, FrameReader

if TYPE_CHECKING:
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

PICTURE_TYPES = frozenset({"float32", "uint8", "int8"})


def check(submission: Submission, artifacts: ArtifactStore) -> None:
    """Check that the passes can carry the model, and that recipe, inputs and labels fit it.

    Raises:
        JobError: what does not fit, with the file's name; or a reference or runtime bundle that is not
            there, with what to type.
    """
    graph = graphs.read(artifacts.read(submission.model_sha256), submission.model_name)
    support.check(graph, submission.model_name)
    for name in submission.references:
        registry.ready(name, submission.sources, environments.home(artifacts.folder.parent))
    if submission.runtime:
        Bundles.of(artifacts.folder.parent).get(submission.runtime)
    floattwin.find(submission, graph, artifacts)
    _takes(graph, submission)
    classes = graph.classes
    recipe = submission.recipe.recipe if submission.recipe is not None else None
    right = submission.expected or submission.recipe
    tasks.check(graph, None if right is None else right.recipe, submission.frames, artifacts)
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


def _takes(graph: graphs.Graph, submission: Submission) -> None:
    """Whether there is a recipe for such frames, and the model can be fed pictures."""
    kinds = {frame.kind for frame in submission.frames} - {"tensor"}
    if "image" in kinds:
        _pictures(graph, submission)
    if kinds and submission.recipe is None:
        word = " and ".join(sorted(PLURALS[kind] for kind in kinds))
        raise RecipeError(
            f"nothing tells how {word} become the model's input",
            where=submission.model_name,
            remedy="write model.recipe.toml beside the model, or give --recipe (docs/recipes.md)",
        )


def _pictures(graph: graphs.Graph, submission: Submission) -> None:
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
