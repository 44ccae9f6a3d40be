"""A job's events as they come: a live display on a terminal, plain lines elsewhere. Always on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from farm.api.messages import Event
    from farm.client import Client
    from farm.report.document import Job


def follow(job: Job, client: Client, console: Console) -> Job:
    """Show a job's events until it is over; the job as it is then. Interrupted, it is kept."""
    events = client.events(job.job)
    try:
        if console.is_terminal:
            _live(events, console)
        else:
            _lines(events, console)
    except KeyboardInterrupt:
        console.print(f"job {job.job} is kept: farm show {job.job}", highlight=False)
        raise
    return client.job(job.job)


def _live(events: Iterable[Event], console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as display:
        tasks = {}
        for event in events:
            if event.run is None:
                continue
            if event.run not in tasks:
                tasks[event.run] = display.add_task("", total=None)
            over = event.status not in {"queued", "running"}
            display.update(
                tasks[event.run],
                description=_text(event),
                completed=1 if over else event.done,
                total=1 if over else (event.of or None),
            )


def _lines(events: Iterable[Event], console: Console) -> None:
    said: dict[int, str] = {}
    for event in events:
        if event.run is not None and said.get(event.run) != (text := _text(event)):
            said[event.run] = text
            console.print(text, highlight=False, markup=False, soft_wrap=True)


def _text(event: Event) -> str:
    doing = event.stage if event.status == "running" and event.stage else event.status
    retry = f" (attempt {event.attempt})" if event.attempt > 1 else ""
    why = f": {event.message}" if event.message and event.status in {"queued", "failed"} else ""
    return f"run {event.run} on {event.serial or 'no device yet'}: {doing}{retry}{why}"
