"""Boxes as COCO has them: a JSON object of `images`, `annotations` and `categories`.

Format: https://cocodataset.org/#format-data (object detection); `bbox` is x, y, width, height in pixels of the picture.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from farm.errors import InputsError
from farm.submission import Box
from farm.truth.contract import Truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_BYTES = 256 << 20
LIMIT_LABEL = 100_000
LIMIT_BOXES = 10_000
"""In one picture."""


def read(path: Path) -> Truth:
    """All boxes of a file. A picture without annotations holds no object. `crowd` boxes count neither way.

    Raises:
        InputsError: naming the place, as `labels.json: annotations[3].bbox`.
    """
    document = _document(path)
    sizes: dict[object, tuple[str, float, float]] = {}
    boxes: dict[str, list[Box]] = {}
    for where, image in _items(document, "images", path):
        name = _text(image, "file_name", where).replace("\\", "/").rpartition("/")[2]
        key = _key(image, "id", where)
        if key in sizes or name in boxes:
            raise _wrong(where, f"{name} (id {key}) is there twice", "keep one of them")
        sizes[key] = (name, _number(image, "width", where, least=1), _number(image, "height", where, least=1))
        boxes[name] = []
    names = dict(_categories(document, path))
    for where, annotation in _items(document, "annotations", path):
        image_key, label = _key(annotation, "image_id", where), _label(annotation, "category_id", where)
        if image_key not in sizes:
            raise _wrong(f"{where}.image_id", f"{image_key} is no id of images", "add the image, or remove the box")
        if label not in names:
            raise _wrong(f"{where}.category_id", f"{label} is no id of categories", "add the category")
        name, width, height = sizes[image_key]
        boxes[name].append(_box(annotation, where, label, width, height))
        if len(boxes[name]) > LIMIT_BOXES:
            raise _wrong(where, f"{name} has more than {LIMIT_BOXES} boxes", "leave the picture out")
    return Truth(
        path=path,
        task="detection",
        by_file={name: {"boxes": tuple(found)} for name, found in boxes.items()},
        names=names,
        may_hold_more=True,
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise InputsError(f"cannot be read: {e.strerror}", where=str(path), remedy="check the path") from e
    if len(raw) > LIMIT_BYTES:
        raise InputsError(f"is larger than {LIMIT_BYTES >> 20} MiB", where=str(path), remedy="split it")
    try:
        document = json.loads(raw)
    except json.JSONDecodeError as e:
        raise InputsError(f"is not JSON: {e.msg}", where=f"{path}:{e.lineno}", remedy="see cocodataset.org") from e
    except (ValueError, RecursionError) as e:  # not UTF-8, a number of a million digits, or nested without end
        raise InputsError(f"is not JSON: {e}", where=str(path), remedy="see cocodataset.org") from e
    if not isinstance(document, dict):
        raise InputsError("is no JSON object", where=str(path), remedy="with images, annotations and categories")
    return document


def _items(document: dict[str, Any], name: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    found = document.get(name)
    if not isinstance(found, list):
        raise _wrong(f"{path}: {name}", "is missing, or no list", "see cocodataset.org for the format")
    for i, item in enumerate(found):
        where = f"{path}: {name}[{i}]"
        if not isinstance(item, dict):
            raise _wrong(where, "is no object", "see cocodataset.org for the format")
        yield where, item


def _categories(document: dict[str, Any], path: Path) -> Iterator[tuple[int, str]]:
    seen: defaultdict[int, int] = defaultdict(int)
    for where, category in _items(document, "categories", path):
        label = _label(category, "id", where)
        seen[label] += 1
        if seen[label] > 1:
            raise _wrong(f"{where}.id", f"{label} is there twice", "keep one of them")
        yield label, _text(category, "name", where)


def _box(annotation: dict[str, Any], where: str, label: int, width: float, height: float) -> Box:
    given = annotation.get("bbox")
    if not isinstance(given, list) or len(given) != 4 or not all(_is_number(v) for v in given):
        raise _wrong(f"{where}.bbox", f"{given!r:.80} is not x, y, width, height", "in pixels of the picture")
    x, y, w, h = map(float, given)
    if w < 0 or h < 0 or x + w < 0 or y + h < 0 or x > width or y > height:
        raise _wrong(f"{where}.bbox", f"{given} is outside its picture of {width:g}x{height:g}", "correct the box")
    crowd = annotation.get("iscrowd", 0)
    return Box(label=label, top=y / height, left=x / width, bottom=(y + h) / height, right=(x + w) / width,
               crowd=crowd in (1, True))  # fmt: skip


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 and math.isfinite(value)


def _number(item: dict[str, Any], name: str, where: str, *, least: float) -> float:
    value = item.get(name)
    if not _is_number(value) or float(value) < least:  # type: ignore[arg-type]  # it is a number
        raise _wrong(f"{where}.{name}", f"{value!r:.80} is no number of at least {least:g}", "boxes are relative to it")
    return float(value)  # type: ignore[arg-type]  # it is a number


def _key(item: dict[str, Any], name: str, where: str) -> int | str:
    value = item.get(name)
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise _wrong(f"{where}.{name}", f"{value!r:.80} is no id", "ids are integers or texts")
    return value


def _label(item: dict[str, Any], name: str, where: str) -> int:
    value = item.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < LIMIT_LABEL:
        raise _wrong(f"{where}.{name}", f"{value!r:.80} is no class", f"classes are from 0 to {LIMIT_LABEL - 1}")
    return value


def _text(item: dict[str, Any], name: str, where: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(f"{where}.{name}", f"{value!r:.80} is no name", "see cocodataset.org for the format")
    return value


def _wrong(where: str, message: str, remedy: str) -> InputsError:
    return InputsError(message, where=where, remedy=remedy)
