"""`farm demo`: the main job without hardware. A real adb server, a virtual phone, the real agent; all of its own, all ended."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from farm import virtual
from farm.cli import render
from farm.cli.progress import follow
from farm.cli.virtual import attach, folder
from farm.client import connect
from farm.client.dashboard import DashboardClient
from farm.errors import BugError
from farm.fleet.private import private_adb_server
from farm.fleet.program import adb_program
from farm.work.prepare import Options, RecipeFlags, prepare

if TYPE_CHECKING:
    from farm.cli.shell import Shell
    from farm.client import Client
    from farm.report.document import Job

ASSETS = Path(__file__).resolve().parents[1] / "demo"


def run(lab: Shell, *, stay: bool) -> None:
    """Run the demo; with `stay`, leave phone and daemon up until Ctrl-C.

    Raises:
        BugError: the farm did not find the bug it planted, or accused the right recipe.
    """
    say = lab.out.print
    with contextlib.ExitStack() as stack:
        settings = lab.settings.model_copy(update={"data": lab.settings.data / "demo"})
        adb = stack.enter_context(private_adb_server())
        settings = settings.model_copy(
            update={"adb": settings.adb.model_copy(update={"host": adb.host, "port": adb.port})}
        )
        phones = virtual.up(folder(settings), 1, owner_pid=os.getpid())
        stack.callback(virtual.down, folder(settings), [phone.name for phone in phones])
        attach(settings, phones)
        say(f"virtual phone {phones[0].serial} is up behind adb server {adb.host}:{adb.port}", highlight=False)
        client = stack.enter_context(connect(settings))
        say("\n[bold]1. the right recipe[/]", highlight=False)
        right = submit(lab, client, None)
        render.job(lab.out, right)
        say("\n[bold]2. the same model, with a planted bug: the app feeds BGR[/]", highlight=False)
        wrong = submit(lab, client, ASSETS / "bgr.recipe.toml")
        render.job(lab.out, wrong)
        _must_name(right, "none")
        _must_name(wrong, "channel")
        if stay:
            config = settings.data / "farm.toml"
            config.write_text(f"data = {json.dumps(str(settings.data))}\n[adb]\nport = {adb.port}\n", encoding="utf-8")
            say("\nThe phone and the daemon stay up until Ctrl-C. In another terminal:", highlight=False)
            for line in (
                f"{sys.argv[0]} --config {config} submit MODEL.tflite --inputs PICTURES --wait",
                f"{adb_program()} -P {adb.port} -s {phones[0].serial} shell",
                f"{sys.argv[0]} --config {config} dashboard  # another way into the dashboard, once the one below is used",
            ):
                say(f"  {line}", highlight=False, soft_wrap=True)
            say("\nThe dashboard, to be opened once and within a minute:", highlight=False)
            say(f"  {DashboardClient(client).url(f'/jobs/{wrong.job}')}", highlight=False, soft_wrap=True, markup=False)
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    time.sleep(3600)


def submit(lab: Shell, client: Client, recipe: Path | None) -> Job:
    """Submit the bundled classifier and wait for its job."""
    prepared = prepare(
        ASSETS / "model.tflite", ASSETS / "inputs", ASSETS / "labels.tsv", recipe, None, RecipeFlags(),
        Options(selector="kind=virtual"),
    )  # fmt: skip
    client.upload(prepared.files)
    return follow(client.submit(prepared.submission), client, lab.err)


def _must_name(job: Job, cause: str) -> None:
    """The demo's claim, checked."""
    for run in job.runs:
        if run.error is not None:
            raise BugError(
                f"the demo's run failed: {run.error.message}", where=run.error.where, remedy=run.error.remedy
            )
        if run.verdict is None or run.verdict.cause != cause:
            named = run.verdict.cause if run.verdict is not None else "nothing"
            raise BugError(f"the demo's verdict names {named} instead of {cause}", where=job.model, remedy="report it")
