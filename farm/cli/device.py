"""`farm device`: reserve, look after and look into single devices."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from farm.cli import device_render, shell
from farm.errors import JobError

if TYPE_CHECKING:
    from farm.api.device_messages import DeviceDetail

app = typer.Typer(help="Single devices, by serial or name.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Name = Annotated[str, typer.Argument(metavar="DEVICE", help="Its serial, or its name.")]
Force = Annotated[bool, typer.Option("--force", help="Though a run is there, or it is reserved by somebody else.")]
Reason = Annotated[str, typer.Option("--reason", help="For the others.")]


@app.command(name="list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the devices, each asked now; the same as `farm devices`."""
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = client.devices()
        if as_json:
            shell.print_json(json.dumps([view.model_dump(mode="json") for view in found], indent=2))
        else:
            device_render.devices(lab.out, found)


@app.command()
def show(
    context: typer.Context,
    device: Name,
    events: Annotated[int, typer.Option(min=0, max=500, help="How much of its history.")] = 10,
    as_json: Json = False,
) -> None:
    """Show all that is known of a device: what it is, what it can, what happened to it."""
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = DeviceClient(client).show(device, events=events)
        if as_json:
            shell.print_json(found.model_dump_json(indent=2))
        else:
            device_render.device(lab.out, found)


@app.command()
def reserve(
    context: typer.Context,
    device: Name,
    for_: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d.")] = "2h",
    reason: Reason = "",
    wait: Annotated[bool, typer.Option("--wait", help="Also while a run is there; wait for its end.")] = False,
    as_json: Json = False,
) -> None:
    """Have a device for yourself: from now on only your runs go there."""
    from farm.cli.when import length
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        seconds = length(for_, "--for")
        with connect(lab.settings) as client:
            found = DeviceClient(client).reserve(device, seconds, reason=reason, wait=wait)
        _done(lab, found, f"is yours for {for_}", as_json=as_json)


@app.command()
def release(context: typer.Context, device: Name, force: Force = False, as_json: Json = False) -> None:
    """Give a reserved device back."""
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = DeviceClient(client).release(device, force=force)
        _done(lab, found, "is everybody's", as_json=as_json)


@app.command()
def quarantine(
    context: typer.Context,
    device: Name,
    reason: Annotated[str, typer.Option("--reason", help="For whoever looks next.")] = "by hand",
    as_json: Json = False,
) -> None:
    """Keep all runs away from a device until it is healed; what runs there now goes on."""
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = DeviceClient(client).quarantine(device, reason)
        _done(lab, found, "is in quarantine", as_json=as_json)


@app.command()
def heal(context: typer.Context, device: Name, as_json: Json = False) -> None:
    """Ask a device anew, enrol it anew, and end its quarantine if that goes well."""
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = DeviceClient(client).heal(device)
        _done(lab, found, "is well", as_json=as_json)


@app.command()
def reboot(context: typer.Context, device: Name, force: Force = False, as_json: Json = False) -> None:
    """Reboot a device and wait until it has booted; reservations stay."""
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = DeviceClient(client).reboot(device, force=force)
        _done(lab, found, "has booted", as_json=as_json)


@app.command(name="set", context_settings={"ignore_unknown_options": True})
def set_(
    context: typer.Context,
    device: Name,
    labels: Annotated[list[str] | None, typer.Argument(metavar="[+LABEL|-LABEL]...", help="Add or remove.")] = None,
    name: Annotated[str | None, typer.Option(help="What the lab calls it; '' for nothing.")] = None,
    pool: Annotated[str | None, typer.Option(help="Its pool; '' for none.")] = None,
    as_json: Json = False,
) -> None:
    """Name a device, put it into a pool, label it: `farm device set SERIAL --name s24 --pool nightly +new -old`."""
    from pydantic import ValidationError

    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        wrong = next((label for label in labels or () if label[:1] not in {"+", "-"} or label.startswith("--")), None)
        if wrong is not None:
            raise JobError(
                f"{wrong!r} is no change of a label", where="set", remedy="write +LABEL to add, -LABEL to remove"
            )
        added = tuple(label[1:] for label in labels or () if label[0] == "+")
        removed = tuple(label[1:] for label in labels or () if label[0] == "-")
        try:
            with connect(lab.settings) as client:
                found = DeviceClient(client).name(device, name=name, pool=pool, add=added, remove=removed)
        except ValidationError as e:
            raise JobError("is no word", where="--name or --pool", remedy="letters, digits, '.', '_', '+', '-'") from e
        view = found.device
        told = [f"name {view.name}"] * bool(view.name) + [f"pool {view.pool}"] * bool(view.pool)
        told += [f"labels {' '.join(view.labels)}"] * bool(view.labels)
        _done(lab, found, ", ".join(told) or "has no name, pool or label", as_json=as_json)


@app.command()
def forget(context: typer.Context, device: Name, as_json: Json = False) -> None:
    """Know nothing of a device any more; one that is attached is enrolled anew."""
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            DeviceClient(client).forget(device)
        if as_json:
            shell.print_json(json.dumps({"forgotten": device}))
        else:
            lab.out.print(f"{device} is forgotten", highlight=False, markup=False)


@app.command(name="shell", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def shell_(
    context: typer.Context,
    device: Name,
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="One word is a command line.")],
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds it may take.")] = 60,
    force: Force = False,
) -> None:
    """Run a command on a device; its exit code is this program's. For a terminal: adb -s SERIAL shell."""
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab):
        words = command[1:] if command[0] == "--" else command
        line = words[0] if len(words) == 1 else shlex.join(words)
        with connect(lab.settings) as client:
            status = DeviceClient(client).shell(device, line, timeout_s=timeout, force=force, out=_out, err=_err)
        if status:
            raise typer.Exit(status)


@app.command()
def logcat(
    context: typer.Context,
    device: Name,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, max=100_000, help="The last so many.")] = 1000,
    buffer: Annotated[str, typer.Option("-b", "--buffer", help="main, system, crash, events, radio, all.")] = "main",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="All that comes from now on.")] = False,
    force: Force = False,
) -> None:
    """Print a device's log."""
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab), connect(lab.settings) as client:
        DeviceClient(client).logcat(
            device, lines=lines, buffer=buffer, follow=follow, force=force, out=_out, err=_err
        )  # fmt: skip


@app.command()
def screenshot(
    context: typer.Context,
    device: Name,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to.")] = Path("screen.png"),
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Save a picture of a device's screen."""
    from farm.client import connect
    from farm.client.devices import DeviceClient

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            picture = DeviceClient(client).screenshot(device, force=force)
        out.write_bytes(picture)
        if as_json:
            shell.print_json(json.dumps({"screenshot": str(out.absolute())}))
        else:
            lab.out.print(str(out), highlight=False, markup=False, soft_wrap=True)


def _done(lab: shell.Shell, found: DeviceDetail, text: str, *, as_json: bool) -> None:
    if as_json:
        shell.print_json(found.model_dump_json(indent=2))
        return
    view = found.device
    lab.out.print(f"{view.name or view.serial} {text}", highlight=False, markup=False, soft_wrap=True)


def _out(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _err(data: bytes) -> None:
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()
