"""Apps of a virtual phone: a folder with a Linux program, and `app.toml`, which says what Android would call it.

It stands in the phone as /data/app/PACKAGE. `am start` runs the program as a process of the package's name, with the intent's
extras as arguments (`--es NAME VALUE`), as the phone's one user; LD_LIBRARY_PATH is its folder `lib`.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from farm import tomlfile
from farm.errors import InputsError
from farm.virtual import root

if TYPE_CHECKING:
    from pathlib import Path

    from farm.virtual.state import VirtualPhone

DESCRIPTION, MANIFEST = "app.toml", "manifest"


class App(BaseModel):
    """`app.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$", max_length=200)
    activity: str = Field(default=".MainActivity", pattern=r"^\.?[A-Za-z][A-Za-z0-9_.$]*$", max_length=200)
    """The one that the launcher starts."""
    program: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=200)
    """A file of the folder: an executable, or a script of the phone's shell."""
    debuggable: bool = False
    external: bool = True
    """Whether it has its folder on /sdcard, as one has that called getExternalFilesDir before."""


def install(phone: VirtualPhone, folder: Path) -> App:
    """Put the app of `folder` on the phone; one of its name is replaced, its data stay.

    Raises:
        InputsError: `app.toml` is wrong (file and line), or the program is not there.
    """
    app = tomlfile.load(folder / DESCRIPTION, App, InputsError)
    if not (folder / app.program).is_file():
        raise InputsError(
            "is not there", where=str(folder / app.program), remedy=f"program, in {DESCRIPTION}, names it"
        )
    target = phone.root / root.APPS / app.package
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent == target else 0o644)  # whoever the phone's user is here
    _own(phone.root / root.APP_DATA, app.package, "files")
    if app.external:
        _own(phone.root / root.SHARED, "Android", "data", app.package, "files")
    fields = {
        "activity": app.activity, "program": app.program, "debuggable": str(app.debuggable).lower(),
        "external": str(app.external).lower(),
    }  # fmt: skip
    (target / MANIFEST).write_text("".join(f"{name}={value}\n" for name, value in fields.items()))
    return app


def _own(place: Path, *names: str) -> None:
    """A folder in it, the phone's user's as `place` is."""
    owner = place.stat()
    for name in names:
        place /= name
        place.mkdir(mode=0o771, exist_ok=True)
        os.chown(place, owner.st_uid, owner.st_gid)
