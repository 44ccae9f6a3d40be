"""What `farm attach` submits: frames of a folder, frames and sensors of a capture, or none, where an app takes its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from farm.assess import sensors
from farm.cli.source import opened, referred
from farm.errors import InputsError, RecipeError
from farm.model import graph as graphs
from farm.submission import InputFrame, Submission
from farm.work.prepare import Options, RecipeFlags, check_model, choose_recipes, prepare

if TYPE_CHECKING:
    from pathlib import Path

    from farm.cli.diagnose import Reach
    from farm.cli.source import Asked
    from farm.store.artifacts import ArtifactStore


def submission_of(asked: Asked, play: str, own: dict[str, Any], reach: Reach, store: ArtifactStore) -> Submission:
    """A submission with the fields `own`, among them `app`; its files are stored. `play` is a capture, or empty.

    Raises:
        FarmError: options do not fit together, or what they name cannot be read.
    """
    if play and asked.inputs is not None:
        raise InputsError("two things to play", where="farm attach", remedy="give --frames DIR or --play CAPTURE")
    table = ""
    if play:
        source = opened(play, asked, reach, store)
        fields = source.submission.model_dump()
        if source.readings:
            table = sensors.table(source.readings, {f.name for f in source.submission.frames})
    elif asked.model is None:
        raise InputsError("nothing tells which model the app runs", where="farm attach", remedy="give --model")
    elif asked.inputs is None:
        fields = _without_frames(asked, asked.model, store)
    else:
        fields, table = _of_folder(asked, asked.model, asked.inputs, store), _beside(asked.inputs)
    if table:
        own = own | {"app": own["app"] | {"sensors": store.put(table.encode())}}
    try:
        made = Submission.model_validate(fields | own)
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputsError(f"{where}: {first['msg']}", where="farm attach", remedy="see farm attach --help") from e
    return referred(made, asked.references, reach, store) if asked.references and not play else made


def _of_folder(asked: Asked, model: Path, frames: Path, store: ArtifactStore) -> dict[str, Any]:
    check_model(model)
    prepared = prepare(model, frames, asked.labels, asked.recipe, asked.expected, RecipeFlags(), Options())
    for file in prepared.files.values():
        store.put_file(file)
    return prepared.submission.model_dump()


def _without_frames(asked: Asked, model: Path, store: ArtifactStore) -> dict[str, Any]:
    if asked.labels is not None:
        raise InputsError(
            "nobody knows yet which frames the app takes", where="--labels",
            remedy="give them afterwards: farm diagnose JOB/RUN --labels",
        )  # fmt: skip
    check_model(model)
    some = InputFrame(name="", kind="image", sha256=())  # of any kind that recipes are for
    chosen = choose_recipes(model, graphs.read_file(model), asked.recipe, asked.expected, RecipeFlags(), some)
    if chosen.deployed is None:
        raise RecipeError(
            "nothing tells how what comes in becomes the model's input", where=model.name,
            remedy="write model.recipe.toml beside the model, or give --recipe (docs/recipes.md)",
        )  # fmt: skip
    for file in chosen.files.values():
        store.put_file(file)
    return {
        "model_name": model.name,
        "model_sha256": store.put_file(model),
        "frames": (),
        "recipe": chosen.deployed,
        "expected": chosen.expected,
    }


def _beside(frames: Path) -> str:
    """The table of readings of a folder of frames; empty without one.

    Raises:
        InputsError: it is no text, no such table, or too large.
    """
    path = frames / sensors.FILE
    if not path.is_file():
        return ""
    if path.stat().st_size > sensors.LIMIT_BYTES:
        raise InputsError(
            f"is larger than {sensors.LIMIT_BYTES >> 20} MiB", where=str(path), remedy="give fewer readings"
        )
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError as e:
        raise InputsError("is not UTF-8 text", where=str(path), remedy="docs/attach.md has its columns") from e
    if text.partition("\n")[0].rstrip("\r") != sensors.COLUMNS:
        raise InputsError("does not begin with its columns' names", where=str(path), remedy="docs/attach.md has them")
    return text
