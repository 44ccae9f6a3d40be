"""What the farm itself is made of: agent and runtime for each ABI, Python packages, the data folder and who may read it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import stat
import sys
from typing import TYPE_CHECKING

import farm
from farm import builds
from farm.api.advert import TOKEN, read_advert
from farm.bundles.store import Bundles
from farm.doctor.finding import Finding, found
from farm.errors import FarmError
from farm.run import bundle
from farm.store.artifacts import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from farm.settings import Settings

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([A-Za-z0-9._+!-]+)\s*(?:;.*)?$")
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def runtimes(settings: Settings) -> Iterator[Finding]:
    """Agent and runtime for each ABI; one is enough."""
    there = 0
    for abi in builds.LINUX:
        try:
            files = bundle.for_abi(abi, virtual=True, data=settings.data)
        except FarmError as e:
            yield found("runtime", "warn", f"{abi}: {e}", e.remedy)
            continue
        there += 1
        agent, runtime = sha256_of(files.agent)[:12], sha256_of(files.runtime)[:12]
        yield found("runtime", "ok", f"{abi}: agent {agent}, {files.runtime.name} {runtime}")
    yield from _bundles(Bundles.of(settings.data))
    if not there:
        yield found("runtime", "fail", "no agent for any ABI: no run can go", "run: ./run setup")


def _bundles(bundles: Bundles) -> Iterator[Finding]:
    """What was added by `farm runtime add`, every file hashed anew."""
    try:
        manifests = bundles.all()
    except FarmError as e:
        yield found("runtime", "warn", str(e), e.remedy)
        return
    for manifest in manifests:
        platforms = ", ".join(part.platform for part in manifest.parts)
        try:
            for part in manifest.parts:
                bundles.files(manifest, part.os, part.abi)
        except FarmError as e:
            yield found("runtime", "warn", str(e), e.remedy)
        else:
            yield found("runtime", "ok", f"bundle {manifest.name}: LiteRT {manifest.version} for {platforms}")


def packages(requirements: Iterable[str] | None = None) -> Iterator[Finding]:
    """Python, and every package against its pin."""
    yield found("runtime", "ok", f"farm {farm.__version__}, Python {sys.version.split()[0]}")
    try:
        asked = list(requirements if requirements is not None else importlib.metadata.requires("farm") or ())
    except importlib.metadata.PackageNotFoundError:
        yield found("runtime", "warn", "the package `farm` is not installed", "run: ./run setup")
        return
    wrong, right = [], 0
    for line in asked:
        pin = PIN.match(line)
        if pin is None or "extra ==" in line:
            continue
        try:
            version = importlib.metadata.version(pin[1])
        except importlib.metadata.PackageNotFoundError:
            if ";" not in line:  # with a marker it may be for another platform
                wrong.append(f"{pin[1]} is missing")
            continue
        if version == pin[2]:
            right += 1
        else:
            wrong.append(f"{pin[1]} is {version}, not {pin[2]}")
    yield found(
        "runtime", "warn" if wrong else "ok", ", ".join(wrong) or f"{right} packages are as pinned", "run: ./run setup"
    )


def folder(settings: Settings) -> Iterator[Finding]:
    """The data folder, and the secrets in and beside it."""
    data = settings.data
    if not data.is_dir():
        yield found("data", "ok", f"{data} is not there yet; the first command makes it")
        return
    secrets = [(data, "what the lab runs"), (data / TOKEN, "the token that may do everything")]
    if settings.api.tls_key:
        from pathlib import Path

        secrets.append((Path(settings.api.tls_key), "the key of the certificate"))
    for path, what in secrets:
        if finding := _private(path, what):
            yield finding
    advert = read_advert(data)
    yield found("data", "ok", f"{data}: " + (f"a daemon at {advert.url}" if advert else "no daemon at work"))


def _private(path: Path, what: str) -> Finding | None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    mine = path.stat().st_uid == os.geteuid()
    if not mine:
        return found("data", "warn", f"{path} belongs to somebody else", "run the farm as one user, always the same")
    if mode & OTHERS:
        right = 0o700 if stat.S_ISDIR(mode) else 0o600
        return found("data", "warn", f"others may get at {path} ({what})", f"chmod {right:o} {path}")
    return found("data", "ok", f"{path} is its owner's only")
