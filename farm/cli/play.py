"""`farm play`: the raw frames of a capture, played through other targets, and what comes of it laid beside the capture."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path  # noqa: TC003  # typer reads it
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from farm.cli import options, shell
from farm.errors import BugError, InfrastructureError, JobError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.assess.duplicates import Sketch
    from farm.assess.gather import Progress
    from farm.cli.source import Source
    from farm.report.playback import Playback, Played, PlayedFrames
    from farm.store.artifacts import ArtifactStore

DIFFERS = 1
WORST_FIRST = (BugError.exit_status, JobError.exit_status, DIFFERS, InfrastructureError.exit_status)


def play(
    context: typer.Context,
    capture: Annotated[str, typer.Argument(help="An app's capture, JOB/RUN, a capture of a stored run, or a sha256.")],
    on: Annotated[
        list[str],
        typer.Option(help="Devices as of farm submit, or reference:NAME as of farm compare. May be repeated."),
    ],
    model: Annotated[Path | None, typer.Option(help="The .tflite file, where the lab does not have it.")] = None,
    inputs: Annotated[Path | None, typer.Option(help="Folder of inputs, where nothing else tells them.")] = None,
    labels: options.Labels = None,
    recipe: options.DeviceRecipe = None,
    expected: options.Expected = None,
    reference: options.References = None,
    skip_similar: Annotated[
        bool, typer.Option("--skip-similar", help="Leave out frames that look like the one before them.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0, help="How alike: mean squared difference of pixels in 0..1 (1e-4). Implies --skip-similar."
        ),
    ] = None,
    kernel: Annotated[str | None, typer.Option(help="Kernels on the device: delegate, builtin, reference.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads on the device.")] = None,
    accelerator: Annotated[str | None, typer.Option(help="What runs the model: cpu, gpu, npu.")] = None,
    passes: Annotated[str | None, typer.Option(help="Which passes run.")] = None,
    layer_frames: Annotated[int | None, typer.Option(help="Frames whose every layer is kept.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds a pass may take on the device.")] = None,
    crop: Annotated[float | None, typer.Option(help="Recipe: centre fraction kept.")] = None,
    resize: Annotated[str | None, typer.Option(help="Recipe: bilinear, nearest, area, ...")] = None,
    channels: Annotated[str | None, typer.Option(help="Recipe: rgb or bgr.")] = None,
    normalize: Annotated[str | None, typer.Option(help="Recipe: MEAN,STD in pixel units.")] = None,
    rotate: Annotated[int | None, typer.Option(help="Recipe: degrees counter-clockwise.")] = None,
    as_json: options.Json = False,
) -> None:
    """Play the frames of a capture through devices and references, and compare what they answer with what was captured.

    Exit status: 0 they agree, 1 they differ, 2 your error, 3 infrastructure.
    """
    from farm.assess.duplicates import THRESHOLD
    from farm.cli.diagnose import Reach, progress
    from farm.cli.player import REFERENCE, Player
    from farm.cli.source import Asked, opened
    from farm.report.playback import Playback, PlayedSensors
    from farm.store.artifacts import ArtifactStore
    from farm.work.prepare import RecipeFlags

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json), contextlib.ExitStack() as stack:
        changes = {
            "kernel": kernel, "threads": threads, "accelerator": accelerator, "layer_frames": layer_frames,
            "pass_timeout_s": timeout, "passes": None if passes is None else tuple(passes.split(",")),
        }  # fmt: skip
        asked = Asked(
            model, inputs, labels, recipe, expected, RecipeFlags(crop, resize, channels, normalize, rotate),
            tuple(reference or ()), {name: value for name, value in changes.items() if value is not None},
        )  # fmt: skip
        store = ArtifactStore(lab.settings.data / "artifacts")
        reach = Reach(lab.settings, stack)
        player = Player(lab, store, reach)
        limit = threshold if threshold is not None else THRESHOLD if skip_similar else None
        with progress(lab) as tell:
            source = opened(capture, asked, reach, store)
            source, frames = _selected(source, limit, store, tell)
        jobs = [None if word.startswith(REFERENCE) else player.submit(source, word) for word in on]
        plays: list[Played] = []
        for word, job in zip(on, jobs, strict=True):
            plays += player.follow(source, word, job) if job is not None else [player.refer(source, word)]
        done = Playback(
            capture=capture, model=source.submission.model_name, model_sha256=source.submission.model_sha256,
            frames=frames, plays=tuple(plays),
            sensors=PlayedSensors(
                readings=len(source.readings), names=tuple(dict.fromkeys(r.sensor for r in source.readings))
            ),
        )  # fmt: skip
        if as_json:
            shell.print_json(done.model_dump_json(indent=2))
        else:
            _print(lab, done)
        raise typer.Exit(_status(done))


def _selected(
    source: Source, threshold: float | None, store: ArtifactStore, tell: Progress
) -> tuple[Source, PlayedFrames]:
    """Without near-duplicates, if they are to be skipped."""
    from farm.assess.duplicates import keep, sketch
    from farm.report.playback import PlayedFrames

    frames = source.submission.frames
    if threshold is None:
        return source, PlayedFrames(found=len(frames), kept=len(frames), skipped=0)

    def sketches() -> Iterator[Sketch]:
        for number, frame in enumerate(frames):
            tell("looking for near-duplicates", number, len(frames))
            yield sketch(frame.name, frame.kind, [store.read(sha256) for sha256 in frame.sha256])

    kept = keep(sketches(), threshold)
    chosen = source.submission.model_copy(update={"frames": tuple(frames[i] for i in kept)})
    told = PlayedFrames(found=len(frames), kept=len(kept), skipped=len(frames) - len(kept), threshold=threshold)
    return replace(source, submission=chosen), told


def _print(lab: shell.Shell, done: Playback) -> None:
    from farm.cli.render_pairing import pairing

    frames, sensors = done.frames, done.sensors
    told = f"kept {frames.kept} of {frames.found} frames"
    if frames.threshold is None:
        told = f"played {frames.found} frames"
    else:
        told += f", {frames.skipped} near-duplicates skipped (threshold {frames.threshold:g})"
    lab.out.print(told, highlight=False)
    if sensors.readings:
        lab.out.print(
            f"{sensors.readings} readings of {', '.join(sensors.names)} are left aside: a model alone has no use for them,"
            " an app does (farm attach --play)",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
    for played in done.plays:
        name = played.target or "any device"
        lab.out.print(f"[bold]{escape(name)}[/]", highlight=False)
        if played.pairing is not None:
            pairing(lab.out, played.pairing)
        if played.error is not None:
            e = played.error
            place = f"{e.where}: " if e.where else ""
            lab.out.print(f"[red]{e.code}[/]: {escape(place + e.message)}", highlight=False, soft_wrap=True)
            lab.out.print(f"  {escape(e.remedy)}", highlight=False, soft_wrap=True)


def _status(done: Playback) -> int:
    statuses = {c.kind: c.exit_status for c in (JobError, InfrastructureError)}
    found = {statuses.get(p.error.kind, BugError.exit_status) for p in done.plays if p.error is not None}
    found |= {DIFFERS for p in done.plays if p.pairing is not None and p.pairing.differs}
    return next((status for status in WORST_FIRST if status in found), 0)
