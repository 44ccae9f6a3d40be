"""The commands. Each speaks REST to the daemon at work, or to one it starts for its own lifetime."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from farm import __version__
from farm.cli import (
    attach,
    backup,
    bundle,
    capture,
    compare,
    contract,
    dashboard,
    device,
    diagnose,
    doctor,
    exits,
    fleet,
    gate,
    gate_render,
    history,
    lint,
    notify,
    options,
    play,
    regressions,
    render,
    runtime,
    schedule,
    sensitivity,
    sentinel,
    shell,
    systemd,
    token,
    top,
    trend,
    virtual,
)
from farm.submission import PASSES

app = typer.Typer(
    name="farm",
    help="Every phone in the lab as one bench: run a .tflite, compare each layer with a reference, name the cause.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(capture.app, name="capture")
app.add_typer(contract.app, name="contract")
app.command()(contract.shift)
app.command()(fleet.fleet)
app.add_typer(device.app, name="device")
app.add_typer(gate.app, name="gate")
app.command(name="devices")(device.list_)
app.add_typer(notify.app, name="notify")
app.add_typer(history.app, name="history")
app.command()(history.query)
app.add_typer(runtime.app, name="runtime")
app.add_typer(schedule.app, name="schedule")
app.add_typer(token.app, name="token")
app.add_typer(virtual.app, name="virtual")
app.command()(token.audit)
app.command()(bundle.bundle)
app.command()(bundle.gc)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(backup.check)
app.command()(doctor.doctor)
app.command()(lint.lint)
app.command()(diagnose.diagnose)
app.command()(compare.compare)
app.command()(play.play)
app.command()(attach.attach)
app.command()(sensitivity.sensitivity)
app.command()(top.top)
app.command()(systemd.systemd)
app.command()(sentinel.sentinel)
app.command()(trend.trend)
app.command()(trend.frontier)
app.command()(trend.annotate)
app.add_typer(regressions.app, name="regressions")
app.command()(dashboard.dashboard)

Json = options.Json
Number = Annotated[int, typer.Argument(help="The job's number.")]


def main() -> None:
    """The program `farm`."""
    app()


def _version(asked: bool) -> None:
    if asked:
        shell.print_json(f"farm {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="Settings; else $FARM_CONFIG, ./farm.toml, the defaults.")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,  # noqa: ARG001  # typer reads it
) -> None:
    context.obj = shell.Shell(config=config)


@app.command()
def submit(
    context: typer.Context,
    models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="One .tflite file, or several.")],
    inputs: Annotated[Path, typer.Option(help="Folder of pictures, .wav sounds, .txt texts or .npy tensors.")],
    labels: options.Labels = None,
    recipe: options.DeviceRecipe = None,
    expected: options.Expected = None,
    on: Annotated[str, typer.Option(help="Which devices: 'abi=x86_64 sdk>=30'; all when left out.")] = "",
    reference: options.References = None,
    float_model: options.FloatModel = None,
    kernel: Annotated[str, typer.Option(help="Kernels on the device: delegate, builtin, reference.")] = "delegate",
    threads: Annotated[str, typer.Option(help="Threads on the device.")] = "1",
    warmup: Annotated[int, typer.Option(help="Invocations before the measured ones.")] = 5,
    repetitions: Annotated[int, typer.Option(help="Measured invocations of each frame.")] = 1,
    passes: Annotated[str, typer.Option(help="Which passes run.")] = ",".join(PASSES),
    layer_frames: Annotated[int, typer.Option(help="Frames whose every layer is kept.")] = 8,
    isolated_frames: Annotated[int, typer.Option(help="Frames of the isolated pass.")] = 2,
    layer_budget_mb: Annotated[int, typer.Option(help="MiB of tensors in one capture; beyond it statistics.")] = 1024,
    accelerator: Annotated[str, typer.Option(help="What runs the model: cpu, gpu, npu.")] = "cpu",
    cpu_mask: Annotated[str, typer.Option(help="CPUs allowed, in hex: f0 is cpus 4 to 7.")] = "",
    context_: Annotated[
        str, typer.Option("--context", help="The shell's program, or the farm's app: shell, app, both.")
    ] = "shell",
    runtime_: Annotated[str, typer.Option("--runtime", help="Runtime bundle, or several: farm runtime list.")] = "",
    sensors: Annotated[str, typer.Option(help="Logged by the app: accelerometer,light; docs/android.md.")] = "",
    fixed_performance: Annotated[
        bool, typer.Option("--fixed-performance", help="Sustained clocks, of Android 11 and later.")
    ] = False,
    trace: Annotated[str, typer.Option(help="Passes of which Perfetto records a trace: latency,profile.")] = "",
    timeout: Annotated[float, typer.Option(help="Seconds a pass may take on the device.")] = 600,
    crop: Annotated[float | None, typer.Option(help="Recipe: centre fraction kept.")] = None,
    resize: Annotated[str | None, typer.Option(help="Recipe: bilinear, nearest, area, ...")] = None,
    channels: Annotated[str | None, typer.Option(help="Recipe: rgb or bgr.")] = None,
    normalize: Annotated[str | None, typer.Option(help="Recipe: MEAN,STD in pixel units.")] = None,
    rotate: Annotated[int | None, typer.Option(help="Recipe: degrees counter-clockwise.")] = None,
    times: Annotated[int, typer.Option(help="Runs of each configuration on each device.")] = 1,
    devices: Annotated[int | None, typer.Option(help="So many of the matching devices, whichever are free.")] = None,
    pair: Annotated[bool, typer.Option(help="Two configurations on one lease, A B A B, compared pairwise.")] = False,
    priority: Annotated[int, typer.Option(help="-100 to 100; a step overtakes an hour.")] = 0,
    not_before: Annotated[str, typer.Option(help="Begin at 22:00, +2h, or a date.")] = "",
    deadline: Annotated[str, typer.Option(help="Do not begin after 06:00, +8h, or a date.")] = "",
    after: Annotated[list[int] | None, typer.Option(help="Once this job is done. May be repeated.")] = None,
    fresh: Annotated[bool, typer.Option(help="Run it, though the same is queued already.")] = False,
    commit: Annotated[str, typer.Option(envvar="FARM_COMMIT", help="What was built, for the history.")] = "",
    assertions: options.Assertions = None,
    baseline: options.Baseline = "",
    contract_: options.Contract = None,
    sequence: options.Sequence = False,
    gates: Annotated[
        list[str] | None, typer.Option("--gate", help="Gate it has to pass; waits. May be repeated.")
    ] = None,
    junit: gate.Junit = None,
    wait: Annotated[bool, typer.Option(help="Wait for the verdict. Without a daemon, always.")] = False,
    as_json: Json = False,
) -> None:
    """Run models on every matching device, compare them with a reference, and say what is wrong.

    Several models, or lists in --kernel, --threads, --accelerator, --cpu-mask (1,4), --context and --runtime, give every
    combination.

    Exit status: 0 pass, 1 failing verdict, 2 your error, 3 infrastructure, 4 undecided, 5 our bug. With --gate, 0, 1 and 4
    are the gates'.
    """
    from farm.cli.progress import follow
    from farm.cli.when import moment
    from farm.client import connect
    from farm.sections.schedule import Work
    from farm.work.gather import gather

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        now = datetime.now().astimezone()
        when = {
            "priority": priority, "fresh": fresh, "after": after or (), "commit": commit,
            "not_before": moment(not_before, "--not-before", now) if not_before else 0.0,
            "deadline": moment(deadline, "--deadline", now) if deadline else None,
        }  # fmt: skip
        work = Work(
            model=tuple(models), inputs=inputs, labels=labels, recipe=recipe, expected=expected, on=on,
            reference=tuple(reference or ["litert-ref"]), float=float_model, kernel=kernel, threads=threads,
            warmup=warmup, repetitions=repetitions, passes=passes, layer_frames=layer_frames,
            isolated_frames=isolated_frames, layer_budget_mb=layer_budget_mb, accelerator=accelerator,
            cpu_mask=cpu_mask, context=context_, runtime=runtime_, sensors=sensors,
            fixed_performance=fixed_performance, trace=trace, timeout=timeout,
            crop=crop, resize=resize, channels=channels, normalize=normalize, rotate=rotate, times=times, devices=devices,
            pair=pair,
            **{"assert": tuple(assertions or ())}, baseline=baseline, contract=contract_, sequence=sequence,
        )  # fmt: skip
        gathered = gather(work, when)
        with connect(lab.settings) as client:
            gate.known(client, gates or ())
            client.upload(gathered.files)
            job = client.submit(gathered.submission(client))
            if wait or gates or client.embedded:
                lab.err.print(f"job {job.job}: {len(job.runs)} runs", highlight=False)
                job = follow(job, client, lab.err)
            answers = gate.ask(client, gates or (), job.job)
        gate.write(answers, junit if gates else None)
        if as_json:
            shell.print_json(gate_render.with_gates(job, answers))
        elif job.status in {"queued", "running"}:
            lab.out.print(f"job {job.job} is queued: farm show {job.job}", highlight=False)
        else:
            render.job(lab.out, job)
            gate_render.answers(lab.out, answers)
        if job.status not in {"queued", "running"}:
            raise typer.Exit(exits.of_gated_job(job, answers) if gates else exits.of_job(job))


@app.command()
def inspect(
    context: typer.Context, model: Annotated[Path, typer.Argument(help="A .tflite file.")], as_json: Json = False
) -> None:
    """Show what a model takes, gives and is made of, and the recipe it comes with. Needs no device."""
    from farm.model import graph as graphs
    from farm.model.summary import summarize
    from farm.work.prepare import RecipeFlags, find_recipes

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        graph = graphs.read_file(model)
        recipe, _ = find_recipes(model, graph, None, None, RecipeFlags())
        summary = summarize(graph)
        if as_json:
            document = summary.model_dump() | {"recipe": recipe and recipe.model_dump()}
            shell.print_json(json.dumps(document, indent=2))
        else:
            render.model(lab.out, summary, recipe)


@app.command()
def up(context: typer.Context, as_json: Json = False) -> None:
    """Be the lab's daemon, in the foreground, until Ctrl-C or SIGTERM."""
    from farm import logs
    from farm.client import serve

    lab = shell.of(context)

    def started(url: str) -> None:
        if as_json:
            shell.print_json(json.dumps({"url": url, "data": str(lab.settings.data)}))
        else:
            lab.out.print(
                f"farm is up at {url}, data in {lab.settings.data}; Ctrl-C ends it", highlight=False, soft_wrap=True
            )

    with shell.errors(lab, as_json=as_json):
        end = logs.begin(lab.settings.log, lab.settings.data)
        try:
            serve(lab.settings, started=started)
        finally:
            end()


@app.command()
def jobs(
    context: typer.Context,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=1000, help="How many.")] = 20,
    before: Annotated[int | None, typer.Option(min=1, help="Only those numbered below: the next page.")] = None,
    as_json: Json = False,
) -> None:
    """List the newest jobs."""
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = client.jobs(limit, before)
        if as_json:
            shell.print_json(json.dumps([job.model_dump(mode="json") for job in found], indent=2))
        else:
            render.jobs(lab.out, found)


@app.command()
def show(context: typer.Context, job: Number, as_json: Json = False) -> None:
    """Show a job and its runs."""
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = client.job(job)
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            render.job(lab.out, found)


@app.command()
def table(
    context: typer.Context,
    jobs: Annotated[list[int], typer.Argument(metavar="JOB...", help="Numbers of jobs.")],
    run: Annotated[list[int] | None, typer.Option(help="Only this run of theirs. May be repeated.")] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(help="A column of this computer, measured now: litert-ref, litert. May be repeated."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, max=10_000, help="How often a reference runs each operator.")] = 20,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
) -> None:
    """Show what each type of layer costs on each target: runs of one or several jobs side by side."""
    from farm.cli import latencies
    from farm.client import connect
    from farm.store.artifacts import ArtifactStore

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = [client.job(number) for number in dict.fromkeys(jobs)]
        store = ArtifactStore(lab.settings.data / "artifacts")
        made = latencies.make(
            found, run or (), reference or (), rounds, store, lambda text: lab.err.print(text, highlight=False)
        )
        if as_json:
            shell.print_json(made.model_dump_json(indent=2))
        elif as_csv:
            shell.print_json(latencies.as_csv(made).rstrip("\n"))
        else:
            render.latency_table(lab.out, made)


@app.command()
def cancel(context: typer.Context, job: Number, as_json: Json = False) -> None:
    """Cancel a job; one that is over stays as it is."""
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = client.cancel(job)
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            lab.out.print(f"job {found.job}: {found.status}", highlight=False)


@app.command()
def report(
    context: typer.Context,
    job: Number,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Copy the page here.")] = None,
    as_json: Json = False,
) -> None:
    """Say where a job's HTML report is, or copy it."""
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            page = client.report(job)
            path = client.job(job).report
            if client.remote and out is None:  # its files are on another machine
                out = Path(f"job-{job}.html")
        if out is not None:
            out.write_bytes(page)
            path = str(out.absolute())
        if as_json:
            shell.print_json(json.dumps({"job": job, "report": path}))
        else:
            lab.out.print(path, highlight=False, soft_wrap=True, markup=False)


@app.command()
def demo(
    context: typer.Context,
    leave: Annotated[bool, typer.Option("--exit", help="End when done; without a terminal it always does.")] = False,
) -> None:
    """Run the main job on a virtual phone: a classifier with the right recipe, then with a planted bug."""
    from farm.cli.demo import run

    lab = shell.of(context)
    with shell.errors(lab):
        run(lab, stay=lab.out.is_terminal and not leave)
