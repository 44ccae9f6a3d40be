"""What every command shares: settings, where output goes, how errors end the program."""

from __future__ import annotations

import contextlib
import json
import sys
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, TextIO

import typer
from rich.console import Console

from farm import settings as settings_file
from farm.cli import exits, render
from farm.errors import BugError, FarmError, InputsError
from farm.report.document import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from farm.settings import Settings


FILE_WIDTH = 120
"""Columns of output that goes to a file or a pipe, which has no width of its own."""


def console(stream: TextIO) -> Console:
    """Rich output on a stream."""
    return Console(file=stream, width=None if stream.isatty() else FILE_WIDTH)


@dataclass
class Shell:
    """One invocation of the program."""

    config: Path | None = None
    out: Console = field(default_factory=lambda: console(sys.stdout))
    err: Console = field(default_factory=lambda: console(sys.stderr))
    _settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """farm.toml, read when first asked for.

        Raises:
            SettingsError: it is wrong.
        """
        if self._settings is None:
            self._settings = settings_file.load(self.config)
        return self._settings


def of(context: typer.Context) -> Shell:
    """The shell of a command's context."""
    shell = context.find_object(Shell)
    assert shell is not None  # noqa: S101  # the callback above every command made it
    return shell


def print_json(text: str) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write(file: Path, text: str) -> None:
    """A file that the user named.

    Raises:
        InputsError: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as e:
        raise InputsError(f"cannot be written: {e.strerror}", where=str(file), remedy="give another path") from e


@contextlib.contextmanager
def errors(shell: Shell, *, as_json: bool = False) -> Iterator[None]:
    """End the program as the contract for scripts says, whatever is raised inside."""
    try:
        yield
    except FarmError as e:
        _end(shell, e, as_json=as_json)
    except KeyboardInterrupt:
        shell.err.print("interrupted", highlight=False)
        raise typer.Exit(exits.INTERRUPTED) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as e:  # the last place that can turn a bug into a report
        _end(shell, _report(shell, e), as_json=as_json)


def _end(shell: Shell, e: FarmError, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json(json.dumps({"error": Failure.of(e).model_dump()}))
    render.error(shell.err, e)
    raise typer.Exit(e.exit_status)


def _report(shell: Shell, e: Exception) -> BugError:
    """Keep the traceback in the data folder."""
    text = "".join(traceback.format_exception(e))
    where = ""
    with contextlib.suppress(FarmError, OSError):
        folder = shell.settings.data / "bugs"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{abs(hash(text)):016x}.txt"
        path.write_text(text, encoding="utf-8")
        where = str(path)
    return BugError(f"{type(e).__name__}: {e}", where=where, remedy="this is ours: please report it with that file")
