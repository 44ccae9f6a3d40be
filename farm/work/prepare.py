"""From the words of whoever asks to a submission and the files it names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from farm import inputs as folder
from farm.compare.layers import is_quantized
from farm.errors import InputsError, ModelError, RecipeError
from farm.model import graph as graphs
from farm.model import metadata
from farm.model import recipe as recipes
from farm.reference import words
from farm.store.artifacts import sha256_of
from farm.submission import PASSES, FloatTwin, RecipeUse, Submission
from farm.work.references import References, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.model.graph import Graph
    from farm.submission import Accelerator, Context, InputFrame, Kernel


@dataclass(frozen=True)
class RecipeFlags:
    """The recipe's words given as flags; None where not given."""

    crop: float | None = None
    resize: str | None = None
    channels: str | None = None
    normalize: str | None = None
    rotate: int | None = None

    def words(self) -> dict[str, object]:
        """Those given, as a recipe file would hold them.

        Raises:
            RecipeError: --normalize is not MEAN,STD.
        """
        given = {"crop": self.crop, "resize": self.resize, "channels": self.channels, "rotate": self.rotate}
        words: dict[str, object] = {k: v for k, v in given.items() if v is not None}
        if self.normalize is not None:
            try:
                numbers = [float(n) for n in self.normalize.split(",")]
            except ValueError:
                numbers = []
            if len(numbers) not in {2, 6}:
                raise RecipeError(
                    f"{self.normalize!r} is not MEAN,STD",
                    where="--normalize",
                    remedy="for [-1,1]: --normalize 127.5,127.5",
                )
            half = len(numbers) // 2
            words["normalize"] = {"mean": _one_or_three(numbers[:half]), "std": _one_or_three(numbers[half:])}
        return words


@dataclass(frozen=True)
class Options:
    """How to run, as on the command line."""

    selector: str = ""
    references: tuple[str, ...] = ("litert-ref",)
    kernel: Kernel = "delegate"
    threads: int = 1
    warmup: int = 5
    repetitions: int = 1
    passes: tuple[str, ...] = PASSES
    layer_frames: int = 8
    isolated_frames: int = 2
    layer_budget_mb: int = 1024
    accelerator: Accelerator = "cpu"
    cpu_mask: str = ""
    """Hex digits; empty leaves it to the device."""
    pass_timeout_s: float = 600
    fixed_performance: bool = False
    trace: tuple[str, ...] = ()
    float_model: Path | None = None
    """Before quantization."""
    context: Context = "shell"
    sensors: tuple[str, ...] = ()
    more_labels: bool = False
    """The labels may be of more inputs than are given."""
    runtime: str = ""
    """A runtime bundle's name; empty: the device's default."""


@dataclass(frozen=True)
class Prepared:
    """A submission and where the artifacts it names are on this machine."""

    submission: Submission
    files: dict[str, Path]
    references: References = field(default_factory=lambda: References(()))


def prepare(
    model: Path,
    inputs: Path,
    labels: Path | None,
    recipe: Path | None,
    expected: Path | None,
    flags: RecipeFlags,
    options: Options,
) -> Prepared:
    """Read what the user named.

    Raises:
        JobError: something cannot be read, or does not fit together.
    """
    graph = graphs.read_file(model)
    asked = parse(options.references)
    classes = graph.classes
    truth = folder.read_truth(labels, classes) if labels is not None else None
    if truth is not None and options.more_labels:
        truth = replace(truth, may_hold_more=True)
    files = folder.discover(inputs)
    frames = folder.frames(files, truth)
    chosen = choose_recipes(model, graph, recipe, expected, flags, frames[0])
    names = truth.names if truth is not None else {}
    model_sha256 = sha256_of(model)
    twin, twin_files = float_twin(options.float_model)
    try:
        submission = Submission(
            model_name=model.name,
            model_sha256=model_sha256,
            inputs=str(inputs.absolute()),
            frames=tuple(frames),
            labels=tuple(names.get(i, "") for i in range(max(names) + 1)) if names else (),
            recipe=chosen.deployed,
            expected=chosen.expected,
            selector=options.selector,
            references=asked.names,
            sources=asked.sources,
            float_twin=twin,
            kernel=options.kernel,
            threads=options.threads,
            warmup=options.warmup,
            repetitions=options.repetitions,
            passes=options.passes,  # type: ignore[arg-type]  # checked by the model
            layer_frames=options.layer_frames,
            isolated_frames=options.isolated_frames,
            layer_budget_mb=options.layer_budget_mb,
            accelerator=options.accelerator,
            cpu_mask=cpus(options.cpu_mask),
            runtime=options.runtime,
            pass_timeout_s=options.pass_timeout_s,
            fixed_performance=options.fixed_performance,
            trace=options.trace,  # type: ignore[arg-type]  # checked by the model
            context=options.context,
            sensors=options.sensors,
        )
    except ValidationError as e:
        first = e.errors()[0]
        raise InputsError(
            f"{'.'.join(map(str, first['loc']))}: {first['msg']}", where="farm submit", remedy="see farm submit --help"
        ) from e
    named = {
        sha256: part
        for frame, file in zip(frames, files, strict=True)
        for sha256, part in zip(frame.sha256, folder.parts(file), strict=True)
    }
    if truth is not None:
        named |= truth.files
    return Prepared(submission, {model_sha256: model, **named, **chosen.files, **asked.files, **twin_files}, asked)


@dataclass(frozen=True)
class Chosen:
    """The recipes of a submission, and the files they name."""

    deployed: RecipeUse | None
    expected: RecipeUse | None
    files: dict[str, Path] = field(default_factory=dict)


def choose_recipes(
    model: Path, graph: Graph, recipe: Path | None, expected: Path | None, flags: RecipeFlags, frame: InputFrame
) -> Chosen:
    """As `find_recipes`, made to fit frames like `frame`: its truth tells the task where the recipe does not.

    Of raw tensors, a recipe tells only what the outputs mean.

    Raises:
        RecipeError: as `find_recipes`, or the recipe is for another task than the labels.
    """
    use, right = find_recipes(model, graph, recipe, expected, flags)
    if frame.kind == "tensor":
        base = use or (RecipeUse(recipe=recipes.Recipe(), origin="the labels") if frame.truth is not None else None)
        use = None if base is None else _for_task(base, frame)
        if use is None or use.recipe.task == "classification":
            return Chosen(None, None)
        told = recipes.Recipe(task=use.recipe.task, detection=use.recipe.detection)
        return Chosen(use.model_copy(update={"recipe": told}), None)
    use, right = _like(use, right), _like(right, use)
    files: dict[str, Path] = {}
    fitting = [None if one is None else _stored(_for_task(one, frame), files) for one in (use, right)]
    return Chosen(fitting[0], fitting[1], files)


def _like(use: RecipeUse | None, other: RecipeUse | None) -> RecipeUse | None:
    """With the other's words about outputs, where it says none itself: the two are of one model."""
    if use is None or other is None:
        return use
    known = other.recipe.model_fields_set - use.recipe.model_fields_set
    words: dict[str, Any] = {name: getattr(other.recipe, name) for name in ("task", "detection") if name in known}
    return use.model_copy(update={"recipe": use.recipe.model_copy(update=words)}) if words else use


def _for_task(use: RecipeUse, frame: InputFrame) -> RecipeUse:
    stated = "task" in use.recipe.model_fields_set
    if frame.truth is None or frame.truth == use.recipe.task:
        return use
    if stated:
        raise RecipeError(
            f"task: the recipe says {use.recipe.task}, the labels are of {frame.truth}",
            where=use.origin,
            remedy=f'task = "{frame.truth}", or other labels',
        )
    return use.model_copy(update={"recipe": use.recipe.model_copy(update={"task": frame.truth})})


def _stored(use: RecipeUse, files: dict[str, Path]) -> RecipeUse:
    """Its vocabulary by sha256 instead of by path."""
    if use.recipe.text is None:
        return use
    path = Path(use.recipe.text.vocabulary)
    sha256 = sha256_of(path)
    words.parse(path.read_bytes(), str(path))  # what is wrong with it is said before anything is uploaded
    files[sha256] = path
    return use.model_copy(update={"recipe": use.recipe.with_vocabulary(sha256)})


def find_recipes(
    model: Path, graph: Graph, recipe: Path | None, expected: Path | None, flags: RecipeFlags
) -> tuple[RecipeUse | None, RecipeUse | None]:
    """What the device does (`--recipe`, flags, else the model's own recipe), and what the model was trained with.

    The second is `--expected`, else the recipe beside the model, else what the model's metadata tells; None when
    nothing tells it apart from the first.

    Raises:
        RecipeError: a recipe is wrong, naming file and line.
    """
    beside = recipes.beside(model)
    own = RecipeUse(recipe=recipes.load(beside), origin=str(beside)) if beside is not None else None
    use = RecipeUse(recipe=recipes.load(recipe), origin=str(recipe)) if recipe is not None else own
    words = flags.words()
    if words:
        base = use.recipe.model_dump(exclude_unset=True) if use is not None else {}
        try:
            changed = recipes.Recipe.model_validate(base | words)
        except ValidationError as e:
            first = e.errors()[0]
            raise RecipeError(first["msg"], where=f"--{first['loc'][0]}", remedy="see farm submit --help") from e
        use = RecipeUse(recipe=changed, origin=f"flags over {use.origin}" if use is not None else "flags")
    base_recipe = use.recipe if use is not None else recipes.Recipe()
    told = metadata.recipe(graph, base_recipe)
    stated = RecipeUse(recipe=told, origin="the model's metadata") if told is not None else None
    right = RecipeUse(recipe=recipes.load(expected), origin=str(expected)) if expected is not None else own or stated
    use = use or stated
    # A recipe that says what the device does anyway is no second opinion: labels have to be the judge then.
    return use, None if right is None or use is None or right.recipe == use.recipe else right


def float_twin(path: Path | None) -> tuple[FloatTwin | None, dict[str, Path]]:
    """What `--float` names, and the file to send.

    Raises:
        ModelError: it is no `.tflite`, or quantized itself.
    """
    if path is None:
        return None, {}
    if is_quantized(graphs.read_file(path)):
        raise ModelError("is quantized itself", where=f"--float: {path}", remedy="give the model before quantization")
    sha256 = sha256_of(path)
    return FloatTwin(model_name=path.name, model_sha256=sha256), {sha256: path}


def cpus(text: str) -> int:
    """A CPU mask in hex digits; empty is 0.

    Raises:
        InputsError: it is none.
    """
    try:
        return int(text or "0", 16)
    except ValueError:
        raise InputsError(
            f"{text!r} is no hex number", where="--cpu-mask", remedy="for cpus 4 to 7: --cpu-mask f0"
        ) from None


def check_model(path: Path) -> None:
    """Refuse a path that is no file, before anything is started for it.

    Raises:
        ModelError: no such file.
    """
    if not path.is_file():
        raise ModelError("no such file", where=str(path), remedy="give a .tflite file")


def _one_or_three(values: Sequence[float]) -> float | tuple[float, ...]:
    return values[0] if len(values) == 1 else tuple(values)
