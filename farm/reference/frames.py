"""A submitted frame into the tensors a model is fed."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from farm.errors import InputsError, RecipeError
from farm.reference import audio, preprocess, wav, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from farm.model.graph import Graph
    from farm.model.recipe import Recipe
    from farm.store.artifacts import ArtifactStore
    from farm.submission import InputFrame

    Array = np.ndarray[Any, Any]
    Shapes = Mapping[int, tuple[int, ...]]


PLURALS = {"image": "pictures", "audio": "clips", "text": "texts"}
SINGULARS = {"image": "a picture", "audio": "a clip", "text": "a text"}


class FrameReader:
    """One frame, decoded once and pre-processed under any number of recipes. Shapes by tensor index, batch fixed."""

    def __init__(self, frame: InputFrame, artifacts: ArtifactStore, graph: Graph, shapes: Shapes) -> None:
        self._frame = frame
        self._artifacts = artifacts
        self._graph = graph
        self._shapes = shapes
        self._image: Array | None = None
        self._clip: wav.Clip | None = None
        self._resized: dict[tuple[object, ...], Array] = {}

    def inputs(self, recipe: Recipe | None) -> dict[int, Array]:
        """Every model input, in its own dtype and shape.

        Raises:
            InputsError: the frame is broken or does not fit the model.
            RecipeError: no recipe, or one that is not for such frames or such a model.
        """
        if self._frame.kind == "tensor":
            return self._tensors()
        recipe = self._recipe(recipe)
        if self._frame.kind == "audio":
            return self._sound(recipe)
        if self._frame.kind == "text":
            return self._words(recipe)
        index = self._image_input()
        real = preprocess.values(self.pixels(recipe), recipe)
        return {index: preprocess.quantize(real, self._graph.tensors[index])[None]}

    def pixels(self, recipe: Recipe | None) -> Array:
        """The picture rotated, cropped and resized: u8 [height, width, 3], RGB.

        Raises:
            InputsError, RecipeError: as `inputs`.
        """
        recipe = self._recipe(recipe)
        key = (recipe.rotate, recipe.crop, recipe.resize, recipe.fit, recipe.pad)
        if key not in self._resized:
            _, height, width, _ = self._shapes[self._image_input()]
            if self._image is None:
                self._image = preprocess.decode(self._artifacts.read(self._frame.sha256[0]), self._frame.name)
            self._resized[key] = preprocess.geometry(self._image, recipe, height, width)
        return self._resized[key]

    def clip(self) -> wav.Clip:
        """The sound, decoded.

        Raises:
            InputsError: it is no WAV file.
        """
        if self._clip is None:
            self._clip = wav.decode(self._artifacts.read(self._frame.sha256[0]), self._frame.name)
        return self._clip

    def _sound(self, recipe: Recipe) -> dict[int, Array]:
        assert recipe.audio is not None  # noqa: S101  # `_recipe` looked
        (index,) = self._inputs(audio.TYPES, "a clip", only=1)
        real = audio.values(self.clip(), recipe.audio, self._shapes[index], self._frame.name)
        return {index: preprocess.quantize(real, self._graph.tensors[index])}

    def _words(self, recipe: Recipe) -> dict[int, Array]:
        assert recipe.text is not None  # noqa: S101  # `_recipe` looked
        indices = self._inputs(words.TYPES, "a text")
        name = self._frame.name
        ids = words.vocabulary(self._artifacts.path(recipe.text.vocabulary), "vocabulary")
        rows = words.inputs(
            self._artifacts.read(self._frame.sha256[0]), recipe.text, ids, [self._shapes[i] for i in indices], name
        )
        return {i: row.astype(self._graph.tensors[i].dtype) for i, row in zip(indices, rows, strict=True)}

    def _inputs(self, types: frozenset[str], what: str, only: int | None = None) -> tuple[int, ...]:
        """The model's inputs, which must be of these types and, where that matters, so many."""
        inputs = self._graph.inputs
        found = [self._graph.tensors[i].dtype for i in inputs]
        if not inputs or not types.issuperset(found) or (only is not None and len(inputs) != only):
            raise InputsError(
                f"is {what}; the model's inputs are {', '.join(found) or 'none'}, "
                f"not {'one ' if only == 1 else ''}{' or '.join(sorted(types))}",
                where=self._frame.name,
                remedy="give the inputs as .npy tensors",
            )
        return inputs

    def _recipe(self, recipe: Recipe | None) -> Recipe:
        kind = self._frame.kind
        if recipe is None:
            raise RecipeError(
                f"{PLURALS[kind]} need a recipe",
                where=self._frame.name,
                remedy="give --recipe, or .npy tensors as inputs",
            )
        if recipe.kind != kind:
            remedy = (
                "it is for pictures: add [audio] or [text]"
                if recipe.kind == "image"
                else "give --recipe, or other inputs"
            )
            raise RecipeError(
                f"the recipe is for {PLURALS[recipe.kind]}, this is {SINGULARS[kind]}",
                where=self._frame.name,
                remedy=remedy,
            )
        return recipe

    def _image_input(self) -> int:
        inputs = self._graph.inputs
        shape = self._shapes[inputs[0]] if len(inputs) == 1 else ()
        if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
            wanted = ", ".join(str(list(self._shapes[i])) for i in inputs)
            raise InputsError(
                f"is a picture; the model wants {wanted}, not one [1, height, width, 3]",
                where=self._frame.name,
                remedy="give the inputs as .npy tensors",
            )
        return inputs[0]

    def _tensors(self) -> dict[int, Array]:
        inputs = self._graph.inputs
        if len(self._frame.sha256) != len(inputs):
            raise InputsError(
                f"holds {len(self._frame.sha256)} tensors, the model has {len(inputs)} inputs",
                where=self._frame.name,
                remedy="give a folder a frame, with one .npy file for each model input, in order of their names"
                if len(inputs) > 1
                else "give one .npy file a frame",
            )
        return {
            index: self._fit(load_npy(self._artifacts.read(sha256), self._frame.name), index)
            for index, sha256 in zip(inputs, self._frame.sha256, strict=True)
        }

    def _fit(self, value: Array, index: int) -> Array:
        shape, dtype = self._shapes[index], self._graph.tensors[index].dtype
        # A missing or extra batch of 1 is no misunderstanding; anything else would be a guess.
        if value.dtype.name != dtype or value.shape not in (shape, shape[1:] if shape[:1] == (1,) else shape):
            raise InputsError(
                f"is {value.dtype.name} {list(value.shape)}, "
                f"the model's input {self._graph.tensors[index].name!r} wants {dtype} {list(shape)}",
                where=self._frame.name,
                remedy="save the tensor in the model's own type and shape",
            )
        return np.ascontiguousarray(value).reshape(shape)


def load_npy(data: bytes, name: str) -> Array:
    """The array of a .npy file's bytes; no pickled objects, nothing larger than the file itself.

    Raises:
        InputsError: naming the file.
    """
    remedy = "save it with numpy.save"
    try:
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
        # The header is believed before memory is taken, so it is checked against the bytes that are there.
        if dtype.hasobject or dtype.itemsize * int(np.prod(shape, dtype=object)) != len(data) - file.tell():
            raise InputsError("is not a whole .npy array of numbers", where=name, remedy=remedy)
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    except InputsError:
        raise
    except Exception as e:  # the header is a Python literal: its parser raises nearly anything
        raise InputsError(f"is not a .npy array ({e})", where=name, remedy=remedy) from e
