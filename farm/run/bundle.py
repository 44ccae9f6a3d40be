"""What a device needs to run anything: the agent and the runtime for its ABI, found on this machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from farm import builds
from farm.errors import InfrastructureError
from farm.virtual.profile import native_abi

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
AGENTS = {"x86_64": "linux-x86_64", "arm64-v8a": "linux-aarch64"}
"""Android ABI -> the agent's build folder. Others come with their builds."""
PACKAGE = "ai-edge-litert"
LIBRARY = "libLiteRt.so"
LOCK = ROOT / "requirements.lock"
LIMIT_BYTES = 64 << 20
DOWNLOAD_S = 900.0
_MAKE = {"linux-aarch64": "make -C agents/native CC=aarch64-linux-gnu-gcc PLATFORM=linux-aarch64"}
_WHEELS = {
    "arm64-v8a": tuple(f"manylinux_2_{minor}_aarch64" for minor in (17, 27, 28, 31, 34)),
    "x86_64": tuple(f"manylinux_2_{minor}_x86_64" for minor in (17, 27, 28, 31, 34)),
}


@dataclass(frozen=True)
class Bundle:
    """Files for one ABI."""

    agent: Path
    runtime: Path


def for_abi(abi: str, *, virtual: bool, data: Path) -> Bundle:
    """The bundle for a device; `data` is the lab's data folder, where `ensure` left the runtime of another ABI.

    Raises:
        InfrastructureError: no agent or no runtime for this ABI.
    """
    # A virtual phone is Linux with glibc, so the wheel's library runs there; a phone's comes from Google's AAR.
    if abi not in AGENTS or not virtual:
        raise InfrastructureError(
            f"no agent and runtime for {abi or 'an unknown ABI'}{'' if virtual else ' on Android'} in this version",
            where="runtime bundle",
            remedy=f"virtual phones of: {', '.join(AGENTS)}",
        )
    agent = builds.place(AGENTS[abi], "exray-agent")
    if not agent.is_file():
        command = "make -C agents/native" if _native(abi) else _MAKE[AGENTS[abi]]
        raise InfrastructureError("the agent is not built", where=str(agent), remedy=f"run: {command}")
    runtime = _wheel_runtime() if _native(abi) else _place(abi, data)
    if not runtime.is_file():
        raise InfrastructureError(
            f"there is no runtime for {abi} yet", where=str(runtime), remedy=f"run: farm virtual up --abi {abi}"
        )
    return Bundle(agent, runtime)


def ensure(abi: str, data: Path, say: Callable[[str], None] = lambda _: None) -> None:
    """Have the runtime for `abi` in the data folder: this machine's is installed, another's is fetched once, with pip.

    What comes must hash to what requirements.lock says. `say` is told before anything is fetched.

    Raises:
        InfrastructureError: it cannot be had, or is not what the lock says.
    """
    if abi not in _WHEELS or _native(abi) or _place(abi, data).is_file():
        return
    say(f"fetching the runtime for {abi}: {PACKAGE} {_version()}, once, into {_place(abi, data)}")
    place = _place(abi, data)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fetch-") as name:
        folder = Path(name)
        wheel = _download(abi, folder)
        temporary = folder / LIBRARY
        temporary.write_bytes(_library(wheel))
        temporary.replace(place)


def pin(lock: str, package: str, version: str) -> str | None:
    """The lines of a lock file that pin `package` to `version`, with their hashes; None when it does not."""
    line = rf"^{re.escape(package)}=={re.escape(version)}( .*)?\\\n"
    found = re.search(line + r"(    --hash=sha256:[0-9a-f]{64}.*\n)+", lock, re.MULTILINE)
    return None if found is None else found[0].rstrip().rstrip("\\").rstrip() + "\n"


def _download(abi: str, folder: Path) -> Path:
    wanted = pin(LOCK.read_text(encoding="utf-8") if LOCK.is_file() else "", PACKAGE, _version())
    if wanted is None:
        raise InfrastructureError(
            f"{PACKAGE} {_version()} is installed, but not pinned here", where=str(LOCK), remedy="run: ./run setup"
        )
    (folder / "wanted.txt").write_text(wanted, encoding="utf-8")
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--require-hashes", "--no-deps", "--only-binary=:all:", "--dest", str(folder)),
        *(word for tag in _WHEELS[abi] for word in ("--platform", tag)),
        *("-r", str(folder / "wanted.txt")),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=DOWNLOAD_S, check=False,
            env=os.environ | {"PYTHONUTF8": "1"},
        )  # fmt: skip
        said = done.stderr.strip()[-600:]
    except subprocess.TimeoutExpired:
        said = f"nothing within {DOWNLOAD_S:.0f} s"
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise InfrastructureError(
            f"pip could not fetch {PACKAGE} {_version()} for {abi}: {said}",
            where="runtime bundle",
            remedy="check the network and pip's index, then try again",
        )
    return wheels[0]


def _library(wheel: Path) -> bytes:
    """The runtime out of a wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            entry = archive.getinfo(f"{PACKAGE.replace('-', '_')}/{LIBRARY}")
            if entry.file_size > LIMIT_BYTES:
                raise InfrastructureError(
                    f"{LIBRARY} has {entry.file_size} bytes", where=wheel.name, remedy="report it"
                )
            return archive.read(entry)
    except (zipfile.BadZipFile, KeyError) as error:
        raise InfrastructureError(f"holds no {LIBRARY}: {error}", where=wheel.name, remedy="report it") from error


def _place(abi: str, data: Path) -> Path:
    return data / "runtimes" / f"{PACKAGE}-{_version()}" / abi / LIBRARY


def _version() -> str:
    return importlib.metadata.version(PACKAGE)


def _native(abi: str) -> bool:
    return native_abi() == abi


def _wheel_runtime() -> Path:
    spec = importlib.util.find_spec("ai_edge_litert")
    library = Path(spec.origin).parent / LIBRARY if spec is not None and spec.origin else Path(LIBRARY)
    if not library.is_file():
        raise InfrastructureError(f"{LIBRARY} is not there", where=str(library), remedy=f"pip install {PACKAGE}")
    return library
