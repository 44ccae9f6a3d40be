"""`farm attach`: the user's own app on devices of the lab, fed with frames, and its captures diagnosed like any run's."""

from __future__ import annotations

import contextlib
from pathlib import Path  # noqa: TC003  # typer reads it
from typing import Annotated

import typer

from farm.cli import exits, options, render, shell


def attach(
    context: typer.Context,
    package: Annotated[str, typer.Argument(metavar="PACKAGE", help="Of an installed app: com.example.app.")],
    frames: Annotated[
        Path | None, typer.Option(help="Folder of pictures, sounds, texts or tensors, and perhaps sensors.tsv.")
    ] = None,
    play: Annotated[
        str, typer.Option(metavar="CAPTURE", help="Frames and sensors of a capture instead, as farm play takes it.")
    ] = "",
    model: Annotated[Path | None, typer.Option(help="The .tflite file that the app runs.")] = None,
    labels: options.Labels = None,
    recipe: options.DeviceRecipe = None,
    expected: options.Expected = None,
    reference: options.References = None,
    on: Annotated[str, typer.Option(help="Which devices: 'abi=arm64-v8a'; all when left out.")] = "",
    activity: Annotated[str, typer.Option(help="What to start; what the launcher starts when left out.")] = "",
    timeout: Annotated[float, typer.Option(help="Seconds the app may take for all frames.")] = 600,
    as_json: options.Json = False,
) -> None:
    """Start an app on a device, play frames to it or let it take its own, and say what is wrong with its pipeline.

    docs/attach.md is the contract.

    Exit status: 0 pass, 1 failing verdict, 2 your error or the app's, 3 infrastructure, 4 undecided, 5 our bug.
    """
    from farm.cli.attached import submission_of
    from farm.cli.diagnose import Reach
    from farm.cli.progress import follow
    from farm.cli.source import Asked
    from farm.store.artifacts import ArtifactStore
    from farm.store.inventory import inputs_of

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json), contextlib.ExitStack() as stack:
        store, reach = ArtifactStore(lab.settings.data / "artifacts"), Reach(lab.settings, stack)
        asked = Asked(model, frames, labels, recipe, expected, references=tuple(reference or ()))
        app = {"package": package, "activity": activity}
        submission = submission_of(asked, play, {"app": app, "selector": on, "pass_timeout_s": timeout}, reach, store)
        client = reach.client()
        client.upload({name: store.path(name) for name in inputs_of(submission.model_dump(mode="json"))})
        job = client.submit(submission)
        lab.err.print(f"job {job.job}: {len(job.runs)} runs", highlight=False)
        job = follow(job, client, lab.err)
        if as_json:
            shell.print_json(job.model_dump_json(indent=2))
        else:
            render.job(lab.out, job)
        raise typer.Exit(exits.of_job(job))
