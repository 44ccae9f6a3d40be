"""What is known of a running phone: one JSON file in its folder, written whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from farm.virtual.process import Process

if TYPE_CHECKING:
    from pathlib import Path

STATE_FILE = "phone.json"
ROOT = "root"


@dataclass(frozen=True)
class VirtualPhone:
    """A running virtual phone; `serial` is what `adb connect` takes, `root` the host's view of its file tree.

    `emulation`: how its programs come to qemu (`farm.virtual.emulator.Way`); empty where they run on this processor.
    """

    name: str
    serial: str
    port: int
    pid: int
    abi: str
    root: Path
    emulation: str = ""


def write(folder: Path, phone: VirtualPhone, process: Process) -> None:
    """Write the state of `phone`, whose host process is `process`."""
    record = {"name": phone.name, "port": phone.port, "abi": phone.abi, "process": asdict(process)}
    record["emulation"] = phone.emulation
    temporary = folder / f".{STATE_FILE}"
    temporary.write_text(json.dumps(record))
    temporary.replace(folder / STATE_FILE)


def read(folder: Path) -> tuple[VirtualPhone, Process] | None:
    """The phone whose state lies in `folder`, or None if there is no (readable) state."""
    try:
        record = json.loads((folder / STATE_FILE).read_text())
        process = Process(**record["process"])
        name, port, abi = str(record["name"]), int(record["port"]), str(record["abi"])
        emulation = str(record.get("emulation", ""))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return VirtualPhone(name, f"127.0.0.1:{port}", port, process.pid, abi, folder / ROOT, emulation), process


def claim(folder: Path, prefix: str) -> Path:
    """Make the first free subfolder `prefix-N` of `folder`; two callers never get the same."""
    number = 1
    while True:
        place = folder / f"{prefix}-{number}"
        try:
            place.mkdir(mode=0o700 if os.geteuid() else 0o755)
        except FileExistsError:
            number += 1
        else:
            return place
