"""Runtime bundles on the command line: `farm runtime add FILE`, and what list, remove, use and check do with them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from farm.cli import shell
from farm.errors import BundleError, FarmError, JobError

if TYPE_CHECKING:
    from farm.bundles.store import Bundles, Manifest
    from farm.cli.shell import Shell

Row = dict[str, str | bool | list[str]]
PROBE_S = 60.0


def is_meant(word: str) -> bool:
    """Whether it is a file, or a version of PyPI's, rather than the name of a reference."""
    from farm.bundles.fetch import ASKED

    return ASKED.fullmatch(word) is not None or word.endswith((".aar", ".whl", ".so")) or "/" in word


def has(lab: Shell, name: str) -> bool:
    """Whether there is a bundle of that name."""
    return any(manifest.name == name for manifest in _bundles(lab).all())


def add(lab: Shell, word: str, name: str, version: str, *, as_json: bool) -> None:
    """Read, check and keep what the user names.

    Raises:
        FarmError: it is refused, or cannot be fetched.
    """
    from farm.bundles import check, fetch, origin
    from farm.reference.registry import KNOWN

    if name in KNOWN:
        raise BundleError(f"{name!r} is a reference", where="--name", remedy="give another name")
    bundles = _own(lab)
    with tempfile.TemporaryDirectory(prefix="farm-runtime-") as folder:
        asked = fetch.ASKED.fullmatch(word)
        files = [Path(word)]
        if asked is not None:
            files, version = [], asked[1]
            for abi in fetch.TAGS:
                _say(lab, f"fetching {origin.PACKAGE} {version} for {abi}")
                files.append(fetch.wheel(abi, version, fetch.pinned(version), Path(folder)))
        brought = [origin.read(file) for file in files]
        checked = [check.check(one, version) for one in brought]  # all of them, before anything is kept
        for one, good in zip(brought, checked, strict=True):
            manifest = bundles.add(name or f"litert-{good.version}", one, good)
    for note in manifest.notes:
        _say(lab, note)
    if as_json:
        shell.print_json(manifest.model_dump_json(indent=2))
        return
    for part in manifest.parts:
        names = ", ".join(f"{file.name} {file.sha256[:12]}" for file in part.files)
        _out(lab, f"{manifest.name}: LiteRT {manifest.version} for {part.platform}: {names}")


def rows(lab: Shell) -> list[Row]:
    """As references are listed."""
    bundles = _bundles(lab)
    used = bundles.android()
    return [
        {
            "name": manifest.name,
            "version": manifest.version,
            "runs": f"on devices, {_platforms(manifest)}{'; in use' if manifest.name == used else ''}",
            "wants": "",
            "pins": [file.sha256 for part in manifest.parts for file in part.files],
            "installed": True,
            "where": str(bundles.home / manifest.name),
            "add": "",
        }
        for manifest in bundles.all()
    ]


def remove(lab: Shell, name: str, *, as_json: bool) -> None:
    """Forget a bundle."""
    gone = _own(lab).remove(name)
    if as_json:
        shell.print_json(json.dumps({"name": name, "removed": [str(gone)]}))
    else:
        _out(lab, f"removed {gone}")


def use(lab: Shell, name: str, *, as_json: bool) -> None:
    """Choose what Android devices get by default."""
    _own(lab).use(name)
    if as_json:
        shell.print_json(json.dumps({"android": name}))
    else:
        _out(lab, f"Android devices get {name} where a job names none")


def checked(lab: Shell, name: str | None) -> list[dict[str, object]]:
    """Every bundle, or one: whether its files are those that were added, and this computer's can be loaded."""
    bundles = _bundles(lab)
    return [_checked(bundles, manifest) for manifest in bundles.all() if name in {None, manifest.name}]


def _checked(bundles: Bundles, manifest: Manifest) -> dict[str, object]:
    row: dict[str, object] = {"name": manifest.name, "version": manifest.version}
    try:
        for part in manifest.parts:
            runtime, *_ = bundles.files(manifest, part.os, part.abi)
            _load(runtime, part.os, part.abi)
    except FarmError as e:
        return row | {"right": False, "error": str(e)}
    return row | {"right": True, "platforms": _platforms(manifest)}


def _load(runtime: Path, os_: str, abi: str) -> None:
    """Have the agent load it, where it is of this computer's kind and there is an agent.

    Raises:
        BundleError: it cannot be loaded.
    """
    from farm import builds
    from farm.virtual.profile import native_abi

    if os_ != "linux" or abi != native_abi():
        return
    agent = builds.place(builds.LINUX[abi], "exray-agent")
    if not agent.is_file():
        return
    try:
        done = subprocess.run(
            [agent, "probe", "--runtime", runtime], capture_output=True, timeout=PROBE_S, check=False, text=True
        )
        told = json.loads(done.stdout).get("probe", {})
    except (subprocess.TimeoutExpired, ValueError):
        told = {}
    if not told.get("loadable") or told.get("too_old") or told.get("missing"):
        raise BundleError(
            f"cannot be loaded here: {told.get('error') or 'it lacks functions'}",
            where=str(runtime),
            remedy="remove it",
        )


def _bundles(lab: Shell) -> Bundles:
    from farm.bundles.store import Bundles

    return Bundles.of(lab.settings.data)


def _own(lab: Shell) -> Bundles:
    """Those that may be changed from here.

    Raises:
        JobError: the user works with a lab on another machine, which would learn nothing of it.
    """
    from farm.client.connect import URL

    if os.environ.get(URL):
        raise JobError(
            f"the lab at ${URL} keeps its runtimes itself", where="farm runtime", remedy="type it on the lab's machine"
        )
    return _bundles(lab)


def _platforms(manifest: Manifest) -> str:
    return ", ".join(part.platform for part in manifest.parts)


def _say(lab: Shell, text: str) -> None:
    lab.err.print(text, highlight=False, markup=False, soft_wrap=True)


def _out(lab: Shell, text: str) -> None:
    lab.out.print(text, highlight=False, markup=False, soft_wrap=True)
