"""How fast is a file pushed, beside `adb push` of the same file to the same phone?

Rounds in random order through one adb server: `adb push` (A), the same again (A', chance alone), and the farm's own push (B) of
random bytes to a virtual phone, or to the phone named. Figures are of the clock on the wall, which is what a user waits for; the
file's sha256 on the phone is checked once for each way. Goal: B at least 0.8 times as fast as A.

    python benchmarks/push.py [--mib 64] [--rounds 15] [--serial SERIAL]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from farm import virtual
from farm.fleet.adb import AdbServer, PushItem
from farm.fleet.private import private_adb_server
from farm.fleet.program import adb_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from farm.fleet.adb import AdbDevice

DEADLINE_S = 120.0
PART = 1 << 20
FOLDER = "/data/local/tmp/farm-benchmark"
AGAIN = "A'"


def main() -> None:
    """Push, and print MiB/s and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serial", help="of a phone on this computer's adb server; else a virtual phone is started")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, phone(Path(name), arguments.serial) as device:
        file = Path(name) / "pushed"
        data = os.urandom(arguments.mib << 20)
        file.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        ways: dict[str, Callable[[], object]] = {
            "A": lambda: by_adb(device, file),
            AGAIN: lambda: by_adb(device, file),
            "B": lambda: by_farm(device, file),
        }
        try:
            for way in ("A", "B"):  # and the caches are warm from here on
                ways[way]()
                told = device.shell(["sha256sum", f"{FOLDER}/pushed"], DEADLINE_S).text.split()[0]
                assert told == digest, f"{way}: {told}"
            spent = measured(ways, arguments.rounds)
        finally:
            device.shell(["rm", "-rf", FOLDER], DEADLINE_S)
    report(spent, arguments.mib, "virtual phone" if arguments.serial is None else arguments.serial)


@contextlib.contextmanager
def phone(folder: Path, serial: str | None) -> Iterator[AdbDevice]:
    """The phone named, or a virtual one behind an adb server of its own."""
    if serial is not None:
        yield AdbServer().device(serial)
        return
    with private_adb_server() as server:
        try:
            (made,) = virtual.up(folder / "phones", 1, owner_pid=os.getpid())
            server.connect(made.serial)
            yield server.device(made.serial)
        finally:
            virtual.down(folder / "phones")


def by_adb(device: AdbDevice, file: Path) -> None:
    """`adb push`, without compression: random bytes have none, and our push does not try."""
    target = f"{FOLDER}/pushed"
    words = ["-P", str(device.server.port), "-s", device.serial, "push", "-Z", str(file), target]
    subprocess.run([adb_program(), *words], check=True, capture_output=True, timeout=DEADLINE_S)


def by_farm(device: AdbDevice, file: Path) -> None:
    """As `farm` stages a file."""

    def parts() -> Iterator[bytes]:
        with file.open("rb") as f:
            yield from iter(lambda: f.read(PART), b"")

    device.push([PushItem(f"{FOLDER}/pushed", parts)], DEADLINE_S)


def measured(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, round by round."""
    order = random.Random(1)  # noqa: S311  # an order of runs, no secret
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in order.sample(list(ways), len(ways)):
            began = time.perf_counter()
            ways[way]()
            spent[way].append(time.perf_counter() - began)
    return spent


def report(spent: dict[str, list[float]], mib: int, where: str) -> None:
    """Print medians, and ratios with their intervals."""
    speeds = {way: mib / statistics.median(seconds) for way, seconds in spent.items()}
    print(f"{mib} MiB to {where}, {len(spent['A'])} rounds")
    print(f"  A  adb push        {speeds['A']:7.0f} MiB/s")
    print(f"  A' adb push again  {speeds[AGAIN]:7.0f} MiB/s")
    print(f"  B  farm            {speeds['B']:7.0f} MiB/s")
    print(f"  A'/A  {ratio(spent['A'], spent[AGAIN])}")
    print(f"  B/A   {ratio(spent['A'], spent['B'])}")


def ratio(base: Sequence[float], other: Sequence[float]) -> str:
    """Median of the rounds' ratios of speed, with its 95 % percentile-bootstrap interval."""
    logs, rng = np.log(np.array(base) / np.array(other)), np.random.default_rng(1)
    low, high = np.exp(np.quantile(np.median(rng.choice(logs, (10000, len(logs))), axis=1), [0.025, 0.975]))
    return f"{np.exp(np.median(logs)):.3f}  [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
