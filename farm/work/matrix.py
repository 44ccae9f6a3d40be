"""Several models and options in one submit: every combination is a configuration of the job."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import ValidationError

from farm.bundles.store import DEFAULT
from farm.errors import InputsError
from farm.model import graph as graphs
from farm.store.artifacts import sha256_of
from farm.submission import Accelerator, Context, Kernel, Submission, Variant
from farm.work.prepare import Prepared, choose_recipes, cpus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from farm.work.prepare import RecipeFlags

T = TypeVar("T")
BOTH = "both"
"""Of --context: every one."""


@dataclass(frozen=True)
class Axes:
    """What was asked for of each; the first of all is the job's own."""

    models: tuple[Path, ...]
    kernels: tuple[Kernel, ...]
    threads: tuple[int, ...]
    accelerators: tuple[Accelerator, ...]
    cpu_masks: tuple[str, ...]
    """Hex digits; empty leaves it to the device."""
    contexts: tuple[Context, ...] = ("shell",)
    runtimes: tuple[str, ...] = ("",)
    """Names of runtime bundles; empty: the device's default."""

    @property
    def size(self) -> int:
        """Number of combinations."""
        return math.prod(len(getattr(self, axis.name)) for axis in fields(self))


def axes(
    models: Sequence[Path],
    kernel: str,
    threads: str,
    accelerator: str,
    cpu_mask: str,
    runtime: str = "",
    context: str = "shell",
) -> Axes:
    """From the command line's words, each a list joined by commas.

    Raises:
        InputsError: a word is not known, or is there twice.
    """
    return Axes(
        models=_once([*models], "MODEL"),
        kernels=_once([_known(word, get_args(Kernel), "--kernel") for word in kernel.split(",")], "--kernel"),
        threads=_once([_number(word) for word in threads.split(",")], "--threads"),
        accelerators=_once(
            [_known(word, get_args(Accelerator), "--accelerator") for word in accelerator.split(",")], "--accelerator"
        ),
        cpu_masks=_once([word.strip() for word in cpu_mask.split(",")], "--cpu-mask"),
        contexts=_contexts(context),
        runtimes=_once(["" if word.strip() == DEFAULT else word.strip() for word in runtime.split(",")], "--runtime"),
    )


def expand(
    prepared: Prepared,
    asked: Axes,
    recipe: Path | None,
    expected: Path | None,
    flags: RecipeFlags,
    terms: Mapping[str, object],
) -> Prepared:
    """The submission of the first combination, with the others as its variants.

    Raises:
        JobError: a model or recipe cannot be read, or the terms do not fit the variants.
    """
    base = prepared.submission
    files = dict(prepared.files)
    variants = []
    if asked.size > 1:
        uses = {}
        for model in asked.models:
            sha256 = sha256_of(model)
            files[sha256] = model
            found = choose_recipes(model, graphs.read_file(model), recipe, expected, flags, base.frames[0])
            files |= found.files
            uses[model] = {
                "model_name": model.name, "model_sha256": sha256, "recipe": found.deployed, "expected": found.expected,
            }  # fmt: skip
        names = _names(asked.models)
        for model, kernel, threads, accelerator, mask, context, runtime in product(
            asked.models, asked.kernels, asked.threads, asked.accelerators, asked.cpu_masks, asked.contexts,
            asked.runtimes,
        ):  # fmt: skip
            words = {
                names[model]: asked.models,
                f"kernel={kernel}": asked.kernels,
                f"threads={threads}": asked.threads,
                f"accelerator={accelerator}": asked.accelerators,
                f"cpu_mask={mask or 'all'}": asked.cpu_masks,
                f"context={context}": asked.contexts,
                f"runtime={runtime or DEFAULT}": asked.runtimes,
            }
            variants.append(
                {
                    "name": ", ".join(word for word, of in words.items() if len(of) > 1)[:255],
                    "kernel": kernel,
                    "threads": threads,
                    "accelerator": accelerator,
                    "cpu_mask": cpus(mask),
                    "context": context,
                    "runtime": runtime,
                    **(uses[model] if len(asked.models) > 1 else {}),
                }
            )
    try:
        whole = base.model_dump() | {"variants": [Variant.model_validate(v) for v in variants], "terms": dict(terms)}
        return replace(prepared, submission=Submission.model_validate(whole), files=files)
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "farm submit"
        raise InputsError(
            first["msg"].removeprefix("Value error, "), where=where, remedy="see farm submit --help"
        ) from e


def _contexts(words: str) -> tuple[Context, ...]:
    if words.strip() == BOTH:
        return get_args(Context)
    return _once([_known(word, get_args(Context), "--context") for word in words.split(",")], "--context")


def _names(models: Sequence[Path]) -> dict[Path, str]:
    """Each by its name, or by its path where two share one."""
    names = [model.name for model in models]
    return {model: model.name if names.count(model.name) == 1 else str(model) for model in models}


def _once(values: list[T], where: str) -> tuple[T, ...]:
    twice = next((v for i, v in enumerate(values) if v in values[:i]), None)
    if twice is not None:
        raise InputsError(f"{str(twice)!r} is there twice", where=where, remedy="name each once; --times repeats")
    return tuple(values)


def _known(word: str, known: tuple[T, ...], where: str) -> T:
    for value in known:
        if value == word.strip():
            return value
    raise InputsError(f"{word!r} is not known", where=where, remedy=f"one of {', '.join(map(str, known))}")


def _number(word: str) -> int:
    if not (word.strip().isascii() and word.strip().isdigit() and len(word) < 6):
        raise InputsError(f"{word!r} is no number of threads", where="--threads", remedy="for example 1,4")
    return int(word)
