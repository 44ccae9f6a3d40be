"""What a file brings: the libraries in an .aar or a .whl, or an .so alone, and the version it says it is."""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import io
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from farm.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LIBRARY = "libLiteRt.so"
PACKAGE = "ai-edge-litert"
FOLDER = PACKAGE.replace("-", "_")
BESIDE = re.compile(r"lib(LiteRt\w*Accelerator|LiteRtDispatch_\w+)\.so")
"""What the runtime looks for in its own folder: drivers of the GPU's and NPUs' parts."""
ABIS = ("arm64-v8a", "x86_64")
ENTRIES_LIMIT = 20_000
MEMBER_LIMIT = 256 << 20
TOTAL_LIMIT = 1 << 30
VERSION = re.compile(r"\d+(\.\d+){1,3}([-.+]?[0-9A-Za-z.+-]*)?")
IN_NAME = re.compile(r"-(\d+(?:\.\d+){1,3}(?:[a-z0-9.+]|-(?=alpha|beta|rc))*)(?:-[^/]*)?\.(?:aar|whl|so)$")
_GONE = "fetch it again from where it was published"


@dataclass(frozen=True)
class Folder:
    """Libraries that lie together: one of an .aar's ABIs, a wheel, an .so alone."""

    abi: str
    """As the archive says; empty: it does not."""
    files: dict[str, bytes]
    """By name; LIBRARY is one of them."""


@dataclass(frozen=True)
class Origin:
    """One file that was read."""

    name: str
    sha256: str
    os: str
    """As its kind promises: `android` of an .aar, `linux` of a wheel; empty: either."""
    version: str
    """As it says; empty: it does not."""
    folders: tuple[Folder, ...]
    left_out: tuple[str, ...] = field(default=())
    """Libraries that no run needs."""


def read(path: Path) -> Origin:
    """Read a file.

    Raises:
        BundleError: it is none of the three kinds, breaks a limit, is damaged, or holds no runtime.
    """
    try:
        size = path.stat().st_size
        if not stat.S_ISREG(path.stat().st_mode):
            raise BundleError("is no file", where=str(path), remedy="give an .aar, a .whl or libLiteRt.so")
        if size > TOTAL_LIMIT:
            raise BundleError(f"has {size >> 20} MiB; {TOTAL_LIMIT >> 20} are the limit", where=path.name, remedy=_GONE)
        content = path.read_bytes()
    except OSError as e:
        raise BundleError(f"cannot be read: {e.strerror}", where=str(path), remedy="give another path") from e
    return parse(content, path.name)


def parse(content: bytes, name: str) -> Origin:
    """The same of bytes that are at hand.

    Raises:
        BundleError: as `read`.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    if name.endswith(".so"):
        return Origin(name, sha256, "", _named(name), (Folder("", {LIBRARY: content}),))
    if not name.endswith((".aar", ".whl")):
        raise BundleError(
            "is no runtime", where=name, remedy="give litert-VERSION.aar, a .whl of ai-edge-litert or libLiteRt.so"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            box = _Box(archive, name)
            return _aar(box, name, sha256) if name.endswith(".aar") else _wheel(box, name, sha256)
    except (
        zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError, OverflowError,
    ) as e:  # fmt: skip
        raise BundleError(f"is a damaged archive: {e}"[:300], where=name, remedy=_GONE) from e


class _Box:
    """An archive whose table of contents was looked at, read within limits."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.archive = archive
        self.name = name
        self.left = TOTAL_LIMIT
        entries = archive.infolist()
        if len(entries) > ENTRIES_LIMIT:
            raise self.refuse(f"has {len(entries)} entries; {ENTRIES_LIMIT} are the limit")
        self.names = [entry.filename for entry in entries if not entry.is_dir()]
        for entry in self.names:
            path = PurePosixPath(entry)
            if path.is_absolute() or ".." in path.parts or "\\" in entry or not entry.isprintable():
                raise self.refuse(f"has an entry {entry[:80]!r} that leaves its folder")
        twice = next((n for n in dict.fromkeys(self.names) if self.names.count(n) > 1), None) if (
            len(set(self.names)) < len(self.names)
        ) else None  # fmt: skip
        if twice is not None:
            raise self.refuse(f"has {twice[:80]!r} twice: which of them is meant?")

    def read(self, name: str) -> bytes:
        limit = min(MEMBER_LIMIT, self.left)
        with self.archive.open(name) as member:
            content = member.read(limit + 1)
        if len(content) > limit:
            raise self.refuse(f"{name} has more than {limit >> 20} MiB")
        self.left -= len(content)
        return content

    def refuse(self, what: str) -> BundleError:
        return BundleError(what, where=self.name, remedy=_GONE)


def _aar(box: _Box, name: str, sha256: str) -> Origin:
    libraries = [PurePosixPath(n) for n in box.names if n.startswith("jni/") and n.endswith(".so")]
    folders, others = [], []
    for abi in dict.fromkeys(path.parts[1] for path in libraries if len(path.parts) == 3):
        mine = [path for path in libraries if path.parts[1] == abi]
        if abi not in ABIS:  # the agent is 64-bit
            others += [str(path) for path in mine]
            continue
        taken = {path.name: path for path in mine if path.name == LIBRARY or BESIDE.fullmatch(path.name)}
        others += [str(path) for path in mine if path.name not in taken]
        if LIBRARY in taken:
            folders.append(Folder(abi, {n: box.read(str(path)) for n, path in taken.items()}))
        elif taken:
            raise box.refuse(f"jni/{abi} has {', '.join(taken)}, but no {LIBRARY} they belong to")
    if not folders:
        raise BundleError(
            f"holds no jni/ABI/{LIBRARY} for {' or '.join(ABIS)}",
            where=name,
            remedy="give the archive of com.google.ai.edge.litert:litert, version 2.1.6 or newer",
        )
    told = ""
    if "AndroidManifest.xml" in box.names:  # in an .aar it is text
        found = re.search(rb'android:versionName="([^"]{1,64})"', box.read("AndroidManifest.xml"))
        told = (
            found[1].decode("ascii", "replace")
            if found is not None and VERSION.fullmatch(found[1].decode("ascii", "replace"))
            else ""
        )
    return Origin(name, sha256, "android", _agreed(name, told, "AndroidManifest.xml"), tuple(folders), tuple(others))


def _wheel(box: _Box, name: str, sha256: str) -> Origin:
    metadata = [n for n in box.names if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
    if len(metadata) != 1:
        raise box.refuse("is no wheel: it holds no METADATA, or several")
    told = email.message_from_bytes(box.read(metadata[0]))
    package = re.sub(r"[-_.]+", "-", str(told["Name"] or "")).lower()
    if package != PACKAGE:
        raise BundleError(f"is a wheel of {package or 'nothing'}", where=name, remedy=f"give one of {PACKAGE}")
    members = [n for n in box.names if n.startswith(f"{FOLDER}/") and n.endswith(".so") and n.count("/") == 1]
    taken = [n for n in members if n == f"{FOLDER}/{LIBRARY}" or BESIDE.fullmatch(n.partition("/")[2])]
    if f"{FOLDER}/{LIBRARY}" not in taken:
        raise BundleError(
            f"holds no {FOLDER}/{LIBRARY}", where=name, remedy=f"give a wheel of {PACKAGE} 2.1.6 or newer, for Linux"
        )
    files = {n: box.read(n) for n in taken}
    _as_recorded(box, metadata[0].rpartition("/")[0], files)
    version = _agreed(name, str(told["Version"] or ""), "METADATA")
    folder = Folder("", {n.partition("/")[2]: content for n, content in files.items()})
    return Origin(name, sha256, "linux", version, (folder,))


def _as_recorded(box: _Box, info: str, files: dict[str, bytes]) -> None:
    """A wheel says what each of its files hashes to: one that was put in later does not."""
    if f"{info}/RECORD" not in box.names:
        raise box.refuse("is no wheel: it holds no RECORD")
    rows = csv.reader(io.StringIO(box.read(f"{info}/RECORD").decode("utf-8", "replace")))
    told = {row[0]: row[1] for row in rows if len(row) > 1}
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        if told.get(name) != f"sha256={digest}":
            raise box.refuse(f"{name} is not the file that the wheel's RECORD names: a mixture")


def _agreed(name: str, told: str, where: str) -> str:
    """The version inside and that of the file's name, which must be one."""
    named = _named(name)
    if told and named and told != named:
        raise BundleError(f"is {named} by its name and {told} by its {where}: a mixture", where=name, remedy=_GONE)
    return told or named


def _named(name: str) -> str:
    found = IN_NAME.search(name)
    return "" if found is None else found[1]


def digests(files: dict[str, bytes]) -> Iterable[tuple[str, str, int]]:
    """Name, sha256 and size of each file, the runtime first."""
    for name in sorted(files, key=lambda n: (n != LIBRARY, n)):
        yield name, hashlib.sha256(files[name]).hexdigest(), len(files[name])
