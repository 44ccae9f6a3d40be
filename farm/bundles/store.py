"""The bundles of a data folder: `<data>/runtimes/bundles/NAME/`, a folder for each system and ABI, a manifest that pins them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from farm.bundles import origin
from farm.bundles.check import number
from farm.bundles.elf import Os
from farm.errors import BundleError, StorageError
from farm.store.artifacts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from farm.bundles.check import Checked, Part
    from farm.bundles.origin import Origin

NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}")
DEFAULT, NEWEST = "default", "newest"
"""Words that are no names: this installation's own runtime, and the newest bundle there is."""
MANIFEST, ANDROID = "bundle.json", ".android"
PREPARED = ".new-"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class File(_Model):
    """One library."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.+-]+\.so$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    bytes: int


class Pinned(_Model):
    """The libraries for one system and ABI."""

    os: Os
    abi: str = Field(pattern=r"^[a-z0-9_-]+$")
    files: tuple[File, ...] = Field(min_length=1)
    """The runtime first."""
    origin: str
    """Name of the file they came in."""
    origin_sha256: str
    added: float
    """Unix seconds."""

    @property
    def platform(self) -> str:
        """`android-arm64-v8a`."""
        return f"{self.os}-{self.abi}"


class Manifest(_Model):
    """One bundle: one version of the runtime, for as many systems and ABIs as were added."""

    format: Literal[1] = 1
    name: str = Field(pattern=f"^{NAME.pattern}$")
    version: str
    parts: tuple[Pinned, ...] = ()
    notes: tuple[str, ...] = ()

    def part(self, os_: str, abi: str) -> Pinned | None:
        """Its libraries for a device, if it has any."""
        return next((part for part in self.parts if (part.os, part.abi) == (os_, abi)), None)


@dataclass(frozen=True)
class Bundles:
    """All of them. Safe for several processes at once."""

    home: Path

    @classmethod
    def of(cls, data: Path) -> Bundles:
        """Those of a data folder."""
        return cls(data / "runtimes" / "bundles")

    def all(self) -> tuple[Manifest, ...]:
        """Every one, the newest version first.

        Raises:
            StorageError: a manifest cannot be read.
        """
        found = [self._load(path.parent.name) for path in self.home.glob(f"[!.]*/{MANIFEST}")]
        return tuple(sorted(found, key=lambda m: (tuple(-n for n in number(m.version)), m.name)))

    def get(self, name: str) -> Manifest:
        """The one of a name.

        Raises:
            BundleError: there is none; says which there are.
        """
        if not (NAME.fullmatch(name) and (self.home / name / MANIFEST).is_file()):
            names = ", ".join(manifest.name for manifest in self.all())
            raise BundleError(
                f"there is no runtime bundle {name!r}",
                where="runtime",
                remedy=f"one of {names}; or farm runtime add FILE"
                if names
                else "farm runtime add litert-VERSION.aar, or litert==VERSION",
            )
        return self._load(name)

    def add(self, name: str, brought: Origin, checked: Checked) -> Manifest:
        """Keep what was checked under a name. The same again changes nothing; another ABI of the version is put beside.

        Raises:
            BundleError: the name is no name, or is another version's, or has other bytes for the same system and ABI.
            StorageError: it cannot be written.
        """
        if not NAME.fullmatch(name) or name in {DEFAULT, NEWEST}:
            raise BundleError(f"{name!r} is no name", where="--name", remedy="lower-case letters, digits and . _ + -")
        try:
            with self._locked():
                return self._added(name, brought, checked)
        except OSError as e:
            raise StorageError(
                f"cannot be written: {e.strerror}", where=str(self.home), remedy="make room there"
            ) from e

    def remove(self, name: str) -> Path:
        """Forget a bundle. Runs that wait for it fail and say so.

        Raises:
            BundleError: there is none.
        """
        with self._locked():
            self.get(name)
            gone = Path(tempfile.mkdtemp(prefix=PREPARED, dir=self.home))
            (self.home / name).rename(gone / name)  # nobody sees half of it
            shutil.rmtree(gone)
            if self.android() == name:
                self._choose("")
        return self.home / name

    def files(self, manifest: Manifest, os_: str, abi: str) -> tuple[Path, ...]:
        """Where its libraries for a device are, the runtime first, each read and hashed anew.

        Raises:
            BundleError: it has none for such a device, or a file is not the one that was added: no device is to blame.
        """
        part = manifest.part(os_, abi)
        if part is None:
            has = ", ".join(p.platform for p in manifest.parts) or "nothing"
            kind = "an .aar" if os_ == "android" else "a wheel"
            raise BundleError(
                f"has nothing for {os_} {abi}, only {has}",
                where=f"runtime bundle {manifest.name}",
                remedy=f"farm runtime add {kind} of {manifest.version} --name {manifest.name}, or choose other devices by --on",
            )
        return tuple(self._verified(manifest, part, file) for file in part.files)

    def android(self) -> str:
        """The bundle that Android devices get where a job names none; empty: the newest that has something for them."""
        with contextlib.suppress(OSError):
            return (self.home / ANDROID).read_text(encoding="utf-8").strip()
        return ""

    def use(self, name: str) -> None:
        """Let Android devices have this one where a job names none; `newest` ends that.

        Raises:
            BundleError: there is none of that name, or it is not for Android.
        """
        if name != NEWEST and not any(part.os == "android" for part in self.get(name).parts):
            raise BundleError("has nothing for Android", where=f"runtime bundle {name}", remedy="see farm runtime list")
        with self._locked():
            self._choose("" if name == NEWEST else name)

    def chosen(self, os_: str, abi: str) -> Manifest | None:
        """What such a device gets where a job names none: what `use` said, else the newest. None: nothing was added.

        Raises:
            BundleError: what `use` said is not there any more.
        """
        if os_ == "android" and (name := self.android()):
            return self.get(name)
        return next((manifest for manifest in self.all() if manifest.part(os_, abi) is not None), None)

    def _added(self, name: str, brought: Origin, checked: Checked) -> Manifest:
        there = self._load(name) if (self.home / name / MANIFEST).is_file() else None
        if there is not None and there.version != checked.version:
            raise BundleError(
                f"{name} is LiteRT {there.version}, this is {checked.version}: a mixture",
                where=brought.name,
                remedy="give another --name",
            )
        old = there.parts if there is not None else ()
        known = {part.platform: part for part in old}
        new = []
        for part in checked.parts:
            pinned = _pinned(part, brought)
            before = known.get(pinned.platform)
            if before is not None and before.files != pinned.files:
                raise BundleError(
                    f"{name} has other bytes for {part.os} {part.abi}, of {before.origin}: a mixture",
                    where=brought.name,
                    remedy=f"give another --name, or farm runtime remove {name} first",
                )
            if before is None:
                self._write(name, part, pinned)
                new.append(pinned)
        notes = tuple(dict.fromkeys((*(there.notes if there is not None else ()), *checked.notes)))
        manifest = Manifest(name=name, version=checked.version, parts=(*old, *new), notes=notes)
        self._replace(self.home / name / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
        return manifest

    def _write(self, name: str, part: Part, pinned: Pinned) -> None:
        (self.home / name).mkdir(exist_ok=True)
        place = self.home / name / pinned.platform
        if place.exists():  # somebody died before the manifest was written
            shutil.rmtree(place)
        with tempfile.TemporaryDirectory(prefix=PREPARED, dir=self.home) as temporary:
            whole = Path(temporary) / pinned.platform
            whole.mkdir()
            for file, content in part.files.items():
                with (whole / file).open("wb") as f:
                    f.write(content)
                    f.flush()
                    os.fsync(f.fileno())
            whole.rename(place)

    def _verified(self, manifest: Manifest, part: Pinned, file: File) -> Path:
        path = self.home / manifest.name / part.platform / file.name
        try:
            right = path.stat().st_size == file.bytes and sha256_of(path) == file.sha256
        except OSError:
            right = False
        if not right:
            raise BundleError(
                f"is not the file that was added with {part.origin}",
                where=str(path),
                remedy=f"farm runtime remove {manifest.name}, then add {part.origin} again",
            )
        return path

    def _load(self, name: str) -> Manifest:
        path = self.home / name / MANIFEST
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as e:
            raise StorageError(
                "cannot be read", where=str(path), remedy=f"remove {path.parent} and add the bundle again"
            ) from e
        if manifest.name != name:
            raise StorageError(f"is of {manifest.name}", where=str(path), remedy=f"remove {path.parent}")
        return manifest

    def _choose(self, name: str) -> None:
        self._replace(self.home / ANDROID, f"{name}\n")

    def _replace(self, path: Path, text: str) -> None:
        with tempfile.TemporaryDirectory(prefix=PREPARED, dir=self.home) as temporary:
            whole = Path(temporary) / path.name
            whole.write_text(text, encoding="utf-8")
            whole.replace(path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for left in self.home.glob(f"{PREPARED}*"):  # of one that died
                shutil.rmtree(left, ignore_errors=True)
            yield


def _pinned(part: Part, brought: Origin) -> Pinned:
    files = tuple(File(name=name, sha256=sha256, bytes=size) for name, sha256, size in origin.digests(part.files))
    return Pinned(
        os=part.os, abi=part.abi, files=files, origin=brought.name, origin_sha256=brought.sha256, added=time.time()
    )
