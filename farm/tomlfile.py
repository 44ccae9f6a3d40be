"""TOML files read into pydantic models, with errors that name file, line and key."""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from pathlib import Path

    from farm.errors import JobError

LIMIT_BYTES = 1 << 20
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_PAIR = re.compile(r"\s*(\"[^\"]+\"|'[^']+'|[\w.-]+)\s*=")

M = TypeVar("M", bound=BaseModel)


class TextError(ValueError):
    """For validators: a text of the file is wrong at a position, from 0."""

    def __init__(self, message: str, text: str, at: int) -> None:
        super().__init__(message)
        self.text = text
        self.at = at


def load(path: Path, model: type[M], error: type[JobError]) -> M:
    """Read `path` as `model`.

    Raises:
        JobError: of the class `error`; its message is `FILE:LINE: KEY: what is wrong`.
    """
    try:
        raw = path.read_bytes()
    except OSError as e:
        raise error(f"cannot be read: {e.strerror}", where=str(path), remedy="check the path") from e
    if len(raw) > LIMIT_BYTES:
        raise error(f"is larger than {LIMIT_BYTES} bytes", where=str(path), remedy="this is not a settings file")
    try:
        text = raw.decode("utf-8")
        values = tomllib.loads(text)
    except UnicodeDecodeError as e:
        raise error("is not UTF-8 text", where=str(path), remedy="save it as UTF-8") from e
    except tomllib.TOMLDecodeError as e:
        line = re.search(r"at line (\d+)", str(e))
        where = f"{path}:{line.group(1)}" if line else str(path)
        raise error(f"not TOML: {e}", where=where, remedy="see https://toml.io for the syntax") from e
    return validate(values, model, error, path=path, text=text)


def validate(values: dict[str, Any], model: type[M], error: type[JobError], *, path: Path, text: str) -> M:
    """`values` (parsed from `text` of `path`) as `model`; errors as in `load`."""
    try:
        return model.model_validate(values)
    except ValidationError as e:
        first = e.errors()[0]
        keys = [str(k) for k in first["loc"]]
        message, remedy = first["msg"].removeprefix("Value error, "), ""
        if first["type"] == "extra_forbidden":
            message = "unknown key"
            known = _fields(model, keys[:-1])
            close = difflib.get_close_matches(keys[-1], known, n=1)
            remedy = f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(known))}"
        elif first["type"] == "missing":
            message = "is missing"
        line = line_of(text, keys)
        wrong = first.get("ctx", {}).get("error")
        at = place_of(text, line, wrong) if isinstance(wrong, TextError) else str(line)
        raise error(f"{'.'.join(keys)}: {message}", where=f"{path}:{at}", remedy=remedy or "correct the value") from e


def place_of(text: str, line: int, wrong: TextError) -> str:
    """`LINE:COLUMN`, from 1, of what is wrong under the key in a line; the line alone where the text stands there
    with escapes, or more than once."""
    found = []
    for number, content in enumerate(text.splitlines()[line - 1 :], line):
        if number > line and (_HEADER.match(content) or _PAIR.match(content)):
            break
        for quote in "\"'":
            quoted = f"{quote}{wrong.text}{quote}"
            if quoted in content:
                found.append(f"{number}:{content.index(quoted) + 2 + wrong.at}")
                found += [""] * (content.count(quoted) - 1)
    return found[0] if len(found) == 1 else str(line)


def line_of(text: str, keys: list[str]) -> int:
    """The 1-based line of the deepest part of `keys` that `text` names; 1 when it names none."""
    best, best_depth = 1, 0
    table: list[str] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            name = [part.strip().strip("\"'") for part in header.group(2).split(".")]
            if header.group(1) == "[[":
                position = counts.get(header.group(2), 0)
                counts[header.group(2)] = position + 1
                name.append(str(position))
            table = name
            depth = len(table)
            if keys[:depth] == table and depth > best_depth:
                best, best_depth = number, depth
            continue
        pair = _PAIR.match(line)
        if pair:
            full = table + [part.strip("\"'") for part in pair.group(1).split(".")]
            depth = len(full)
            if keys[:depth] == full and depth > best_depth:
                best, best_depth = number, depth
    return best


def _fields(model: type[BaseModel], keys: list[str]) -> list[str]:
    """The field names of the model that `keys` lead to, as far as they can be followed."""
    current: Any = model
    for key in keys:
        field = getattr(current, "model_fields", {}).get(key)
        if field is None:
            continue  # an index into a list
        inner = [
            a for a in (field.annotation, *getattr(field.annotation, "__args__", ())) if hasattr(a, "model_fields")
        ]
        if not inner:
            return []
        current = inner[0]
    return list(getattr(current, "model_fields", {}))
