"""`farm virtual`: phones without hardware."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from farm import virtual
from farm.cli import shell
from farm.errors import AdbError, DeadlineError, FarmError, JobError, SelectorError
from farm.fleet.adb import AdbServer
from farm.run import bundle
from farm.virtual import auth as auth_
from farm.virtual import profiles
from farm.virtual.daemon import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from farm.settings import Settings
    from farm.virtual import VirtualPhone

ATTACH_S = 15.0
_PROGRAMS = {"": "native", "binfmt_misc": "qemu, binfmt_misc", "exec-shim": "qemu, exec shim"}

app = typer.Typer(
    help="Virtual phones behind the real adb server. What they measure is this computer's.", no_args_is_help=True
)


@app.command()
def up(
    context: typer.Context,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=100, help="How many more.")] = 1,
    storage_mb: Annotated[
        int | None, typer.Option(min=8, help="Size of /data/local/tmp, MiB; else the disk's.")
    ] = None,
    profile: Annotated[str, typer.Option(help="A profile's name, or the path of its TOML file.")] = "",
    abi: Annotated[str, typer.Option(help="x86_64 or arm64-v8a; left out, the profile's or this computer's.")] = "",
    auth: Annotated[
        auth_.Policy, typer.Option(help="Ask for adb's key: accept whoever comes, or refuse. open: do not ask.")
    ] = "open",
    features: Annotated[
        str | None, typer.Option(help="What it tells adb that it can, joined by commas; all of it when left out.")
    ] = None,
    legacy: Annotated[bool, typer.Option("--legacy", help="A phone of before Android 7: no features.")] = False,
    reboot_s: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds that `adb reboot` takes.")] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Start virtual phones and attach them to the adb server."""
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        told = _features(features, legacy=legacy)
        kind = profiles.load(profile, abi)
        bundle.ensure(kind.abi, lab.settings.data, lambda text: lab.err.print(text, highlight=False, soft_wrap=True))
        storage = None if storage_mb is None else storage_mb << 20
        phones = virtual.up(
            folder(lab.settings), count, kind=kind, storage_bytes=storage, auth=auth, features=told, reboot_s=reboot_s
        )
        attach(lab.settings, phones, auth)
        _print(lab, phones, as_json)


@app.command(name="list")
def list_(context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the virtual phones that are up."""
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        _print(lab, virtual.listed(folder(lab.settings)), as_json)


@app.command()
def down(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Which; all when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """End virtual phones and remove what they stored."""
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        phones = virtual.down(folder(lab.settings), names or ())
        server = AdbServer(lab.settings.adb.host, lab.settings.adb.port)
        for phone in phones:
            with contextlib.suppress(FarmError):
                server.disconnect(phone.serial)
        _print(lab, phones, as_json)


@app.command()
def fault(
    context: typer.Context,
    phone: Annotated[str, typer.Argument(help="The phone's name or serial.")],
    name: Annotated[str, typer.Argument(metavar="FAULT", help="Its fault, or: clear (all of them), thaw.")],
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=NUMBER]...", help="How bad: bytes_s=65536, level=3, ...")
    ] = None,
    for_s: Annotated[float | None, typer.Option("--for", help="Seconds until it is over by itself.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Give a virtual phone a fault, for good or for some seconds; docs/virtual.md lists them."""
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        found = _called(lab.settings, phone)
        pairs = [option.partition("=") for option in options or ()]
        numbers = {key: value for key, _, value in pairs}
        active = virtual.fault(found, name, for_s=for_s, **numbers)  # type: ignore[arg-type]  # read as numbers
        if as_json:
            shell.print_json(json.dumps({"name": found.name, "serial": found.serial, "active": active}))
        else:
            lab.out.print(f"{found.name}: {', '.join(active) or 'no fault lasts'}")


@app.command()
def install(
    context: typer.Context,
    phone: Annotated[str, typer.Argument(help="The phone's name or serial.")],
    app_folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="With app.toml and a Linux program.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put an app on a virtual phone, for farm attach; docs/virtual.md says what it is."""
    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        found = _called(lab.settings, phone)
        made = virtual.install(found, app_folder)
        if as_json:
            shell.print_json(json.dumps({"name": found.name, "serial": found.serial, "package": made.package}))
        else:
            lab.out.print(f"{found.name}: {made.package} is installed", highlight=False)


def _called(settings: Settings, phone: str) -> VirtualPhone:
    """The phone of this name or serial.

    Raises:
        SelectorError: none has it.
    """
    known = virtual.listed(folder(settings))
    found = [p for p in known if phone in {p.name, p.serial}]
    if not found:
        names = ", ".join(p.name for p in known) or "none is up: farm virtual up"
        raise SelectorError(f"no virtual phone is called {phone!r}", remedy=names)
    return found[0]


def folder(settings: Settings) -> Path:
    """Where this lab's virtual phones live."""
    return settings.data / "virtual"


def attach(settings: Settings, phones: Sequence[VirtualPhone], auth: auth_.Policy = "open") -> None:
    """Connect phones to the adb server; those that refuse its key stay there as `unauthorized`.

    Raises:
        AdbError: the server cannot be started, or refused one.
        DeadlineError: one does not come to the state that it should.
    """
    server = AdbServer(settings.adb.host, settings.adb.port)
    server.ensure()
    for phone in phones:
        try:
            server.connect(phone.serial)
        except AdbError:
            if auth == "open":  # else adb calls it a failure that it has to wait for the user's yes
                raise
    wanted = "unauthorized" if auth == "refuse" else "device"
    deadline = time.monotonic() + ATTACH_S
    while late := [p for p in phones if server.states().get(p.serial) != wanted]:
        if time.monotonic() > deadline:
            state = server.states().get(late[0].serial, "not there")
            raise DeadlineError(f"is {state} instead of {wanted}", where=late[0].serial, remedy="see: farm devices")
        time.sleep(0.05)


def _features(names: str | None, *, legacy: bool) -> tuple[str, ...] | None:
    """What a phone is to tell adb; None: all it can."""
    if names is None:
        return () if legacy else None
    if legacy:
        raise JobError("a legacy phone has no features", where="--features", remedy="leave out one of the two")
    told = tuple(filter(None, (name.strip() for name in names.split(","))))
    for name in told:
        if name not in FEATURES:
            raise JobError(
                f"there is no feature {name!r}", where="--features", remedy=f"there are: {', '.join(FEATURES)}"
            )
    return told


def _print(lab: shell.Shell, phones: Sequence[VirtualPhone], as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "name": p.name,
                "serial": p.serial,
                "abi": p.abi,
                "pid": p.pid,
                "kind": "virtual",
                "emulation": p.emulation,
            }
            for p in phones
        ]
        shell.print_json(json.dumps(rows))
        return
    table = Table("name", "serial", "abi", "pid", "kind", "programs", box=None, pad_edge=False)
    for p in phones:
        table.add_row(p.name, p.serial, p.abi, str(p.pid), "virtual", _PROGRAMS[p.emulation])
    lab.out.print(table if phones else "no virtual phones")
