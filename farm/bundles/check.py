"""Whether what a file brings is a runtime the agent can speak to, and one runtime: mixtures are refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farm.bundles import elf, origin, symbols
from farm.errors import BundleError

if TYPE_CHECKING:
    from farm.bundles.elf import Library, Os
    from farm.bundles.origin import Folder, Origin

SYSTEM: dict[str, tuple[str, ...]] = {
    "linux": (
        "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libstdc++.so.6", "libgcc_s.so.1",
        "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
    ),
    "android": (
        "libc.so", "libm.so", "libdl.so", "liblog.so", "libandroid.so", "libEGL.so", "libGLESv2.so", "libGLESv3.so",
        "libnativewindow.so", "libvulkan.so", "libz.so", "libjnigraphics.so", "libmediandk.so", "libneuralnetworks.so",
        "libsync.so", "libstdc++.so",
    ),
}  # fmt: skip
"""Libraries that every device of the system lends to programs."""
PAGE = 16 << 10


@dataclass(frozen=True)
class Part:
    """The libraries for one system and ABI."""

    os: Os
    abi: str
    files: dict[str, bytes]
    """By name, the runtime first."""


@dataclass(frozen=True)
class Checked:
    """What a bundle is made of."""

    version: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    """What is odd, but no reason to refuse it."""


def check(brought: Origin, version: str = "") -> Checked:
    """Check it; `version` is what the user calls it.

    Raises:
        BundleError: another version than it says, older than the agent can use, a library that lacks what the agent calls,
            is for another ABI or system than its place says, needs one that is not there, or is of another version.
    """
    if version and brought.version and version != brought.version:
        raise BundleError(
            f"says it is {brought.version}, not {version}", where=brought.name, remedy="leave --version out"
        )
    version = version or brought.version
    if not origin.VERSION.fullmatch(version):
        raise BundleError(
            f"{version!r} is no version" if version else "does not say which version it is",
            where=brought.name,
            remedy="give --version, as 2.3.0",
        )
    notes = [f"{name} is left out: no run needs it" for name in brought.left_out]
    if number(version) < number(symbols.LEAST):
        raise BundleError(
            f"is LiteRT {version}; the agent speaks {symbols.LEAST} and newer",
            where=brought.name,
            remedy=f"add a version from {symbols.LEAST} on",
        )
    if number(version) > number(symbols.PROVED[-1]):
        notes.append(f"{version} is newer than {symbols.PROVED[-1]}, the newest the agent was proved with")
    parts, runtimes = [], {}
    for folder in brought.folders:
        part, runtime, said = _folder(brought, folder, version)
        parts.append(part)
        runtimes[f"{part.os}-{part.abi}"] = runtime
        notes += said
    _alike(brought, runtimes)
    return Checked(version, tuple(parts), tuple(notes))


def number(version: str) -> tuple[int, ...]:
    """What versions are ordered by: the numbers in front, `2.3.0rc1` as 2.3.0."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in found[0].split(".")] if found is not None else []
    return tuple((numbers + [0] * 4)[:4])


def _folder(brought: Origin, folder: Folder, version: str) -> tuple[Part, Library, list[str]]:
    where = f"{brought.name}: {folder.abi}/" if folder.abi else f"{brought.name}: " if brought.os else ""
    libraries = {name: elf.read(content, where + name) for name, content in folder.files.items()}
    runtime = libraries[origin.LIBRARY]
    _speaks(runtime, where + origin.LIBRARY)
    notes = _of_version(runtime, version, where + origin.LIBRARY)
    for name, library in libraries.items():
        at = where + name
        if folder.abi and library.abi != folder.abi:
            raise _mixture(f"is for {library.abi}, but lies among those for {folder.abi}", at)
        if brought.os and library.os != brought.os:
            raise _mixture(f"is for {library.os}, in an archive for {brought.os}", at)
        if (library.os, library.abi) != (runtime.os, runtime.abi):
            raise _mixture(f"is for {library.os} {library.abi}, {origin.LIBRARY} for {runtime.os} {runtime.abi}", at)
        if library.soname not in {"", name} and brought.os:
            raise _mixture(f"calls itself {library.soname}", at)
        missing = [n for n in library.needed if n not in SYSTEM[library.os] and n not in folder.files]
        if missing:
            raise BundleError(
                f"needs {', '.join(missing)}, which is not in it", where=at, remedy="give the whole archive"
            )
        if library.os == "android" and library.alignment < PAGE:
            notes.append(f"{at} is laid out for pages of {library.alignment >> 10} KiB: phones with 16 KiB refuse it")
    files = {name: folder.files[name] for name, _, _ in origin.digests(folder.files)}
    return Part(runtime.os, runtime.abi, files), runtime, notes


def _speaks(runtime: Library, where: str) -> None:
    """The agent's own judgement (litert.c), before a device is asked."""
    ours = [name for name in symbols.NEEDED if name in runtime.exports]
    missing = [name for name in symbols.NEEDED if name not in runtime.exports]
    if not ours:
        what = "an accelerator of LiteRT, not LiteRT" if "LiteRtAcceleratorImpl" in runtime.exports else "not LiteRT"
        raise BundleError(
            f"is {what}: it exports none of its functions", where=where, remedy=f"give {origin.LIBRARY}, or its archive"
        )
    if symbols.MARKER not in runtime.exports:
        raise BundleError(
            f"is older than LiteRT {symbols.LEAST}: it exports no {symbols.MARKER}",
            where=where,
            remedy=f"add a version from {symbols.LEAST} on",
        )
    if missing:
        more = f" and {len(missing) - 1} more" if missing[1:] else ""
        raise BundleError(
            f"exports no {missing[0]}{more}, which the agent calls",
            where=where,
            remedy=f"add one of {', '.join(symbols.PROVED)}",
        )


def _of_version(runtime: Library, version: str, where: str) -> list[str]:
    """What came with a version is in it and in all later ones. Seen in Linux's libraries, so of Android's it is only said."""
    said = []
    for came, name in symbols.CAME_WITH.items():
        if (name in runtime.exports) != (number(version) >= number(came)):
            word = "exports" if name in runtime.exports else "lacks"
            what = f"{word} {name}, which came with {came}: it is not {version}"
            if runtime.os == "linux":
                raise _mixture(what, where)
            said.append(f"{where} {word} {name}, which Linux's has from {came} on: is it {version}?")
    return said


def _alike(brought: Origin, runtimes: dict[str, Library]) -> None:
    """The ABIs of one version export the same functions."""
    told = {at: {n for n in library.exports if n.startswith(symbols.PREFIX)} for at, library in runtimes.items()}
    first = next(iter(told), "")
    for at, names in told.items():
        if other := sorted(names ^ told[first]):
            raise _mixture(f"{first} and {at} are of two versions: {other[0]} is in one of them only", brought.name)


def _mixture(what: str, where: str) -> BundleError:
    return BundleError(
        f"{what}: a mixture",
        where=where,
        remedy="give an archive as it was published, or one library with its own version",
    )
