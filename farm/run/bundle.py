"""What a device needs to run anything: the agent and the runtime for its system and ABI, found on this machine."""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from farm import builds
from farm.bundles import fetch, origin
from farm.bundles.origin import LIBRARY, PACKAGE
from farm.bundles.store import Bundles
from farm.errors import BundleError, InfrastructureError
from farm.store.artifacts import sha256_of
from farm.virtual.profile import native_abi

if TYPE_CHECKING:
    from collections.abc import Callable

    from farm.bundles.elf import Os
    from farm.bundles.store import Manifest

_MAKE = {
    "linux-aarch64": "make -C agents/native CC=aarch64-linux-gnu-gcc PLATFORM=linux-aarch64",
    "android-arm64": "make -C agents/native PYTHON=$PWD/.venv/bin/python android",
    "android-x86_64": "make -C agents/native PYTHON=$PWD/.venv/bin/python android",
}


@dataclass(frozen=True)
class Bundle:
    """Files for one system and ABI."""

    agent: Path
    runtime: Path
    beside: tuple[Path, ...] = ()
    """What the runtime looks for in its own folder, by name, for a GPU or NPU."""
    name: str = ""
    """As `farm runtime list` calls it; empty: this installation's own runtime."""
    version: str = ""
    sha256: str = ""
    """Of the runtime."""


def system(*, virtual: bool) -> Os:
    """A virtual phone is Linux with glibc, so PyPI's libraries run there; a phone's come from Google's AAR."""
    return "linux" if virtual else "android"


def for_abi(abi: str, *, virtual: bool, data: Path, name: str = "") -> Bundle:
    """The bundle for a device; `data` is the lab's data folder, `name` one of those that were added there.

    Without a name, virtual phones get this installation's runtime (of another ABI: what `ensure` left in `data`), and
    Android devices what `farm runtime use` said, else the newest that was added.

    Raises:
        InfrastructureError: no agent for this ABI, or no runtime of this installation's.
        BundleError: there is no bundle (of that name), it has nothing for such a device, or a file of it is another than was
            added.
    """
    os_, agents = system(virtual=virtual), builds.LINUX if virtual else builds.ANDROID
    if abi not in agents:
        raise InfrastructureError(
            f"no agent and runtime for {abi or 'an unknown ABI'}{'' if virtual else ' on Android'} in this version",
            where="runtime bundle",
            remedy=f"devices of: {', '.join(agents)}",
        )
    agent = builds.place(agents[abi], "exray-agent")
    if not agent.is_file():
        native = virtual and native_abi() == abi
        command = "make -C agents/native" if native else _MAKE[agents[abi]]
        raise InfrastructureError("the agent is not built", where=str(agent), remedy=f"run: {command}")
    bundles = Bundles.of(data)
    if name or not virtual:
        manifest = bundles.get(name) if name else bundles.chosen(os_, abi)
        if manifest is None:
            raise BundleError(
                f"there is no runtime for Android {abi} yet",
                where="runtime bundle",
                remedy="farm runtime add litert-VERSION.aar, the archive of com.google.ai.edge.litert:litert on maven.google.com",
            )
        return _of(manifest, bundles, os_, abi, agent)
    runtime = _wheel_runtime() if native_abi() == abi else _place(abi, data)
    if not runtime.is_file():
        raise InfrastructureError(
            f"there is no runtime for {abi} yet", where=str(runtime), remedy=f"run: farm virtual up --abi {abi}"
        )
    return Bundle(agent, runtime, version=fetch.installed(), sha256=sha256_of(runtime))


def ensure(abi: str, data: Path, say: Callable[[str], None] = lambda _: None) -> None:
    """Have the runtime for `abi` in the data folder: this machine's is installed, another's is fetched once, with pip.

    What comes must hash to what requirements.lock says. `say` is told before anything is fetched.

    Raises:
        InfrastructureError: it cannot be had, or is not what the lock says.
    """
    if abi not in fetch.TAGS or native_abi() == abi or _place(abi, data).is_file():
        return
    version = fetch.installed()
    say(f"fetching the runtime for {abi}: {PACKAGE} {version}, once, into {_place(abi, data)}")
    wanted = fetch.pinned(version)
    if wanted is None:
        raise InfrastructureError(
            f"{PACKAGE} {version} is installed, but not pinned here", where=str(fetch.LOCK), remedy="run: ./run setup"
        )
    place = _place(abi, data)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fetch-") as name:
        (folder,) = origin.read(fetch.wheel(abi, version, wanted, Path(name))).folders
        temporary = Path(name) / LIBRARY
        temporary.write_bytes(folder.files[LIBRARY])
        temporary.replace(place)


def _of(manifest: Manifest, bundles: Bundles, os_: Os, abi: str, agent: Path) -> Bundle:
    runtime, *beside = bundles.files(manifest, os_, abi)
    part = manifest.part(os_, abi)
    return Bundle(
        agent, runtime, tuple(beside), manifest.name, manifest.version, part.files[0].sha256 if part is not None else ""
    )


def _place(abi: str, data: Path) -> Path:
    return data / "runtimes" / f"{PACKAGE}-{fetch.installed()}" / abi / LIBRARY


def _wheel_runtime() -> Path:
    spec = importlib.util.find_spec("ai_edge_litert")
    library = Path(spec.origin).parent / LIBRARY if spec is not None and spec.origin else Path(LIBRARY)
    if not library.is_file():
        raise InfrastructureError(f"{LIBRARY} is not there", where=str(library), remedy=f"pip install {PACKAGE}")
    return library
