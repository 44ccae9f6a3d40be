"""What can be known to fail before a device is touched."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from farm.errors import InputsError, ModelError, RecipeError
from farm.model import graph as graphs
from farm.reference import preprocess

if TYPE_CHECKING:
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame, Submission

CHANNELS = 3


def check(submission: Submission, artifacts: ArtifactStore) -> None:
    """Check that model, recipe, inputs and labels fit together.

    Raises:
        JobError: what does not fit, with the file's name.
    """
    graph = graphs.read(artifacts.read(submission.model_sha256), submission.model_name)
    if any(frame.kind == "image" for frame in submission.frames):
        _takes_pictures(graph, submission)
    classes = classes_of(graph)
    for frame in submission.frames:
        if frame.label is not None and not frame.label < classes:
            raise InputsError(
                f"label {frame.label} of {frame.name} is beyond the model's {classes} classes",
                where=submission.model_name,
                remedy="are these the labels of this model? with or without a background class?",
            )
        if frame.kind == "image":
            preprocess.decode(artifacts.read(frame.sha256[0]), frame.name)
        else:
            tensors(frame, graph, artifacts)


def classes_of(graph: graphs.Graph) -> int:
    """Number of classes: the last size of the first output."""
    shape = graph.tensors[graph.outputs[0]].shape if graph.outputs else ()
    return shape[-1] if shape else 0


def tensors(
    frame: InputFrame, graph: graphs.Graph, artifacts: ArtifactStore
) -> list[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]:
    """The arrays of a raw-tensor frame, one for each model input.

    Raises:
        InputsError: not .npy, or of another number, dtype or shape than the model asks for.
    """
    if len(frame.sha256) != len(graph.inputs):
        raise InputsError(
            f"gives {len(frame.sha256)} tensors, the model has {len(graph.inputs)} inputs",
            where=frame.name,
            remedy="one .npy for each model input",
        )
    arrays = []
    for sha256, index in zip(frame.sha256, graph.inputs, strict=True):
        wanted = graph.tensors[index]
        try:
            array = np.load(io.BytesIO(artifacts.read(sha256)), allow_pickle=False)
        except (ValueError, EOFError, OSError) as e:
            raise InputsError(f"is not a .npy array ({e})", where=frame.name, remedy="write it with numpy.save") from e
        fits = len(array.shape) == len(wanted.shape) and all(
            want in (-1, have) for have, want in zip(array.shape, wanted.shape, strict=True)
        )
        if array.dtype.name != wanted.dtype or not fits:
            raise InputsError(
                f"is {array.dtype.name}{list(array.shape)}, the model's input {wanted.name} is "
                f"{wanted.dtype}{list(wanted.shape)}",
                where=frame.name,
                remedy="save the array in the model's dtype and shape",
            )
        arrays.append(array)
    return arrays


def _takes_pictures(graph: graphs.Graph, submission: Submission) -> None:
    if len(graph.inputs) != 1:
        raise InputsError(
            f"the model has {len(graph.inputs)} inputs, pictures fill one",
            where=submission.model_name,
            remedy="submit .npy tensors",
        )
    tensor = graph.tensors[graph.inputs[0]]
    picture = len(tensor.shape) == 4 and tensor.shape[3] == CHANNELS and tensor.shape[0] in {-1, 1}
    if not picture or min(tensor.shape[1:3]) < 1:
        raise InputsError(
            f"the model's input {tensor.name} is {tensor.dtype}{list(tensor.shape)}, no picture [1, height, width, 3]",
            where=submission.model_name,
            remedy="submit .npy tensors of that shape",
        )
    if tensor.dtype not in {"float32", "uint8", "int8"}:
        raise ModelError(
            f"its input is {tensor.dtype}; pictures are fed as float32, uint8 or int8",
            where=submission.model_name,
            remedy="submit .npy tensors",
        )
    if submission.recipe is None:
        raise RecipeError(
            "nothing tells how pictures become the model's input",
            where=submission.model_name,
            remedy="write model.recipe.toml beside the model, or give --recipe or --normalize (docs/recipes.md)",
        )
