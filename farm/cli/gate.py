"""`farm gate`: which conditions have to hold, what they need, and whether a job passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farm.cli import exits, gate_render, shell
from farm.cli.options import Json  # noqa: TC001  # typer reads the annotations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.client import Client
    from farm.gate.answer import Explanation, GateAnswer

app = typer.Typer(help="Conditions that runs have to meet: pass, fail, or not enough evidence.", no_args_is_help=True)

Junit = Annotated[Path | None, typer.Option("--junit", help="Write the answer as JUnit XML.")]


@app.command(name="list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the gates of farm.toml: after whose nights each is checked, how it went last, what is left of its test set."""
    from farm.client import connect
    from farm.client.gates import GateClient
    from farm.client.schedules import ScheduleClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = GateClient(client).views()
            schedules = {view.schedule.name for view in ScheduleClient(client).all()}
        if as_json:
            shell.print_json(json.dumps([view.model_dump(mode="json") for view in found], indent=2))
        else:
            gate_render.views(lab.out, found, schedules)


@app.command()
def check(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The gate's name in farm.toml.")],
    job: Annotated[int | None, typer.Argument(min=1, help="The job's number; the newest that is done.")] = None,
    against: Annotated[
        str, typer.Option(help="What old is: a job's number, baseline or last-passed; else as the gate says.")
    ] = "",
    commit: Annotated[str, typer.Option(envvar="FARM_COMMIT", help="What was built; else as it was submitted.")] = "",
    junit: Junit = None,
    markdown: Annotated[Path | None, typer.Option(help="Write it as Markdown, for a pull request.")] = None,
    github: Annotated[bool, typer.Option("--github", help="Print it as annotations of GitHub Actions.")] = False,
    as_json: Json = False,
) -> None:
    """Say whether a job passes. Asked again about the same runs, it is the same answer and takes nothing more.

    Exit status: 0 pass, 1 fail, 4 undecided (or what the gate's mode makes of it); 2 your error, 3 infrastructure, 5 our bug.
    """
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            answers = ask(client, [name], job, against=against, commit=commit)
        write(answers, junit, markdown)
        if as_json:
            shell.print_json(answers[0].model_dump_json(indent=2))
        elif github:
            from farm.gate.github import commands

            for line in commands(answers):
                lab.out.print(line, highlight=False, markup=False, soft_wrap=True)
        else:
            gate_render.answers(lab.out, answers)
        raise typer.Exit(exits.of_gates(answers))


@app.command()
def explain(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="NAME|CONDITION", help="A gate, or a condition in quotes.")],
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999999999, help="Of a condition that says none.")] = 0.99,
    steps: Annotated[int, typer.Option(min=1, max=256, help="Checks of one test set; of a condition.")] = 1,
    full: Annotated[bool, typer.Option("--full", help="Answers choose the next model; of a condition.")] = False,
    cells: Annotated[
        int | None, typer.Option(min=1, max=100_000, help="Models x devices; else as checked last.")
    ] = None,
    differ: Annotated[
        float, typer.Option(min=0.0001, max=1.0, help="Share of frames that old and new answer differently.")
    ] = 0.1,
    as_json: Json = False,
) -> None:
    """Say how many frames, invocations or runs a gate or a condition needs, and what its test set still has."""
    from farm.gate.explain import explain as needs
    from farm.gate.language import parse

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        if _is_name(what):
            found = _of_gate(lab, what, cells, differ)
        else:
            found = needs(
                what, parse(what), confidence=confidence, steps=steps, adaptivity="full" if full else "none",
                cells=cells or 1, differ=differ,
            )  # fmt: skip
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            gate_render.explanation(lab.out, found)


@app.command()
def history(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The gate's name in farm.toml.")],
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """List a gate's newest checks."""
    from farm.client import connect
    from farm.client.gates import GateClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = GateClient(client).history(name, limit)
        if as_json:
            shell.print_json(json.dumps([answer.model_dump(mode="json") for answer in found], indent=2))
        else:
            gate_render.history(lab.out, found)


def known(client: Client, names: Sequence[str]) -> None:
    """See that there are such gates, before anything that takes long.

    Raises:
        NotFoundError: there is none of a name.
    """
    from farm.client.gates import GateClient

    for name in names:
        GateClient(client).history(name, 1)


def ask(
    client: Client, names: Sequence[str], job: int | None, *, against: str = "", commit: str = ""
) -> list[GateAnswer]:
    """The gates' answers on a job.

    Raises:
        FarmError: as `GateClient.check`, or `against` or `commit` is no such word.
    """
    from pydantic import ValidationError

    from farm.client.gates import GateClient
    from farm.errors import GateError

    try:
        return [GateClient(client).check(name, job, against=against, commit=commit) for name in names]
    except ValidationError as e:
        first = e.errors()[0]
        raise GateError(
            f"{str(first['input'])[:40]!r} is none", where=f"--{first['loc'][0]}",
            remedy="--against takes a job's number, baseline or last-passed; --commit a hash or a tag",
        ) from e  # fmt: skip


def write(answers: Sequence[GateAnswer], junit: Path | None, markdown: Path | None = None) -> None:
    """The files that were asked for.

    Raises:
        InputsError: one cannot be written.
    """
    if junit is not None:
        from farm.gate.junit import junit as as_junit

        shell.write(junit, as_junit(answers))
    if markdown is not None:
        from farm.gate.markdown import markdown as as_markdown

        shell.write(markdown, as_markdown(answers))


def _is_name(what: str) -> bool:
    """A condition compares; no gate's name does."""
    return not any(sign in what for sign in "<>")


def _of_gate(lab: shell.Shell, name: str, cells: int | None, differ: float) -> Explanation:
    from farm.client import connect
    from farm.client.gates import GateClient

    with connect(lab.settings) as client:
        return GateClient(client).explain(name, cells=cells, differ=differ)
