"""`farm token`: who may come in. `farm audit`: who did what."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from farm.cli import shell
from farm.errors import JobError
from farm.scopes import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

app = typer.Typer(help="Tokens let other people and machines in.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="To list and revoke it by.")],
    user: Annotated[str, typer.Option(help="Whose jobs and audit lines they are.")],
    scope: Annotated[
        Scope, typer.Option(help="read looks; submit also submits; operate also handles devices; admin does all.")
    ],
    expires: Annotated[str, typer.Option(help="After 30d, 12h, 1y, ...; left out, never.")] = "",
    as_json: Json = False,
) -> None:
    """Make a token and print it, this once."""
    from pydantic import ValidationError

    from farm.api.messages import TokenRequest
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        try:
            asked = TokenRequest(name=name, user=user, scope=scope, expires_s=seconds(expires) if expires else None)
        except ValidationError as e:
            first = e.errors()[0]
            raise JobError(
                first["msg"], where=f"--{first['loc'][0]}".removesuffix("_s"),
                remedy="names are up to 64 letters, digits, dots, dashes, underscores and @",
            ) from e  # fmt: skip
        with connect(lab.settings) as client:
            made = client.create_token(asked)
        if as_json:
            shell.print_json(made.model_dump_json(indent=2))
        else:
            lab.err.print(
                f"{name}: {scope} for {user}, {_until(made.expires)}. It is not shown again:", highlight=False
            )
            lab.out.print(made.token, highlight=False, markup=False, soft_wrap=True)


@app.command(name="list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the tokens; their texts are not kept."""
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = client.tokens()
        if as_json:
            shell.print_json(_document(found))
            return
        table = Table("name", "user", "scope", "state", "made", "expires", box=None, pad_edge=False)
        for t in found:
            table.add_row(t.name, t.user, t.scope, t.state, t.created, _until(t.expires))
        lab.out.print(table, highlight=False)


@app.command()
def revoke(
    context: typer.Context, name: Annotated[str, typer.Argument(help="The token's name.")], as_json: Json = False
) -> None:
    """End a token, at once and for good."""
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            gone = client.revoke_token(name)
        if as_json:
            shell.print_json(gone.model_dump_json(indent=2))
        else:
            lab.out.print(f"token {gone.name} is revoked", highlight=False, markup=False)


def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=10_000, help="How many.")] = 20,
    as_json: Json = False,
) -> None:
    """Show who changed, or tried to change, what; the newest first."""
    from farm.client import connect

    lab = shell.of(context)
    with shell.errors(lab, as_json=as_json):
        with connect(lab.settings) as client:
            found = client.audit(limit)
        if as_json:
            shell.print_json(_document(found))
            return
        table = Table("when (UTC)", "user", "token", "action", "subject", "answer", box=None, pad_edge=False)
        for line in found:
            at, answer = _when(line.at), str(line.status or "none")
            table.add_row(*(_plain(word) for word in (at, line.user, line.token, line.action, line.subject, answer)))
        lab.out.print(table, highlight=False)


def seconds(text: str) -> float:
    """A length of time, `90s`, `12h`, `30d`, in seconds.

    Raises:
        JobError: it is none.
    """
    found = re.fullmatch(r"(\d{1,9})([smhdwy])", text.strip())
    if found is None or int(found[1]) == 0:
        raise JobError(f"{text!r} is no length of time", where="--expires", remedy="write 90m, 12h, 30d, 1y")
    return float(int(found[1]) * UNITS[found[2]])


def _until(expires: float | None) -> str:
    return "never expires" if expires is None else f"until {_when(expires)}"


def _when(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _document(found: Sequence[BaseModel]) -> str:
    return json.dumps([one.model_dump(mode="json") for one in found], indent=2)
