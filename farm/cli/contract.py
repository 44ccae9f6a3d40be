"""`farm contract` and `farm shift`: whether an edge pipeline's inputs are what the reference pipeline was built on."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from farm.cli import shell
from farm.errors import CaptureError, InputsError
from farm.store.artifacts import ArtifactStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from farm.capture.recording import Recording
    from farm.report.shift import Contract, ContractCheck, Shift

app = typer.Typer(
    help="Data contracts: learnt from what the reference pipeline feeds, checked on what devices fed.",
    no_args_is_help=True,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Captures = Annotated[list[str], typer.Argument(metavar="CAPTURE...", help="Captures, folders of them, or sha256.")]
File = Annotated[Path, typer.Argument(metavar="CONTRACT", help="A file that `farm contract learn` wrote.")]
BROKEN = 1
SHOWN = 12


@app.command()
def learn(
    context: typer.Context,
    out: Annotated[Path, typer.Option("-o", "--out", help="The contract's file.")],
    model: Annotated[Path | None, typer.Option(help="With --inputs: what the reference pipeline feeds to it.")] = None,
    inputs: Annotated[Path | None, typer.Option(help="Folder of pictures, clips, texts or .npy tensors.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="Else the one beside the model, or its metadata's.")] = None,
    captures: Annotated[
        list[str] | None, typer.Option("--from", help="Captures of a healthy run instead. May be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Learn types, ranges, missing values and distributions of a model's inputs."""
    from farm.compare import contract as contracts
    from farm.compare.features import table

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        if captures:
            with _opened(lab, captures) as found:
                specs = {s.position: s for recording, _ in found for s in recording.specs if s.role == "input"}
                learnt = contracts.of_table(
                    table(found), specs.values(), found[0][0].header.model_sha256, ", ".join(captures)
                )
                if not learnt.features:
                    raise InputsError(
                        "no input of the model was logged",
                        where=captures[0],
                        remedy="give captures of the pass `layers`",
                    )
        elif model is not None and inputs is not None:
            learnt = _learn(lab, model, inputs, recipe)
        else:
            raise InputsError(
                "there is nothing to learn from",
                where="farm contract learn",
                remedy="give --model and --inputs, or --from",
            )
        out.write_text(learnt.model_dump_json(), encoding="utf-8")
        if as_json:
            shell.print_json(learnt.model_dump_json(indent=2))
        else:
            lab.out.print(f"{out}: learnt from {len(learnt.sample)} frames", highlight=False, markup=False)
            _print_contract(lab, learnt)


@app.command()
def show(context: typer.Context, file: File, as_json: Json = False) -> None:
    """Print a contract."""
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        found = _read(file)
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            _print_contract(lab, found)


@app.command()
def check(context: typer.Context, file: File, captures: Captures, as_json: Json = False) -> None:
    """Check the inputs that devices logged; status 1 when they break the contract."""
    from farm.compare import contract as contracts
    from farm.compare.features import table

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        contract = _read(file)
        with _opened(lab, captures) as found:
            result = contracts.check(contract, [recording for recording, _ in found], table(found))
        if as_json:
            shell.print_json(result.model_dump_json(indent=2))
        else:
            _print_check(lab, result)
        if not result.holds:
            raise typer.Exit(BROKEN)


def shift(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="A capture, a folder of captures, or the sha256 of a stored one.")],
    b: Annotated[str, typer.Argument(help="Another.")],
    alpha: Annotated[float, typer.Option(min=0.001, max=0.5, help="Share of false alarms that is accepted.")] = 0.01,
    permutations: Annotated[int, typer.Option(min=199, max=100_000, help="Random exchanges of frames.")] = 999,
    block: Annotated[int, typer.Option(min=1, help="Neighboring frames that count as one, as in a video.")] = 1,
    as_json: Json = False,
) -> None:
    """Tell whether two sets of captures saw the same kind of data; status 1 when they did not.

    Compares what was logged of inputs and answers, frame by frame, with a permutation test over all features at once.
    """
    from farm.compare.features import table
    from farm.compare.shift import shift as compare

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        if 1 / (permutations + 1) > alpha:
            raise InputsError(
                f"{permutations} exchanges cannot show {alpha:g}",
                where="--permutations",
                remedy=f"give {round(1 / alpha)} or more",
            )
        with _opened(lab, [a]) as mine, _opened(lab, [b]) as other:
            found = compare(table(mine), table(other), alpha=alpha, permutations=permutations, block=block)
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            _print_shift(lab, found)
        if found.shifted:
            raise typer.Exit(BROKEN)


def _learn(lab: shell.Shell, model: Path, inputs: Path, recipe: Path | None) -> Contract:
    from farm.compare import contract as contracts
    from farm.model import graph as graphs
    from farm.reference.frames import FrameReader
    from farm.work.prepare import Options, RecipeFlags, check_model, prepare

    check_model(model)
    prepared = prepare(model, inputs, None, recipe, None, RecipeFlags(), Options())
    submission, graph = prepared.submission, graphs.read_file(model)
    shapes = {index: tuple(max(1, d) for d in graph.tensors[index].shape) for index in graph.inputs}
    with _scratch() as artifacts, lab.err.status("reading frames") as status:
        use = submission.expected or submission.recipe

        def fed() -> Iterator[tuple[int, dict[int, object]]]:
            for sha256, path in prepared.files.items():
                if sha256 != submission.model_sha256:
                    artifacts.put_file(path)
            for i, frame in enumerate(submission.frames):
                status.update(f"reading frames: {i + 1} of {len(submission.frames)}")
                yield i, dict(FrameReader(frame, artifacts, graph, shapes).inputs(use.recipe if use else None))

        return contracts.learn(graph, submission.model_sha256, str(inputs), fed(), shapes)  # type: ignore[arg-type]  # arrays


@contextlib.contextmanager
def _scratch() -> Iterator[ArtifactStore]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="farm-contract-") as folder:
        yield ArtifactStore(Path(folder))


@contextlib.contextmanager
def _opened(lab: shell.Shell, names: Sequence[str]) -> Iterator[list[tuple[Recording, ArtifactStore]]]:
    """The recordings that names stand for; a folder stands for its captures."""
    from farm.capture.opened import opened

    stored = ArtifactStore(lab.settings.data / "artifacts")
    files: list[str] = []
    for name in names:
        folder = Path(name)
        inside = sorted(str(p) for p in folder.glob("*.mcap")) if folder.is_dir() else [name]
        if not inside:
            raise CaptureError("holds no capture", where=name, remedy="give a folder of .mcap files")
        files += inside
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(opened(file, stored)) for file in files]
        yield [(one.recording, one.artifacts) for one in found]


def _read(file: Path) -> Contract:
    from farm.compare import contract as contracts

    try:
        return contracts.read(file.read_bytes(), str(file))
    except OSError as e:
        raise InputsError(f"cannot be read: {e.strerror}", where=str(file), remedy="check the path") from e


def _print_contract(lab: shell.Shell, contract: Contract) -> None:
    from farm.compare.contract import quartiles

    for field in contract.fields:
        lab.out.print(
            escape(f"input {field.position}: {field.name}, {field.dtype} {list(field.shape)}"), highlight=False
        )
    table = Table("feature", "least", "median", "most")
    for name, (low, middle, high) in quartiles(contract).items():
        table.add_row(escape(name), f"{low:.4g}", f"{middle:.4g}", f"{high:.4g}")
    lab.out.print(table)


def _print_check(lab: shell.Shell, found: ContractCheck) -> None:
    if found.holds:
        lab.out.print(f"the inputs of {found.frames} frames keep the contract", highlight=False)
    if found.violations:
        table = Table("input", "what", "expected", "got", "frames", "p")
        for v in found.violations:
            frames = f"{v.count} of {found.frames}" if v.count else "all"
            p = "-" if v.p_value is None else f"{v.p_value:.2g}"
            table.add_row(escape(v.field), v.what, escape(v.expected), escape(v.got), frames, p)
        lab.out.print(table)
    if found.shift is not None and found.shift.shifted:
        lab.out.print("their distribution is another one:", highlight=False)
        _print_shift(lab, found.shift)


def _print_shift(lab: shell.Shell, found: Shift) -> None:
    word = "another kind of data" if found.shifted else "no shift is shown"
    lab.out.print(
        f"{word}: p = {found.p_value:.2g} at {found.alpha:g}, {found.a_frames} frames against {found.b_frames}; "
        f"a distance of {found.detectable:.2g} would have been seen",
        highlight=False,
    )
    table = Table("feature", "distance", "p", "median A", "median B")
    for f in found.features[:SHOWN]:
        table.add_row(escape(f.name), f"{f.distance:.3f}", f"{f.p_value:.2g}", f"{f.a_median:.4g}", f"{f.b_median:.4g}")
    lab.out.print(table)
