"""A folder of inputs and what is true of them, as a user has them, into frames of a submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm.errors import InputsError
from farm.store.artifacts import sha256_of
from farm.submission import InputFrame
from farm.truth import coco, masks, table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from farm.submission import FrameKind
    from farm.truth.contract import Truth

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm", ".gif", ".tif", ".tiff"})
SOUNDS = frozenset({".wav"})
TEXTS = frozenset({".txt"})
TENSORS = frozenset({".npy"})
KINDS: dict[str, FrameKind] = {
    **dict.fromkeys(IMAGES, "image"),
    **dict.fromkeys(SOUNDS, "audio"),
    **dict.fromkeys(TEXTS, "text"),
    **dict.fromkeys(TENSORS, "tensor"),
}
"""By a file's ending."""
WORDS: dict[FrameKind, str] = {"image": "pictures", "audio": "sounds", "text": "texts", "tensor": ".npy tensors"}


def discover(folder: Path) -> list[Path]:
    """The pictures, sounds or .npy tensors of a folder (or the one file named), sorted by name.

    Where it holds none, its texts: beside other inputs they are notes. Where it holds none either, its folders of .npy tensors:
    each is a frame of a model with several inputs.

    Raises:
        InputsError: nothing there that can be an input, or several kinds mixed.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise InputsError(
            "no such folder", where=str(folder), remedy=f"give --inputs a folder of {', '.join(WORDS.values())}"
        )
    found = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in KINDS)
    files = [p for p in found if kind_of(p) != "text"] or found
    files = files or sorted(p for p in folder.iterdir() if p.is_dir() and parts(p))
    if not files:
        known = " ".join(sorted(KINDS))
        raise InputsError("holds no inputs", where=str(folder), remedy=f"files that count: {known}")
    kinds = sorted({kind_of(p) for p in files})
    if len(kinds) > 1:
        raise InputsError(
            f"mixes {' and '.join(WORDS[kind] for kind in kinds)}",
            where=str(folder),
            remedy="keep them in folders of their own",
        )
    return files


def kind_of(path: Path) -> FrameKind:
    """What a file that `discover` found is. A folder is one of tensors; a file of another ending, named alone, a picture."""
    return "tensor" if path.is_dir() else KINDS.get(path.suffix.lower(), "image")


def parts(path: Path) -> list[Path]:
    """The files of one frame: one, or those of a folder, one for each input of the model, in the order of their names."""
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.iterdir() if p.is_file() and p.suffix.lower() in TENSORS)


def frames(files: Sequence[Path], truth: Truth | None) -> list[InputFrame]:
    """Frames of a submission, hashed, with what is true of them.

    Raises:
        InputsError: the truth and the files do not name each other.
    """
    if truth is not None:
        _match(files, truth)
    return [
        InputFrame.model_validate(
            {
                "name": path.name,
                "kind": kind_of(path),
                "sha256": tuple(sha256_of(part) for part in parts(path)),
                **({} if truth is None else truth.by_file[truth.key(path.name)]),
            }
        )
        for path in files
    ]


def read_truth(path: Path, classes: int | None) -> Truth:
    """What --labels names: a folder of masks, a .json file of boxes, else a table of classes or values.

    Raises:
        InputsError: naming the place.
    """
    if path.is_dir():
        return masks.read(path)
    return coco.read(path) if path.suffix.lower() == ".json" else table.read(path, classes)


def _match(files: Sequence[Path], truth: Truth) -> None:
    present = {truth.key(path.name) for path in files}
    bare = sorted(path.name for path in files if truth.key(path.name) not in truth.by_file)
    lost = sorted(truth.by_file.keys() - present)
    if bare:
        raise InputsError(
            f"{len(bare)} of {len(files)} inputs have no label, first {bare[0]}",
            where=str(truth.path),
            remedy="label every input, or leave --labels out",
        )
    if lost and not truth.may_hold_more:
        raise InputsError(
            f"{len(lost)} labels name no input, first {lost[0]}",
            where=str(truth.path),
            remedy="give the folder these labels belong to",
        )
