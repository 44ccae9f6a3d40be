"""`farm schedule`: what runs by itself, and when."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from farm.cli import shell
from farm.cli.options import Json
from farm.errors import JobError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel, ValidationError
    from rich.console import Console

    from farm.schedule.schedule import Night, Schedule, ScheduleView
    from farm.sections.schedule import Work

app = typer.Typer(help="What runs by itself, and when (docs/nightlies.md).", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The schedule's name.")]
COLORS = {"over": "green", "open": "cyan", "skipped": "yellow", "failed": "red"}
REFUSED = {"priority", "not_before", "deadline", "after", "fresh", "gates", "junit", "wait", "as_json"}
"""Options of `farm submit` that a schedule has its own word for, or none."""


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name; then models and options as of `farm submit`.")],
    cron: Annotated[str, typer.Option(help="'30 2 * * mon-fri', or @daily.")],
    zone: Annotated[str, typer.Option(help="IANA name, say Europe/Berlin; else the lab's own.")] = "",
    catch_up: Annotated[bool, typer.Option(help="Make up for a downtime, once.")] = True,
    blackout: Annotated[
        list[str] | None, typer.Option(help="'08:00-18:00 mon-fri': nothing begins then. May be repeated.")
    ] = None,
    priority: Annotated[int, typer.Option(help="-10 to 10; what people submit has 0.")] = -1,
    wait: Annotated[int, typer.Option(help="Minutes to wait for a device when none is ready.")] = 60,
    within: Annotated[float | None, typer.Option(help="Hours after which what has not begun fails.")] = None,
    repository: Annotated[
        Path | None, typer.Option(help="A git checkout: its commit is that of these files, for the history.")
    ] = None,
    commit: Annotated[str, typer.Option(envvar="FARM_COMMIT", help="The same in words; goes first.")] = "",
    as_json: Json = False,
) -> None:
    """Submit MODEL... --inputs DIR, with all options of `farm submit`, whenever it is due.

    The files are sent now: every night runs these bytes. A schedule in farm.toml reads its files anew every night.
    """
    from farm.client import connect
    from farm.client.schedules import ScheduleClient
    from farm.work.commit import commit_of
    from farm.work.gather import gather

    lab = shell.of(context)
    given = _given(context.args)  # what is wrong with the words is told as of any command
    with shell.errors(lab, as_json=as_json):
        schedule = _schedule(
            name=name, cron=cron, zone=zone, catch_up=catch_up, priority=priority, wait_m=wait, within_h=within,
            blackout=[_blackout(text) for text in blackout or ()],
        )  # fmt: skip
        built = commit or ("" if repository is None else commit_of(repository))
        gathered = gather(_work(given), {"commit": built})
        with connect(lab.settings) as client:
            client.upload(gathered.files)
            view = ScheduleClient(client).add(schedule, gathered.submission(client))
        if as_json:
            shell.print_json(view.model_dump_json(indent=2))
        else:
            lab.out.print(
                f"{view.schedule.name}: {view.model}, next {_when(view.next_at)}", highlight=False, markup=False
            )
            if client.embedded:
                lab.err.print("it fires while `farm up` runs", highlight=False)


@app.command(name="list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the schedules: when each is due, and its last night."""
    from farm.client import connect
    from farm.client.schedules import ScheduleClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = ScheduleClient(client).all()
        if as_json:
            shell.print_json(_document(found))
        elif not found:
            lab.out.print(
                "no schedules: `farm schedule add`, or [[schedule]] in farm.toml", highlight=False, markup=False
            )
        else:
            _render(lab.out, found)


@app.command()
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show a schedule and its newest nights."""
    from farm.client import connect
    from farm.client.schedules import ScheduleClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            schedules = ScheduleClient(client)
            view, nights = schedules.show(name), schedules.nights(name, 10)
        if as_json:
            made = view.model_dump(mode="json") | {"nights": [night.model_dump(mode="json") for night in nights]}
            shell.print_json(json.dumps(made, indent=2))
        else:
            _render_one(lab.out, view, nights)


@app.command()
def nights(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Of this schedule only.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """List nights, the newest first: when they were due, what came of them."""
    from farm.client import connect
    from farm.client.schedules import ScheduleClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = ScheduleClient(client).nights(name, limit)
        if as_json:
            shell.print_json(_document(found))
        else:
            lab.out.print(_nights(found) if found else "no nights yet")


@app.command(name="run-now")
def run_now(
    context: typer.Context,
    name: Name,
    wait: Annotated[bool, typer.Option(help="Wait for its verdicts. Without a daemon, always.")] = False,
    as_json: Json = False,
) -> None:
    """Make and submit a night now, whenever the schedule is due, and though it is paused.

    With --wait, the exit status is that of `farm submit`.
    """
    from farm.cli import exits, render
    from farm.cli.progress import follow
    from farm.client import connect
    from farm.client.schedules import ScheduleClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            schedules = ScheduleClient(client)
            night = schedules.run_now(name)
            job = None
            if wait or client.embedded:
                job = follow(client.job(night.jobs[0]), client, lab.err)
                night = schedules.night(night.id)
        if as_json:
            shell.print_json(night.model_dump_json(indent=2))
        elif job is not None:
            render.job(lab.out, job)
        else:
            lab.out.print(
                f"night {night.id}: job {night.jobs[0]} is queued: farm show {night.jobs[0]}", highlight=False
            )
        if job is not None:
            raise typer.Exit(exits.of_job(job))


@app.command()
def pause(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; others will read it.")],
    as_json: Json = False,
) -> None:
    """Fire a schedule no more until it is resumed; what runs goes on."""
    from pydantic import ValidationError

    from farm.client import connect
    from farm.client.schedules import ScheduleClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            try:
                view = ScheduleClient(client).pause(name, reason)
            except ValidationError as e:
                raise _refused(e, {"reason": "--reason"}) from e
        if as_json:
            shell.print_json(view.model_dump_json(indent=2))
        else:
            lab.out.print(f"{name} is paused: {reason}", highlight=False, markup=False)


@app.command()
def resume(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Fire a schedule again, from its next moment on."""
    from farm.client import connect
    from farm.client.schedules import ScheduleClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            view = ScheduleClient(client).resume(name)
        if as_json:
            shell.print_json(view.model_dump_json(indent=2))
        else:
            lab.out.print(f"{name}: next {_when(view.next_at)}", highlight=False, markup=False)


@app.command()
def remove(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """End a schedule; its nights and their jobs stay."""
    from farm.client import connect
    from farm.client.schedules import ScheduleClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            ScheduleClient(client).remove(name)
        if as_json:
            shell.print_json(json.dumps({"removed": name}))
        else:
            lab.out.print(f"{name} is removed", highlight=False, markup=False)


def _schedule(**words: Any) -> Schedule:
    from pydantic import ValidationError

    from farm.schedule.schedule import Schedule

    try:
        return Schedule.model_validate(words)
    except ValidationError as e:
        raise _refused(e, {"name": "NAME", "wait_m": "--wait", "within_h": "--within"}) from e


def _blackout(text: str) -> dict[str, object]:
    """The words of a window: `22:00-06:00 sat,sun`."""
    times, _, days = text.strip().partition(" ")
    since, _, until = times.partition("-")
    return {"since": since, "until": until, "days": [day for day in days.replace(",", " ").split() if day]}


def _given(words: list[str]) -> dict[str, Any]:
    """What `farm submit` would make of the words: those of its parameters that they name."""
    from typer.main import get_command

    from farm.cli import app as farm

    submit = get_command(farm).commands["submit"]  # type: ignore[attr-defined]  # a group's
    asked = submit.make_context("farm schedule add NAME", [*words])
    named = {key: asked.get_parameter_source(key) for key in asked.params}
    return {
        key: asked.params[key] for key, source in named.items() if source is not None and source.name == "COMMANDLINE"
    }


def _work(given: dict[str, Any]) -> Work:
    """The same as a schedule has it.

    Raises:
        JobError: an option says when, which is the schedule's to say.
    """
    from pydantic import ValidationError

    from farm.sections.schedule import Work

    if refused := sorted(given.keys() & REFUSED):
        option = "--" + refused[0].replace("_", "-")
        raise JobError("a schedule says itself when it runs", where=option, remedy="leave it out")
    aliases = {"models": "model", "reference": "reference", "float_model": "float", "assertions": "assert"}
    named = {aliases.get(key, key.rstrip("_")): value for key, value in given.items()}
    try:
        return Work.model_validate(named)
    except ValidationError as e:
        raise _refused(e, {}) from e


def _refused(error: ValidationError, options: dict[str, str]) -> SettingsError:
    first = error.errors()[0]
    field = str(first["loc"][0])
    return SettingsError(
        first["msg"].removeprefix("Value error, "), where=options.get(field, f"--{field.replace('_', '-')}"),
        remedy="see farm schedule add --help",
    )  # fmt: skip


def _render(console: Console, found: Sequence[ScheduleView]) -> None:
    table = Table("schedule", "models", "on", "cron", "next", "last night", "", box=None, pad_edge=False)
    for view in found:
        schedule = view.schedule
        told = view.pause if view.paused is not None else view.problem
        table.add_row(
            escape(schedule.name), escape(view.model or "?"), escape(view.selector or "all"),
            escape(f"{schedule.cron} {schedule.zone}".strip()),
            "[yellow]paused[/]" if view.paused is not None else _when(view.next_at),
            "" if view.last is None else f"[{COLORS[view.last.status]}]{view.last.status}[/] {_when(view.last.fired)}",
            escape(told),
        )  # fmt: skip
    console.print(table)


def _render_one(console: Console, view: ScheduleView, nights: Sequence[Night]) -> None:
    from farm.schedule.blackout import words

    schedule = view.schedule
    told = {
        "schedule": f"{schedule.name} (from {'farm.toml' if view.source == 'file' else 'a command'})",
        "models": view.model or "not read yet",
        "on": view.selector or "all devices",
        "commit": view.commit,
        "due": f"{schedule.cron} {schedule.zone or '(the zone of the lab)'}",
        "next": _when(view.next_at) if view.paused is None else f"paused: {view.pause}",
        "blackout": "; ".join(words(window) for window in schedule.blackout),
        "catches up": "yes" if schedule.catch_up else "no",
        "priority": str(schedule.priority),
        "waits": f"{schedule.wait_m} minutes for a device",
        "within": f"{schedule.within_h:g} h, then what has not begun fails" if schedule.within_h is not None else "",
        "problem": view.problem,
    }
    for word, value in told.items():
        if value:
            console.print(f"{word:<11} {value}", highlight=False, markup=False, soft_wrap=True)
    if nights:
        console.print(_nights(nights))


def _nights(found: Sequence[Night]) -> Table:
    table = Table("night", "schedule", "due", "", "jobs", "missing", "", box=None, pad_edge=False)
    for night in found:
        missed = f"stands for {night.missed} more" if night.missed else ""
        table.add_row(
            str(night.id), escape(night.schedule), _when(night.fire_at),
            f"[{COLORS[night.status]}]{night.status}[/]", ", ".join(map(str, night.jobs)),
            escape(", ".join(device.name or device.serial for device in night.missing)),
            escape("; ".join(filter(None, (night.note, missed)))),
        )  # fmt: skip
    return table


def _when(unix: float | None) -> str:
    return "" if unix is None else datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _document(found: Sequence[BaseModel]) -> str:
    return json.dumps([one.model_dump(mode="json") for one in found], indent=2)
